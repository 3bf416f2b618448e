package sqlstore

import (
	"context"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// otherRules decodes as the contract does, and makes something else of it.
type otherRules struct{ original *domain.Original }

func (o otherRules) Decode(text string) iter.Seq[ports.Batch] {
	return func(yield func(ports.Batch) bool) {
		for b := range (contract.Decoder{}).Decode(text) {
			for i := range b.Events {
				e := &b.Events[i]
				e.Provider, e.Verdict, e.ResponseHash = "other", domain.Verdict{Cause: domain.CauseContent, Rule: "other"}, 7
				e.Original = o.original
			}
			if !yield(b) {
				return
			}
		}
	}
}

// TestWhatEventsMeantOutlastsOtherRules reads events as they were stored by a
// decoder that takes them for something else.
func TestWhatEventsMeantOutlastsOtherRules(t *testing.T) {
	mail := deliveriesOn(testDay, 1).Events[0]
	report := contract.Record{Recipients: []string{"postmaster@example.com"}}
	report.RecordType, report.MessageID, report.OccurredAt = "OOB", "report", testDay.Add(time.Hour)
	report.Provider, report.ResponseHash = "example", 1<<64-1
	report.Verdict = domain.Verdict{
		Cause: domain.CauseRecipient, Subcause: domain.SubcauseUnknown, Permanence: domain.Permanent,
		Fault: domain.FaultRecipient, Rule: "a-rule",
	}
	report.Original = &domain.Original{MessageID: mail.MessageID, Recipients: []string{mail.Recipient}, By: domain.TieTrace}
	untied := contract.Record{Recipients: []string{"postmaster@example.com"}}
	untied.RecordType, untied.MessageID, untied.OccurredAt = "OOB", mail.MessageID, testDay.Add(2*time.Hour)
	untied.Sender = "bounces@sender.example"
	u := ports.Unit{Events: append(append([]domain.EmailEvent{mail}, report.Events(testDay)...), untied.Events(testDay)...)}

	for name, original := range map[string]*domain.Original{
		"none": nil,
		"the same by other means": {
			MessageID: mail.MessageID, Recipients: []string{mail.Recipient}, By: domain.TieMessageID,
		},
		"another message": {MessageID: "another", Recipients: []string{"a@example.com"}, By: domain.TieVERP},
	} {
		t.Run("tied to "+name, func(t *testing.T) {
			s := openForTest(t, filepath.Join(t.TempDir(), "store.db"), SQLiteConfig{})
			c, err := s.Commit(context.Background(), u)
			if err != nil {
				t.Fatal(err)
			}
			s.decoder = otherRules{original}
			if diff := cmp.Diff(c.Announcement.Events, claimEvents(t, s)); diff != "" {
				t.Errorf("claimed: -want +got\n%s", diff)
			}
			events, err := s.Events(context.Background(), mail.MessageID)
			if diff := cmp.Diff(u.Events, events); diff != "" || err != nil {
				t.Errorf("timeline: %v, -want +got\n%s", err, diff)
			}
		})
	}
}

func TestDecisionsCompareAsTheirPrecedencesDo(t *testing.T) {
	at := testDay
	bare := domain.Decision{Status: domain.Bounced, At: at, EventID: domain.EventID{15: 1}}
	meant, hashed, other := bare, bare, bare
	meant.Verdict.Cause, hashed.ResponseHash, other.EventID = domain.CauseSender, 1, domain.EventID{15: 2}
	all := []domain.Decision{{}, bare, meant, hashed, other}
	for i := range all {
		for n := range all {
			want := all[i].Decides(&all[n])
			if got := string(appendDecision(nil, &all[i])) > string(appendDecision(nil, &all[n])); got != want {
				t.Errorf("decision %d over %d: %t, want %t", i, n, got, want)
			}
		}
		back := decisionOf(appendDecision(nil, &all[i]))
		if back.Status != all[i].Status || back.EventID != all[i].EventID {
			t.Errorf("decision %d: read back another", i)
		}
	}
}
