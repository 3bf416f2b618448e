package domain

// Rule says what a response means. Every condition that is set must hold. Texts
// are compared without case, with runs of white space as one blank, and with
// e-mail addresses, enhanced codes and repeated reply codes taken out, which
// remote sides write into them.
type Rule struct {
	Name string // lower case words with dashes: "google-user-unknown"
	// Of is whose wording it is: a provider's name, a filter's or a
	// blocklist's. "" is everybody's.
	Of string

	// Types are those of events, none for any that tells of a failure.
	Types []EventType
	// Codes are SMTP reply codes, "550" or as a class "5xx", one of which must
	// be the response's.
	Codes []string
	// Enhanced are enhanced status codes (RFC 3463), one of which must be the
	// response's: "5.1.1", or "5.7.*" and "*.1.1".
	Enhanced []string
	// Text are pieces of text that must all be there, in any order.
	Text []string
	// Any are pieces of text one of which must be there.
	Any []string
	// Not are pieces of text none of which may be there.
	Not []string
	// Hints are bounce classes of KumoMTA, one of which must be the record's.
	Hints []string
	// Weight puts a rule before others of its tier, or behind if it is negative.
	// The tiers are: texts of an owner, texts of everybody, enhanced codes, reply
	// codes, hints. A text of an owner whose weight is negative counts as one of
	// everybody: it says who speaks, and clearer words say what. Within a tier,
	// rules of equal weight go by how much of the answer they literally name.
	Weight int

	Cause      Cause
	Subcause   Subcause
	Permanence Permanence // "" is that of the response's code, without one that usual for the subcause
	Fault      Fault      // "" is the usual one of the cause
	Advice     string     // what to do, "" is the usual of the cause

	Tests  []string // responses as published, "550 5.1.1 ...", that it decides
	Source string   // a link, or why the rule is there
}
