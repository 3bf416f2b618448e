package contract_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/test/contract"
)

var received = time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC)

func TestDecodingRawGivesEventsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := contract.Records().Draw(t, "record")
		events := r.Events(received)
		if len(events) != max(1, len(r.Recipients)) {
			t.Fatalf("got %d events for %d recipients", len(events), len(r.Recipients))
		}
		for i, e := range events {
			want := r.EmailEvent
			want.ID, want.Type, want.Part, want.Raw, want.ReceivedAt = e.ID, e.Type, i, r.Line(), received
			if len(r.Recipients) > 0 {
				want.Recipient = r.Recipients[i]
			}
			if diff := cmp.Diff(want, e); diff != "" {
				t.Fatalf("part %d: -want +got\n%s", i, diff)
			}
			if diff := cmp.Diff(events, contract.EventsOf(e.Raw, received)); diff != "" {
				t.Fatalf("decoded again: -want +got\n%s", diff)
			}
		}
	})
}

func TestCopiesAreSameEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := contract.Records().Draw(t, "record")
		c := contract.CopiesOf(r).Draw(t, "copy")
		want, got := idsOf(r.Events(received)), idsOf(c.Events(received))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("ids: -want +got\n%s", diff)
		}
	})
}

func TestEventsOfUnitsAreAsStoresAreGivenThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, u := range contract.Units().Draw(t, "units") {
			for i, e := range u.Events {
				if e.Part > 0 && (e.Part != u.Events[i-1].Part+1 || e.Raw != u.Events[i-1].Raw) {
					t.Fatalf("event %d is part %d, but not behind part %d of its record", i, e.Part, e.Part-1)
				}
				texts := strings.Join([]string{e.MessageID, e.Recipient, e.Queue, e.Response.Content, e.Meta, e.Tenant}, "")
				if strings.Contains(texts, "\x00") || strings.ToValidUTF8(texts, "?") != texts {
					t.Fatalf("event %d has texts that are not clean", i)
				}
			}
		}
	})
}

// TestUnitsAreOfAllKinds draws until everything has been seen that stores are
// to be tried with.
func TestUnitsAreOfAllKinds(t *testing.T) {
	kinds := map[string]func(domain.EmailEvent) bool{
		"second part":        func(e domain.EmailEvent) bool { return e.Part > 0 },
		"without recipient":  func(e domain.EmailEvent) bool { return e.Recipient == "" },
		"without message id": func(e domain.EmailEvent) bool { return e.MessageID == "" },
		"log hook's own":     func(e domain.EmailEvent) bool { return e.FromLogHook() },
		"id without time": func(e domain.EmailEvent) bool {
			_, ok := e.ID.Time()
			return !ok
		},
		"of 1970":   func(e domain.EmailEvent) bool { return e.OccurredAt.Year() == 1970 },
		"of 9999":   func(e domain.EmailEvent) bool { return e.OccurredAt.Year() == 9999 },
		"quotes":    func(e domain.EmailEvent) bool { return strings.Contains(e.Response.Content, `'`) },
		"backslash": func(e domain.EmailEvent) bool { return strings.Contains(e.Response.Content, `\`) },
		"newline":   func(e domain.EmailEvent) bool { return strings.Contains(e.Response.Content, "\n") },
		"emoji":     func(e domain.EmailEvent) bool { return strings.Contains(e.Response.Content, "😀") },
		"long":      func(e domain.EmailEvent) bool { return len(e.Response.Content) > 100_000 },
		"empty":     func(e domain.EmailEvent) bool { return e.Response.Content == "" },
	}
	for _, kind := range domain.EventTypes() {
		kinds[kind.String()] = func(e domain.EmailEvent) bool { return e.Type == kind }
	}
	units := contract.Units()
	for seed := 0; len(kinds) > 0 && seed < 1000; seed++ {
		for _, u := range units.Example(seed) {
			for _, e := range u.Events {
				for name, is := range kinds {
					if is(e) {
						delete(kinds, name)
					}
				}
			}
		}
	}
	for name := range kinds {
		t.Errorf("no event in 1000 sequences is %s", name)
	}
}

func TestDecoderReadsObjectArrayAndLines(t *testing.T) {
	one := contract.Record{EmailEvent: domain.EmailEvent{RecordType: "Delivery", MessageID: "m"}, Recipients: []string{"a", "b"}}
	line := one.Line()
	for name, c := range map[string]struct {
		text                             string
		events, rejects, records, values int
	}{
		"nothing":     {"", 0, 0, 0, 0},
		"one":         {line, 2, 0, 1, 1},
		"line":        {line + "\n", 2, 0, 1, 1},
		"lines":       {line + "\n\n" + line, 4, 0, 2, 2},
		"array":       {"[" + line + ",\n " + line + "]", 4, 0, 2, 2},
		"bad value":   {line + "\n17\n" + line, 4, 1, 3, 3},
		"broken line": {line + "\n" + line[:9], 2, 1, 2, 1},
		"many":        {strings.Repeat(line+"\n", 100), 200, 0, 100, 100},
	} {
		var events, rejects, records, values int
		for b := range (contract.Decoder{}).Decode(c.text) {
			events, rejects = events+len(b.Events), rejects+len(b.Rejects)
			records, values = records+b.Records, values+b.Values
		}
		want := []int{c.events, c.rejects, c.records, c.values}
		if diff := cmp.Diff(want, []int{events, rejects, records, values}); diff != "" {
			t.Errorf("%s: events, rejects, records, values: -want +got\n%s", name, diff)
		}
	}
}

func idsOf(events []domain.EmailEvent) []string {
	var ids []string
	for _, e := range events {
		ids = append(ids, e.ID.String())
	}
	slices.Sort(ids)
	return ids
}
