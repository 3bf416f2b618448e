package application_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// sent is a message of ours to an address, delivered some seconds past noon.
func sent(id, recipient string, second int) domain.EmailEvent {
	e := happened(domain.Delivery, id, "", second)
	return from(e, "news@sender.example", recipient)
}

func from(e domain.EmailEvent, sender, recipient string) domain.EmailEvent {
	e.Sender, e.Recipient = sender, recipient
	identity := domain.Identity{RecordType: e.Type.String(), MessageID: e.MessageID, EventTime: e.OccurredAt, Recipients: []string{recipient}}
	digest, _ := identity.Digest(nil)
	e.ID = digest.EventID(recipient)
	return e
}

// reportOn is a late bounce of an address that names no message.
func reportOn(id, recipient string, second int) domain.EmailEvent {
	e := from(happened(domain.OOB, id, "", second), "news@sender.example", recipient)
	e.AcceptedAt, e.Report = e.OccurredAt, &domain.Report{}
	return e
}

func complaintOn(id, recipient string, second int) domain.EmailEvent {
	e := from(happened(domain.Feedback, id, "", second), "fbl@provider.example", "fbl@reports.example")
	e.Report = &domain.Report{FeedbackType: "abuse", MailFrom: "<bounce@sender.example>", Recipients: []string{recipient}}
	return e
}

// reportID is one with the time of the report in it, as that of a late bounce has.
func reportID(second int) string {
	return fmt.Sprintf("%012x70008%015x", listNoon.Add(time.Duration(second)*time.Second).UnixMilli(), second)
}

// ties returns of each report in the story what it is tied by.
func ties(found application.Found) string {
	var all []string
	for _, e := range found.Timeline {
		if o := e.Original; o != nil {
			all = append(all, fmt.Sprintf("%s %s %s %s", e.Type, o.By, o.MessageID, strings.Join(o.Recipients, "+")))
		}
	}
	return strings.Join(all, ", ")
}

func TestReportWithoutATieIsInTheStoryOfTheNewestBeforeIt(t *testing.T) {
	events := []domain.EmailEvent{
		sent("one", "a@example.com", 10), sent("two", "a@example.com", 20), sent("three", "a@example.com", 40),
		sent("other", "b@example.com", 25), from(happened(domain.Delivery, "stranger", "", 26), "news@elsewhere.example", "a@example.com"),
		reportOn(reportID(30), "a@example.com", 30), complaintOn("complaint", "A@Example.com", 50),
	}
	for id, want := range map[string]string{
		"one": "", "other": "", "stranger": "",
		"two":   "oob likeness two a@example.com",
		"three": "feedback likeness three a@example.com",
	} {
		found := told(t, id, events...)
		if got := ties(found); got != want {
			t.Errorf("story of %s has reports %q, want %q", id, got, want)
		}
		if status := found.Candidates[0].Status(); status != domain.Delivered {
			t.Errorf("%s is %s: a likeness touches no status", id, status)
		}
	}
}

func TestReportInAnotherCaseIsInTheStoryByLikeness(t *testing.T) {
	report := reportOn(reportID(30), "frank@example.com", 30)
	found := told(t, "one", sent("one", "Frank@example.com", 10), report)
	if got, want := ties(found), "oob likeness one Frank@example.com"; got != want {
		t.Errorf("story has reports %q, want %q", got, want)
	}
	if got := found.Timeline[len(found.Timeline)-1].ID; got != report.ID {
		t.Errorf("the story ends with event %s, want the report, which came last", got)
	}
}

func TestReportIsInTheStoryOfAMessageThatWasTransferred(t *testing.T) {
	moved := from(happened(domain.XferOut, "one", "two", 5), "news@sender.example", "a@example.com")
	for _, id := range []string{"one", "two"} {
		found := told(t, id, moved, sent("two", "a@example.com", 10), reportOn(reportID(30), "a@example.com", 30))
		if got, want := ties(found), "oob likeness two a@example.com"; got != want {
			t.Errorf("story of %s has reports %q, want %q", id, got, want)
		}
	}
}

func TestReportThatNamesAMessageIsLikeNone(t *testing.T) {
	tied := reportOn(reportID(30), "a@example.com", 30)
	tied.Original = &domain.Original{MessageID: "unheard", Recipients: []string{"a@example.com"}, By: domain.TieTrace}
	if got := ties(told(t, "one", sent("one", "a@example.com", 10), tied)); got != "" {
		t.Errorf("story has reports %q, want none", got)
	}
}

func TestEventOfAReportHasWhatItIsLikelyAbout(t *testing.T) {
	tied, lost := reportOn(reportID(31), "a@example.com", 31), reportOn(reportID(32), "nobody@example.com", 32)
	tied.Original = &domain.Original{MessageID: "one", Recipients: []string{"a@example.com"}, By: domain.TieVERP}
	report, delivery := reportOn(reportID(30), "a@example.com", 30), sent("two", "A@example.com", 20)
	store := memory.NewStore()
	unit := ports.Unit{Events: []domain.EmailEvent{sent("one", "a@example.com", 10), delivery, report, tied, lost}}
	if _, err := store.Commit(context.Background(), unit); err != nil {
		t.Fatal(err)
	}
	lists := application.NewLists(store, store, store)
	for _, c := range []struct {
		of   domain.EmailEvent
		want string
	}{{report, "two likeness"}, {tied, "one verp"}, {lost, ""}, {delivery, ""}} {
		e, err := lists.Event(t.Context(), c.of.ID)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if e.Original != nil {
			got = e.Original.MessageID + " " + string(e.Original.By)
		}
		if got != c.want {
			t.Errorf("%s to %s is about %q, want %q", c.of.Type, c.of.Recipient, got, c.want)
		}
	}
}

// lame is a store that finds no likenesses.
type lame struct {
	*memory.Store
	logs, reports error
}

func (l *lame) LogsTo(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailLog, error) {
	logs, err := l.Store.LogsTo(ctx, recipient, from, to, limit)
	if l.logs != nil {
		return nil, l.logs
	}
	return logs, err
}

func (l *lame) ReportsOn(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailEvent, error) {
	reports, err := l.Store.ReportsOn(ctx, recipient, from, to, limit)
	if l.reports != nil {
		return nil, l.reports
	}
	return reports, err
}

func TestStoryFailsWhereLikenessesCannotBeRead(t *testing.T) {
	store := memory.NewStore()
	report := reportOn(reportID(30), "a@example.com", 30)
	unit := ports.Unit{Events: []domain.EmailEvent{sent("one", "a@example.com", 10), report}}
	if _, err := store.Commit(context.Background(), unit); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*lame{"logs": {store, ports.ErrUnavailable, nil}, "reports": {store, nil, ports.ErrUnavailable}} {
		if found, err := application.NewLookup(s, nil).Lookup(t.Context(), "one"); err == nil {
			t.Errorf("without %s: %d events and no error", name, len(found.Timeline))
		}
	}
	if _, err := application.NewLists(store, store, &lame{store, ports.ErrUnavailable, nil}).Event(t.Context(), report.ID); err == nil {
		t.Error("an event without likenesses: no error")
	}
}
