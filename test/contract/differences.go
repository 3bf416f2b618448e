package contract

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestDifferences gives a store and a model of it the same random mail, and asks both
// the same random questions: all answers have to be the model's. It is one pair of
// stores all along, so that mail comes late, twice, and to logs that others have
// been asked for meanwhile.
func TestDifferences(t *testing.T, open, model Open) {
	t.Run("AnswersAreThoseOfModel", func(t *testing.T) {
		p := &pair{store: open(t), model: model(t), now: time.Now().UTC().Truncate(time.Millisecond)}
		told := ""
		rapid.Check(t, func(rt *rapid.T) {
			if told == "" {
				told = p.differ(rt)
			}
			if told != "" { // what is drawn after that meets other mail
				rt.Fatal(told)
			}
		})
		fine(t, "close", p.store.Close())
		fine(t, "close", p.model.Close())
	})
}

// differ commits and asks, and says in what the store differed from its model.
func (p *pair) differ(t *rapid.T) (told string) {
	defer func() {
		if r := recover(); r != nil {
			d, ok := r.(difference)
			if !ok {
				panic(r) // of rapid, which ends a check so
			}
			told = string(d)
		}
	}()
	asks := &teller{t}
	p.commitSome(asks)
	for range 10 {
		rapid.SampledFrom(questions).Draw(t, "question")(p, asks)
	}
	return ""
}

// teller ends a check with a difference.
type teller struct{ *rapid.T }

type difference string

func (t *teller) Fatalf(format string, args ...any) { panic(difference(fmt.Sprintf(format, args...))) }

// pair is a store and its model, which have been given the same.
type pair struct {
	store, model Store
	now          time.Time
	numbered     int // messages
	// Of crowds, which would else hide all others, these have few.
	letters []letter
	records []Record
	events  []domain.EmailEvent
	logs    []domain.EmailLog // all that are shown
	byKey   map[domain.LogKey]domain.EmailLog
}

// letter is what all records of one message say of it.
type letter struct {
	id       string
	accepted time.Time
	to       []string
}

// few are the values that mail of a pair has, and the last one that none has.
var few = map[string][]string{
	"tenant":   {"acme", "Acme", "o'neill", "nobody"},
	"campaign": {"spring", "%", "summer", "none"},
	"provider": {"google", "microsoft-365", "google ", "gmail"},
	"source":   {"ip-1", "ip-2", "ip%", "ip-"},
	"app":      {"app-1", "App-1", "a_p-1", "app-*"},
	"cause":    {string(domain.CauseRecipient), string(domain.CauseSender), "é'", "nothing"},
}

var (
	fewRecipients = []string{
		"a@example.com", "A@example.com", "a@EXAMPLE.com", "b@example.com", "Frank.Smith@example.org",
		"frank.smith@example.org", `"x@y"@sub.example.org`, "ü_%@exämple.com", "Postmaster", "nobody@example.com", "*@example.com",
	}
	fewDomains  = []string{"example.com", "EXAMPLE.com", "example.org", "sub.example.org", "exämple.com", "ample.com", "%", "*", "example"}
	letterKinds = []string{
		"Reception", "Reception", "Delivery", "Delivery", "Delivery", "Bounce", "TransientFailure", "Expiration", "AdminBounce",
		"Delayed", "AdminRebind", "DeferredInjectionRebind", "XferOut", "XferIn", "SomethingNew",
	}
)

// commitSome gives both stores some mail in a random order and random units, and
// sums up in between.
func (p *pair) commitSome(t *teller) {
	var records []Record
	for range rapid.IntRange(0, 3).Draw(t.T, "parts") {
		records = append(records, rapid.SampledFrom([]func(*pair, *teller) []Record{
			(*pair).oneLetter, (*pair).oneLetter, (*pair).moreOf, (*pair).crowd, (*pair).again, (*pair).reports, (*pair).reports, (*pair).strangers,
		}).Draw(t.T, "part")(p, t)...)
	}
	if len(records) < 50 {
		records = rapid.Permutation(records).Draw(t.T, "order")
	}
	for len(records) > 0 {
		n := min(len(records), rapid.SampledFrom([]int{1, 2, 7, 60, 1000}).Draw(t.T, "unit"))
		p.commit(t, records[:n])
		if records = records[n:]; rapid.Bool().Draw(t.T, "roll") {
			roll(t, p.store)
			roll(t, p.model)
		}
	}
	p.see(t)
}

func (p *pair) commit(t *teller, records []Record) {
	u := ports.Unit{}
	for _, r := range records {
		u.Events = append(u.Events, r.Events(received)...)
	}
	same(t, "which events are new", commit(t, p.model, u).New, commit(t, p.store, u).New)
	if len(records) > 7 {
		records, u.Events = records[:3], u.Events[:3]
	}
	p.records, p.events = append(p.records, records...), append(p.events, u.Events...)
}

// see notes which logs there are to be asked for.
func (p *pair) see(t *teller) {
	p.logs = nil
	for _, reports := range []bool{false, true} {
		logs, err := p.model.LogPage(context.Background(), ports.LogFilter{Reports: reports}, domain.LogKey{}, 1<<30)
		fine(t, "page of the model", err)
		p.logs = append(p.logs, logs...)
	}
	p.byKey = map[domain.LogKey]domain.EmailLog{}
	for _, l := range p.logs {
		p.byKey[l.Key] = l
	}
}

func drawn[T any](t *teller, what string, of []T) T {
	return of[rapid.IntRange(0, len(of)-1).Draw(t.T, what)]
}
