package sqlstore

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// forgetful decodes nothing, as a version might that no longer knows a record.
type forgetful struct{}

func (forgetful) Decode(string) iter.Seq[ports.Batch] { return func(func(ports.Batch) bool) {} }

// toldByColumns is what the columns tell of e.
func toldByColumns(e domain.EmailEvent, raw string) domain.EmailEvent {
	return domain.EmailEvent{
		ID: e.ID, Type: e.Type, Part: e.Part, MessageID: e.MessageID, Recipient: e.Recipient, Sender: e.Sender,
		OccurredAt: e.OccurredAt, ReceivedAt: e.ReceivedAt, Attempts: e.Attempts,
		Response: domain.Response{Code: e.Response.Code, Enhanced: e.Response.Enhanced, Content: e.Response.Content},
		NodeID:   e.NodeID, Tenant: e.Tenant, Campaign: e.Campaign, EgressSource: e.EgressSource, Raw: raw,
		Provider: e.Provider, Classification: e.Classification, Verdict: e.Verdict, ResponseHash: e.ResponseHash,
	}
}

func claimEvents(t *testing.T, s *SQLite) []ports.Announced {
	t.Helper()
	claimed, err := s.Claim(context.Background(), 10, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if len(claimed) != 1 {
		t.Fatalf("claimed %d announcements, want 1", len(claimed))
	}
	return claimed[0].Events
}

func TestEventsThatCannotBeDecodedAreToldByTheirColumns(t *testing.T) {
	u := deliveriesOn(testDay, 3)
	u.Events[1].Response = domain.Response{Code: 550, Enhanced: domain.EnhancedCode{Class: 5, Subject: 1, Detail: 1}, Content: "no"}
	u.Events[1].Tenant, u.Events[1].NodeID = "acme", "node"
	u.Events[1].Provider, u.Events[1].Classification, u.Events[1].ResponseHash = "example", "BadDomain", 1<<63
	u.Events[1].Verdict = domain.Verdict{Cause: domain.CauseRecipient, Permanence: domain.Permanent, Rule: "a-rule"}
	for name, spoil := range map[string]struct {
		query string // spoils the chunk
		raw   bool   // is left
	}{
		"decoder knows it no more": {raw: true},
		"chunk damaged":            {query: `UPDATE record_chunk SET records = x'00'`},
		"chunk cut":                {query: `UPDATE record_chunk SET records = x'28b52ffd040001000099e9d851'`},
		"chunk gone":               {query: `DELETE FROM record_chunk`},
	} {
		t.Run(name, func(t *testing.T) {
			s := openForTest(t, filepath.Join(t.TempDir(), "store.db"), SQLiteConfig{})
			if _, err := s.Commit(context.Background(), u); err != nil {
				t.Fatal(err)
			}
			if spoil.query != "" {
				write(t, s, spoil.query)
			} else {
				s.decoder = forgetful{}
			}
			want := make([]ports.Announced, len(u.Events))
			for i, e := range u.Events {
				raw := ""
				if spoil.raw {
					raw = e.Raw
				}
				e = toldByColumns(e, raw)
				want[i] = ports.Announced{Event: &e, Status: domain.Delivered, HasLog: true}
			}
			if diff := cmp.Diff(want, claimEvents(t, s)); diff != "" {
				t.Errorf("claimed: -want +got\n%s", diff)
			}
			_, err := s.Events(context.Background(), u.Events[0].MessageID)
			if spoil.raw != (err == nil) || err != nil && !errors.Is(err, errChunk) {
				t.Errorf("reading its timeline: %v", err)
			}
		})
	}
}

func TestClaimedEventKeepsStoredIDAndArrival(t *testing.T) {
	s := openForTest(t, filepath.Join(t.TempDir(), "store.db"), SQLiteConfig{})
	u := deliveriesOn(testDay, 2)
	// As if the id had been derived of longer texts than the raw bytes hold.
	u.Events[1].ID[15] ^= 1
	u.Events[1].ReceivedAt = testDay.Add(time.Hour)
	c, err := s.Commit(context.Background(), u)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Announcement.Events, claimEvents(t, s)); diff != "" {
		t.Errorf("claimed: -want +got\n%s", diff)
	}
}

func TestClaimRemovesAnnouncementsWithoutEvents(t *testing.T) {
	s := openForTest(t, filepath.Join(t.TempDir(), "store.db"), SQLiteConfig{})
	for day := range 3 {
		if _, err := s.Commit(context.Background(), deliveriesOn(testDay.AddDate(0, 0, day), 2)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Prune(context.Background(), testDay.AddDate(0, 0, 2), time.Time{}); err != nil {
		t.Fatal(err)
	}
	claimed, err := s.Claim(context.Background(), 1, time.Minute) // the first two are empty
	if err != nil || len(claimed) != 1 || len(claimed[0].Events) != 2 {
		t.Fatalf("claimed %d announcements, %v, want the last", len(claimed), err)
	}
	if n := ask(t, s, "SELECT count(*) FROM outbox"); n != int64(1) {
		t.Errorf("%v rows are left in the outbox, want 1", n)
	}
}
