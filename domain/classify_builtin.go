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

// usualAdvice is what to do about a verdict unless its rule says otherwise.
func usualAdvice(c Cause, s Subcause) string {
	if advice, ok := advices[c][s]; ok {
		return advice
	}
	return advices[c][""]
}

var advices = map[Cause]map[Subcause]string{
	CauseRecipient: {
		"":               "Check the address before mailing it again.",
		SubcauseUnknown:  "Remove the address: it does not exist.",
		SubcauseDisabled: "Stop mailing the address: its mailbox is switched off.",
		SubcauseFull:     "Try again in some days; remove the address if its mailbox stays full.",
	},
	CauseDomain: {
		"":           "Check the recipient's domain.",
		SubcauseBad:  "Check the spelling of the domain; remove the address if it is right.",
		SubcauseNoMX: "Remove the address: its domain has no host that takes mail.",
	},
	CauseSender: {
		"":                     "Check the sender's domain, address and reputation at the provider.",
		SubcauseAuthentication: "Mend SPF, DKIM, DMARC, reverse DNS or the login of the sending domain and host.",
		SubcauseReputation:     "Send less and only to engaged recipients; ask the provider what it holds against the sender.",
		SubcauseBlocklist:      "Look up the list that is named, end what led to the listing, then ask to be taken off.",
		SubcauseRate:           "Slow down: fewer connections and messages to this provider.",
	},
	CauseContent: {
		"":             "Check what the message holds.",
		SubcauseSpam:   "Change the content: it is taken for spam. Check links, wording and list hygiene.",
		SubcauseVirus:  "Scan what is sent: a virus or a forbidden file was found.",
		SubcausePolicy: "Change what the policy forbids: attachments, links or the form of the message.",
		SubcauseSize:   "Send a smaller message.",
	},
	CauseInfrastructure: {
		"":                  "Wait: the receiving servers have trouble.",
		SubcauseTimeout:     "Wait; check the network if other providers time out too.",
		SubcauseRefused:     "Wait; check routes and firewalls if it lasts.",
		SubcauseTLS:         "Check certificates and TLS settings of both sides.",
		SubcauseGreylisting: "Wait: the next try from the same address is taken.",
		SubcauseBusy:        "Wait: the receiving servers are overloaded or in trouble.",
	},
	CauseAdministrative: {"": "Nothing: an operator ordered it."},
	CauseExpired:        {"": "Look at the failures before it: the message could not be delivered in time."},
	CauseComplaint:      {"": "Take the recipient off the list."},
	CauseUnknown:        {"": "Read the response; it says nothing that is known."},
}
