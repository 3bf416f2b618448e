package application

import (
	"context"
	"fmt"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// MaxCandidates is how many logs a Lookup returns at most.
const MaxCandidates = 100

// Lookup tells what became of a message.
type Lookup struct {
	logs  LookupStore
	cache ports.LookupCache
	like  likenesses
}

// LookupStore is what a Lookup reads from.
type LookupStore interface {
	ports.LogReader
	ports.Registrations
	ports.Likenesses
}

// NewLookup reads from logs, through cache unless that is nil. Commits have to
// go through a Forgetful of the same cache.
func NewLookup(logs LookupStore, cache ports.LookupCache) *Lookup {
	if cache == nil {
		cache = oblivion{}
	}
	return &Lookup{logs, cache, likenesses{logs}}
}

// Found is the answer to a Lookup.
type Found struct {
	// Candidates are the logs that the id means, greatest key first: one, or
	// several of which none is meant more than another, MaxCandidates at most.
	Candidates []domain.EmailLog
	// Timeline has the events of a single candidate in order of time and id, and
	// those of the message under its other ids. Reports on the message that name an
	// address further on, none of its recipients, are among them, and reports that
	// name no message, but are likely about this one, with an Original that says so.
	Timeline []domain.EmailEvent
	// Registration is that of a single candidate, nil for none.
	Registration *domain.Registration
	// Transfers are the logs of a single candidate's message under the ids that
	// it had on other nodes, nearest first.
	Transfers []domain.EmailLog
}

// Lookup answers by the id of a log, of a message, or the application's own, as
// ports.LogReader.FindLogs does, and by that of a registration. A registered
// message is pending until it has a log, and means the log then. An id that
// means nothing is ErrNotFound.
func (l *Lookup) Lookup(ctx context.Context, id string) (Found, error) {
	logs, err := l.find(ctx, id)
	if err != nil {
		return Found{}, err
	}
	logs, registration, err := l.withRegistered(ctx, id, logs)
	if err != nil {
		return Found{}, err
	}
	if len(logs) == 0 {
		return Found{}, fmt.Errorf("look up an id of %d bytes: %w", len(id), ports.ErrNotFound)
	}
	if len(logs) > 1 || logs[0].MessageID == "" { // the MTA has said nothing yet
		return Found{Candidates: logs, Registration: registration}, nil
	}
	events, err := l.logs.Events(ctx, logs[0].MessageID)
	if err != nil {
		return Found{}, err
	}
	if events, err = l.story(ctx, &logs[0], events); err != nil {
		return Found{}, err
	}
	transfers, events, err := l.follow(ctx, &logs[0], events)
	if err != nil {
		return Found{}, err
	}
	likely, err := l.like.reportsOf(ctx, append(logs[:1:1], transfers...)...)
	return Found{logs, inOrder(append(events, likely...)), registration, transfers}, err
}

func (l *Lookup) find(ctx context.Context, id string) ([]domain.EmailLog, error) {
	logs, cached, err := l.through(ctx, id)
	if err != nil || !cached {
		return logs, err
	}
	switch named := byApplicationOnly(id, logs); {
	case named == 0:
		return logs, nil
	case len(logs) == 1:
		// Later events of the message need not repeat the application's id, so
		// that nobody forgot this answer; all of them forget the log's own.
		logs, _, err = l.through(ctx, logs[0].Key.String())
		if err != nil || len(logs) == 1 && logs[0].ApplicationID == id {
			return logs, err
		}
	}
	return l.logs.FindLogs(ctx, id, MaxCandidates)
}

// through asks the cache, and else the store on the cache's behalf.
func (l *Lookup) through(ctx context.Context, id string) (logs []domain.EmailLog, cached bool, err error) {
	logs, ticket, ok := l.cache.Get(ctx, id)
	if ok {
		return logs, true, nil
	}
	logs, err = l.logs.FindLogs(ctx, id, MaxCandidates)
	if err == nil {
		l.cache.Put(ctx, id, ticket, logs)
	}
	return logs, false, err
}

// byApplicationOnly counts the logs that id means for the application's id
// alone.
func byApplicationOnly(id string, logs []domain.EmailLog) int {
	n, message := 0, domain.NormalizeMessageID(id)
	key, err := domain.ParseLogKey(id)
	for i := range logs {
		if logs[i].MessageID != message && (err != nil || logs[i].Key != key) {
			n++
		}
	}
	return n
}

// oblivion is the cache that keeps nothing.
type oblivion struct{}

func (oblivion) Get(context.Context, string) ([]domain.EmailLog, ports.Ticket, bool) {
	return nil, "", false
}
func (oblivion) Put(context.Context, string, ports.Ticket, []domain.EmailLog) {}
func (oblivion) Forget(context.Context, []string)                             {}
