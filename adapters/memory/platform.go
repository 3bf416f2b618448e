package memory

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Platform is a sending platform's table beside a Store. Its status takes any
// text. Safe for concurrent use.
type Platform struct {
	store *Store

	mu       sync.Mutex
	rows     map[string]domain.PlatformRow
	position ports.PlatformPosition
	refused  map[string]bool
	fail     []error
	updates  int
}

var _ ports.PlatformTable = (*Platform)(nil)

// NewPlatform returns an empty table that reads logs in store.
func NewPlatform(store *Store) *Platform {
	return &Platform{store: store, rows: map[string]domain.PlatformRow{}, refused: map[string]bool{}}
}

// Insert puts rows in, in place of those with their ids.
func (p *Platform) Insert(rows ...domain.PlatformRow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range rows {
		p.rows[r.ID] = r
	}
}

// Row returns the row of an id.
func (p *Platform) Row(id string) domain.PlatformRow {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rows[id]
}

// Updates is how often the table was updated.
func (p *Platform) Updates() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.updates
}

// Refuse makes the table take no change of these rows.
func (p *Platform) Refuse(ids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		p.refused[id] = true
	}
}

// FailNext makes the next calls end with these errors.
func (p *Platform) FailNext(errs ...error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = append(p.fail, errs...)
}

// Position implements ports.PlatformTable.
func (p *Platform) Position(ctx context.Context) (ports.PlatformPosition, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.position, p.usable(ctx, "position of the platform's table")
}

// Update implements ports.PlatformTable.
func (p *Platform) Update(ctx context.Context, messageIDs []string, from, to ports.PlatformPosition) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	const operation = "update the platform's table"
	if err := p.usable(ctx, operation); err != nil {
		return 0, err
	}
	if !samePosition(p.position, from) {
		return 0, fmt.Errorf("%s: %w", operation, ports.ErrMoved)
	}
	raised := map[string]domain.PlatformRow{}
	for id, logs := range p.store.logsByApplication(messageIDs) {
		row, ok := p.rows[id]
		after := row.Raise(logs, domain.PlainPlatformNames())
		switch {
		case !ok || after == row:
		case p.refused[id]:
			return 0, fmt.Errorf("%s: %w", operation, ports.ErrRefused)
		default:
			raised[id] = after
		}
	}
	maps.Copy(p.rows, raised)
	if !samePosition(from, to) {
		to.At = p.store.now().UTC()
		p.position = to
	}
	p.updates++
	return len(raised), nil
}

func samePosition(a, b ports.PlatformPosition) bool {
	return a.Sequence == b.Sequence && a.Digest == b.Digest
}

func (p *Platform) usable(ctx context.Context, operation string) error {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	if err := p.store.usable(ctx, operation); err != nil {
		return err
	}
	if len(p.fail) > 0 {
		err := p.fail[0]
		p.fail = p.fail[1:]
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}

// logsByApplication returns the logs of messages that have an application's id,
// by that.
func (s *Store) logsByApplication(messageIDs []string) map[string][]domain.EmailLog {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := map[string]bool{}
	for _, id := range messageIDs {
		asked[domain.NormalizeMessageID(id)] = true
	}
	found := map[string][]domain.EmailLog{}
	for _, l := range s.logs {
		if l.ApplicationID != "" && l.Confirmed && !l.OfReport && asked[l.MessageID] {
			found[l.ApplicationID] = append(found[l.ApplicationID], l.EmailLog)
		}
	}
	return found
}
