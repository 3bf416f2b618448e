package application_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// decoded is a decoder that has decoded before. Each caller has a batch of its
// own, which is used again when it has been taken.
type decoded struct{ batches sync.Pool }

func newDecoded(body string, records int) *decoded {
	d := &decoded{}
	d.batches.New = func() any { return &ports.Batch{Records: records, Events: unit(body).Events} }
	return d
}

func (d *decoded) Decode(string) iter.Seq[ports.Batch] {
	return func(yield func(ports.Batch) bool) {
		b := d.batches.Get().(*ports.Batch)
		yield(*b)
		d.batches.Put(b)
	}
}

// instant is a journal that costs nothing: all of a unit is new.
type instant struct{ isNew []bool }

func (j instant) Commit(_ context.Context, u ports.Unit) (ports.Committed, error) {
	return ports.Committed{New: j.isNew[:len(u.Events)]}, nil
}

// BenchmarkIngest takes bodies of some records by a group, as a server does. Over
// "nothing", a decoder and a journal that cost nothing, it shows what the use cases cost; over "memory" the whole way.
func BenchmarkIngest(b *testing.B) {
	for _, records := range []int{1, 500} {
		for _, clients := range []int{1, 64} {
			name := fmt.Sprintf("records=%d/clients=%d", records, clients)
			b.Run("nothing/"+name, func(b *testing.B) {
				j := instant{slices.Repeat([]bool{true}, 100_000)}
				benchmarkIngest(b, newDecoded(lines(upTo(records)...), records), j, records, clients)
			})
			b.Run("memory/"+name, func(b *testing.B) {
				benchmarkIngest(b, decoder, fresh{memory.NewStore()}, records, clients)
			})
		}
	}
}

// fresh forgets what it took, so that all is new and nothing grows.
type fresh struct{ *memory.Store }

func (f fresh) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	return memory.NewStore().Commit(ctx, u)
}

func benchmarkIngest(b *testing.B, d ports.RecordDecoder, j ports.Journal, records, clients int) {
	group := application.NewGroup(application.NewCommitter(j, nil), application.GroupConfig{})
	defer group.Close(b.Context())
	at := noon.Add(time.Hour)
	in := application.NewIngest(d, group, 90, func() time.Time { return at })
	body := lines(upTo(records)...)
	b.ReportAllocs()
	b.ResetTimer()
	work := make(chan struct{})
	var senders sync.WaitGroup
	for range clients {
		senders.Go(func() {
			for range work {
				if got, err := in.Ingest(b.Context(), body); err != nil || got.Received != records {
					b.Errorf("%+v, %v", got, err)
				}
			}
		})
	}
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	senders.Wait()
	b.ReportMetric(float64(b.N*records)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkRelay publishes units of some events from memory.
func BenchmarkRelay(b *testing.B) {
	for _, records := range []int{1, 500} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			events := unit(lines(upTo(records)...)).Events
			announced := make([]ports.Announced, len(events))
			for i := range events {
				announced[i] = ports.Announced{Event: &events[i], Status: domain.Delivered, HasLog: true}
			}
			o := &nowhere{acked: slices.Repeat([]bool{true}, 100_000), done: make(chan int, 1)}
			relay := application.NewRelay(o, o, silent, application.RelayConfig{})
			ctx, stop := context.WithCancel(b.Context())
			var running sync.WaitGroup
			running.Go(func() { relay.Run(ctx, time.Second) })
			b.ReportAllocs()
			b.ResetTimer()
			done := 0
			for i := range b.N {
				relay.Offer(ports.Announcement{ID: ports.AnnouncementID(i + 1), Events: announced}, time.Now().Add(time.Hour))
				if i%1000 == 999 {
					for ; done <= i; done += <-o.done {
					}
				}
			}
			for done < b.N {
				done += <-o.done
			}
			b.ReportMetric(float64(b.N*records)/b.Elapsed().Seconds(), "events/s")
			stop()
			running.Wait()
		})
	}
}

// nowhere is an outbox with nothing in it, and a bus that takes everything.
type nowhere struct {
	acked []bool
	done  chan int
}

func (*nowhere) Claim(context.Context, int, time.Duration) ([]ports.Announcement, error) {
	return nil, nil
}

func (n *nowhere) Done(_ context.Context, ids []ports.AnnouncementID) error {
	n.done <- len(ids)
	return nil
}

func (n *nowhere) Publish(_ context.Context, events []ports.Announced) ([]bool, error) {
	return n.acked[:len(events)], nil
}
