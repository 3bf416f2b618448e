package contract

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestRegistrations holds a store to the words of ports.Registrations.
func TestRegistrations(t *testing.T, open Open) {
	tellAll(t, "Registrations", open, []story{
		{"KeepsRegistrationsAsTheyAre", keepsRegistrations},
		{"KeepsTheFirstOfAnApplicationIDAndRecipient", keepsFirstRegistration},
		{"FindsByApplicationIDInOrderOfOwnIDs", findsRegistrationsInOrder},
		{"FindsByItsOwnIDAlone", findsRegistrationByOwnID},
		{"FindsNothingByOddIDs", findsNoRegistrations},
		{"KeepsEachOnceAtTheSameTime", registersOnce},
		{"GoesWithLogsOfItsTime", prunesRegistrations},
		{"IsUnavailableWhenClosed", registrationsClosed},
	})
}

func registration(applicationID, recipient string) domain.Registration {
	return domain.Registration{
		ApplicationID: applicationID, Recipient: recipient, Sender: "news@sender.example", Subject: "Spring",
		RegisteredAt: received,
	}
}

// register registers, and checks which of them the store had not got.
func register(t rapid.TB, s Store, want []bool, regs ...domain.Registration) {
	t.Helper()
	given := slices.Clone(regs)
	added, err := s.Register(context.Background(), regs)
	fine(t, "register", err)
	same(t, "added", want, added)
	same(t, "registrations that were given", given, regs)
}

func registered(t rapid.TB, s Store, id string, limit int) []domain.Registration {
	t.Helper()
	found, err := s.FindRegistrations(context.Background(), id, limit)
	fine(t, "find registrations", err)
	return found
}

func byOwnID(regs ...domain.Registration) []domain.Registration {
	return slices.SortedFunc(slices.Values(regs), func(a, b domain.Registration) int {
		x, y := a.ID(), b.ID()
		return bytes.Compare(x[:], y[:])
	})
}

func keepsRegistrations(t *testing.T, s Store) {
	for i, text := range awkward[1:] {
		full := domain.Registration{
			ApplicationID: text, Recipient: fmt.Sprintf("%d@example.org", i), Sender: text, Subject: text,
			Tenant: text, Campaign: text, Size: 1 << 40, Meta: text, RegisteredAt: received,
		}
		bare := domain.Registration{ApplicationID: text, Recipient: text, RegisteredAt: received.Add(time.Microsecond)}
		register(t, s, []bool{true, true}, full, bare)
		same(t, "registrations", byOwnID(full, bare), registered(t, s, text, 10))
	}
}

func keepsFirstRegistration(t *testing.T, s Store) {
	a, b, c := registration("app-1", "a@example.org"), registration("app-1", "b@example.org"), registration("app-1", "c@example.org")
	again := a
	again.Subject, again.RegisteredAt = "Summer", received.Add(time.Hour)
	otherB := b
	otherB.Subject = "Summer"
	register(t, s, []bool{true, true, false}, a, b, otherB)
	register(t, s, []bool{false, true}, again, c)
	register(t, s, []bool{true}, registration("app-2", "a@example.org"))
	register(t, s, nil)
	same(t, "registrations", byOwnID(a, b, c), registered(t, s, "app-1", 10))
}

func findsRegistrationsInOrder(t *testing.T, s Store) {
	var regs []domain.Registration
	for i := range 30 {
		regs = append(regs, registration("app-1", fmt.Sprintf("user%d@example.org", i)))
	}
	others := []domain.Registration{registration("App-1", "a@example.org"), registration("app-11", "a@example.org"), registration(" app-1", "a@example.org")}
	register(t, s, slices.Repeat([]bool{true}, 33), append(others, regs...)...)
	want := byOwnID(regs...)
	for _, limit := range []int{1, 29, 30, 31} {
		same(t, "registrations", want[:min(limit, 30)], registered(t, s, "app-1", limit))
	}
}

// findsRegistrationByOwnID tries one whose id another application's id is.
func findsRegistrationByOwnID(t *testing.T, s Store) {
	a, b := registration("app-1", "a@example.org"), registration("app-1", "b@example.org")
	own := a.ID().String()
	other := registration(own, "c@example.org")
	register(t, s, []bool{true, true, true}, a, b, other)
	for _, id := range []string{own, strings.ToUpper(own), strings.ReplaceAll(own, "-", "")} {
		same(t, "registrations by "+id, []domain.Registration{a}, registered(t, s, id, 10))
	}
	uuid := registration("019ca945-0de8-7000-8000-000000000001", "a@example.org")
	register(t, s, []bool{true}, uuid)
	same(t, "registrations by a UUID", []domain.Registration{uuid}, registered(t, s, uuid.ApplicationID, 10))
	same(t, "registrations by it in another spelling", 0, len(registered(t, s, strings.ToUpper(uuid.ApplicationID), 10)))
}

func findsNoRegistrations(t *testing.T, s Store) {
	register(t, s, []bool{true}, registration("app-1", "a@example.org"))
	for _, id := range []string{
		"", "app-1\x00", "\x00", "app-\xff", "%", "app-2", "a@example.org", "' OR 1=1 --", strings.Repeat("x", 100_000),
		registrationID("app-1", "b@example.org"),
	} {
		same(t, fmt.Sprintf("registrations by %.20q", id), 0, len(registered(t, s, id, 10)))
	}
}

func registrationID(applicationID, recipient string) string {
	return domain.NewRegistrationID(applicationID, recipient).String()
}

// registersOnce registers the same in opposite orders at the same time.
func registersOnce(t *testing.T, s Store) {
	var regs []domain.Registration
	for i := range 200 {
		regs = append(regs, registration(fmt.Sprint("app-", i%7), fmt.Sprintf("user%d@example.org", i)))
	}
	var mu sync.Mutex
	var times int
	var wg sync.WaitGroup
	for i := range 4 {
		mine := slices.Clone(regs)
		if i%2 == 1 {
			slices.Reverse(mine)
		}
		wg.Go(func() {
			added, err := s.Register(context.Background(), mine)
			if err != nil {
				t.Errorf("register: got error %v, want none", err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, isNew := range added {
				if isNew {
					times++
				}
			}
		})
	}
	wg.Wait()
	same(t, "registrations that were new to someone", len(regs), times)
}

func prunesRegistrations(t *testing.T, s Store) {
	old, fresh := registration("old", "a@example.org"), registration("fresh", "a@example.org")
	old.RegisteredAt, fresh.RegisteredAt = midnight.Add(-time.Microsecond), midnight
	register(t, s, []bool{true, true}, old, fresh)
	prune(t, s, midnight.Add(day), time.Time{}, 0) // is no event
	same(t, "registrations that stayed", 1, len(registered(t, s, "old", 10)))
	prune(t, s, time.Time{}, midnight, 1)
	same(t, "registrations that stayed", 0, len(registered(t, s, "old", 10)))
	same(t, "registrations that stayed", []domain.Registration{fresh}, registered(t, s, "fresh", 10))
	register(t, s, []bool{true}, old)
}

func registrationsClosed(t *testing.T, s Store) {
	fine(t, "close", s.Close())
	_, err := s.Register(context.Background(), []domain.Registration{registration("app-1", "a@example.org")})
	is(t, "register with a closed store", err, ports.ErrUnavailable)
	_, err = s.FindRegistrations(context.Background(), "app-1", 1)
	is(t, "find registrations in a closed store", err, ports.ErrUnavailable)
}
