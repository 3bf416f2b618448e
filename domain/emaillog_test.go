package domain_test

import (
	"bytes"
	"cmp"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

func TestJoinIsCommutative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyLog.Draw(t, "a"), anyLog.Draw(t, "b")
		same(t, a.Join(b), b.Join(a))
	})
}

func TestJoinIsAssociative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyLog.Draw(t, "a"), anyLog.Draw(t, "b"), anyLog.Draw(t, "c")
		same(t, a.Join(b).Join(c), a.Join(b.Join(c)))
	})
}

func TestJoinIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyLog.Draw(t, "a"), anyLog.Draw(t, "b")
		same(t, a.Join(a), a)
		same(t, a.Join(b).Join(a), a.Join(b))
	})
}

func TestFoldIsTheSameForAnyOrderAndRepetition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anyEvents.Draw(t, "events")
		again := rapid.SliceOf(rapid.SampledFrom(events)).Draw(t, "again")
		shuffled := rapid.Permutation(slices.Concat(events, again)).Draw(t, "shuffled")
		same(t, domain.Fold(shuffled), domain.Fold(events))
	})
}

func TestFoldIsTheSameForAnySplitting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anyEvents.Draw(t, "events")
		joined := map[domain.LogKey]domain.EmailLog{}
		for rest := events; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "batch")
			joinInto(joined, domain.Fold(rest[:n]))
			rest = rest[n:]
		}
		same(t, sortedByKey(joined), domain.Fold(events))
	})
}

func TestFoldHasOneLogPerKeySortedByKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logs := domain.Fold(anyEvents.Draw(t, "events"))
		for i := 1; i < len(logs); i++ {
			if bytes.Compare(logs[i-1].Key[:], logs[i].Key[:]) >= 0 {
				t.Fatalf("log %d: key %s does not follow %s", i, logs[i].Key, logs[i-1].Key)
			}
		}
	})
}

func TestFoldOfNothingIsEmpty(t *testing.T) {
	if logs := domain.Fold(nil); len(logs) != 0 {
		t.Errorf("got %d logs of no event", len(logs))
	}
}

func TestStatusNeverGoesDownAsEventsAreAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anyEvents.Draw(t, "events")
		known := map[domain.LogKey]domain.EmailLog{}
		for n := range events {
			for _, now := range domain.Fold(events[:n+1]) {
				if before, ok := known[now.Key]; ok && now.Status() < before.Status() {
					t.Fatalf("event %d took status %s down to %s", n, before.Status(), now.Status())
				}
				known[now.Key] = now
			}
		}
	})
}

func TestFirstTimesOnlyMoveBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, more := anyLog.Draw(t, "before"), anyLog.Draw(t, "more")
		now := before.Join(more)
		notLater(t, "AcceptedAt", before.AcceptedAt, now.AcceptedAt)
		notLater(t, "DeliveredAt", before.DeliveredAt, now.DeliveredAt)
		notLater(t, "FailedAt", before.FailedAt, now.FailedAt)
		notLater(t, "ComplainedAt", before.ComplainedAt, now.ComplainedAt)
	})
}

func TestPrecedenceOrdersAsAPlainComparison(t *testing.T) {
	decisions := rapid.Custom(func(t *rapid.T) domain.Decision {
		micros := rapid.OneOf(
			rapid.Int64Range(time.Time{}.UnixMicro(), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).UnixMicro()),
			rapid.Int64Range(-2, 2),
		)
		return domain.Decision{
			Status:  domain.Status(rapid.IntRange(int(domain.Pending), int(domain.Complained)).Draw(t, "status")),
			At:      time.UnixMicro(micros.Draw(t, "micros")).UTC(),
			EventID: domain.EventID{0: rapid.ByteMax(1).Draw(t, "first"), 6: 0x70, 15: rapid.ByteMax(3).Draw(t, "last")},
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := decisions.Draw(t, "a"), decisions.Draw(t, "b")
		if rapid.Bool().Draw(t, "same status") {
			b.Status = a.Status
		}
		if rapid.Bool().Draw(t, "same time") {
			b.At = a.At
		}
		p, q := a.Precedence(), b.Precedence()
		if got, want := bytes.Compare(p[:], q[:]), plainPrecedence(a, b); got != want {
			t.Fatalf("Precedence compares as %d, want %d", got, want)
		}
		if got, want := a.Decides(&b), plainPrecedence(a, b) > 0; got != want {
			t.Fatalf("Decides is %v, want %v", got, want)
		}
	})
}

func TestDecisionIsTheLastDeferralAndTheFirstOfAllElse(t *testing.T) {
	early := time.Date(2026, 7, 25, 17, 20, 0, 0, time.UTC)
	late := early.Add(time.Microsecond)
	cases := []struct {
		record domain.EventType
		want   time.Time
	}{
		{domain.Reception, early},
		{domain.TransientFailure, late},
		{domain.Delayed, late},
		{domain.XferOut, early},
		{domain.Expiration, early},
		{domain.Bounce, early},
		{domain.AdminBounce, early},
		{domain.Delivery, early},
	}
	for _, c := range cases {
		t.Run(c.record.String(), func(t *testing.T) {
			logs := domain.Fold([]domain.EmailEvent{
				{ID: domain.EventID{1}, Type: c.record, MessageID: aMessage, Recipient: aRecipient, OccurredAt: late},
				{ID: domain.EventID{2}, Type: c.record, MessageID: aMessage, Recipient: aRecipient, OccurredAt: early},
			})
			if got := logs[0].Decision.At; !got.Equal(c.want) {
				t.Errorf("decided at %v, want %v", got, c.want)
			}
		})
	}
}

// plainPrecedence says what Precedence encodes: (status, time by the status's
// rule, event id).
func plainPrecedence(a, b domain.Decision) int {
	byTime := a.At.Compare(b.At)
	if a.Status != domain.Deferred {
		byTime = -byTime
	}
	return cmp.Or(cmp.Compare(a.Status, b.Status), byTime, bytes.Compare(a.EventID[:], b.EventID[:]))
}

func joinInto(logs map[domain.LogKey]domain.EmailLog, more []domain.EmailLog) {
	for _, l := range more {
		if known, ok := logs[l.Key]; ok {
			l = known.Join(l)
		}
		logs[l.Key] = l
	}
}

func sortedByKey(logs map[domain.LogKey]domain.EmailLog) []domain.EmailLog {
	sorted := make([]domain.EmailLog, 0, len(logs))
	for _, l := range logs {
		sorted = append(sorted, l)
	}
	slices.SortFunc(sorted, func(a, b domain.EmailLog) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return sorted
}

func notLater(t *rapid.T, name string, before, now time.Time) {
	if !before.IsZero() && (now.IsZero() || now.After(before)) {
		t.Fatalf("%s went from %v to %v", name, before, now)
	}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func same[T any](t fataler, got, want T) {
	t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("not the same (-want +got):\n%s", diff)
	}
}
