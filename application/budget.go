package application

import (
	"fmt"
	"sync/atomic"

	"github.com/kumotrail/kumotrail/ports"
)

// Budget bounds the bytes that are held at once. Bytes are taken before they are
// read, so that a flood is answered and not buffered. Safe for concurrent use.
type Budget struct {
	limit   int64
	taken   atomic.Int64
	refused atomic.Int64
}

// NewBudget returns a budget of limit bytes.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// Take takes n bytes, or none and returns ErrOverloaded.
func (b *Budget) Take(n int64) error {
	for {
		taken := b.taken.Load()
		if taken+n > b.limit {
			b.refused.Add(1)
			return fmt.Errorf("%d bytes more than the %d that may be held at once: %w",
				taken+n-b.limit, b.limit, ports.ErrOverloaded)
		}
		if b.taken.CompareAndSwap(taken, taken+n) {
			return nil
		}
	}
}

// Give returns n bytes.
func (b *Budget) Give(n int64) { b.taken.Add(-n) }

// Taken says how many bytes are taken now.
func (b *Budget) Taken() int64 { return b.taken.Load() }

// Refused says how often Take was refused so far.
func (b *Budget) Refused() int64 { return b.refused.Load() }
