package sqlstore

import (
	"iter"
	"strconv"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// idPage is how many ids of events are read at once, for the reasons that
// streamPage has.
const idPage = 10_000

var idPageLimit = strconv.Itoa(idPage)

// idsWithin yields page after page of the ids whose time is in [from, to). read
// appends up to idPage ids of a range to an empty page, in order.
func idsWithin(from, to time.Time, read func(uuidRange, []domain.EventID) ([]domain.EventID, error)) iter.Seq2[domain.EventID, error] {
	return func(yield func(domain.EventID, error) bool) {
		within := uuidRange{uuidAt(ceilMilli(from)), uuidAt(ceilMilli(to))}
		page := make([]domain.EventID, 0, idPage)
		for !within.isEmpty() {
			page, err := read(within, page[:0])
			if err != nil {
				yield(domain.EventID{}, err)
				return
			}
			for _, id := range page {
				if !yield(id, nil) {
					return
				}
			}
			if len(page) < idPage {
				return
			}
			within.least = successor(uuid(page[len(page)-1]))
		}
	}
}
