package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/test/records"
)

// fault is one way in which a record among good ones is bad.
type fault struct {
	name string
	// spoil makes a bad record of a good one.
	spoil func(record string) string
	// taken says that the record is stored all the same, else it is in
	// quarantine with a reason that matches.
	taken  bool
	reason string
}

func replacing(old, replacement string) func(string) string {
	return func(record string) string {
		if !strings.Contains(record, old) {
			panic("the record has no " + old)
		}
		return strings.Replace(record, old, replacement, 1)
	}
}

// setting replaces the value of a field, up to the next comma or brace.
func setting(field, value string) func(string) string {
	pattern := regexp.MustCompile(`"` + field + `":("[^"]*"|[^,}]*)`)
	return func(record string) string {
		found := pattern.FindString(record)
		return replacing(found, `"`+field+`":`+value)(record)
	}
}

var faults = []fault{
	{name: "an escaped NUL", spoil: replacing(`"content":"`, `"content":"a\u0000b`), taken: true},
	{name: "an escaped NUL in a recipient", spoil: replacing(`"recipient":"`, `"recipient":"\u0000`), taken: true},
	{name: "an escaped NUL in meta", spoil: replacing(`"meta":{`, `"meta":{"\u0000":"\u0000",`), taken: true},
	{name: "a NUL byte", spoil: replacing(`"content":"`, "\"content\":\"a\x00b"), reason: "control character"},
	{name: "a lone high surrogate", spoil: replacing(`"content":"`, `"content":"\ud800 `), taken: true},
	{name: "a lone low surrogate", spoil: replacing(`"sender":"`, `"sender":"\udc00`), taken: true},
	{name: "surrogates the wrong way round", spoil: replacing(`"content":"`, `"content":"\udc00\ud800`), taken: true},
	{name: "bytes that are not UTF-8", spoil: replacing(`"content":"`, "\"content\":\"\xff\xfe\xc3("), taken: true},
	{name: "a recipient that is not UTF-8", spoil: replacing(`"recipient":"`, "\"recipient\":\"\xc3\x28"), taken: true},
	{name: "a text of 20 MB", spoil: replacing(`"content":"`, `"content":"`+strings.Repeat("x", 20_000_000)), taken: true},
	{name: "depth 64", spoil: replacing(`"meta":{`, `"deep":`+strings.Repeat("[", 63)+strings.Repeat("]", 63)+`,"meta":{`), taken: true},
	{name: "depth 65", spoil: replacing(`"meta":{`, `"deep":`+strings.Repeat("[", 64)+strings.Repeat("]", 64)+`,"meta":{`), reason: "nested deeper than 64"},
	{name: "depth 100000", spoil: replacing(`"meta":{`, `"deep":`+strings.Repeat("[", 100_000)+`,"meta":{`), reason: "nested deeper than 64"},
	{name: "a size that overflows", spoil: setting("size", "1e400"), taken: true},
	{name: "attempts that overflow", spoil: setting("num_attempts", "99999999999999999999"), reason: "num_attempts"},
	{name: "a code that overflows", spoil: setting("code", "1e400"), reason: "response.code"},
	{name: "a timestamp that overflows", spoil: setting("timestamp", "1e300"), reason: "timestamp"},
	{name: "duplicate keys", spoil: replacing(`"sender":`, `"sender":"first@example.com","sender":`), taken: true},
	{name: "a time in 1970", spoil: setting("event_time", `"1970-01-01T00:00:00Z"`), taken: true},
	{name: "a time in 9999", spoil: setting("event_time", `"9999-12-31T23:59:59.999999999Z"`), taken: true},
	{name: "a time before all times", spoil: setting("timestamp", "-99999999999999"), reason: "timestamp"},
	{name: "a type that is a number", spoil: setting("type", "7"), reason: "type"},
	{name: "no type", spoil: setting("type", "null"), reason: "type"},
	{name: "a recipient that is a number", spoil: setting("recipient", "7"), reason: "recipient"},
	{name: "a number", spoil: func(string) string { return "42" }, reason: "not an object"},
	{name: "a text", spoil: func(string) string { return `"record"` }, reason: "not an object"},
	{name: "null", spoil: func(string) string { return "null" }, reason: "not an object"},
	{name: "an unknown escape", spoil: replacing(`"content":"`, `"content":"\x`), reason: "escape"},
	{name: "no colon", spoil: replacing(`"size":`, `"size"`), reason: "colon"},
	{name: "a single quote", spoil: replacing(`"size"`, `'size'`), reason: "string"},
}

// One service takes all of it, so that what one fault leaves behind would show
// with the next.
func TestOneBadRecordIn500CostsNoOther(t *testing.T) {
	t.Parallel()
	s := startService(t)
	maker := records.NewMaker(5, acceptance, time.Second)
	var good []string
	entries, taken := map[string]string{}, 0
	for _, f := range faults {
		for _, join := range []func([]string) string{records.Array, func(l []string) string { return strings.Join(l, "\n") }} {
			made := maker.Lines(500)
			const at = 250
			neighbours := slices.Delete(slices.Clone(made), at, at+1)
			made[at] = f.spoil(made[at])
			r := s.Post(join(made))
			want := counts{Received: 500, Stored: 499, Quarantined: 1}
			if f.taken {
				want = counts{Received: 500, Stored: 500}
				taken++
			}
			if r.code != http.StatusOK || r.counts() != want {
				t.Errorf("%s: %d %.300s, want %+v", f.name, r.code, r.body, want)
				continue
			}
			good = append(good, neighbours...)
			if f.taken {
				continue
			}
			if n := r.Quarantine[0]; n.Index != at || !strings.Contains(n.Reason, f.reason) {
				t.Errorf("%s: %+v, want index %d and %q in the reason", f.name, n, at, f.reason)
			}
			entries[r.Quarantine[0].ID] = made[at]
		}
	}
	checkNeighbours(t, s, good, taken)
	checkQuarantineCommand(t, s, entries)
}

// checkNeighbours holds the logs of good records against the model, and the
// number of events of the others against how many were taken.
func checkNeighbours(t *testing.T, s *Service, good []string, others int) {
	t.Helper()
	parsed := parseRecords(t, good)
	got := map[string]object{}
	for _, line := range s.Export() {
		delete(line, "id")
		got[line.text("message_id")+" "+line.text("recipient")] = line
	}
	missing := 0
	for key, want := range modelLogs(parsed) {
		if got[key] == nil {
			missing++
			t.Logf("no log of %s: %v", key, want["status"])
		}
	}
	if missing > 0 {
		t.Errorf("%d logs of good records are missing", missing)
	}
	if n := total(s.Stats()); n != len(parsed)+others {
		t.Errorf("%d events stored, want %d of good records and %d of others", n, len(parsed), others)
	}
	heard := map[string]bool{}
	messages := s.Announced(len(parsed) + others)
	for _, m := range messages {
		heard[eventKey(m.payload)] = true
	}
	for _, r := range spread(parsed) {
		if key := eventKey(modelAnnouncement(r)); !heard[key] {
			t.Errorf("never announced: %s", key)
		}
	}
	if len(messages) != len(parsed)+others {
		t.Errorf("%d messages in the stream, want %d", len(messages), len(parsed)+others)
	}
}

// checkQuarantineCommand runs the command beside the running service. entries
// are the bytes by id.
func checkQuarantineCommand(t *testing.T, s *Service, entries map[string]string) {
	t.Helper()
	listed := map[string]bool{}
	for _, e := range s.Quarantine() {
		listed[e.id] = true
		if e.bytes != fmt.Sprint(len(entries[e.id])) || e.reason == "" {
			t.Errorf("listed as %+v, want %d bytes and a reason", e, len(entries[e.id]))
		}
	}
	for id, raw := range entries {
		if !listed[id] {
			t.Errorf("%s is not listed", id)
		}
		show := s.Run("quarantine", "show", id)
		if diff := cmp.Diff(raw+"\n", show.stdout); diff != "" || show.code != 0 {
			t.Errorf("show %s: %d %s (-sent +kept):\n%.500s", id, show.code, show.stderr, diff)
		}
	}
	if len(listed) != len(entries) {
		t.Errorf("%d entries listed, want %d", len(listed), len(entries))
	}
	retry := s.Run("quarantine", "retry")
	if retry.code != 1 || strings.Count(retry.stdout, "1 still in quarantine") != len(entries) {
		t.Errorf("retry of what is still bad: %d %s %s", retry.code, retry.stdout, retry.stderr)
	}
	if n := len(s.Quarantine()); n != len(entries) {
		t.Errorf("%d entries behind a retry in vain, want %d", n, len(entries))
	}
}

func TestBrokenArraysAndCutLinesKeepTheirWholeRecords(t *testing.T) {
	t.Parallel()
	s := startService(t)
	maker := records.NewMaker(6, acceptance, time.Second)
	whole := 0
	for _, broken := range []struct {
		name  string
		body  func(l []string) string // of 500
		whole int
	}{
		{"cut in the last record", func(l []string) string { b := records.Array(l); return b[:len(b)-200] }, 499},
		{"cut in the middle", func(l []string) string { return "[" + strings.Join(l[:250], ",") + "," + l[250][:100] }, 250},
		{"cut behind a comma", func(l []string) string { return "[" + strings.Join(l, ",") + "," }, 500},
		{"cut before its end", func(l []string) string { return "[" + strings.Join(l, ",") }, 500},
		{"no comma", func(l []string) string {
			return records.Array([]string{strings.Join(l[:9], " "), strings.Join(l[9:], ",")})
		}, 500},
		{"text between", func(l []string) string { return records.Array(append(l[:9:9], append([]string{"oops"}, l[9:]...)...)) }, 500},
		{"a record cut within", func(l []string) string { l[250] = l[250][:300]; return records.Array(l) }, 499},
		{"cut last line", func(l []string) string { b := strings.Join(l, "\n"); return b[:len(b)-200] }, 499},
		{"cut line within", func(l []string) string { l[250] = l[250][:300]; return strings.Join(l, "\n") }, 499},
		{"text as first line", func(l []string) string { return "# segment header\n" + strings.Join(l, "\n") }, 500},
	} {
		r := s.Post(broken.body(maker.Lines(500)))
		if r.code != http.StatusOK || r.Stored != broken.whole || r.Stored+r.Quarantined != r.Received {
			t.Errorf("%s: %d %s, want %d stored and the rest in quarantine", broken.name, r.code, r.body, broken.whole)
		}
		whole += r.Stored
		for _, n := range r.Quarantine {
			if n.Reason == "" {
				t.Errorf("%s: no reason in %s", broken.name, r.body)
			}
		}
	}
	if n := total(s.Stats()); n != whole {
		t.Errorf("%d events stored, want %d", n, whole)
	}
	if n := len(s.Announced(whole)); n != whole {
		t.Errorf("%d messages in the stream, want %d", n, whole)
	}
}

// Behind 1,000 bad records the rest of a body is one entry, whole records and
// all. A retry takes them while serve runs, and serve announces them.
func TestARetryTakesWhatCanBeTaken(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		made := records.NewMaker(7, acceptance, time.Second).Lines(60)
		bad := strings.Repeat("{\"type\":7}\n", 1000)
		rest := "oops\n" + strings.Join(made[1:], "\n")
		r := s.Post(made[0] + "\n" + bad + rest)
		if r.code != http.StatusOK || r.Stored != 1 || r.Quarantined != 1001 {
			t.Fatalf("answer %d %+v", r.code, r.counts())
		}
		var id string
		for _, e := range s.Quarantine() {
			if strings.HasPrefix(e.reason, "the rest of a body") {
				id = e.id
			}
		}
		if show := s.Run("quarantine", "show", id); show.code != 0 || show.stdout != rest+"\n" {
			t.Errorf("show: %d %s %s", show.code, show.stdout, show.stderr)
		}
		retry := s.Run("quarantine", "retry", id)
		if want := id + ": 59 stored, 0 duplicates, 0 expired, 1 still in quarantine\n"; retry.stdout != want || retry.code != 1 {
			t.Errorf("retry: %d %s %s, want %s", retry.code, retry.stdout, retry.stderr, want)
		}
		for _, e := range s.Quarantine() {
			if e.id == id {
				t.Error("the rest is still in quarantine")
			}
		}
		checkWholly(t, s, parseRecords(t, made))
	})
}

func TestQuarantineCommandSaysWhatItWasAskedInVain(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"quarantine", "show", "0123456789abcdef0123456789abcdef"}, "not found"},
		{[]string{"quarantine", "retry", "0123456789abcdef0123456789abcdef"}, "not found"},
		{[]string{"quarantine", "show", "no-id"}, "quarantine ID"},
		{[]string{"quarantine", "retry", "no-id"}, "quarantine ID"},
	} {
		if r := s.Run(c.args...); r.code != 1 || !strings.Contains(r.stderr, c.want) || r.stdout != "" {
			t.Errorf("%v: %d %q %q, want %q", c.args, r.code, r.stdout, r.stderr, c.want)
		}
	}
}
