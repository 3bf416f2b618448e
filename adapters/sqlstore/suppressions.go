package sqlstore

import (
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// inOrder returns the places of the entries in order of their keys, of one key
// the first: two writers that insert the same rows in opposite order lock each
// other out in PostgreSQL.
func inOrder[T any, K ~string](entries []T, key func(*T) K) []int {
	keys := make([]K, len(entries))
	places := make([]int, len(entries))
	for i := range entries {
		keys[i], places[i] = key(&entries[i]), i
	}
	slices.SortStableFunc(places, func(a, b int) int { return strings.Compare(string(keys[a]), string(keys[b])) })
	return slices.CompactFunc(places, func(a, b int) bool { return keys[a] == keys[b] })
}

func suppressionKey(e *domain.Suppression) string { return e.Address }

// byAddress sorts what was found and leaves out what was found twice.
func byAddress(found []domain.Suppression) []domain.Suppression {
	slices.SortFunc(found, func(a, b domain.Suppression) int { return strings.Compare(a.Address, b.Address) })
	return slices.CompactFunc(found, func(a, b domain.Suppression) bool { return a.Address == b.Address })
}

// chooseSuppressed asks for the entries of a page.
func chooseSuppressed(q *bun.SelectQuery, f ports.SuppressionFilter, after string, limit int) *bun.SelectQuery {
	q = q.Table("suppression").Where("address > ?", after).Order("address").Limit(int64(limit))
	if f.Reason != "" {
		q = q.Where("reason = ?", string(f.Reason))
	}
	if f.Domain != "" {
		q = q.Where("domain = ?", f.Domain)
	}
	return q
}

// suppressionScan reads rows of an address, the reason, note, event and time. It may be
// used again: a lookup may have a thousand rows.
type suppressionScan struct {
	address, reason string
	note            text
	event           []byte
	added           micros
	dest            []any
}

func newSuppressionScan() *suppressionScan {
	s := new(suppressionScan)
	s.dest = []any{&s.address, &s.reason, &s.note, &s.event, &s.added}
	return s
}

func (s *suppressionScan) scan(row scanner) (e domain.Suppression, err error) {
	err = row.Scan(s.dest...)
	e.Address, e.Reason, e.Note, e.AddedAt = s.address, domain.SuppressionReason(s.reason), string(s.note), s.added.Time
	copy(e.EventID[:], s.event)
	return e, err
}

func eventIDValue(id domain.EventID) any {
	if id == (domain.EventID{}) {
		return nil
	}
	return id[:]
}
