package application

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// StreamFilter chooses messages; fields that are not set choose all, but for
// changes of the list of suppressions, which only Types choose. Of a report
// recipient, message id and status may also be those of the message that it is
// tied to. The recipient of a change is its address, in whatever case.
type StreamFilter struct {
	Types     []string // one of them
	Recipient string   // exact but for the case of the domain, or *@domain
	MessageID string   // in any spelling
	Tenant    string
	Campaign  string
	Provider  string
	Causes    []string // one of them
	Statuses  []string // one of them; that of the log when the event was announced
}

// chooser is a filter made ready.
type chooser struct {
	StreamFilter
	domain string // "@example.com" of *@example.com
	inside bool   // the type alone does not tell
}

func newChooser(f StreamFilter) chooser {
	c := chooser{StreamFilter: f}
	c.MessageID = domain.NormalizeMessageID(f.MessageID)
	c.Recipient = domain.NormalizeRecipient(f.Recipient)
	if of, ok := strings.CutPrefix(c.Recipient, "*@"); ok {
		c.Recipient, c.domain = "", "@"+of
	}
	c.inside = c.Recipient != "" || c.domain != "" || c.MessageID != "" || c.Tenant != "" || c.Campaign != "" ||
		c.Provider != "" || len(c.Causes) > 0 || len(c.Statuses) > 0
	return c
}

func (c *chooser) chooses(e *entry) bool {
	if len(c.Types) > 0 && !slices.Contains(c.Types, e.Type) || len(c.Types) == 0 && isOfList(e.Type) {
		return false
	}
	if !c.inside {
		return true
	}
	f := e.facts()
	return (c.Tenant == "" || c.Tenant == f.Tenant) &&
		(c.Campaign == "" || c.Campaign == f.Campaign) &&
		(c.Provider == "" || c.Provider == f.Provider) &&
		(len(c.Causes) == 0 || slices.Contains(c.Causes, f.Cause)) &&
		(c.choosesMessage(&f.about) || f.Original != nil && c.choosesMessage(f.Original))
}

// isOfList says whether a message of that type is about the list of suppressions.
func isOfList(messageType string) bool { return strings.HasPrefix(messageType, "suppression.") }

func (c *chooser) choosesMessage(a *about) bool {
	return (c.MessageID == "" || c.MessageID == a.MessageID) &&
		(c.Recipient == "" || c.Recipient == a.Recipient || a.Address != "" && strings.EqualFold(c.Recipient, a.Address)) &&
		(c.domain == "" || strings.HasSuffix(a.Recipient, c.domain)) &&
		(len(c.Statuses) == 0 || slices.Contains(c.Statuses, a.Status))
}

// about is which message for whom a payload speaks of.
type about struct {
	MessageID string `json:"message_id"`
	Recipient string `json:"recipient"`
	Status    string `json:"status"`
	Address   string `json:"address"` // of a change of the list of suppressions
}

func (a *about) normalize() {
	a.MessageID = domain.NormalizeMessageID(a.MessageID)
	if a.Address != "" {
		a.Recipient = a.Address
	}
	a.Recipient = domain.NormalizeRecipient(a.Recipient)
}

// facts are what a payload is chosen by.
type facts struct {
	about
	Tenant   string `json:"tenant"`
	Campaign string `json:"campaign"`
	Provider string `json:"provider"`
	Cause    string `json:"cause"`
	Original *about `json:"original"`
}

// entry is a message whose payload is read at most once, by whoever has to know
// first.
type entry struct {
	ports.Message
	read  sync.Once
	found facts
}

func (e *entry) facts() *facts {
	e.read.Do(func() {
		// What is no such object has no facts, and no filter chooses it.
		_ = json.Unmarshal(e.Payload, &e.found)
		e.found.normalize()
		if e.found.Original != nil {
			e.found.Original.normalize()
		}
	})
	return &e.found
}
