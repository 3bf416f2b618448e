package contract_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// platform is a table that may be broken.
type platform struct {
	*memory.Platform
	update func(ctx context.Context, ids []string, from, to ports.PlatformPosition) (int, error)
}

func (p *platform) Update(ctx context.Context, ids []string, from, to ports.PlatformPosition) (int, error) {
	return p.update(ctx, ids, from, to)
}

var platformFaults = []struct {
	fault, story string
	breaks       func(*platform)
}{
	{"tells nothing", "RaisesRowsByWhatBecameOfMessages", func(p *platform) {
		p.update = func(ctx context.Context, _ []string, from, to ports.PlatformPosition) (int, error) {
			return p.Platform.Update(ctx, nil, from, to)
		}
	}},
	{"begins each row anew", "LeavesThePlatformsOwnWordsAlone", func(p *platform) {
		p.update = func(ctx context.Context, ids []string, from, to ports.PlatformPosition) (int, error) {
			for n := range 24 {
				if r := p.Row(rowID(n)); r.ID != "" {
					p.Insert(domain.PlatformRow{ID: r.ID, Status: "pending"})
				}
			}
			return p.Platform.Update(ctx, ids, from, to)
		}
	}},
	{"takes any position", "MovesThePositionWithTheRows", func(p *platform) {
		p.update = func(ctx context.Context, ids []string, from, to ports.PlatformPosition) (int, error) {
			at, err := p.Position(ctx)
			if err != nil || from == to {
				to = at
			}
			return p.Platform.Update(ctx, ids, at, to)
		}
	}},
	{"lets all move the position", "LetsOneOfSeveralMoveThePosition", func(p *platform) {
		p.update = func(ctx context.Context, ids []string, from, to ports.PlatformPosition) (int, error) {
			_, _ = p.Platform.Update(ctx, ids, from, to)
			return 0, nil
		}
	}},
	{"tells one message of many", "RaisesManyAtOnce", func(p *platform) {
		p.update = func(ctx context.Context, ids []string, from, to ports.PlatformPosition) (int, error) {
			return p.Platform.Update(ctx, slices.Clone(ids[:min(1, len(ids))]), from, to)
		}
	}},
	{"tells rows that there are not", "PassesOverWhatIsNotTheirs", func(p *platform) {
		p.update = func(ctx context.Context, ids []string, from, to ports.PlatformPosition) (int, error) {
			n, err := p.Platform.Update(ctx, ids, from, to)
			return max(n, len(ids)), err
		}
	}},
	{"does without its store", "IsUnavailableBesideStoreThatClosed", func(p *platform) {
		p.update = func(context.Context, []string, ports.PlatformPosition, ports.PlatformPosition) (int, error) {
			return 0, nil
		}
	}},
}

// rowID is the id that the suite gives the row of message n.
func rowID(n int) string { return fmt.Sprintf("0199c0de-0000-7000-8000-%012x", n) }

// TestPlatformTable runs the suite on a table that is sound unless a fault is
// asked for.
func TestPlatformTable(t *testing.T) {
	contract.TestPlatformTable(t, func(*testing.T) contract.PlatformHarness {
		store := memory.NewStore()
		p := &platform{Platform: memory.NewPlatform(store)}
		p.update = p.Platform.Update
		for _, f := range platformFaults {
			if f.fault == os.Getenv(faultVariable) {
				f.breaks(p)
			}
		}
		return contract.PlatformHarness{
			PlatformTable: p, Store: store,
			Insert: func(_ *testing.T, rows ...domain.PlatformRow) { p.Insert(rows...) },
			Row:    func(_ *testing.T, id string) domain.PlatformRow { return p.Row(id) },
		}
	})
}

func TestPlatformSuiteRejectsBrokenTables(t *testing.T) {
	for _, f := range platformFaults {
		t.Run(f.fault, func(t *testing.T) {
			t.Parallel()
			rejects(t, f.fault, "TestPlatformTable/PlatformTable/"+f.story)
		})
	}
}
