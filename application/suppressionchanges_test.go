package application_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// changesOnTheBus returns what has arrived of the list's changes.
func changesOnTheBus(w *relaying) (told []string) {
	for _, a := range w.bus.Arrived() {
		if a.Change != nil {
			told = append(told, a.Type()+" "+a.Change.Address)
		}
	}
	return told
}

func TestRelayAnnouncesChangesOfTheListInTheirOrder(t *testing.T) {
	for name, outage := range map[string]time.Duration{"the bus is there": 0, "the bus is away": time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := startRelay(t, application.RelayConfig{})
				w.bus.set(outage > 0, 0)
				list := application.NewSuppressions(w.outbox, time.Now)
				entries := []domain.Suppression{{Address: "b@example.com"}, {Address: "a@example.com"}, {Address: "b@example.com"}}
				if _, err := list.Add(t.Context(), entries); err != nil {
					t.Fatal(err)
				}
				events := w.take(1)
				if err := list.Remove(t.Context(), "b@example.com"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(outage)
				w.bus.set(false, 0)
				time.Sleep(time.Minute)
				want := []string{
					"suppression.added b@example.com", "suppression.added a@example.com", "suppression.removed b@example.com",
				}
				if diff := cmp.Diff(want, changesOnTheBus(w)); diff != "" {
					t.Errorf("changes (-want +got):\n%s", diff)
				}
				if got := w.bus.times(events); got[0] == 0 || len(w.bus.Arrived()) != 4 {
					t.Errorf("%d have arrived, the event was sent %v times", len(w.bus.Arrived()), got)
				}
				w.checkDone()
			})
		})
	}
}

func TestRelaySendsOnlyChangesThatWereNotAcknowledgedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{})
		w.bus.Lose(1)
		list := application.NewSuppressions(w.outbox, time.Now)
		if _, err := list.Add(t.Context(), []domain.Suppression{{Address: "a@example.com"}, {Address: "b@example.com"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		sent := map[string]int{}
		for _, a := range w.bus.Arrived() {
			sent[a.Change.Address] = w.bus.times([]domain.EmailEvent{{ID: a.ID()}})[0]
		}
		if diff := cmp.Diff(map[string]int{"a@example.com": 2, "b@example.com": 1}, sent); diff != "" {
			t.Errorf("times sent (-want +got):\n%s", diff)
		}
		w.checkDone()
	})
}

func TestStreamTellsChangesOfTheListToWhoAsks(t *testing.T) {
	both := []string{"suppression.added", "suppression.removed"}
	for name, c := range map[string]struct {
		filter application.StreamFilter
		want   []uint64
	}{
		"all":                    {application.StreamFilter{}, []uint64{2}},
		"a recipient alone":      {application.StreamFilter{Recipient: "frank@example.org"}, nil},
		"both types":             {application.StreamFilter{Types: both}, []uint64{1, 3}},
		"one type":               {application.StreamFilter{Types: both[1:]}, []uint64{3}},
		"events too":             {application.StreamFilter{Types: append(both, "delivery")}, []uint64{1, 2, 3}},
		"the address":            {application.StreamFilter{Types: both, Recipient: "Frank@EXAMPLE.org"}, []uint64{1, 3}},
		"the domain":             {application.StreamFilter{Types: both, Recipient: "*@Example.org"}, []uint64{1, 3}},
		"another address":        {application.StreamFilter{Types: both, Recipient: "grace@example.org"}, nil},
		"a message":              {application.StreamFilter{Types: both, MessageID: "10d1b680884d11f19001782d7e12e173"}, nil},
		"a status":               {application.StreamFilter{Types: both, Statuses: []string{"delivered"}}, nil},
		"a tenant, and no event": {application.StreamFilter{Types: both, Tenant: "acme"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inStream(t, application.StreamConfig{}, func(s *streamed) {
				heard := s.listen(c.filter, nil)
				settle()
				s.publishChange(false)
				s.publish("acme")
				s.publishChange(true)
				settle()
				wantHeard(t, heard, c.want...)
			})
		})
	}
}

// publishChange announces that an address was added or taken out.
func (s *streamed) publishChange(removed bool) {
	s.events++
	change := domain.NewSuppressionChange(domain.Suppression{Address: "frank@example.org"}, removed, noon, uint64(s.events))
	if _, err := s.bus.Publish(s.t.Context(), []ports.Announced{{Change: &change}}); err != nil {
		s.t.Error(err)
	}
}
