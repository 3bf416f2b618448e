package application_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// inStream tells a story of a stream in a time of its own.
func inStream(t *testing.T, config application.StreamConfig, tell func(*streamed)) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreamed(t, config)
		defer s.close()
		tell(s)
	})
}

func wantHeard(t *testing.T, c *client, want ...uint64) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if diff := cmp.Diff(want, c.heard, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

func TestListenerHearsWhatIsAnnouncedFromNowOn(t *testing.T) {
	inStream(t, application.StreamConfig{}, func(s *streamed) {
		s.publish("acme", "acme")
		c := s.listen(application.StreamFilter{}, nil)
		synctest.Wait()
		if !c.begun || c.last != 2 {
			t.Errorf("begun %v at %d, want at 2", c.begun, c.last)
		}
		s.publish("acme", "other", "acme")
		settle()
		wantHeard(t, c, 3, 4, 5)
	})
}

func TestListenersShareOneFollower(t *testing.T) {
	inStream(t, application.StreamConfig{}, func(s *streamed) {
		all, some := s.listen(application.StreamFilter{}, nil), s.listen(application.StreamFilter{Tenant: "acme"}, nil)
		settle()
		if n := s.bus.following.Load(); n != 1 {
			t.Errorf("%d follow the bus, want 1", n)
		}
		s.publish("acme", "other", "acme")
		settle()
		wantHeard(t, all, 1, 2, 3)
		wantHeard(t, some, 1, 3)
	})
}

func TestBusIsFollowedOnlyWhileSomebodyListens(t *testing.T) {
	inStream(t, application.StreamConfig{Linger: time.Minute}, func(s *streamed) {
		c := s.listen(application.StreamFilter{}, nil)
		settle()
		c.leave()
		pass(50 * time.Second)
		if n := s.bus.following.Load(); n != 1 {
			t.Errorf("%d follow the bus soon after the last left, want 1", n)
		}
		c = s.listen(application.StreamFilter{}, nil)
		pass(time.Hour)
		if n := s.bus.following.Load(); n != 1 {
			t.Errorf("%d follow the bus while one listens, want 1", n)
		}
		c.leave()
		pass(61 * time.Second)
		if n := s.bus.following.Load(); n != 0 {
			t.Errorf("%d follow the bus long after the last left, want none", n)
		}
		s.publish("acme")
		c = s.listen(application.StreamFilter{}, nil)
		settle()
		s.publish("acme")
		settle()
		wantHeard(t, c, 2)
	})
}

func TestListenerIsToldThatNothingCame(t *testing.T) {
	inStream(t, application.StreamConfig{}, func(s *streamed) {
		c := s.listen(application.StreamFilter{Tenant: "acme"}, nil)
		synctest.Wait()
		s.publish("other", "other")
		pass(46 * time.Second)
		if c.beats != 3 || c.last != 2 {
			t.Errorf("%d signs of life up to %d, want 3 up to 2", c.beats, c.last)
		}
		s.publish("acme")
		pass(14 * time.Second)
		wantHeard(t, c, 3)
		if c.beats != 3 {
			t.Error("a sign of life less than a beat after a message")
		}
	})
}

func TestResumingListenerHearsWhatItMissed(t *testing.T) {
	for name, config := range map[string]application.StreamConfig{
		"from the bus":    {Messages: 4},
		"from the memory": {},
	} {
		t.Run(name, func(t *testing.T) {
			inStream(t, config, func(s *streamed) {
				early := s.listen(application.StreamFilter{}, nil)
				synctest.Wait()
				for range 10 {
					s.publish("acme", "other")
					settle()
				}
				late := s.listen(application.StreamFilter{Tenant: "acme"}, new(uint64(10)))
				settle()
				s.publish("acme")
				settle()
				wantHeard(t, late, 11, 13, 15, 17, 19, 21)
				if len(early.heard) != 21 {
					t.Errorf("the other heard %v", early.heard)
				}
				if fromBus := s.bus.read.Load() > 0; fromBus != (config.Messages > 0) {
					t.Errorf("read %d times from the bus", s.bus.read.Load())
				}
			})
		})
	}
}

func TestListenerThatCannotResumeIsReset(t *testing.T) {
	for name, place := range map[string]uint64{"long gone": 3, "not there yet": 11} {
		t.Run(name, func(t *testing.T) {
			inStream(t, application.StreamConfig{}, func(s *streamed) {
				s.publish("a", "a", "a", "a", "a", "a", "a", "a", "a", "a")
				s.bus.Drop(5)
				c := s.listen(application.StreamFilter{}, new(place))
				settle()
				if c.resets != 1 || c.last != 10 {
					t.Errorf("%d resets, the last at %d, want one at 10", c.resets, c.last)
				}
				s.publish("a")
				settle()
				wantHeard(t, c, 11)
			})
		})
	}
}

func TestNoPlaceBehindALossIsGivenWithoutTheReset(t *testing.T) {
	t.Run("at first", func(t *testing.T) {
		inStream(t, application.StreamConfig{}, func(s *streamed) {
			s.publish("a", "a", "a", "a", "a", "a")
			s.bus.Drop(5)
			var first application.Heard
			err := s.Listen(context.Background(), application.StreamFilter{}, new(uint64(3)), func(h application.Heard) error {
				first = h
				return errHungUp
			})
			if !errors.Is(err, errHungUp) || !first.Reset || first.Sequence != 6 {
				t.Errorf("told %+v, ended with %v, want a reset at 6", first, err)
			}
		})
	})
	t.Run("while it waits for its turn to read", func(t *testing.T) {
		inStream(t, application.StreamConfig{Messages: 4, Readers: 1}, func(s *streamed) {
			for range 600 {
				s.publish("a")
			}
			reading := s.listenAs(&client{hold: make(chan struct{})}, application.StreamFilter{}, new(uint64(0)))
			synctest.Wait()
			waiting := s.listen(application.StreamFilter{}, new(uint64(0)))
			synctest.Wait()
			s.bus.Renew()
			s.publish("a")
			pass(16 * time.Second)
			if waiting.last != 1 || waiting.resets != 1 {
				t.Errorf("%d resets at %d, want one at 1", waiting.resets, waiting.last)
			}
			close(reading.hold)
		})
	})
}

func TestListenerWhoseNextMessageGoesIsReset(t *testing.T) {
	inStream(t, application.StreamConfig{Messages: 4, Readers: 1}, func(s *streamed) {
		for range 600 {
			s.publish("a")
		}
		slow := s.listenAs(&client{hold: make(chan struct{})}, application.StreamFilter{}, new(uint64(0)))
		synctest.Wait()
		waiting := s.listen(application.StreamFilter{}, new(uint64(0)))
		settle()
		s.bus.Drop(590)
		close(slow.hold)
		settle()
		s.publish("a")
		settle()
		for _, c := range []*client{slow, waiting} {
			if n := len(c.heard); c.resets != 1 || c.heard[n-1] != 601 {
				t.Errorf("%d resets, heard %d with %d last", c.resets, n, c.heard[n-1])
			}
		}
		wantHeard(t, waiting, 601)
	})
}

func TestListenersAreResetWhenTheBusIsAnother(t *testing.T) {
	inStream(t, application.StreamConfig{}, func(s *streamed) {
		c := s.listen(application.StreamFilter{}, nil)
		synctest.Wait()
		s.publish("a", "a")
		settle()
		s.bus.Renew()
		settle()
		s.publish("a", "a")
		settle()
		wantHeard(t, c, 1, 2, 1, 2)
		if c.resets != 1 {
			t.Errorf("%d resets, want 1", c.resets)
		}
	})
}

func TestListenersGoOnWhenTheBusIsBack(t *testing.T) {
	inStream(t, application.StreamConfig{Messages: 4}, func(s *streamed) {
		s.publish("a", "a", "a", "a", "a", "a")
		live := s.listen(application.StreamFilter{}, nil)
		settle()
		s.bus.SetAway(true)
		pass(10 * time.Minute)
		s.publish("a")
		if live.ended || live.beats < 39 {
			t.Errorf("ended %v after %d signs of life", live.ended, live.beats)
		}
		if err := s.Listen(context.Background(), application.StreamFilter{}, nil, nil); !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("a new one: %v, want unavailable", err)
		}
		s.bus.SetAway(false)
		pass(6 * time.Second)
		wantHeard(t, live, 7)
	})
}

func TestResumingListenerOutlivesAnOutage(t *testing.T) {
	inStream(t, application.StreamConfig{Messages: 4}, func(s *streamed) {
		for range 600 {
			s.publish("a")
		}
		c := s.listenAs(&client{hold: make(chan struct{})}, application.StreamFilter{}, new(uint64(0)))
		settle()
		s.bus.SetAway(true)
		close(c.hold)
		pass(time.Minute)
		s.bus.SetAway(false)
		pass(6 * time.Second)
		if n := len(c.heard); n != 600 || c.heard[n-1] != 600 || c.resets != 0 {
			t.Errorf("heard %d up to %d, %d resets", n, c.heard[n-1], c.resets)
		}
	})
}

func TestSlowListenerIsDroppedAndHoldsUpNobody(t *testing.T) {
	inStream(t, application.StreamConfig{Messages: 10}, func(s *streamed) {
		slow := s.listenAs(&client{hold: make(chan struct{})}, application.StreamFilter{}, nil)
		quick := s.listen(application.StreamFilter{}, nil)
		rare := s.listen(application.StreamFilter{Tenant: "rare"}, nil)
		settle()
		for range 20 {
			s.publish("a")
			settle()
		}
		if len(quick.heard) != 20 {
			t.Errorf("the other heard %v", quick.heard)
		}
		close(slow.hold)
		settle()
		if !errors.Is(slow.err, application.ErrTooSlow) {
			t.Errorf("ended with %v, want too slow", slow.err)
		}
		wantHeard(t, slow, 1)
		again := s.listen(application.StreamFilter{}, &slow.last)
		s.publish("rare")
		settle()
		if n := len(again.heard); n != 20 || again.heard[0] != 2 {
			t.Errorf("after it came back it heard %v", again.heard)
		}
		wantHeard(t, rare, 21) // who wants little is not slow
	})
}

func TestMemoryIsBoundedInBytes(t *testing.T) {
	inStream(t, application.StreamConfig{Bytes: 1000}, func(s *streamed) {
		slow := s.listenAs(&client{hold: make(chan struct{})}, application.StreamFilter{}, nil)
		settle()
		for range 10 { // of some 200 bytes each
			s.publish("a")
			settle()
		}
		close(slow.hold)
		settle()
		if !errors.Is(slow.err, application.ErrTooSlow) {
			t.Errorf("ended with %v, want too slow", slow.err)
		}
	})
}

func TestListenersBeyondTheLimitAreRefused(t *testing.T) {
	inStream(t, application.StreamConfig{Listeners: 2}, func(s *streamed) {
		first := s.listen(application.StreamFilter{}, nil)
		s.listen(application.StreamFilter{}, nil)
		settle()
		if err := s.Listen(context.Background(), application.StreamFilter{}, nil, nil); !errors.Is(err, ports.ErrOverloaded) {
			t.Errorf("a third: %v, want overloaded", err)
		}
		if n := s.Listeners(); n != 2 {
			t.Errorf("%d listen, want 2", n)
		}
		first.leave()
		settle()
		third := s.listen(application.StreamFilter{}, nil)
		settle()
		s.publish("a")
		settle()
		wantHeard(t, third, 1)
	})
}

func TestStopEndsListenersWhereverTheyAre(t *testing.T) {
	inStream(t, application.StreamConfig{Readers: 1, Messages: 2}, func(s *streamed) {
		for range 600 {
			s.publish("a")
		}
		live := s.listen(application.StreamFilter{}, nil)
		reading := s.listenAs(&client{hold: make(chan struct{})}, application.StreamFilter{}, new(uint64(0)))
		synctest.Wait()
		waiting := s.listen(application.StreamFilter{}, new(uint64(0)))
		settle()
		s.Stop()
		close(reading.hold)
		synctest.Wait()
		for name, c := range map[string]*client{"live": live, "reading": reading, "waiting": waiting} {
			if !errors.Is(c.err, application.ErrStopping) {
				t.Errorf("the %s one ended with %v, want stopping", name, c.err)
			}
		}
		if err := s.Listen(context.Background(), application.StreamFilter{}, nil, nil); !errors.Is(err, application.ErrStopping) {
			t.Errorf("a new one: %v, want stopping", err)
		}
	})
}

func TestListenEndsWithItsContextOrItsTeller(t *testing.T) {
	inStream(t, application.StreamConfig{}, func(s *streamed) {
		c := s.listen(application.StreamFilter{}, nil)
		settle()
		c.leave()
		synctest.Wait()
		if !errors.Is(c.err, context.Canceled) {
			t.Errorf("ended with %v, want canceled", c.err)
		}
		err := s.Listen(context.Background(), application.StreamFilter{}, nil, func(application.Heard) error { return errHungUp })
		if !errors.Is(err, errHungUp) {
			t.Errorf("ended with %v, want its teller's error", err)
		}
	})
}

func TestStreamFilterChooses(t *testing.T) {
	event := func(e *domain.EmailEvent) {
		e.Type, e.RecordType = domain.Bounce, "Bounce"
		e.MessageID, e.Recipient = "10d1b680884d11f19001782d7e12e173", "Bob@Example.com"
		e.Tenant, e.Campaign, e.Provider = "acme", "spring", "google"
		e.Verdict.Cause = domain.CauseRecipient
	}
	report := func(e *domain.EmailEvent) {
		e.Type, e.RecordType = domain.OOB, "OOB"
		e.MessageID, e.Recipient = "99d1b680884d11f19001782d7e12e173", "bounces@sender.example"
		e.Original = &domain.Original{MessageID: "10d1b680884d11f19001782d7e12e173", Recipients: []string{"bob@example.com"}}
	}
	type choice struct {
		filter        application.StreamFilter
		event, report bool
	}
	for name, c := range map[string]choice{
		"all":                      {application.StreamFilter{}, true, true},
		"type":                     {application.StreamFilter{Types: []string{"delivery", "bounce"}}, true, false},
		"another type":             {application.StreamFilter{Types: []string{"delivery"}}, false, false},
		"recipient":                {application.StreamFilter{Recipient: "Bob@EXAMPLE.com"}, true, false},
		"recipient of original":    {application.StreamFilter{Recipient: "bob@example.com"}, false, true},
		"domain":                   {application.StreamFilter{Recipient: "*@EXAMPLE.COM"}, true, true},
		"part of a domain":         {application.StreamFilter{Recipient: "*@ample.com"}, false, false},
		"domain of the report":     {application.StreamFilter{Recipient: "*@sender.example"}, false, true},
		"message":                  {application.StreamFilter{MessageID: "10D1B680-884D-11F1-9001-782D7E12E173"}, true, true},
		"the report's own message": {application.StreamFilter{MessageID: "99d1b680884d11f19001782d7e12e173"}, false, true},
		"message and recipient of different ones": {application.StreamFilter{
			MessageID: "99d1b680884d11f19001782d7e12e173", Recipient: "bob@example.com",
		}, false, false},
		"tenant":           {application.StreamFilter{Tenant: "acme"}, true, false},
		"campaign":         {application.StreamFilter{Campaign: "spring"}, true, false},
		"another campaign": {application.StreamFilter{Campaign: "autumn"}, false, false},
		"provider":         {application.StreamFilter{Provider: "google"}, true, false},
		"another provider": {application.StreamFilter{Provider: "yahoo"}, false, false},
		"cause":            {application.StreamFilter{Causes: []string{"domain", "recipient"}}, true, false},
		"another cause":    {application.StreamFilter{Causes: []string{"domain"}}, false, false},
		"status":           {application.StreamFilter{Statuses: []string{"bounced", "delivered"}}, true, true},
		"another status":   {application.StreamFilter{Statuses: []string{"deferred"}}, false, false},
		"all at once": {application.StreamFilter{
			Types: []string{"bounce"}, Tenant: "acme", Campaign: "spring", Provider: "google", Causes: []string{"recipient"},
		}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			inStream(t, application.StreamConfig{}, func(s *streamed) {
				heard := s.listen(c.filter, nil)
				settle()
				s.publishEvent(event)
				s.publishEvent(report)
				settle()
				var want []uint64
				if c.event {
					want = append(want, 1)
				}
				if c.report {
					want = append(want, 2)
				}
				wantHeard(t, heard, want...)
			})
		})
	}
}
