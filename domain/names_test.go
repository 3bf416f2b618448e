package domain_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/domain"
)

func TestEventTypesHaveTheNamesOfTheSubjects(t *testing.T) {
	// Subscribers select by these: kumomta.event.<name>.
	cases := []struct {
		record string
		typ    domain.EventType
		want   string
	}{
		{"Reception", domain.Reception, "reception"},
		{"Delivery", domain.Delivery, "delivery"},
		{"Bounce", domain.Bounce, "bounce"},
		{"TransientFailure", domain.TransientFailure, "transient_failure"},
		{"Expiration", domain.Expiration, "expiration"},
		{"AdminBounce", domain.AdminBounce, "admin_bounce"},
		{"OOB", domain.OOB, "oob"},
		{"Feedback", domain.Feedback, "feedback"},
		{"Rejection", domain.Rejection, "rejection"},
		{"Delayed", domain.Delayed, "delayed"},
		{"AdminRebind", domain.AdminRebind, "admin_rebind"},
		{"DeferredInjectionRebind", domain.DeferredInjectionRebind, "deferred_injection_rebind"},
		{"XferOut", domain.XferOut, "xfer_out"},
		{"XferIn", domain.XferIn, "xfer_in"},
		{"SomethingNew", domain.Unknown, "unknown"},
	}
	for _, c := range cases {
		t.Run(c.record, func(t *testing.T) {
			if got := domain.EventTypeOfRecord(c.record); got != c.typ {
				t.Errorf("record type is %s, want %s", got, c.typ)
			}
			if got := c.typ.String(); got != c.want {
				t.Errorf("name is %q, want %q", got, c.want)
			}
		})
	}
	if got := len(domain.EventTypes()); got != len(cases) {
		t.Errorf("%d types, want %d", got, len(cases))
	}
}

func TestEventTypesRoundTripByName(t *testing.T) {
	for _, want := range domain.EventTypes() {
		if got, ok := domain.ParseEventType(want.String()); !ok || got != want {
			t.Errorf("%q: got %s (%v)", want, got, ok)
		}
	}
}

func TestTypesOfRecordsAreSpelledExactly(t *testing.T) {
	for _, name := range []string{"", "delivery", "DELIVERY", "oob", "Delivery "} {
		if got := domain.EventTypeOfRecord(name); got != domain.Unknown {
			t.Errorf("%q is %s", name, got)
		}
	}
	for _, name := range []string{"", "Delivery", "transient-failure"} {
		if got, ok := domain.ParseEventType(name); ok {
			t.Errorf("%q is %s", name, got)
		}
	}
}

func TestATypeFromAnotherVersionIsUnknown(t *testing.T) {
	if got := domain.EventType(200).String(); got != "unknown" {
		t.Errorf("got %q", got)
	}
}

func TestStatusesStandInTheirOrderWithTheirNames(t *testing.T) {
	names := []string{
		"pending", "deferred", "transferred", "expired", "bounced", "delivered", "bounced", "complained",
	}
	for s, want := range names {
		if got := domain.Status(s).String(); got != want {
			t.Errorf("status %d is %q, want %q", s, got, want)
		}
	}
	if got := domain.Status(len(names)).String(); got != "unknown" {
		t.Errorf("status %d is %q, want unknown", len(names), got)
	}
}

func TestParseStatusesFindsAllOfAName(t *testing.T) {
	cases := []struct {
		name string
		want []domain.Status
	}{
		{"pending", []domain.Status{domain.Pending}},
		{"delivered", []domain.Status{domain.Delivered}},
		{"bounced", []domain.Status{domain.Bounced, domain.BouncedLate}},
		{"unknown", nil},
		{"Delivered", nil},
		{"", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { same(t, domain.ParseStatuses(c.name), c.want) })
	}
}
