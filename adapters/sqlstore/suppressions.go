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

// eachOnce returns the addresses in their order, each once: what is looked up one
// by one is found in that order.
func eachOnce(addresses []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(addresses)))
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

func scanSuppression(row scanner) (domain.Suppression, error) {
	var (
		e      domain.Suppression
		note   text
		event  []byte
		added  micros
		reason string
	)
	err := row.Scan(&e.Address, &reason, &note, &event, &added)
	copy(e.EventID[:], event)
	e.Reason, e.Note, e.AddedAt = domain.SuppressionReason(reason), string(note), added.Time
	return e, err
}

func eventIDValue(id domain.EventID) any {
	if id == (domain.EventID{}) {
		return nil
	}
	return id[:]
}
