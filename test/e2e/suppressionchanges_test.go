package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/apiclient"
)

// ofTheList returns what the stream has of the list of suppressions, each message
// as subject, address, reason and note, and the ids.
func ofTheList(t *testing.T, all []announcement) (told, ids []string) {
	t.Helper()
	for _, m := range all {
		if !strings.HasPrefix(m.subject, "kumomta.suppression.") {
			continue
		}
		p := m.payload
		if p.text("change_id") != m.id || "kumomta."+p.text("type") != m.subject {
			t.Errorf("message %s on %s says %s", m.id, m.subject, m.raw)
		}
		told = append(told, fmt.Sprint(m.subject, " ", p["address"], " ", p["reason"], " ", p["note"]))
		ids = append(ids, m.id)
	}
	return told, ids
}

func TestChangesOfTheListAreAnnounced(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		c := s.Client()
		if _, err := c.AddSuppressions(t.Context(),
			apiclient.NewSuppression{Address: "Frank@example.org", Reason: "unsubscribe", Note: "asked by \"phone\""},
			apiclient.NewSuppression{Address: "grace@example.org"}); err != nil {
			t.Fatal(err)
		}
		csv := "address,reason\nfrank@example.org,complaint\nheidi@example.org,invalid\n"
		if r := s.PostTo("/api/kumomta/v1/suppressions", strings.NewReader(csv), "Content-Type", "text/csv"); r.code != http.StatusOK {
			t.Fatalf("add by CSV: %d %s", r.code, r.body)
		}
		s.mustTake(rec(`"recipient":"frank@example.org"`))
		if err := c.RemoveSuppression(t.Context(), "FRANK@example.org"); err != nil {
			t.Fatal(err)
		}
		told, _ := ofTheList(t, s.Announced(5))
		if diff := cmp.Diff([]string{
			`kumomta.suppression.added frank@example.org unsubscribe asked by "phone"`,
			"kumomta.suppression.added grace@example.org manual <nil>",
			"kumomta.suppression.added heidi@example.org invalid <nil>",
			`kumomta.suppression.removed frank@example.org unsubscribe asked by "phone"`,
		}, told); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
		// Over HTTP to those who ask for them alone.
		ask := apiclient.StreamFilter{Types: []string{apiclient.SuppressionRemoved, "reception"}, Recipient: "frank@example.org"}
		var heard []string
		for h, err := range c.Stream(t.Context(), ask, "0") {
			if err != nil {
				t.Fatal(err)
			}
			if heard = append(heard, h.Type); h.Type == apiclient.SuppressionRemoved {
				if change, err := h.SuppressionChange(); err != nil || change.Address != "frank@example.org" || change.ChangedAt.Before(change.AddedAt) {
					t.Errorf("heard %+v, %v", change, err)
				}
			}
			if len(heard) == 2 {
				break
			}
		}
		if len(heard) != 2 || heard[0] == heard[1] {
			t.Errorf("heard %q, want a reception and a removal", heard)
		}
	})
}

// A thousand are added, and the service dies as soon as it has said so: what it
// could not tell it tells when it is back, and what it told it does not tell again.
func TestChangesOfTheListSurviveACrash(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		var entries []apiclient.NewSuppression
		for i := range 1000 {
			entries = append(entries, apiclient.NewSuppression{Address: fmt.Sprintf("user%d@example.org", i)})
		}
		if _, err := s.Client().AddSuppressions(t.Context(), entries...); err != nil {
			t.Fatal(err)
		}
		s.Kill()
		s.Start()
		told, ids := ofTheList(t, s.Announced(1000))
		if len(told) != 1000 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 1000 {
			t.Errorf("%d changes of %d ids, want 1,000", len(told), len(slices.Compact(slices.Sorted(slices.Values(ids)))))
		}
		for i, one := range told {
			if want := fmt.Sprintf("kumomta.suppression.added user%d@example.org manual <nil>", i); one != want {
				t.Fatalf("change %d: %s, want %s", i, one, want)
			}
		}
	})
}
