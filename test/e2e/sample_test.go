package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func sample(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../data/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What became of the messages of modern.jsonl, worked out by hand: message,
// recipient, status, code, enhanced code, attempts, cause of an end, delivered,
// failed, complained, other id. The delivery status notification of 60ee7000 and the
// complaint of 9ced0800 are no mail of ours.
const fates = `
10d1b680 alice@example.org  delivered   250 2.0.0 3  -                2026-07-25T18:00:03.873456Z - - -
17010c40 nobody@example.net bounced     550 5.1.1 1  recipient        - 2026-07-25T17:20:12.750000Z - -
1caaa200 slow@example.net   expired     551 5.4.7 31 expired          - 2026-08-01T17:07:00.000000Z - -
1d433880 stop@example.net   bounced     551 5.7.1 0  administrative   - 2026-07-25T17:20:51.000000Z - -
22a08300 a@example.org      delivered   250 2.0.0 1  -                2026-07-25T17:20:31.000000Z - - -
22a08300 b@example.org      bounced     550 5.2.1 1  recipient        - 2026-07-25T17:20:31.000000Z - -
22a08300 c@example.org      deferred    450 4.2.0 1  -                - - - -
28966400 dave@example.org   bounced     550 5.1.1 1  recipient        2026-07-25T17:20:42.000000Z 2026-07-25T18:26:40.000000Z - -
2e8c4500 erin@example.org   complained  250 -     1  complaint        2026-07-25T17:20:53.000000Z - 2026-07-26T18:20:00.010000Z -
34822600 frank@example.org  delivered   250 2.0.0 1  -                2026-07-25T17:29:22.000000Z - - 34822600884d11f1900a782d7e12e173
34822600 frank@example.org  transferred 250 -     0  -                - - - 34822600884d11f1900b782d7e12e173
406de800 gina@example.org   pending     250 -     0  -                - - - -
`

func TestSampleMessagesHaveTheFatesWorkedOutByHand(t *testing.T) {
	t.Parallel()
	s := startService(t)
	if got := s.mustTake(sample(t, "modern.jsonl")).counts(); got != (counts{Received: 32, Stored: 32}) {
		t.Errorf("counts %+v, want 32 received and stored", got)
	}
	var got []string
	for _, l := range s.Export() {
		dash := func(name string) any {
			if l[name] == nil {
				return "-"
			}
			return l[name]
		}
		got = append(got, fmt.Sprint(l.text("message_id")[:8], " ", l["recipient"], " ", l["status"], " ", l["smtp_code"], " ",
			dash("enhanced_code"), " ", l["attempts"], " ", causeOfEnd(l), " ",
			dash("delivered_at"), " ", dash("failed_at"), " ", dash("complained_at"), " ", dash(otherID(l))))
	}
	var want []string
	for _, line := range lines(fates) {
		want = append(want, strings.Join(strings.Fields(line), " "))
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := total(s.Stats()); n != 34 {
		t.Errorf("%d events of 32 records, want 34", n)
	}
	if n := len(s.Announced(34)); n != 34 {
		t.Errorf("%d messages in the stream, want 34", n)
	}
}

// causeOfEnd is that of a message which nobody tries any more.
func causeOfEnd(log object) any {
	if log["cause"] == nil || log["status"] == "deferred" {
		return "-"
	}
	return log["cause"]
}

// otherID is the field that has the message's other id.
func otherID(log object) string {
	if log["next_id"] != nil {
		return "next_id"
	}
	return "prior_id"
}

// chunked hides a body's length, so that it is sent in chunks.
type chunked struct{ io.Reader }

// posting is one request of a body form.
type posting struct {
	body    io.Reader
	headers []string
}

func plain(bodies ...string) []posting {
	var all []posting
	for _, b := range bodies {
		all = append(all, posting{body: strings.NewReader(b)})
	}
	return all
}

func encoded(encoding, body string) posting { return encodedFrom(encoding, strings.NewReader(body)) }

func encodedFrom(encoding string, body io.Reader) posting {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if encoding == "zstd" {
		w, _ = zstd.NewWriter(&b) // fails on bad options only
	}
	_, _ = io.Copy(w, body)
	_ = w.Close()
	return posting{&b, []string{"Content-Encoding", encoding}}
}

func indented(t *testing.T, array string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(array), "", "\t"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func bodyForms(t *testing.T, text string) map[string][]posting {
	records := lines(text)
	array := "[" + strings.Join(records, ",") + "]"
	return map[string][]posting{
		"single objects":                 plain(records...),
		"array":                          plain(array),
		"array of a record a line":       plain("[\n" + strings.Join(records, ",\n") + "\n]\n"),
		"array with indents":             plain(indented(t, array)),
		"lines":                          plain(strings.Join(records, "\n")),
		"lines that end in newlines":     plain(text),
		"lines that end in CR LF":        plain(strings.Join(records, "\r\n") + "\r\n"),
		"lines between empty lines":      plain("\n\n" + strings.Join(records, "\n\n")),
		"lines behind a BOM":             plain("\uFEFF" + text),
		"an array a line":                plain("[" + strings.Join(records[:9], ",") + "]\n[]\n[" + strings.Join(records[9:], ",") + "]\n"),
		"array said to be text":          {{strings.NewReader(array), []string{"Content-Type", "text/plain"}}},
		"lines said to be an array":      {{strings.NewReader(text), []string{"Content-Type", "application/json"}}},
		"array in gzip":                  {encoded("gzip", array)},
		"lines in gzip":                  {encoded("gzip", text)},
		"lines in two members of gzip":   {twice("gzip", strings.Join(records[:20], "\n")+"\n", strings.Join(records[20:], "\n"))},
		"array in zstd":                  {encoded("zstd", array)},
		"lines in two frames of zstd":    {twice("zstd", strings.Join(records[:20], "\n")+"\n", strings.Join(records[20:], "\n"))},
		"chunked lines":                  {{chunked{strings.NewReader(text)}, nil}},
		"chunked array in zstd":          {{chunked{encoded("zstd", array).body}, []string{"Content-Encoding", "zstd"}}},
		"array with empty arrays around": plain("[]", array, "", "[]"),
	}
}

func twice(encoding, first, second string) posting {
	a, b := encoded(encoding, first), encoded(encoding, second)
	return posting{io.MultiReader(a.body, b.body), a.headers}
}

// The ids of events and logs are the same in every form, too.
func TestEveryBodyFormSaysTheSame(t *testing.T) {
	t.Parallel()
	text := sample(t, "modern.jsonl")
	records := parseRecords(t, lines(text))
	reference := startService(t)
	reference.mustTake(text)
	events, logs := checkWholly(t, reference, records)
	if len(events) != 34 || len(logs) != 12 {
		t.Fatalf("%d events and %d logs, want 34 and 12", len(events), len(logs))
	}
	for name, postings := range bodyForms(t, text) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startService(t)
			stored := 0
			for _, p := range postings {
				r := s.PostTo(webhook, p.body, p.headers...)
				if r.code != http.StatusOK || r.Received != r.Stored {
					t.Fatalf("answer %d %s, want all stored", r.code, r.body)
				}
				stored += r.Stored
			}
			if stored != 32 {
				t.Errorf("%d records stored, want 32", stored)
			}
			gotEvents, gotLogs := checkWholly(t, s, records)
			if diff := cmp.Diff(events, gotEvents) + cmp.Diff(logs, gotLogs); diff != "" {
				t.Errorf("ids (-of lines +here):\n%s", diff)
			}
		})
	}
}

func TestLuaCopyIsTheSameEvents(t *testing.T) {
	t.Parallel()
	array := sample(t, "modern-lua-array.json")
	var copies []json.RawMessage
	if err := json.Unmarshal([]byte(array), &copies); err != nil {
		t.Fatal(err)
	}
	var lua []string
	for _, c := range copies {
		lua = append(lua, string(c))
	}
	s := startService(t)
	if got := s.mustTake(array).counts(); got != (counts{Received: 32, Stored: 32}) {
		t.Errorf("counts %+v, want 32 stored", got)
	}
	checkWholly(t, s, parseRecords(t, lua))
	if got := s.mustTake(sample(t, "modern.jsonl")).counts(); got != (counts{Received: 32, Duplicates: 32}) {
		t.Errorf("counts %+v of the lines behind, want 32 duplicates", got)
	}
	checkWholly(t, s, parseRecords(t, lua))
}

func TestRecordsOfTheOldEraBecomeTheirLogs(t *testing.T) {
	t.Parallel()
	text := sample(t, "before-2025-10.jsonl")
	s := startService(t)
	if got := s.mustTake(text).counts(); got != (counts{Received: 20, Stored: 20}) {
		t.Errorf("counts %+v, want 20 stored", got)
	}
	checkWholly(t, s, parseRecords(t, lines(text)))
}

// grouped cuts records, shuffled and each there once, twice or three times, into
// bodies of random sizes and forms.
func grouped(random *rand.Rand, records []string) []posting {
	var all []string
	for _, r := range records {
		for range 1 + random.IntN(3) {
			all = append(all, r)
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var postings []posting
	for len(all) > 0 {
		n := 1 + random.IntN(min(len(all), 12))
		body := strings.Join(all[:n], "\n")
		if random.IntN(2) == 0 {
			body = "[" + strings.Join(all[:n], ",") + "]"
		}
		switch random.IntN(4) {
		case 0:
			postings = append(postings, encoded("gzip", body))
		case 1:
			postings = append(postings, encoded("zstd", body))
		case 2:
			postings = append(postings, posting{body: chunked{strings.NewReader(body)}})
		default:
			postings = append(postings, plain(body)...)
		}
		all = all[n:]
	}
	return postings
}

func TestOrderRepetitionAndGroupingDoNotMatter(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		name := []string{"modern.jsonl", "before-2025-10.jsonl"}[seed%2]
		records := lines(sample(t, name))
		t.Run(fmt.Sprint(name, ", seed ", seed), func(t *testing.T) {
			t.Parallel()
			onEveryPlatform(t, func(t *testing.T, s *Service) {
				s.Start()
				random := rand.New(rand.NewPCG(seed, 32))
				for round, wantStored := range []int{len(records), 0} {
					stored := 0
					for _, p := range grouped(random, records) {
						r := s.PostTo(webhook, p.body, p.headers...)
						if r.code != http.StatusOK || r.Received != r.Stored+r.Duplicates {
							t.Fatalf("answer %d %s", r.code, r.body)
						}
						stored += r.Stored
					}
					if stored != wantStored {
						t.Errorf("round %d: %d records stored, want %d", round, stored, wantStored)
					}
				}
				checkWholly(t, s, parseRecords(t, records))
			})
		})
	}
}

// What the README has people try.
func TestFreshSampleHasALateBounceAndAComplaintThatAreVerified(t *testing.T) {
	t.Parallel()
	s := startService(t)
	cmd := exec.CommandContext(t.Context(), "go", "run", "../sample")
	cmd.Env = append(os.Environ(), "VERP_KEY="+verpKey)
	fresh, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	s.mustTake(string(fresh))
	verified := map[string]int{}
	for _, l := range s.Export() {
		if l["confidence"] == "verified" {
			verified[l.text("status")]++
		}
	}
	if diff := cmp.Diff(map[string]int{"bounced": 1, "complained": 1}, verified); diff != "" {
		t.Errorf("verified (-want +got):\n%s", diff)
	}
	checkWholly(t, s, parseRecords(t, lines(string(fresh))))
}
