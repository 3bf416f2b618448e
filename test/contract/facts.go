package contract

import (
	"slices"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// joinsEachFact gives a store pairs of records whose logs differ in one fact,
// in both orders, in one unit and in two.
func joinsEachFact(t *testing.T, s Store) {
	var one, two []domain.EmailEvent
	n := 0
	for _, change := range factsOf() {
		for first := range 2 {
			for _, other := range []*[]domain.EmailEvent{&one, &two} {
				pair := [2]Record{record("Delivery", n, n+50, "a@example.com"), record("Delivery", n, n+51, "a@example.com")}
				change(&pair[0], &pair[1])
				one = append(one, pair[first].Events(received)...)
				*other = append(*other, pair[1-first].Events(received)...)
				n++
			}
		}
	}
	keeps(t, s, ports.Unit{Events: one}, ports.Unit{Events: two})
}

// factsOf returns changes that make two records of one log differ in a fact.
func factsOf() []func(a, b *Record) {
	texts := func(field func(*Record) *string) []func(a, b *Record) {
		return textFacts(func(r *Record, text string) { *field(r) = text })
	}
	kinds := func(x, y string) func(a, b *Record) {
		return func(a, b *Record) {
			a.RecordType, b.RecordType = x, y
			a.Response, b.Response = responses[x], responses[y]
		}
	}
	return slices.Concat(
		texts(func(r *Record) *string { return &r.Sender }),
		texts(func(r *Record) *string { return &r.Tenant }),
		texts(func(r *Record) *string { return &r.Campaign }),
		texts(func(r *Record) *string { return &r.ApplicationID }),
		texts(func(r *Record) *string { return &r.Provider }),
		texts(func(r *Record) *string { return &r.EgressSource }),
		[]func(a, b *Record){
			kinds("Delivery", "Delivery"), kinds("Bounce", "Bounce"), kinds("Expiration", "Expiration"),
			kinds("TransientFailure", "TransientFailure"), kinds("Reception", "Reception"), kinds("XferOut", "XferOut"),
			kinds("Bounce", "Expiration"), kinds("Expiration", "AdminBounce"), kinds("Delivery", "Bounce"),
			kinds("Delayed", "TransientFailure"), kinds("XferOut", "TransientFailure"), kinds("XferOut", "Expiration"),
			func(a, b *Record) { a.Size, b.Size = 0, 5 },
			func(a, b *Record) { a.Size, b.Size = 1<<40, 9 },
			func(a, b *Record) { a.Attempts, b.Attempts = 3, 0 },
			func(a, b *Record) { a.Attempts, b.Attempts = 9, 10 },
			func(a, b *Record) { a.AcceptedAt = time.Time{} },
			func(a, b *Record) { b.OccurredAt = a.OccurredAt.Add(time.Microsecond) },
			func(a, b *Record) { // of one instant: the event id decides
				b.OccurredAt, b.Response.Content = a.OccurredAt, "other"
			},
			func(a, b *Record) {
				kinds("TransientFailure", "TransientFailure")(a, b)
				b.OccurredAt, b.Response.Content = a.OccurredAt, "other"
			},
			func(a, b *Record) { // before and after 1970, and at the end of time
				a.OccurredAt, b.OccurredAt = time.Unix(-5, 0).UTC(), instants[len(instants)-1]
			},
			func(a, b *Record) {
				kinds("TransientFailure", "TransientFailure")(a, b)
				a.OccurredAt, b.OccurredAt = time.Unix(-5, 0).UTC(), time.Unix(0, 0).UTC()
			},
			func(a, b *Record) { b.DeliveryProtocol = "HttpInjectionGenerator" },
		}, meaningFacts())
}

// textFacts returns changes that give two records different texts.
func textFacts(set func(*Record, string)) []func(a, b *Record) {
	var changes []func(a, b *Record)
	for _, pair := range [][2]string{
		{"", "a"}, {"B", "a"}, {"z", "é"}, {"\uff5e", "😀"}, {"10", "9"}, {"ab", "a"}, {"a ", "a"}, {"'\"\\", "\n"},
	} {
		changes = append(changes, func(a, b *Record) {
			set(a, pair[0])
			set(b, pair[1])
		})
	}
	return changes
}

// meaningFacts are about what events mean, of two events and of two copies of
// one.
func meaningFacts() []func(a, b *Record) {
	var changes []func(a, b *Record)
	for _, set := range []func(*Record, string){
		func(r *Record, s string) { r.Verdict.Cause = domain.Cause(s) },
		func(r *Record, s string) { r.Verdict.Subcause = domain.Subcause(s) },
		func(r *Record, s string) { r.Verdict.Permanence = domain.Permanence(s) },
		func(r *Record, s string) { r.Verdict.Fault = domain.Fault(s) },
		func(r *Record, s string) { r.Verdict.Rule = s },
		func(r *Record, s string) { r.ResponseHash = uint64(len(s)) << 62 },
		func(r *Record, s string) { r.OfReport = s == "a" },
		func(r *Record, s string) { r.RecordType, r.TransferID = "XferOut", s },
		func(r *Record, s string) { r.RecordType, r.TransferID = "XferIn", s },
		func(r *Record, s string) {
			if s == "a" {
				*r = reportAs("Feedback", *r)
			}
		},
		func(r *Record, s string) {
			if s == "a" {
				*r = reportAs("OOB", *r)
				r.Original.By = domain.TieTrace
			}
		},
	} {
		for _, change := range textFacts(set) {
			changes = append(changes, change, func(a, b *Record) {
				*b = *a
				change(a, b)
			})
		}
	}
	return changes
}

// reportAs returns a report on the message of r, of the time of r.
func reportAs(kind string, r Record) Record {
	report := reportOn(kind, 0, r)
	report.MessageID, report.OccurredAt = "report-"+r.MessageID, r.OccurredAt
	return report
}
