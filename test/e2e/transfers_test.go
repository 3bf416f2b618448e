package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	before, after = "34822600884d11f1900a782d7e12e173", "34822600884d11f1900b782d7e12e173"

	accepted    = `"id":"` + before + `"`
	transferOut = accepted + `,"type":"XferOut","delivery_protocol":"xfer","response":{"code":250,"enhanced_code":null,"content":"new id is ` + after + `","command":null}`
	transferIn  = `"id":"` + after + `","type":"XferIn","meta":{"xfer_prior_id":"` + before + `"}`
	arrived     = `"id":"` + after + `"`
)

// One message under two ids: what there is of its records, and its logs.
var transfers = map[string]struct {
	records []string
	want    []string // message id, status, other ids
}{
	"both nodes speak": {
		[]string{rec(accepted), rec(transferOut + "," + at(10)), rec(transferIn + "," + at(11) + "," + otherNode), rec(delivery + "," + arrived + "," + otherNode)},
		[]string{before + " transferred next " + after, after + " delivered prior " + before},
	},
	"the first node alone": {
		[]string{rec(accepted), rec(transferOut + "," + at(10))},
		[]string{before + " transferred next " + after},
	},
	"the second node alone": {
		[]string{rec(transferIn + "," + at(11) + "," + otherNode), rec(delivery + "," + arrived + "," + otherNode)},
		[]string{after + " delivered prior " + before},
	},
	"no word of the first node on the transfer": {
		[]string{rec(accepted), rec(transferIn + "," + at(11) + "," + otherNode)},
		[]string{before + " transferred next " + after, after + " pending prior " + before},
	},
	"no word of the second node on the transfer": {
		[]string{rec(transferOut + "," + at(10)), rec(delivery + "," + arrived + "," + otherNode)},
		[]string{before + " transferred next " + after, after + " delivered prior " + before},
	},
	"an id that is none": {
		[]string{rec(accepted + `,"type":"XferOut","response":{"code":250,"content":"new id is secret"}`)},
		[]string{before + " transferred"},
	},
}

func TestTransfersLinkTheIdsOfAMessageInAnyOrder(t *testing.T) {
	t.Parallel()
	for name, c := range transfers {
		for _, backwards := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, backwards %t", name, backwards), func(t *testing.T) {
				t.Parallel()
				onEveryPlatform(t, func(t *testing.T, s *Service) {
					s.Start()
					records := slices.Clone(c.records)
					if backwards {
						slices.Reverse(records)
					}
					for _, r := range records {
						s.mustTake(r)
					}
					var got []string
					for _, l := range s.Export() {
						end := l.text("message_id") + " " + l.text("status")
						for _, link := range []string{"prior", "next"} {
							if id := l.text(link + "_id"); id != "" {
								end += " " + link + " " + id
							}
						}
						got = append(got, end)
					}
					slices.Sort(got)
					if diff := cmp.Diff(c.want, got); diff != "" {
						t.Errorf("logs (-want +got):\n%s", diff)
					}
					checkWholly(t, s, parseRecords(t, records))
				})
			})
		}
	}
}

// timelineOf looks a log up and returns it and the types of its events.
func timelineOf(t *testing.T, s *Service, id string) (log object, types string, events []object) {
	t.Helper()
	log = s.Lookup(id)
	var names []string
	list, _ := log["timeline"].([]any)
	for _, one := range list {
		e, _ := one.(map[string]any)
		events = append(events, e)
		names = append(names, object(e).text("type"))
	}
	return log, strings.Join(names, " "), events
}

// The report stands in the story of the message that it is about, and its own
// log says what it is.
func TestTimelinesShowTheReportsThatAreTied(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		s.mustTake(sample(t, "modern.jsonl"))
		for _, c := range []struct {
			id, status, types, tie string
			isReport               bool
		}{
			{"28966400884d11f19006782d7e12e173", "bounced", "reception delivery oob", "verp verified", false},
			{"2e8c4500884d11f19008782d7e12e173", "complained", "reception delivery feedback", "trace claimed", false},
			{"60ee7000885611f19007782d7e12e173", "pending", "oob reception", "verp verified", true},
		} {
			log, types, events := timelineOf(t, s, c.id)
			if log.text("status") != c.status || types != c.types || log["of_report"] != c.isReport {
				t.Errorf("%s: %s, %s, of a report: %v; want %s, %s, %t", c.id, log["status"], types, log["of_report"], c.status, c.types, c.isReport)
			}
			for _, e := range events {
				original := child(e, "original")
				if isReport := e.text("type") == "oob" || e.text("type") == "feedback"; isReport != (original != nil) {
					t.Errorf("%s: %s with the original %v", c.id, e["type"], original)
				}
				if original != nil && original.text("tied_by")+" "+original.text("confidence") != c.tie {
					t.Errorf("%s: tied %v, want %s", c.id, original, c.tie)
				}
			}
		}
	})
}
