package kumomta

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/domain"
)

// interpreted decodes a text with the return paths that the samples are signed for.
func interpreted(text string) (events []domain.EmailEvent) {
	decoder := NewDecoder(domain.NewInterpreter(nil, nil, domain.NewReturnPaths("test-verp-key")))
	for b := range decoder.Decode(text) {
		events = append(events, b.Events...)
	}
	return events
}

// Case 18.
func TestReportsAreTiedToTheirMessage(t *testing.T) {
	path := domain.NewReturnPaths("test-verp-key").Sign(idB, "bounce.example.com")
	altered := strings.Replace(path, "@", "0@", 1)[1:]
	flipped := strings.Replace(path, "-3dbd", "-3dbe", 1)
	if flipped == path {
		t.Fatalf("%s is signed otherwise", path)
	}
	aTrace := `"supplemental_trace":{"x_msg_id":"` + idA + `","recipient":"erin@example.org"}`
	cases := []struct {
		name, record string
		want         *domain.Original
	}{
		{
			"feedback by a signed path", aFeedback(`{"original_mail_from":"<` + path + `>","original_rcpto_to":["<dave@EXAMPLE.org>"]}`),
			&domain.Original{MessageID: idB, Recipients: []string{"dave@example.org"}, By: domain.TieVERP},
		},
		{
			"a signed path before a trace", aFeedback(`{` + aTrace + `,"original_mail_from":"` + strings.ToUpper(path) + `","original_rcpto_to":"dave@example.org"}`),
			&domain.Original{MessageID: idB, Recipients: []string{"dave@example.org"}, By: domain.TieVERP},
		},
		{"a path of another signature", aFeedback(`{"original_mail_from":"` + flipped + `","original_rcpto_to":["dave@example.org"]}`), nil},
		{"a path of another form", aFeedback(`{"original_mail_from":"` + altered + `"}`), nil},
		{
			"a trace, the path altered", aFeedback(`{` + aTrace + `,"original_mail_from":"` + flipped + `","original_rcpto_to":["x@y.z"]}`),
			&domain.Original{MessageID: idA, Recipients: []string{erin}, By: domain.TieTrace},
		},
		{
			"an OOB by policy's meta", anOOB(`"meta":{"x_orig_id":"` + idA + `"}`),
			&domain.Original{MessageID: idA, Recipients: []string{"dave@example.org"}, By: domain.TiePolicyMeta},
		},
		{
			"an OOB by a signed path", anOOB(`"meta":{"x_orig_id":"`+idA+`"}`, `"sender":"`+path+`"`),
			&domain.Original{MessageID: idB, Recipients: []string{"dave@example.org"}, By: domain.TieVERP},
		},
		{"an OOB by an altered path", anOOB(`"sender":"` + flipped + `"`), nil},
		{"no report", aRecord(1, `"sender":"`+path+`"`), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			events := interpreted(c.record)
			if len(events) != 1 {
				t.Fatalf("%d events", len(events))
			}
			same(t, events[0].Original, c.want)
		})
	}
}

func TestTheSamplesReportsAreTied(t *testing.T) {
	want := map[domain.EventType]domain.Original{
		domain.OOB:      {MessageID: idB, Recipients: []string{"dave@example.org"}, By: domain.TieVERP},
		domain.Feedback: {MessageID: idA, Recipients: []string{erin}, By: domain.TieTrace},
	}
	for _, name := range []string{"modern.jsonl", "modern-lua-array.json", "before-2025-10.jsonl"} {
		tied := map[domain.EventType]domain.Original{}
		for _, e := range interpreted(sample(t, name)) {
			if e.Original != nil {
				tied[e.Type] = *e.Original
			}
		}
		same(t, tied, want)
	}
}

// Every event is interpreted for its own recipient, and its ids stay.
func TestAllEventsOfABatchAreInterpreted(t *testing.T) {
	path := domain.NewReturnPaths("test-verp-key").Sign(idB, "bounce.example.com")
	var body strings.Builder
	for i := range 3 * batchEvents / 2 {
		fmt.Fprintln(&body, aRecord(i, `"recipient":["`+path+`","ann@example.com","`+path+`x"]`))
	}
	events := interpreted(body.String())
	same(t, ids(events), ids(decode(body.String()).Events))
	for _, e := range events {
		if e.OfReport != (e.Part != 1) {
			t.Fatalf("part %d to %s is of a report: %v", e.Part, e.Recipient, e.OfReport)
		}
	}
	if !slices.ContainsFunc(events, func(e domain.EmailEvent) bool { return e.Part == 2 }) {
		t.Error("no third part")
	}
}

func TestTheZeroDecoderInterpretsNothing(t *testing.T) {
	for _, e := range decode(sample(t, "modern.jsonl")).Events {
		if e.Original != nil || e.OfReport || e.Provider != "" || e.Verdict != (domain.Verdict{}) {
			t.Errorf("a %s was interpreted", e.RecordType)
		}
	}
}
