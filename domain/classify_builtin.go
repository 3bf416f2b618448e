package domain

// The rules that no data file can change: the type of these events says more
// than their text, which is KumoMTA's own or that of the last try.
var typeRules = []Rule{
	{
		Name: "type-admin-bounce", Types: []EventType{AdminBounce},
		Cause: CauseAdministrative, Permanence: Permanent, Fault: FaultUs,
		Source: "kumomta.md, section 2.1",
	},
	{
		Name: "type-expiration", Types: []EventType{Expiration},
		Cause: CauseExpired, Permanence: Permanent, Fault: FaultProvider,
		Source: "kumomta.md, section 2.1",
	},
	{
		Name: "type-feedback", Types: []EventType{Feedback},
		Cause: CauseComplaint, Permanence: Permanent, Fault: FaultSender,
		Source: "RFC 5965",
	},
	{
		Name: "type-delayed", Types: []EventType{Delayed},
		Cause: CauseInfrastructure, Subcause: SubcauseBusy, Permanence: Temporary, Fault: FaultUs,
		Advice: "Nothing: the MTA has not tried yet. It keeps to its own limits or to a time that was asked for.",
		Source: "kumomta.md, section 2.1",
	},
}

// expiredReports are before all other rules: a report that a relay gave up is
// no word on the recipient, though it may quote one.
var expiredReports = []Rule{
	{
		Name: "type-oob-expired", Types: []EventType{OOB}, Enhanced: []string{"*.4.7"},
		Cause: CauseExpired, Permanence: Permanent, Fault: FaultProvider,
		Source: "RFC 3463, X.4.7",
	},
	{
		Name: "type-oob-expired-text", Types: []EventType{OOB},
		Any: []string{
			"delivery time expired", "delivery period expired", "message expired", "queue.expired",
			"retry timeout exceeded", "retry time not reached for any host after a long failure period",
			"message has been in the queue too long", "exceeded maximum time in queue", "queue too long",
		},
		Cause: CauseExpired, Permanence: Permanent, Fault: FaultProvider,
		Source: "wordings of KumoMTA, Exim, Exchange and qmail for a message that was tried too long",
	},
}

// guardWords tell of a block. No rule that looks at codes or KumoMTA's class
// alone may blame the recipient for an answer that has one of them.
var guardWords = []string{
	"abuse", "abusive", "banned", "blacklist", "blacklisted", "block", "blocked", "blocking", "blocklist",
	"blocklisted", "denylist", "denylisted", "dnsbl", "junk", "policy", "policies", "rbl", "reputation",
	"spam", "spammer", "spammers", "spamming", "suspicious", "unsolicited",
}
