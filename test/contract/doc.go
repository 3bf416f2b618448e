// Package contract says in tests what the ports say in words: one suite a port,
// run unchanged against every adapter of it.
//
// An adapter's own tests call the suites with a function that opens it:
//
//	func TestStore(t *testing.T) {
//		contract.TestJournal(t, func(t *testing.T) contract.Store { ... })
//	}
//
// Events of the suites are in a JSON form of the contract's own, which Decoder
// reads, so a store that keeps raw records and decodes them again is opened
// with it.
package contract

import (
	"testing"

	"github.com/kumotrail/kumotrail/ports"
)

// Store is everything that a store implements.
type Store interface {
	ports.Journal
	ports.Outbox
	ports.Pruner
	ports.Quarantine
	ports.LogReader
	ports.LogPages
	ports.EventPages
	ports.EventIndex
	ports.Likenesses
	ports.StatsReader
	ports.Roller
	ports.Registrations
	ports.Suppressions
	ports.VitalsReader
	ports.Health
	// Close lets go of the store. All calls after it are ErrUnavailable, but a
	// second Close is nil.
	Close() error
}

// Open gives a fresh and empty store, and registers with t what has to be done
// when the test ends. Suites open some hundred of them, several at once, and
// close many of them themselves.
type Open func(t *testing.T) Store
