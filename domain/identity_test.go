package domain_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

// aDelivery is a record of today, beforeOctober one without event time, as they
// were before October 2025.
func aDelivery() domain.Identity {
	return domain.Identity{
		NodeID:      "8f2c1f0e-1111-4a4a-9c9c-0123456789ab",
		RecordType:  "Delivery",
		MessageID:   "10d1b680884d11f19001782d7e12e173",
		EventTime:   time.Date(2026, 7, 25, 17, 20, 0, 123456789, time.UTC),
		Timestamp:   1785000000,
		Created:     1785000000,
		Recipients:  []string{"ann@example.com"},
		Sender:      "b-1@bounce.example",
		Response:    domain.Response{Code: 250, Enhanced: domain.EnhancedCode{Class: 2}, Content: "OK ids=1", Command: ".\r\n"},
		Attempts:    2,
		Site:        "src->mx@smtp",
		Queue:       "camp:ten@example.com",
		SessionID:   "5a5a5a5a-0000-4000-8000-000000000001",
		PeerAddress: "192.0.2.1",
	}
}

func beforeOctober() domain.Identity {
	i := aDelivery()
	i.EventTime = time.Time{}
	return i
}

func ofType(i domain.Identity, recordType string) domain.Identity {
	i.RecordType = recordType
	return i
}

// idOf is the id of the record's event for ann@example.com.
func idOf(i domain.Identity) domain.EventID { return idFor(i, "ann@example.com") }

func idFor(i domain.Identity, recipient string) domain.EventID {
	d, _ := i.Digest(nil)
	return d.EventID(recipient)
}

func TestSpellingsOfOneRecordHaveOneID(t *testing.T) {
	two := aDelivery()
	two.Recipients = []string{"ann@example.com", "bob@example.com"}
	cases := []struct {
		name   string
		record domain.Identity
		copied func(*domain.Identity)
	}{
		{"node id in upper case", aDelivery(), func(i *domain.Identity) { i.NodeID = strings.ToUpper(i.NodeID) }},
		{"message id with dashes", aDelivery(), func(i *domain.Identity) { i.MessageID = "10d1b680-884d-11f1-9001-782d7e12e173" }},
		{"message id in upper case", aDelivery(), func(i *domain.Identity) { i.MessageID = strings.ToUpper(i.MessageID) }},
		{"recipients in other order", two, func(i *domain.Identity) { i.Recipients = []string{"bob@example.com", "ann@example.com"} }},
		{"a recipient twice", two, func(i *domain.Identity) { i.Recipients = append([]string{"bob@example.com"}, i.Recipients...) }},
		{"event time in another zone", aDelivery(), func(i *domain.Identity) { i.EventTime = i.EventTime.In(time.FixedZone("", 7200)) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			other := c.record
			other.Recipients = slices.Clone(c.record.Recipients)
			c.copied(&other)
			if got, want := idOf(other), idOf(c.record); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestDigestLeavesRecipientsInTheirOrder(t *testing.T) {
	i := aDelivery()
	i.Recipients = []string{"b@example.com", "a@example.com"}
	i.Digest(nil)
	same(t, i.Recipients, []string{"b@example.com", "a@example.com"})
}

// changes has one change for each part that an identity can have.
var changes = map[string]func(*domain.Identity){
	"node id":          func(i *domain.Identity) { i.NodeID = "8f2c1f0e-1111-4a4a-9c9c-0123456789ac" },
	"record type":      func(i *domain.Identity) { i.RecordType += "x" },
	"message id":       func(i *domain.Identity) { i.MessageID = "10d1b680884d11f19001782d7e12e174" },
	"event time":       func(i *domain.Identity) { i.EventTime = i.EventTime.Add(1) },
	"timestamp":        func(i *domain.Identity) { i.Timestamp++ },
	"created":          func(i *domain.Identity) { i.Created++ },
	"recipients":       func(i *domain.Identity) { i.Recipients = append([]string{"z@example.com"}, i.Recipients...) },
	"sender":           func(i *domain.Identity) { i.Sender = "b-2@bounce.example" },
	"response code":    func(i *domain.Identity) { i.Response.Code++ },
	"enhanced code":    func(i *domain.Identity) { i.Response.Enhanced.Detail++ },
	"response content": func(i *domain.Identity) { i.Response.Content += "." },
	"response command": func(i *domain.Identity) { i.Response.Command = "AUTH" },
	"attempts":         func(i *domain.Identity) { i.Attempts++ },
	"site":             func(i *domain.Identity) { i.Site += "x" },
	"queue":            func(i *domain.Identity) { i.Queue += "x" },
	"session id":       func(i *domain.Identity) { i.SessionID = "" },
	"peer address":     func(i *domain.Identity) { i.PeerAddress = "192.0.2.2" },
}

func TestEveryPartOfAnIdentityMattersAndNothingElse(t *testing.T) {
	always := []string{
		"node id", "record type", "message id", "recipients", "response code", "enhanced code", "response content",
	}
	ofOneSecond := []string{
		"timestamp", "response command", "attempts", "site", "queue", "session id", "peer address",
	}
	cases := []struct {
		name    string
		record  domain.Identity
		matters []string
	}{
		{"today", aDelivery(), append([]string{"event time"}, always...)},
		{"before October 2025", beforeOctober(), append(ofOneSecond, always...)},
		{"report", ofType(aDelivery(), "OOB"), append([]string{"sender"}, always...)},
		{"rejection", ofType(aDelivery(), "Rejection"), append([]string{"event time", "sender", "session id", "peer address"}, always...)},
	}
	for _, c := range cases {
		for change, apply := range changes {
			if c.record.EventTime.IsZero() && change == "event time" {
				continue // would make it a record of today
			}
			t.Run(c.name+"/"+change, func(t *testing.T) {
				other := c.record
				apply(&other)
				if got, want := idOf(other) != idOf(c.record), slices.Contains(c.matters, change); got != want {
					t.Errorf("changes the id: %v, want %v", got, want)
				}
			})
		}
	}
}

func TestTimeOfAReportIsNoPartOfItsID(t *testing.T) {
	report := ofType(aDelivery(), "OOB")
	later := report
	later.EventTime = report.EventTime.AddDate(0, 0, 3)
	later.Timestamp += 3 * 86400
	if got, want := idOf(later), idOf(report); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReportIsPlacedByItsMessageIDElseByItsCreation(t *testing.T) {
	report := ofType(aDelivery(), "OOB")
	report.EventTime = time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	report.Created = time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	wantTime(t, idOf(report), time.Date(2026, 7, 25, 17, 20, 0, 123e6, time.UTC))

	report.MessageID = "not-a-uuid"
	wantTime(t, idOf(report), time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC))
}

func TestPartsDoNotRunTogether(t *testing.T) {
	a, b := beforeOctober(), beforeOctober()
	a.Site, a.Queue = "ab", "c"
	b.Site, b.Queue = "a", "bc"
	if idOf(a) == idOf(b) {
		t.Error("site ab with queue c has the id of site a with queue bc")
	}
}

func TestRecipientsOfOneRecordHaveIDsOfTheirOwn(t *testing.T) {
	i := aDelivery()
	i.Recipients = []string{"ann@example.com", "bob@example.com"}
	if idFor(i, "ann@example.com") == idFor(i, "bob@example.com") {
		t.Error("two recipients share an id")
	}
}

func TestScratchSpaceDoesNotChangeAnID(t *testing.T) {
	small, large := aDelivery(), aDelivery()
	large.Response.Content = strings.Repeat("x", 4096)
	_, buf := large.Digest(nil)
	d, _ := small.Digest(buf)
	if got, want := d.EventID("ann@example.com"), idOf(small); got != want {
		t.Errorf("got %s with used scratch space, want %s", got, want)
	}
}

func TestEventIDHasTheRecordsTimeFrom2020To2100(t *testing.T) {
	cases := []struct {
		name string
		at   time.Time
		want bool
	}{
		{"1970", time.Unix(0, 0), false},
		{"last of 2019", time.Date(2019, 12, 31, 23, 59, 59, 999999999, time.UTC), false},
		{"first of 2020", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), true},
		{"2026", time.Date(2026, 7, 25, 17, 20, 0, 123e6, time.UTC), true},
		{"last of 2099", time.Date(2099, 12, 31, 23, 59, 59, 999e6, time.UTC), true},
		{"first of 2100", time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{"9999", time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			i := aDelivery()
			i.EventTime = c.at
			id := idOf(i)
			if !c.want {
				if at, ok := id.Time(); ok {
					t.Errorf("id has time %v, want none", at)
				}
				return
			}
			wantTime(t, id, c.at)
		})
	}
}

func TestEventsOutsideThoseYearsStillDiffer(t *testing.T) {
	a, b := aDelivery(), aDelivery()
	a.EventTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	b.EventTime = a.EventTime.Add(1)
	if idOf(a) == idOf(b) {
		t.Error("two instants of 9999 share an id")
	}
}

func TestEventIDIsAUUIDVersion7(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := aDelivery()
		i.MessageID = rapid.String().Draw(t, "message id")
		i.EventTime = time.UnixMilli(rapid.Int64Range(-1e15, 1e15).Draw(t, "ms"))
		id := idFor(i, rapid.String().Draw(t, "recipient"))
		u, err := uuid.Parse(id.String())
		if err != nil || u != uuid.UUID(id) || u.Version() != 7 || u.Variant() != uuid.RFC4122 {
			t.Fatalf("%s is version %d, variant %s (%v)", id, u.Version(), u.Variant(), err)
		}
	})
}

func TestEventIDRoundTripsAsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := domain.EventID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		if got, err := domain.ParseEventID(id.String()); err != nil || got != id {
			t.Fatalf("got %s and %v, want %s", got, err, id)
		}
	})
}

func TestParsersOfIDsRefuseOtherTexts(t *testing.T) {
	for _, text := range []string{"", "-", "019f9a2f", "019f9a2f-0800-7000-8000-00000000002g", "019f9a2f-0800-7000-8000-00000000002a0"} {
		if _, err := domain.ParseEventID(text); err == nil {
			t.Errorf("ParseEventID(%q) gave no error", text)
		}
		if _, err := domain.ParseLogKey(text); err == nil {
			t.Errorf("ParseLogKey(%q) gave no error", text)
		}
		if _, err := domain.ParseQuarantineID(text); err == nil {
			t.Errorf("ParseQuarantineID(%q) gave no error", text)
		}
	}
}

func wantTime(t *testing.T, id domain.EventID, want time.Time) {
	t.Helper()
	if got, ok := id.Time(); !ok || !got.Equal(want) {
		t.Errorf("id has time %v (%v), want %v", got, ok, want)
	}
}
