package contract

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// PublisherHarness is a publisher whose other side can be looked at.
type PublisherHarness interface {
	ports.Publisher
	// Received returns all that has arrived so far, oldest first.
	Received(t *testing.T) []Arrived
}

// Arrived is a message as its receiver sees it.
type Arrived struct {
	ID      string // the event's or the change's, in the form with dashes
	Subject string // "kumomta.event.transient_failure"
	Payload []byte // JSON; not looked at by TestPublisher
}

// OpenPublisher gives a publisher whose other side is fresh and empty, and
// registers with t what has to be done when the test ends.
type OpenPublisher func(t *testing.T) PublisherHarness

// TestPublisher holds a publisher to the words of ports.Publisher.
func TestPublisher(t *testing.T, open OpenPublisher) {
	t.Run("Publisher", func(t *testing.T) {
		for name, tell := range map[string]func(*testing.T, PublisherHarness){
			"DeliversEventsInOrder":             deliversInOrder,
			"PublishesOnSubjectOfType":          publishesOnSubject,
			"PublishesChangesOfSuppressions":    publishesChanges,
			"DeliversEventPublishedAgainOnce":   deliversAgainOnce,
			"DeliversKnownAndNewEventsTogether": deliversKnownAndNew,
			"PublishesNothing":                  publishesNothing,
			"ServesManyPublishersAtOnce":        servesMany,
			"EndedContextAcknowledgesNothing":   endedContextAcks,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tell(t, open(t))
			})
		}
	})
}

// announcements returns records as announced with the status each gives alone.
func announcements(records ...Record) []ports.Announced {
	events := eventsOf(records...)
	all := make([]ports.Announced, len(events))
	for i := range events {
		all[i].Event = &events[i]
		for _, l := range domain.AppendLogs(nil, &events[i]) {
			if key, ok := events[i].LogKey(); ok && key == l.Key {
				all[i].Status, all[i].HasLog = l.Status(), l.Confirmed
			}
		}
	}
	return all
}

// publish publishes events, each of which has to be acknowledged.
func publish(t *testing.T, p PublisherHarness, events []ports.Announced) {
	t.Helper()
	acked, err := p.Publish(context.Background(), events)
	fine(t, "publish", err)
	same(t, "acknowledged", slices.Repeat([]bool{true}, len(events)), acked)
}

// idsOf returns the ids of the events of announcements.
func idsOf(events []ports.Announced) []string {
	ids := make([]string, len(events))
	for i, a := range events {
		ids[i] = a.ID().String()
	}
	return ids
}

// arrivedIDs returns the ids of what has arrived.
func arrivedIDs(t *testing.T, p PublisherHarness) []string {
	t.Helper()
	var ids []string
	for _, a := range p.Received(t) {
		ids = append(ids, a.ID)
	}
	return ids
}

func deliversInOrder(t *testing.T, p PublisherHarness) {
	first := announcements(record("Bounce", 9, 20, "b@example.com", "a@example.com"))
	var rest []Record
	for i := range 2500 {
		rest = append(rest, record(recordTypes[i%len(recordTypes)], i*7%2500, i, "a@example.com"))
	}
	then := announcements(rest...)
	publish(t, p, first)
	publish(t, p, then)
	same(t, "ids that arrived", slices.Concat(idsOf(first), idsOf(then)), arrivedIDs(t, p))
}

func publishesOnSubject(t *testing.T, p PublisherHarness) {
	var want []Arrived
	for i, kind := range recordTypes {
		a := announcements(record(kind, i, i+5, "a@example.com"))
		publish(t, p, a)
		want = append(want, Arrived{ID: idsOf(a)[0], Subject: "kumomta.event." + a[0].Event.Type.String()})
	}
	got := slices.Clone(p.Received(t))
	for i := range got {
		got[i].Payload = nil
	}
	same(t, "messages that arrived", want, got)
}

// publishesChanges publishes changes between events, and all of it again.
func publishesChanges(t *testing.T, p PublisherHarness) {
	events := announcements(deliveries(0, 200)...)
	var all []ports.Announced
	var want []Arrived
	for i, a := range events {
		c := domain.NewSuppressionChange(suppression("a@example.org", "manual"), i%2 == 1, at(i), uint64(i))
		all = append(all, ports.Announced{Change: &c}, a)
		want = append(want,
			Arrived{ID: c.ID.String(), Subject: []string{"kumomta.suppression.added", "kumomta.suppression.removed"}[i%2]},
			Arrived{ID: a.ID().String(), Subject: "kumomta.event.delivery"})
	}
	publish(t, p, all[:1])
	publish(t, p, all)
	publish(t, p, all[7:])
	got := slices.Clone(p.Received(t))
	for i := range got {
		got[i].Payload = nil
	}
	same(t, "messages that arrived", want, got)
}

func deliversAgainOnce(t *testing.T, p PublisherHarness) {
	events := announcements(deliveries(0, 50)...)
	for range 3 {
		publish(t, p, events)
	}
	same(t, "ids that arrived", idsOf(events), arrivedIDs(t, p))
}

func deliversKnownAndNew(t *testing.T, p PublisherHarness) {
	events := announcements(deliveries(0, 90)...)
	publish(t, p, events[:30])
	publish(t, p, events[20:60])
	publish(t, p, slices.Concat(events[:5], events[55:]))
	same(t, "ids that arrived", idsOf(events), arrivedIDs(t, p))
}

func publishesNothing(t *testing.T, p PublisherHarness) {
	publish(t, p, nil)
	same(t, "messages that arrived", 0, len(p.Received(t)))
}

func servesMany(t *testing.T, p PublisherHarness) {
	events := announcements(deliveries(0, 400)...)
	var publishers sync.WaitGroup
	for i := range 4 { // each but the last shares half of its events with the next
		publishers.Go(func() {
			part := events[i*100 : min(i*100+150, 400)]
			acked, err := p.Publish(context.Background(), part)
			if err != nil || slices.Contains(acked, false) || len(acked) != len(part) {
				t.Errorf("publish beside others: error %v, %d entries for %d events", err, len(acked), len(part))
			}
		})
	}
	publishers.Wait()
	want, got := idsOf(events), arrivedIDs(t, p)
	slices.Sort(want)
	slices.Sort(got)
	same(t, "ids that arrived", want, got)
}

func endedContextAcks(t *testing.T, p PublisherHarness) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	events := announcements(deliveries(0, 3)...)
	acked, err := p.Publish(ctx, events)
	is(t, "publish under an ended context", err, ports.ErrUnavailable)
	same(t, "acknowledged", make([]bool, 3), acked)
	publish(t, p, events)
	same(t, "ids that arrived in the end", idsOf(events), arrivedIDs(t, p))
}
