package domain

import "slices"

// Verdict is what a failure means: whose matter it is, and whether trying again
// can help. The zero value is that of an event that tells of no failure.
type Verdict struct {
	Cause      Cause
	Subcause   Subcause // "" where nothing finer is known
	Permanence Permanence
	Fault      Fault
	Rule       string // the name of the rule that says so
}

// Cause is the kind of reason for which a message did not arrive.
type Cause string

// The causes.
const (
	CauseRecipient      Cause = "recipient"      // the address
	CauseDomain         Cause = "domain"         // the recipient's domain
	CauseSender         Cause = "sender"         // who sends: domain, address or reputation
	CauseContent        Cause = "content"        // what is sent
	CauseInfrastructure Cause = "infrastructure" // servers and the network
	CauseAdministrative Cause = "administrative" // somebody's order
	CauseExpired        Cause = "expired"        // it took too long
	CauseComplaint      Cause = "complaint"      // the recipient complained
	CauseUnknown        Cause = "unknown"
)

// Subcause is the finer word for a cause.
type Subcause string

// The subcauses, each of one cause.
const (
	SubcauseUnknown  Subcause = "unknown"  // recipient: there is no such address
	SubcauseDisabled Subcause = "disabled" // recipient: switched off, or takes no mail
	SubcauseFull     Subcause = "full"     // recipient: over quota

	SubcauseBad  Subcause = "bad"   // domain: does not exist, or takes no mail
	SubcauseNoMX Subcause = "no_mx" // domain: has no host that takes mail

	SubcauseAuthentication Subcause = "authentication" // sender: SPF, DKIM, DMARC, PTR, login
	SubcauseReputation     Subcause = "reputation"     // sender: the receiver's own judgement
	SubcauseBlocklist      Subcause = "blocklist"      // sender: a published list
	SubcauseRate           Subcause = "rate"           // sender: too much at once

	SubcauseSpam   Subcause = "spam"   // content
	SubcauseVirus  Subcause = "virus"  // content
	SubcausePolicy Subcause = "policy" // content: attachments, links, form of the message
	SubcauseSize   Subcause = "size"   // content

	SubcauseTimeout     Subcause = "timeout"     // infrastructure: no answer in time
	SubcauseRefused     Subcause = "refused"     // infrastructure: no connection, or it broke
	SubcauseTLS         Subcause = "tls"         // infrastructure
	SubcauseGreylisting Subcause = "greylisting" // infrastructure: the first try is put off
	SubcauseBusy        Subcause = "busy"        // infrastructure: overload, trouble, out of space
)

var subcauses = map[Cause][]Subcause{
	CauseRecipient:      {SubcauseUnknown, SubcauseDisabled, SubcauseFull},
	CauseDomain:         {SubcauseBad, SubcauseNoMX},
	CauseSender:         {SubcauseAuthentication, SubcauseReputation, SubcauseBlocklist, SubcauseRate},
	CauseContent:        {SubcauseSpam, SubcauseVirus, SubcausePolicy, SubcauseSize},
	CauseInfrastructure: {SubcauseTimeout, SubcauseRefused, SubcauseTLS, SubcauseGreylisting, SubcauseBusy},
	CauseAdministrative: nil,
	CauseExpired:        nil,
	CauseComplaint:      nil,
	CauseUnknown:        nil,
}

// Has says whether s is a finer word for c; "" is one for each cause.
func (c Cause) Has(s Subcause) bool {
	of, ok := subcauses[c]
	return ok && (s == "" || slices.Contains(of, s))
}

// passes says whether such trouble usually ends by itself.
func (s Subcause) passes() bool {
	return s != "" && slices.Contains(subcauses[CauseInfrastructure], s)
}

// Permanence says whether the same message may arrive later.
type Permanence string

// The permanences.
const (
	Permanent Permanence = "permanent"
	Temporary Permanence = "temporary"
)

// Fault is who has to mend it.
type Fault string

// The faults.
const (
	FaultRecipient Fault = "recipient" // the address or its domain
	FaultSender    Fault = "sender"    // who sends through us
	FaultProvider  Fault = "provider"  // who runs the receiving servers
	FaultNetwork   Fault = "network"   // between us and them
	FaultUs        Fault = "us"        // who runs the MTA
)

// IsKnown says whether f is one of the faults.
func (f Fault) IsKnown() bool {
	switch f {
	case FaultRecipient, FaultSender, FaultProvider, FaultNetwork, FaultUs:
		return true
	}
	return false
}

// usualFault is whose fault a verdict is unless its rule says otherwise.
func usualFault(c Cause, s Subcause) Fault {
	switch c {
	case CauseRecipient, CauseDomain:
		return FaultRecipient
	case CauseSender, CauseContent, CauseComplaint:
		return FaultSender
	case CauseInfrastructure:
		switch s {
		case SubcauseTimeout, SubcauseRefused:
			return FaultNetwork
		}
		return FaultProvider
	case CauseAdministrative:
		return FaultUs
	}
	return FaultProvider
}
