package domain

// UsualAdvice is what a sender should do about a verdict of that cause and
// subcause, in one or two sentences, where its rule has no better advice. A
// subcause that is none of the cause's has the advice of the cause.
func UsualAdvice(c Cause, s Subcause) string {
	if advice, ok := usualAdvices[c][s]; ok {
		return advice
	}
	if advice, ok := usualAdvices[c][""]; ok {
		return advice
	}
	return usualAdvices[CauseUnknown][""]
}

var usualAdvices = map[Cause]map[Subcause]string{
	CauseRecipient: {
		"":               "Something is wrong with the address: check it before mailing it again.",
		SubcauseUnknown:  "Remove the address: nobody has it. Look for a typing mistake if it is new.",
		SubcauseDisabled: "Stop mailing the address: its mailbox is switched off or takes no mail.",
		SubcauseFull:     "Try again in some days. Remove the address if its mailbox stays full: nobody reads it.",
	},
	CauseDomain: {
		"":           "Check the recipient's domain before mailing it again.",
		SubcauseBad:  "Check the spelling of the domain. Remove the address if the domain is gone or its mail goes nowhere.",
		SubcauseNoMX: "Remove the address: its domain has no host that takes mail.",
	},
	CauseSender: {
		"":                     "The receiver refuses who sends, not the recipient: keep the address and mend the sending side.",
		SubcauseAuthentication: "Mend what proves who sends: SPF, DKIM and DMARC of the domain, PTR and HELO of the host, or the login.",
		SubcauseReputation:     "Send less and only to people who want it until the receiver's judgement improves; ask its postmaster what it holds against you.",
		SubcauseBlocklist:      "Look up the IP or domain on the list that is named, end what led to the listing, then ask to be taken off.",
		SubcauseRate:           "Slow down: open fewer connections and send fewer messages to this receiver at once.",
	},
	CauseContent: {
		"":             "The receiver refuses the message itself: change it before sending it again.",
		SubcauseSpam:   "The message is taken for spam: check its wording, its links and whether its recipients asked for it.",
		SubcauseVirus:  "Scan what you send: the receiver found a virus or what it takes for one.",
		SubcausePolicy: "Change what the receiver forbids: attachments, links, or headers that are missing or malformed.",
		SubcauseSize:   "Send a smaller message: put large files behind a link.",
	},
	CauseInfrastructure: {
		"":                  "The servers have trouble with each other: the message is tried again, look at the session if it lasts.",
		SubcauseTimeout:     "Wait: the receiving server did not answer in time. Check your own network if others time out too.",
		SubcauseRefused:     "Wait: no connection came about, or it broke. Check routes and firewalls if it lasts.",
		SubcauseTLS:         "Check certificates, TLS versions and TLS policies of both sides: they could not agree.",
		SubcauseGreylisting: "Wait: the receiver puts off the first try and takes a later one from the same address.",
		SubcauseBusy:        "Wait: the receiving servers are overloaded or in trouble, and the message is tried again.",
	},
	CauseAdministrative: {
		"": "Nothing is to be mended: an operator of this MTA took the message out.",
	},
	CauseExpired: {
		"": "Look at the failures before this one: none of the tries came through in the time allowed.",
	},
	CauseComplaint: {
		"": "Take the recipient off the list: they reported the message as spam.",
	},
	CauseUnknown: {
		"": "Read the response: it says nothing that is known, so keep the address and watch whether it comes again.",
	},
}
