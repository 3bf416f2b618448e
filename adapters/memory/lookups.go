package memory

import (
	"container/list"
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.LookupCache = (*Lookups)(nil)

// LookupsConfig is what may be said of Lookups. The zero value will do.
type LookupsConfig struct {
	// TTL is how long an answer is kept, 0 for 30 s.
	TTL time.Duration
	// Size is how many logs are kept at most, 0 for 10,000. An answer without
	// logs counts as one.
	Size int
}

// Lookups is a LookupCache of this process: commits of other processes are
// seen when an answer's time has run out. Safe for concurrent use.
type Lookups struct {
	ttl  time.Duration
	size int

	mu      sync.Mutex
	entries map[string]*list.Element // of *lookup, by normalized id
	recent  *list.List               // the latest used first
	kept    int                      // sum of the entries' weights
	tickets uint64
}

// lookup is a ticket, or the answer that it was used for.
type lookup struct {
	name    string // its id, normalized
	ticket  ports.Ticket
	expires time.Time

	answered bool
	id       string // in the spelling that it is the answer to
	logs     []domain.EmailLog
}

func (l *lookup) weight() int { return 1 + len(l.logs) }

// NewLookups returns an empty cache.
func NewLookups(cfg LookupsConfig) *Lookups {
	if cfg.TTL <= 0 {
		cfg.TTL = 30 * time.Second
	}
	if cfg.Size <= 0 {
		cfg.Size = 10_000
	}
	return &Lookups{ttl: cfg.TTL, size: cfg.Size, entries: map[string]*list.Element{}, recent: list.New()}
}

// Get implements ports.LookupCache.
func (c *Lookups) Get(_ context.Context, id string) ([]domain.EmailLog, ports.Ticket, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := domain.NormalizeMessageID(id)
	l := c.current(name)
	if l == nil {
		return nil, c.issue(name), false
	}
	if l.answered && l.id == id {
		return slices.Clone(l.logs), "", true
	}
	return nil, l.ticket, false // that of another spelling is used up
}

// Put implements ports.LookupCache.
func (c *Lookups) Put(_ context.Context, id string, ticket ports.Ticket, logs []domain.EmailLog) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.current(domain.NormalizeMessageID(id))
	if l == nil || l.answered || l.ticket != ticket {
		return
	}
	l.answered, l.id, l.logs = true, id, slices.Clone(logs)
	c.kept += len(logs)
	c.shrink()
}

// Forget implements ports.LookupCache.
func (c *Lookups) Forget(_ context.Context, ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if e, ok := c.entries[domain.NormalizeMessageID(id)]; ok {
			c.remove(e)
		}
	}
}

// current returns the entry of that name if its time has not run out.
func (c *Lookups) current(name string) *lookup {
	e, ok := c.entries[name]
	if !ok {
		return nil
	}
	l := e.Value.(*lookup)
	if !time.Now().Before(l.expires) {
		c.remove(e)
		return nil
	}
	c.recent.MoveToFront(e)
	return l
}

func (c *Lookups) issue(name string) ports.Ticket {
	c.tickets++
	l := &lookup{name: name, ticket: ports.Ticket(strconv.FormatUint(c.tickets, 10)), expires: time.Now().Add(c.ttl)}
	c.entries[name] = c.recent.PushFront(l)
	c.kept += l.weight()
	c.shrink()
	return l.ticket
}

// shrink drops what was not used for longest.
func (c *Lookups) shrink() {
	for c.kept > c.size && c.recent.Len() > 0 {
		c.remove(c.recent.Back())
	}
}

func (c *Lookups) remove(e *list.Element) {
	l := c.recent.Remove(e).(*lookup)
	delete(c.entries, l.name)
	c.kept -= l.weight()
}
