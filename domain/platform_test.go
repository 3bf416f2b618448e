package domain_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

func TestPlatformNamesAreTheBestThatATableTakes(t *testing.T) {
	for _, c := range []struct {
		taken []string
		want  domain.PlatformNames // from expired on
	}{
		{nil, domain.PlatformNames{}},
		{[]string{"pending", "sent", "delivered", "failed", "bounced", "spam", "archived"}, domain.PlatformNames{
			domain.Expired: "failed", domain.Bounced: "bounced", domain.Delivered: "delivered",
			domain.BouncedLate: "bounced", domain.Complained: "spam",
		}},
		{[]string{"SENT", "Delivered", "FAILED"}, domain.PlatformNames{
			domain.Expired: "FAILED", domain.Bounced: "FAILED", domain.Delivered: "Delivered", domain.BouncedLate: "FAILED",
		}},
		{[]string{"spam", "complained", "bounced", "expired"}, domain.PlatformNames{
			domain.Expired: "expired", domain.Bounced: "bounced", domain.BouncedLate: "bounced", domain.Complained: "complained",
		}},
	} {
		if diff := cmp.Diff(c.want, domain.NewPlatformNames(c.taken)); diff != "" {
			t.Errorf("of %q (-want +got):\n%s", c.taken, diff)
		}
	}
}

// platformLogs are logs of one message whose times fit their status.
func platformLogs(t *rapid.T) []domain.EmailLog {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) domain.EmailLog {
		at := noon.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "second")) * time.Second)
		l := domain.EmailLog{Decision: domain.Decision{
			Status: domain.Status(rapid.IntRange(0, int(domain.Complained)).Draw(t, "status")), At: at,
			EventID: domain.EventID{1, byte(rapid.IntRange(0, 255).Draw(t, "event"))}, Code: 550, Response: "no",
		}}
		switch l.Status() {
		case domain.Delivered, domain.BouncedLate, domain.Complained:
			l.DeliveredAt = at
		}
		switch l.Status() {
		case domain.Expired, domain.Bounced, domain.BouncedLate:
			l.FailedAt = at.Add(time.Hour)
		}
		return l
	}), 0, 4).Draw(t, "logs")
}

// How far a row has come, also by words of the platform's own.
var platformOrder = map[string]int{"": 0, "queued": 0, "pending": 0, "sent": 0, "failed": 1, "bounced": 2, "opened": 3, "delivered": 3, "spam": 5, "complained": 5, "archived": 9}

func orderOf(r domain.PlatformRow) int {
	if r.Status == "bounced" && !r.DeliveredAt.IsZero() {
		return 4
	}
	return platformOrder[r.Status]
}

func TestPlatformRowNeverGoesDownAndRisesOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := domain.PlatformRow{Status: rapid.SampledFrom([]string{"", "queued", "sent", "failed", "bounced", "opened", "delivered", "spam", "archived"}).Draw(t, "status")}
		for range rapid.IntRange(1, 4).Draw(t, "times") {
			logs := platformLogs(t)
			raised := row.Raise(logs, domain.PlainPlatformNames())
			if orderOf(raised) < orderOf(row) || row.Status == "archived" && raised.Status != row.Status {
				t.Fatalf("%+v went down to %+v", row, raised)
			}
			if !row.DeliveredAt.IsZero() && raised.DeliveredAt != row.DeliveredAt || !row.FailedAt.IsZero() && raised.FailedAt != row.FailedAt {
				t.Fatalf("%+v: a time changed to %+v", row, raised)
			}
			if again := raised.Raise(logs, domain.PlainPlatformNames()); again != raised {
				t.Fatalf("%+v changed the second time to %+v", raised, again)
			}
			row = raised
		}
	})
}

func TestPlatformRowIsRaisedByTheHighestOfSeveralRecipients(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	bounced := domain.EmailLog{FailedAt: noon, Decision: domain.Decision{Status: domain.Bounced, At: noon, EventID: domain.EventID{1}, Code: 550, Response: "no"}}
	delivered := domain.EmailLog{DeliveredAt: noon, Decision: domain.Decision{Status: domain.Delivered, At: noon, EventID: domain.EventID{2}}}
	row := domain.PlatformRow{ID: "a", Status: "pending"}
	names := domain.PlainPlatformNames()
	want := domain.PlatformRow{ID: "a", Status: "delivered", DeliveredAt: noon}
	if got := row.Raise([]domain.EmailLog{bounced, delivered}, names); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	want.FailedAt, want.Error = noon, "550 no"
	if got := row.Raise([]domain.EmailLog{bounced}, names).Raise([]domain.EmailLog{delivered}, names); got != want {
		t.Errorf("one after the other: %+v, want %+v", got, want)
	}
}
