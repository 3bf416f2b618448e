package contract

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestOutbox holds a store's Claim and Done to the words of ports.Outbox.
func TestOutbox(t *testing.T, open Open) {
	tellAll(t, "Outbox", open, []story{
		{"ClaimsOldestFirstUpToLimit", claimsOldestFirst},
		{"ClaimsNothingFromEmptyStore", claimsNothing},
		{"ClaimsNewEventsAsCommitted", claimsAsCommitted},
		{"ClaimsWithStatusesOfNow", claimsStatusesOfNow},
		{"HidesWhatIsClaimed", hidesClaimed},
		{"HidesWhatCommitterHolds", hidesHeld},
		{"GivesBackWhatWasNotDone", givesBackClaimed},
		{"GivesBackWhatCommitterDidNotDo", givesBackHeld},
		{"ForgetsWhatIsDone", forgetsDone},
		{"IgnoresUnknownIDs", ignoresUnknownIDs},
		{"NeverGivesTwoClaimersTheSame", neverSharesClaims},
		{"ClaimsBesideCommits", claimsBesideCommits},
		{"EndedContextIsUnavailable", endedContextClaims},
	})
}

// aSecond is the shortest hold. Only the stories that wait for its end use it;
// they are told side by side.
const aSecond = time.Second

// eventually claims for an hour until all the wanted ids have come, and fails
// t if others come or none for ten seconds. It has to wait by the store's own
// clock, which is another machine's perhaps.
func eventually(t *testing.T, s Store, want ...ports.AnnouncementID) []ports.Announcement {
	t.Helper()
	var came []ports.Announcement
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if came = append(came, claim(t, s, 100)...); len(came) >= len(want) {
			break
		}
		<-tick.C
	}
	same(t, "ids that came back", want, idsOfClaimed(came))
	return came
}

func idsOfClaimed(claimed []ports.Announcement) []ports.AnnouncementID {
	var ids []ports.AnnouncementID
	for _, a := range claimed {
		ids = append(ids, a.ID)
	}
	return ids
}

// commitEach commits n units of one event each and returns the ids of their
// announcements.
func commitEach(t *testing.T, s Store, n int, hold time.Duration) []ports.AnnouncementID {
	t.Helper()
	var ids []ports.AnnouncementID
	// Backwards in time, so that the order of commit is not that of events.
	for _, r := range slices.Backward(deliveries(0, n)) {
		c := commit(t, s, ports.Unit{Events: eventsOf(r), Hold: hold})
		ids = append(ids, c.Announcement.ID)
	}
	return ids
}

func claimsOldestFirst(t *testing.T, s Store) {
	ids := commitEach(t, s, 5, 0)
	same(t, "first claim", ids[:2], idsOfClaimed(claim(t, s, 2)))
	same(t, "second claim", ids[2:4], idsOfClaimed(claim(t, s, 2)))
	same(t, "last claim", ids[4:], idsOfClaimed(claim(t, s, 2)))
}

func claimsNothing(t *testing.T, s Store) { same(t, "claimed", 0, len(claim(t, s, 10))) }

func claimsAsCommitted(t *testing.T, s Store) {
	known := record("Delivery", 7, 8, "z@example.com")
	first := commitRecords(t, s, known)
	bounced := record("Bounce", 1, 40, "c@example.com")
	second := commitRecords(t, s,
		record("Delivery", 9, 20, "b@example.com", "a@example.com"), otherwise(known),
		record("Feedback", 3, 4, "a@example.com"), bounced,
		reportOn("Feedback", 30, bounced), reportOn("OOB", 31, record("Delivery", 32, 33, "nobody@example.com")))
	same(t, "claimed", []ports.Announcement{first.Announcement, second.Announcement}, claim(t, s, 10))
}

func claimsStatusesOfNow(t *testing.T, s Store) {
	early := eventsOf(record("TransientFailure", 1, 5, "a@example.com"), record("Reception", 2, 5, "a@example.com"))
	commit(t, s, ports.Unit{Events: early})
	commitRecords(t, s, record("Delivery", 1, 9, "a@example.com"), record("Bounce", 2, 9, "a@example.com"))
	same(t, "announced", announced(early, domain.Delivered, domain.Bounced), claim(t, s, 1)[0].Events)
}

func hidesClaimed(t *testing.T, s Store) {
	commitEach(t, s, 3, 0)
	same(t, "claimed", 3, len(claim(t, s, 10)))
	same(t, "claimed again", 0, len(claim(t, s, 10)))
}

func hidesHeld(t *testing.T, s Store) {
	commitEach(t, s, 3, time.Hour)
	free := commitRecords(t, s, record("Bounce", 1, 5, "z@example.com"))
	same(t, "claimed", []ports.AnnouncementID{free.Announcement.ID}, idsOfClaimed(claim(t, s, 10)))
}

func givesBackClaimed(t *testing.T, s Store) {
	commitEach(t, s, 2, 0)
	claimed, err := s.Claim(context.Background(), 10, aSecond)
	fine(t, "claim", err)
	came := eventually(t, s, idsOfClaimed(claimed)...)
	same(t, "announcements that came back", claimed, came)
}

func givesBackHeld(t *testing.T, s Store) {
	c := commit(t, s, ports.Unit{Events: eventsOf(deliveries(0, 3)...), Hold: aSecond})
	came := eventually(t, s, c.Announcement.ID)
	same(t, "announcement that came back", c.Announcement, came[0])
}

// forgetsDone holds two of four, and only the others may come back.
func forgetsDone(t *testing.T, s Store) {
	ids := commitEach(t, s, 2, 0)
	ids = append(ids, commit(t, s, ports.Unit{Events: eventsOf(deliveries(20, 1)...), Hold: aSecond}).Announcement.ID)
	_, err := s.Claim(context.Background(), 10, aSecond)
	fine(t, "claim", err)
	ids = append(ids, commit(t, s, ports.Unit{Events: eventsOf(deliveries(21, 1)...), Hold: aSecond}).Announcement.ID)
	fine(t, "done", s.Done(context.Background(), []ports.AnnouncementID{ids[0], ids[2]}))
	eventually(t, s, ids[1], ids[3])
}

func ignoresUnknownIDs(t *testing.T, s Store) {
	ids := commitEach(t, s, 2, 0)
	ctx := context.Background()
	fine(t, "done with none", s.Done(ctx, nil))
	fine(t, "done with an unknown id", s.Done(ctx, []ports.AnnouncementID{ids[0], ids[1] + 1000}))
	fine(t, "done again", s.Done(ctx, ids[:1]))
	same(t, "claimed", ids[1:], idsOfClaimed(claim(t, s, 10)))
}

func neverSharesClaims(t *testing.T, s Store) {
	ids := commitEach(t, s, 60, 0)
	var (
		claimers sync.WaitGroup
		mu       sync.Mutex
		all      []ports.AnnouncementID
	)
	for range 8 {
		claimers.Go(func() {
			for range 10 { // 8 times 10 times 3 is more than there are
				claimed, err := s.Claim(context.Background(), 3, time.Hour)
				if err != nil {
					t.Errorf("claim beside others: %v", err)
					return
				}
				mu.Lock()
				all = append(all, idsOfClaimed(claimed)...)
				mu.Unlock()
			}
		})
	}
	claimers.Wait()
	slices.Sort(all)
	same(t, "ids that all claimed together", ids, all)
}

func claimsBesideCommits(t *testing.T, s Store) {
	const units = 80
	var committer sync.WaitGroup
	committer.Go(func() {
		for _, r := range deliveries(0, units) {
			if _, err := s.Commit(context.Background(), ports.Unit{Events: eventsOf(r)}); err != nil {
				t.Errorf("commit beside claims: %v", err)
			}
		}
	})
	claimed := map[domain.EventID]int{}
	take := func() int {
		as := claim(t, s, 5)
		for _, a := range as {
			claimed[a.Events[0].Event.ID]++
		}
		fine(t, "done", s.Done(context.Background(), idsOfClaimed(as)))
		return len(as)
	}
	for range units {
		take()
	}
	committer.Wait()
	for take() > 0 {
	}
	for i, r := range deliveries(0, units) {
		same(t, fmt.Sprintf("claims of event %d", i), 1, claimed[eventsOf(r)[0].ID])
	}
}

func endedContextClaims(t *testing.T, s Store) {
	ids := commitEach(t, s, 1, 0)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Claim(ctx, 10, time.Hour)
	is(t, "claim under an ended context", err, ports.ErrUnavailable)
	is(t, "done under an ended context", s.Done(ctx, ids), ports.ErrUnavailable)
}
