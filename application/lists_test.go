package application_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var listNoon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// listed returns Lists over n deliveries of n messages, one a second from noon.
func listed(t *testing.T, n int) *application.Lists {
	t.Helper()
	store := memory.NewStore()
	var u ports.Unit
	for i := range n {
		at := listNoon.Add(time.Duration(i) * time.Second)
		id := fmt.Sprintf("%012x70008%015x", at.UnixMilli(), i)
		identity := domain.Identity{RecordType: "Delivery", MessageID: id, EventTime: at, Recipients: []string{"a@example.com"}}
		digest, _ := identity.Digest(nil)
		u.Events = append(u.Events, domain.EmailEvent{
			ID: digest.EventID("a@example.com"), Type: domain.Delivery, MessageID: id, Recipient: "a@example.com",
			OccurredAt: at, AcceptedAt: at, Tenant: []string{"acme", "other"}[i%2],
		})
	}
	if _, err := store.Commit(context.Background(), u); err != nil {
		t.Fatal(err)
	}
	return application.NewLists(store, store, store)
}

func TestCursorsLeadThroughWholeList(t *testing.T) {
	lists := listed(t, 23)
	for _, limit := range []int{1, 7, 22, 23, 24, application.MaxPage} {
		for name, count := range map[string]func() int{
			"logs": func() int {
				return walk(t, func(cursor string) (int, string, error) {
					p, err := lists.Logs(t.Context(), ports.LogFilter{}, cursor, limit)
					return len(p.Items), p.NextCursor, err
				})
			},
			"events": func() int {
				return walk(t, func(cursor string) (int, string, error) {
					p, err := lists.Events(t.Context(), ports.EventFilter{}, cursor, limit)
					return len(p.Items), p.NextCursor, err
				})
			},
		} {
			if n := count(); n != 23 {
				t.Errorf("pages of %d %s hold %d, want 23", limit, name, n)
			}
		}
	}
}

// walk adds up the pages that next leads to, of which none but the first may be
// empty.
func walk(t *testing.T, next func(cursor string) (int, string, error)) int {
	t.Helper()
	total, cursor := 0, ""
	for {
		n, following, err := next(cursor)
		if err != nil || n == 0 {
			t.Fatalf("page at %q: %d items, %v", cursor, n, err)
		}
		if total += n; following == "" {
			return total
		}
		cursor = following
	}
}

func TestCursorOfAnotherFilterIsRefused(t *testing.T) {
	lists := listed(t, 10)
	page, err := lists.Logs(t.Context(), ports.LogFilter{Tenant: "acme"}, "", 2)
	if err != nil || page.NextCursor == "" {
		t.Fatalf("first page: %v", err)
	}
	for name, f := range map[string]ports.LogFilter{
		"none": {}, "another tenant": {Tenant: "other"}, "more": {Tenant: "acme", Campaign: "spring"},
		"a time": {Tenant: "acme", From: listNoon}, "quotes": {Tenant: `acme" "`}, "a status": {Tenant: "acme", Statuses: []domain.Status{domain.Bounced}},
	} {
		if _, err := lists.Logs(t.Context(), f, page.NextCursor, 2); parameterOf(err) != "cursor" {
			t.Errorf("by %s: %v, want a word on the cursor", name, err)
		}
	}
	if _, err := lists.Events(t.Context(), ports.EventFilter{}, page.NextCursor, 2); parameterOf(err) != "cursor" {
		t.Errorf("as one of events: %v, want a word on the cursor", err)
	}
	if _, err := lists.Logs(t.Context(), ports.LogFilter{Tenant: "acme"}, page.NextCursor, 5); err != nil {
		t.Errorf("with another limit: %v, want none", err)
	}
}

func parameterOf(err error) string {
	if bad, ok := errors.AsType[*application.BadQuestion](err); ok {
		return bad.Parameter
	}
	return ""
}

// TestNoMadeUpCursorIsTaken holds that whatever is not a cursor of the list is
// told apart, and nothing panics.
func TestNoMadeUpCursorIsTaken(t *testing.T) {
	lists := listed(t, 10)
	page, err := lists.Logs(t.Context(), ports.LogFilter{}, "", 2)
	if err != nil {
		t.Fatal(err)
	}
	genuine := page.NextCursor
	raw, err := base64.RawURLEncoding.DecodeString(genuine)
	if err != nil {
		t.Fatal(err)
	}
	newer := append([]byte{raw[0] + 1}, raw[1:]...)
	zero := append(raw[:len(raw)-16:len(raw)-16], make([]byte, 16)...)
	made := []string{
		genuine + "\n", genuine[:8] + "\n" + genuine[8:], genuine + "=", genuine[1:], genuine + "A", strings.ToLower(genuine) + "x", "0", " ",
		base64.RawURLEncoding.EncodeToString(newer), base64.RawURLEncoding.EncodeToString(zero),
	}
	for _, cursor := range made {
		if _, err := lists.Logs(t.Context(), ports.LogFilter{}, cursor, 2); parameterOf(err) != "cursor" {
			t.Errorf("%q: %v, want a word on the cursor", cursor, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		cursor := rapid.StringN(1, 60, 200).Draw(t, "cursor")
		if _, err := lists.Logs(context.Background(), ports.LogFilter{}, cursor, 2); parameterOf(err) != "cursor" {
			t.Fatalf("%v, want a word on the cursor", err)
		}
	})
}

func TestFilterNeedsTenantOrShortRange(t *testing.T) {
	lists := listed(t, 3)
	day := func(f ports.LogFilter, length time.Duration) ports.LogFilter {
		f.From, f.To = listNoon, listNoon.Add(length)
		return f
	}
	bounced := ports.LogFilter{Statuses: []domain.Status{domain.Bounced}}
	cases := []struct {
		name   string
		filter ports.LogFilter
		fault  string
	}{
		{"nothing", ports.LogFilter{}, ""},
		{"recipient", ports.LogFilter{Recipient: "a@example.com", Provider: "google"}, ""},
		{"application", ports.LogFilter{ApplicationID: "a", Cause: "content"}, ""},
		{"message", ports.LogFilter{MessageID: "a", Domain: "example.com"}, ""},
		{"tenant", ports.LogFilter{Tenant: "acme", EgressSource: "ip-1"}, ""},
		{"a range alone, however long", day(ports.LogFilter{}, 1000*time.Hour), ""},
		{"an open range alone", ports.LogFilter{From: listNoon}, ""},
		{"status", bounced, "tenant"},
		{"status in a day", day(bounced, 24*time.Hour), ""},
		{"status in more than a day", day(bounced, 24*time.Hour+1), "tenant"},
		{"status in an open range", ports.LogFilter{Statuses: bounced.Statuses, From: listNoon}, "tenant"},
		{"domain", ports.LogFilter{Domain: "example.com"}, "tenant"},
		{"campaign", ports.LogFilter{Campaign: "spring"}, "tenant"},
		{"provider", ports.LogFilter{Provider: "google"}, "tenant"},
		{"source", ports.LogFilter{EgressSource: "ip-1"}, "tenant"},
		{"cause", ports.LogFilter{Cause: domain.CauseContent}, "tenant"},
		{"a range that nothing is in", day(ports.LogFilter{}, -1), "from"},
	}
	for _, c := range cases {
		if _, err := lists.Logs(t.Context(), c.filter, "", 10); parameterOf(err) != c.fault {
			t.Errorf("%s: %v, want a word on %q", c.name, err, c.fault)
		}
	}
}

func TestEventsOfTypeNeedMessageRecipientOrShortRange(t *testing.T) {
	lists := listed(t, 3)
	types := []domain.EventType{domain.Bounce}
	for name, c := range map[string]struct {
		filter ports.EventFilter
		fault  string
	}{
		"nothing":         {ports.EventFilter{}, ""},
		"type":            {ports.EventFilter{Types: types}, "type"},
		"of a message":    {ports.EventFilter{Types: types, MessageID: "a"}, ""},
		"of a recipient":  {ports.EventFilter{Types: types, Recipient: "a@example.com"}, ""},
		"in a day":        {ports.EventFilter{Types: types, From: listNoon, To: listNoon.Add(24 * time.Hour)}, ""},
		"in a longer one": {ports.EventFilter{Types: types, From: listNoon, To: listNoon.Add(25 * time.Hour)}, "type"},
		"turned around":   {ports.EventFilter{From: listNoon, To: listNoon.Add(-1)}, "from"},
	} {
		if _, err := lists.Events(t.Context(), c.filter, "", 10); parameterOf(err) != c.fault {
			t.Errorf("%s: %v, want a word on %q", name, err, c.fault)
		}
	}
}

func TestLimitHasBounds(t *testing.T) {
	lists := listed(t, 3)
	for limit, fault := range map[int]string{-1: "limit", 0: "limit", 1: "", 500: "", 501: "limit"} {
		if _, err := lists.Logs(t.Context(), ports.LogFilter{}, "", limit); parameterOf(err) != fault {
			t.Errorf("limit %d: %v, want a word on %q", limit, err, fault)
		}
		if _, err := lists.Events(t.Context(), ports.EventFilter{}, "", limit); parameterOf(err) != fault {
			t.Errorf("limit %d of events: %v, want a word on %q", limit, err, fault)
		}
	}
}

func TestExportNeedsBound(t *testing.T) {
	for name, c := range map[string]struct {
		filter ports.LogFilter
		fault  string
	}{
		"everything":   {ports.LogFilter{}, "from"},
		"a status":     {ports.LogFilter{Statuses: []domain.Status{domain.Bounced}}, "from"},
		"a domain":     {ports.LogFilter{Domain: "example.com"}, "from"},
		"from":         {ports.LogFilter{From: listNoon}, ""},
		"to":           {ports.LogFilter{To: listNoon}, ""},
		"a tenant":     {ports.LogFilter{Tenant: "acme"}, ""},
		"a recipient":  {ports.LogFilter{Recipient: "a@example.com"}, ""},
		"an id":        {ports.LogFilter{ApplicationID: "a"}, ""},
		"a message":    {ports.LogFilter{MessageID: "a"}, ""},
		"no real time": {ports.LogFilter{From: listNoon, To: listNoon.Add(-1)}, "from"},
	} {
		if diff := cmp.Diff(c.fault, parameterOf(application.CheckExport(&c.filter))); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestEventIsFoundByID(t *testing.T) {
	lists := listed(t, 3)
	page, err := lists.Events(t.Context(), ports.EventFilter{}, "", 1)
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("page: %d items, %v", len(page.Items), err)
	}
	if e, err := lists.Event(t.Context(), page.Items[0].ID); err != nil || e.ID != page.Items[0].ID {
		t.Errorf("event: %v", err)
	}
	if _, err := lists.Event(t.Context(), domain.EventID{1}); !errors.Is(err, ports.ErrNotFound) {
		t.Errorf("event of no such id: %v, want %v", err, ports.ErrNotFound)
	}
}
