package contract

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// FeedHarness is a feed of what is published on it.
type FeedHarness interface {
	ports.Publisher
	ports.Feed
	// Drop makes the bus let go of the messages up to one.
	Drop(t *testing.T, sequence uint64)
	// Renew makes the bus let go of everything and begin again.
	Renew(t *testing.T)
}

// OpenFeed gives a feed that is fresh and empty, and registers with t what has
// to be done when the test ends.
type OpenFeed func(t *testing.T) FeedHarness

// TestFeed holds a feed to the words of ports.Feed.
func TestFeed(t *testing.T, open OpenFeed) {
	t.Run("Feed", func(t *testing.T) {
		for name, tell := range map[string]func(*testing.T, FeedHarness){
			"SpansNothingAtFirst":                 spansNothing,
			"SpansWhatIsThere":                    spansWhatIsThere,
			"ReadsToTheNewest":                    readsToNewest,
			"ReadsMoreThanItHolds":                readsMuch,
			"ReadsNothingAfterTheNewest":          readsNothing,
			"StopsReadingWhenToldTo":              stopsReading,
			"FollowsFromAPlace":                   followsFrom,
			"HearsWhatIsPublishedMeanwhile":       followsOn,
			"ServesManyFollowers":                 servesFollowers,
			"TellsTypesAndWhatIsFilteredBy":       tellsPayload,
			"SaysWhatIsGone":                      saysGone,
			"SaysThatAPlaceIsNotThereYet":         saysAhead,
			"GoesOnWhereOnlyWhatWasReadIsDropped": outlivesDrop,
			"SaysThatTheBusIsAnother":             saysRenewed,
			"EndsWithItsContext":                  endsWithContext,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tell(t, open(t))
			})
		}
	})
}

// patience ends a suite that would wait for ever.
const patience = 30 * time.Second

func publishTo(t *testing.T, f FeedHarness, events []ports.Announced) {
	t.Helper()
	acked, err := f.Publish(context.Background(), events)
	fine(t, "publish", err)
	same(t, "acknowledged", slices.Repeat([]bool{true}, len(events)), acked)
}

// publishSome publishes n deliveries that are numbered from first, and returns
// the ids of their events.
func publishSome(t *testing.T, f FeedHarness, first, n int) []string {
	t.Helper()
	events := announcements(deliveries(first, n)...)
	publishTo(t, f, events)
	return idsOf(events)
}

// heard is what a sequence had before it ended, or before it had enough.
type heard struct {
	ids       []string
	sequences []uint64
	err       error
}

func listen(t *testing.T, messages iter.Seq2[ports.Message, error], enough int) heard {
	var h heard
	for m, err := range messages {
		if err != nil {
			h.err = err
			continue // it must end by itself
		}
		var fields struct {
			EventID string `json:"event_id"`
		}
		if err := json.Unmarshal(m.Payload, &fields); err != nil {
			t.Errorf("payload of message %d: %v", m.Sequence, err)
		}
		h.ids, h.sequences = append(h.ids, fields.EventID), append(h.sequences, m.Sequence)
		if len(h.ids) == enough {
			break
		}
	}
	return h
}

// everything is more than any story publishes.
const everything = 1 << 20

func inTime(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func spanOf(t *testing.T, f FeedHarness) ports.Span {
	t.Helper()
	span, err := f.Span(inTime(t))
	fine(t, "span", err)
	return span
}

func spansNothing(t *testing.T, f FeedHarness) {
	same(t, "span", ports.Span{First: 1, Last: 0}, spanOf(t, f))
	h := listen(t, f.Read(inTime(t), 0), everything)
	fine(t, "read an empty bus", h.err)
	same(t, "messages", 0, len(h.ids))
}

func spansWhatIsThere(t *testing.T, f FeedHarness) {
	publishSome(t, f, 0, 10)
	same(t, "span", ports.Span{First: 1, Last: 10}, spanOf(t, f))
	f.Drop(t, 4)
	same(t, "span after a drop", ports.Span{First: 5, Last: 10}, spanOf(t, f))
	f.Drop(t, 10)
	same(t, "span after all were dropped", ports.Span{First: 11, Last: 10}, spanOf(t, f))
}

func readsToNewest(t *testing.T, f FeedHarness) {
	ids := publishSome(t, f, 0, 20)
	for _, after := range []uint64{0, 7, 19} {
		h := listen(t, f.Read(inTime(t), after), everything)
		fine(t, "read", h.err)
		same(t, "ids", ids[after:], h.ids)
		same(t, "first sequence", after+1, h.sequences[0])
		same(t, "last sequence", uint64(20), h.sequences[len(h.sequences)-1])
	}
}

func readsMuch(t *testing.T, f FeedHarness) {
	ids := publishSome(t, f, 0, 3000)
	h := listen(t, f.Read(inTime(t), 0), everything)
	fine(t, "read", h.err)
	same(t, "ids", ids, h.ids)
}

func readsNothing(t *testing.T, f FeedHarness) {
	publishSome(t, f, 0, 5)
	h := listen(t, f.Read(inTime(t), 5), everything)
	fine(t, "read", h.err)
	same(t, "messages", 0, len(h.ids))
}

func stopsReading(t *testing.T, f FeedHarness) {
	ids := publishSome(t, f, 0, 5)
	same(t, "ids", ids[:2], listen(t, f.Read(inTime(t), 0), 2).ids)
	same(t, "ids", ids[:3], listen(t, f.Follow(inTime(t), 0), 3).ids)
}

func followsFrom(t *testing.T, f FeedHarness) {
	ids := publishSome(t, f, 0, 300)
	h := listen(t, f.Follow(inTime(t), 20), 280)
	fine(t, "follow", h.err)
	same(t, "ids", ids[20:], h.ids)
	same(t, "first sequence", uint64(21), h.sequences[0])
}

func followsOn(t *testing.T, f FeedHarness) {
	ids := publishSome(t, f, 0, 3)
	var h heard
	var follower sync.WaitGroup
	follower.Go(func() { h = listen(t, f.Follow(inTime(t), 2), 401) })
	for i := range 40 {
		ids = append(ids, publishSome(t, f, 3+10*i, 10)...)
	}
	follower.Wait()
	fine(t, "follow", h.err)
	same(t, "ids", ids[2:], h.ids)
}

func servesFollowers(t *testing.T, f FeedHarness) {
	ids := publishSome(t, f, 0, 50)
	var followers sync.WaitGroup
	for i := range 5 {
		followers.Go(func() {
			h := listen(t, f.Follow(inTime(t), uint64(10*i)), 100-10*i)
			if h.err != nil || len(h.ids) != 100-10*i || h.ids[0] != ids[10*i] {
				t.Errorf("follower %d: %d messages, error %v", i, len(h.ids), h.err)
			}
		})
	}
	publishSome(t, f, 50, 50)
	followers.Wait()
}

func tellsPayload(t *testing.T, f FeedHarness) {
	bounce := record("Bounce", 1, 5, "B@EXAMPLE.com")
	bounce.Tenant, bounce.Campaign, bounce.Provider = "acme", "spring", "google"
	bounce.Verdict = domain.Verdict{Cause: domain.CauseRecipient}
	publishTo(t, f, announcements(bounce, record("TransientFailure", 2, 5, "b@example.com")))
	var types []string
	var payloads []map[string]any
	for m, err := range f.Read(inTime(t), 0) {
		fine(t, "read", err)
		var payload map[string]any
		fine(t, "payload", json.Unmarshal(m.Payload, &payload))
		types, payloads = append(types, m.Type), append(payloads, payload)
	}
	same(t, "types", []string{"bounce", "transient_failure"}, types)
	fields(t, payloads[0], map[string]any{
		"type": "bounce", "message_id": messageID(1), "recipient": "B@EXAMPLE.com", "tenant": "acme",
		"campaign": "spring", "provider": "google", "cause": "recipient", "status": "bounced",
	})
	fields(t, payloads[1], map[string]any{"recipient": "b@example.com", "cause": nil, "status": "deferred"})
}

func saysGone(t *testing.T, f FeedHarness) {
	publishSome(t, f, 0, 10)
	f.Drop(t, 6)
	for _, after := range []uint64{0, 5} {
		for _, messages := range both(t, f, after) {
			h := listen(t, messages, everything)
			is(t, "what came next is dropped", h.err, ports.ErrGone)
			same(t, "messages", 0, len(h.ids))
		}
	}
	for _, messages := range both(t, f, 6) {
		h := listen(t, messages, 4)
		fine(t, "what came next is there", h.err)
		same(t, "sequences", []uint64{7, 8, 9, 10}, h.sequences)
	}
}

func both(t *testing.T, f FeedHarness, after uint64) []iter.Seq2[ports.Message, error] {
	return []iter.Seq2[ports.Message, error]{f.Read(inTime(t), after), f.Follow(inTime(t), after)}
}

func saysAhead(t *testing.T, f FeedHarness) {
	publishSome(t, f, 0, 10)
	for _, messages := range both(t, f, 11) {
		is(t, "beyond the newest", listen(t, messages, 1).err, ports.ErrGone)
	}
}

func outlivesDrop(t *testing.T, f FeedHarness) {
	publishSome(t, f, 0, 10)
	n := uint64(0)
	for m, err := range f.Follow(inTime(t), 0) {
		fine(t, "follow", err)
		if n++; m.Sequence != n {
			t.Fatalf("message %d came in place of %d", m.Sequence, n)
		}
		switch n {
		case 10:
			f.Drop(t, 10)
			publishSome(t, f, 10, 5)
		case 15:
			return
		}
	}
}

func saysRenewed(t *testing.T, f FeedHarness) {
	publishSome(t, f, 0, 10)
	var last error
	for _, err := range f.Follow(inTime(t), 9) {
		if err != nil {
			last = err
			break
		}
		f.Renew(t)
	}
	if last == nil {
		t.Fatal("the follower ended without an error")
	}
	h := listen(t, f.Follow(inTime(t), 10), 1)
	is(t, "follow another bus", h.err, ports.ErrGone)
	same(t, "span of the other bus", ports.Span{First: 1, Last: 0}, spanOf(t, f))
}

func endsWithContext(t *testing.T, f FeedHarness) {
	publishSome(t, f, 0, 2)
	ctx, cancel := context.WithCancel(inTime(t))
	defer cancel()
	n := 0
	var last error
	for _, err := range f.Follow(ctx, 0) {
		last = err
		if n++; n == 2 {
			cancel()
		}
	}
	is(t, "follow under a context that ended", last, ports.ErrUnavailable)
	is(t, "its reason", last, context.Canceled)
	same(t, "messages and the error", 3, n)
	is(t, "read under it", listen(t, f.Read(ctx, 0), everything).err, ports.ErrUnavailable)
	_, err := f.Span(ctx)
	is(t, "span under it", err, ports.ErrUnavailable)
}
