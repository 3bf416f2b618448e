package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ofMessage are the records of the nth tale's message.
func (c *tale) ofMessage(n int) []string {
	own := `"id":"` + messageID(n) + `"`
	if c.original != "" {
		own += "," + c.original
	}
	return []string{rec(own), rec(delivery + "," + own)}
}

// orders are those in which messages and their reports may arrive.
var orders = map[string]func(message, report []string) (bodies []string){
	"reports behind": func(m, r []string) []string { return []string{strings.Join(m, "\n"), strings.Join(r, "\n")} },
	"reports first":  func(m, r []string) []string { return []string{strings.Join(r, "\n"), strings.Join(m, "\n")} },
	"one batch, then again": func(m, r []string) []string {
		all := strings.Join(slices.Concat(r, m), "\n")
		return []string{all, all}
	},
	"one by one": func(m, r []string) []string {
		all := slices.Concat(m, r)
		slices.Reverse(all)
		return all
	},
}

func TestReportsAreTiedAsFarAsIsProven(t *testing.T) {
	t.Parallel()
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEveryPlatform(t, func(t *testing.T, s *Service) {
				s.Start()
				var messages, reports []string
				all := tales()
				for n := range all {
					messages = append(messages, all[n].ofMessage(n)...)
					reports = append(reports, all[n].reports...)
				}
				for _, body := range order(messages, reports) {
					s.mustTake(body)
				}
				checkTales(t, s, all)
				checkWholly(t, s, parseRecords(t, slices.Concat(messages, reports)))
			})
		})
	}
}

// checkTales holds logs and ties against what was worked out by hand.
func checkTales(t *testing.T, s *Service, all []tale) {
	t.Helper()
	ends := map[string][]string{}
	for _, l := range s.Export() {
		local, _, _ := strings.Cut(l.text("recipient"), "@")
		end := local + " " + l.text("status")
		if l["confidence"] != nil {
			end += " " + l.text("confidence")
		}
		ends[l.text("message_id")] = append(ends[l.text("message_id")], end)
	}
	events := 0
	for _, c := range all {
		events += len(c.reports)
	}
	ties := map[string]string{}
	for _, m := range s.Announced(events) {
		if original, isReport := m.payload["original"]; isReport {
			ties[reportKey(m.payload)] = tieOf(original)
		}
	}
	for n, c := range all {
		slices.Sort(ends[messageID(n)])
		if got := strings.Join(ends[messageID(n)], ", "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		delete(ends, messageID(n))
		var got []string
		for _, r := range parseRecords(t, c.reports) {
			if s := (said{record: r}); s.isReport() {
				got = append(got, ties[reportKey(modelAnnouncement(s))])
			}
		}
		slices.Sort(got)
		want := strings.Split(c.ties, ", ")
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: ties (-want +got):\n%s", c.name, diff)
		}
	}
	if len(ends) > 0 {
		t.Errorf("logs of what is no mail of ours: %v", ends)
	}
}

func reportKey(payload object) string { return fmt.Sprint(payload["type"], payload["message_id"]) }

func tieOf(original any) string {
	o, ok := original.(map[string]any)
	if !ok {
		return "-"
	}
	if o["recipient"] == nil {
		return fmt.Sprint(o["tied_by"], " -")
	}
	return fmt.Sprint(o["tied_by"], " ", o["recipient"])
}
