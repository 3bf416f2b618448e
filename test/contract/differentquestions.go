package contract

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// questions are what both stores of a pair are asked.
var questions = []func(*pair, *teller){
	(*pair).askLogPages, (*pair).askLogPages, (*pair).askLogPages, (*pair).askLogPages, (*pair).askLogPages,
	(*pair).askEventPages, (*pair).askEventPages, (*pair).askEventPages,
	(*pair).askLogs, (*pair).askFindLogs, (*pair).askEvents, (*pair).askLogsTo, (*pair).askReportsOn,
	(*pair).askStats, (*pair).askStats, (*pair).askSuppressed, (*pair).askRegistrations, (*pair).askIndex,
}

// most is more than any model has.
const most = 1 << 30

var limits = []int{1, 2, 50, 51, 500, 501}

// walkPages walks a store's pages and compares them with all that the model has.
func walkPages[R any](t *teller, what string, all []R, limit int, page func(last *R) ([]R, error)) {
	t.Helper()
	var last *R
	for range 12 {
		got, err := page(last)
		fine(t, what, err)
		n := min(limit, len(all))
		sameRows(t, what, all[:n], got)
		if n < limit {
			return
		}
		last, all = &all[n-1], all[n:]
	}
}

// sameRows compares, and says of two lists of which one has more only how many.
func sameRows[R any](t *teller, what string, want, got []R) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%s: got %d, want %d", what, len(got), len(want))
	}
	for i := range want {
		same(t, fmt.Sprintf("%s: number %d of %d", what, i, len(want)), want[i], got[i])
	}
}

func (p *pair) askLogPages(t *teller) {
	f, limit := p.logFilter(t), drawn(t, "limit", limits)
	before := domain.LogKey(cursor(t, p.aLog(t).Key))
	ctx := context.Background()
	all, err := p.model.LogPage(ctx, f, before, most)
	fine(t, "page of the model", err)
	walkPages(t, fmt.Sprintf("pages of %d logs before %s by %+v", limit, before, f), all, limit,
		func(last *domain.EmailLog) ([]domain.EmailLog, error) {
			if last != nil {
				before = last.Key
			}
			return p.store.LogPage(ctx, f, before, limit)
		})
}

func (p *pair) askLogs(t *teller) {
	f := p.logFilter(t)
	sameRows(t, fmt.Sprintf("stream of logs by %+v", f), readLogs(t, p.model, f), readLogs(t, p.store, f))
}

func (p *pair) askFindLogs(t *teller) {
	l := p.aLog(t)
	id := drawn(t, "id", []string{
		l.MessageID, l.ApplicationID, l.Key.String(), strings.ToUpper(l.Key.String()), drawn(t, "app", few["app"]), "nothing", l.Recipient,
	})
	id, limit := anySpelling(t, id), drawn(t, "limit", limits)
	want, err := p.model.FindLogs(context.Background(), id, limit)
	fine(t, "find logs of the model", err)
	got, err := p.store.FindLogs(context.Background(), id, limit)
	fine(t, "find logs", err)
	sameRows(t, fmt.Sprintf("up to %d logs of %q", limit, id), want, got)
}

func (p *pair) askEventPages(t *teller) {
	e, limit := p.anEvent(t), drawn(t, "limit", limits)
	at, _ := e.ID.Time()
	of := fieldsOf(t, "message", "recipient")
	f := ports.EventFilter{From: bound(t, "from", at), To: bound(t, "to", at)}
	f.MessageID = anySpelling(t, of.text(t, "message", e.MessageID, []string{messageID(1), "%", "undated 1"}))
	f.Recipient = of.text(t, "recipient", e.Recipient, fewRecipients)
	if e.Original != nil {
		f.MessageID = drawn(t, "which message", []string{f.MessageID, e.Original.MessageID})
	}
	if rapid.IntRange(0, 2).Draw(t.T, "by type") == 0 {
		f.Types = append(someTypes(t), e.Type)
	}
	before, ctx := domain.EventID(cursor(t, e.ID)), context.Background()
	all, err := p.model.EventPage(ctx, f, before, most)
	fine(t, "page of the model", err)
	walkPages(t, fmt.Sprintf("pages of %d events before %s by %+v", limit, before, f), all, limit,
		func(last *ports.EventRow) ([]ports.EventRow, error) {
			if last != nil {
				before = last.ID
			}
			return p.store.EventPage(ctx, f, before, limit)
		})
}

func someTypes(t *teller) []domain.EventType {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(domain.EventTypes()), 0, 2, rapid.ID).Draw(t.T, "types")
}

// askEvents asks for a message's events, and for one of them.
func (p *pair) askEvents(t *teller) {
	e := p.anEvent(t)
	id := e.MessageID
	if e.Original != nil && rapid.Bool().Draw(t.T, "what it is about") {
		id = e.Original.MessageID
	}
	id = anySpelling(t, id)
	sameRows(t, fmt.Sprintf("events of %q", id), readEvents(t, p.model, id), readEvents(t, p.store, id))
	want, wanted := p.model.Event(context.Background(), e.ID)
	got, err := p.store.Event(context.Background(), e.ID)
	same(t, "whether there is an event", wanted == nil, err == nil)
	same(t, "event", want, got)
}

func (p *pair) askLogsTo(t *teller) {
	l, limit := p.aLog(t), drawn(t, "limit", limits)
	to := domain.FoldAddress(drawn(t, "to", append(slices.Clone(fewRecipients), l.Recipient)))
	from, until := someRange(t, l.AcceptedAt)
	want, err := p.model.LogsTo(context.Background(), to, from, until, limit)
	fine(t, "logs to, of the model", err)
	got, err := p.store.LogsTo(context.Background(), to, from, until, limit)
	fine(t, "logs to", err)
	sameRows(t, fmt.Sprintf("up to %d logs to %s from %s until %s", limit, to, from, until), want, got)
}

func (p *pair) askReportsOn(t *teller) {
	e, limit := p.anEvent(t), drawn(t, "limit", limits)
	at, _ := e.ID.Time()
	on := domain.FoldAddress(drawn(t, "on", append(slices.Clone(fewRecipients), e.Recipient)))
	from, until := someRange(t, at)
	want, err := p.model.ReportsOn(context.Background(), on, from, until, limit)
	fine(t, "reports on, of the model", err)
	got, err := p.store.ReportsOn(context.Background(), on, from, until, limit)
	fine(t, "reports on", err)
	sameRows(t, fmt.Sprintf("up to %d reports on %s from %s until %s", limit, on, from, until), want, got)
}

// someRange draws one that has two ends.
func someRange(t *teller, near time.Time) (from, to time.Time) {
	if from = bound(t, "from", near); from.IsZero() {
		from = near.AddDate(0, 0, -40)
	}
	if to = bound(t, "to", near); to.IsZero() {
		to = near.AddDate(0, 0, 1)
	}
	return from, to
}

func (p *pair) askStats(t *teller) {
	l, ctx := p.aLog(t), context.Background()
	of := fieldsOf(t, "tenant", "campaign", "provider", "domain")
	q := ports.StatsQuery{
		Width:  drawn(t, "width", []time.Duration{time.Minute, 5 * time.Minute, time.Hour, day}),
		By:     rapid.Permutation(dimensions).Draw(t.T, "by")[:rapid.IntRange(0, 2).Draw(t.T, "dimensions")],
		From:   bound(t, "from", l.AcceptedAt),
		To:     bound(t, "to", l.AcceptedAt),
		Tenant: of.text(t, "tenant", l.Tenant, few["tenant"]), Campaign: of.text(t, "campaign", l.Campaign, few["campaign"]),
		Provider: of.text(t, "provider", l.Provider, few["provider"]), Domain: of.text(t, "domain", "example.com", fewDomains),
		Limit: drawn(t, "limit", []int{0, 0, 1, 3, 1000}),
	}
	what := fmt.Sprintf("%+v", q)
	wantEvents, err := p.model.CountEvents(ctx, q)
	fine(t, "count events of the model", err)
	events, err := p.store.CountEvents(ctx, q)
	fine(t, "count events", err)
	sameRows(t, "events of "+what, wantEvents, events)
	wantMessages, err := p.model.CountMessages(ctx, q)
	fine(t, "count messages of the model", err)
	messages, err := p.store.CountMessages(ctx, q)
	fine(t, "count messages", err)
	sameRows(t, "messages of "+what, wantMessages, messages)
	wantLatencies, err := p.model.Latencies(ctx, q)
	fine(t, "latencies of the model", err)
	latencies, err := p.store.Latencies(ctx, q)
	fine(t, "latencies", err)
	sameRows(t, "latencies of "+what, wantLatencies, asExact(wantLatencies, latencies))
}

func (p *pair) askSuppressed(t *teller) {
	ctx := context.Background()
	address := func() string { return strings.ToLower(drawn(t, "address", fewRecipients)) }
	var entries []domain.Suppression
	for range rapid.IntRange(0, 2).Draw(t.T, "entries") {
		entries = append(entries, suppression(address(), drawn(t, "reason", domain.SuppressionReasons())))
	}
	want, err := p.model.Suppress(ctx, entries)
	fine(t, "suppress in the model", err)
	suppress(t, p.store, want, entries...)
	if gone := address(); rapid.Bool().Draw(t.T, "unsuppress") {
		wanted, err := p.model.Unsuppress(ctx, gone, changed), p.store.Unsuppress(ctx, gone, changed)
		same(t, "whether it was there", wanted == nil, err == nil)
	}
	some := []string{address(), address(), address()}
	found, err := p.model.FindSuppressed(ctx, some)
	fine(t, "find suppressed of the model", err)
	got, err := p.store.FindSuppressed(ctx, some)
	fine(t, "find suppressed", err)
	sameRows(t, "suppressed", found, got)
	of := fieldsOf(t, "domain")
	f := ports.SuppressionFilter{Domain: of.text(t, "domain", "example.com", fewDomains)}
	if rapid.Bool().Draw(t.T, "by reason") {
		f.Reason = drawn(t, "chosen", domain.SuppressionReasons())
	}
	all, err := p.model.ListSuppressed(ctx, f, "", most)
	fine(t, "list suppressed of the model", err)
	limit := drawn(t, "limit", limits)
	walkPages(t, "list of suppressed", all, limit, func(last *domain.Suppression) ([]domain.Suppression, error) {
		if last == nil {
			return p.store.ListSuppressed(ctx, f, "", limit)
		}
		return p.store.ListSuppressed(ctx, f, last.Address, limit)
	})
}

func (p *pair) askRegistrations(t *teller) {
	app := drawn(t, "app", few["app"])
	var regs []domain.Registration
	for _, to := range some(fewRecipients, 0, 3).Draw(t.T, "registered") {
		regs = append(regs, registration(app, domain.NormalizeRecipient(to)))
	}
	want, err := p.model.Register(context.Background(), regs)
	fine(t, "register in the model", err)
	register(t, p.store, want, regs...)
	id, limit := drawn(t, "id", append(slices.Clone(few["app"]), registrationID(app, "a@example.com"))), drawn(t, "limit", limits)
	sameRows(t, "registrations of "+id, registered(t, p.model, id, limit), registered(t, p.store, id, limit))
}

// askIndex asks which events there are.
func (p *pair) askIndex(t *teller) {
	e, ctx := p.anEvent(t), context.Background()
	at, _ := e.ID.Time()
	from, to := someRange(t, at)
	sameRows(t, fmt.Sprintf("ids of events from %s until %s", from, to), eventIDs(t, p.model, from, to), eventIDs(t, p.store, from, to))
	ids := []domain.EventID{e.ID, {1}, e.ID, p.anEvent(t).ID, cursor(t, e.ID)}
	want, err := p.model.KnownEvents(ctx, ids)
	fine(t, "known events of the model", err)
	got, err := p.store.KnownEvents(ctx, ids)
	fine(t, "known events", err)
	same(t, "known events", want, got)
}
