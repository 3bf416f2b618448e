package kumomta

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/domain"
)

func addSeeds(f *testing.F) {
	for line := range strings.Lines(sample(f, "modern.jsonl")) {
		f.Add(line)
	}
	for _, bad := range waysToBeBad {
		f.Add("[" + aRecord(1) + "," + bad.raw + "," + aRecord(2) + "]")
		f.Add(bad.raw + "\n" + aRecord(1))
	}
	for _, secret := range secrets {
		f.Add(aRejection(quoted(secret), `"meta":{"log_record":`+aRejection(quoted(quoted(secret)))+`}`))
	}
	f.Add(aFeedback(`{"original_message":` + bytesOf("Message-ID: <"+idA+"@x>\n") + `,"supplemental_trace":{"recipient":["a@b.c"],"x_msg_id":"x"}}`))
	for _, s := range []string{"", "\uFEFF[]", "[\n1,,2]x", `"\ud83d\ude00\u0000"`, "-0.1e+7", "01", "tru", "{}{}", `[{"type":"a","timestamp":1}]]`} {
		f.Add(s)
	}
}

func FuzzDecode(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		d := decode(text)
		checkEvents(t, d, text)
		if untouched(text) {
			checkEveryByteIsKept(t, d, text)
		}
		if d.Records > len(text)+1 || len(d.Rejects) > maxRejects+1 {
			t.Errorf("%d records, %d rejects of %d bytes", d.Records, len(d.Rejects), len(text))
		}
		for _, e := range d.Events {
			if e.Part == 0 {
				checkReadBack(t, d, e)
			}
		}
		checkScanner(t, text)
	})
}

// untouched says whether nothing in the text can be a secret or be cut.
func untouched(text string) bool {
	return len(text) <= maxText && !strings.Contains(strings.ToUpper(text), "AUTH") &&
		!strings.Contains(text, "command") && !strings.Contains(text, `\u`)
}

func checkEvents(t *testing.T, d decoded, text string) {
	for _, e := range d.Events {
		if !json.Valid([]byte(e.Raw)) {
			t.Errorf("kept what is no JSON: %q", e.Raw)
		}
		if e.Meta != "" && (e.Meta[0] != '{' || !json.Valid([]byte(e.Meta))) {
			t.Errorf("meta is no object: %q", e.Meta) // announcements embed it as it is
		}
		if untouched(text) && !strings.Contains(text, e.Raw) {
			t.Errorf("%q is no part of the text", e.Raw)
		}
		for _, v := range reflect.ValueOf(e).Fields() {
			if v.Kind() == reflect.String && (v.String() != e.Raw && !utf8.ValidString(v.String()) || strings.ContainsRune(v.String(), 0)) {
				t.Errorf("a field is %q", v.String())
			}
		}
		checkReport(t, e.Report)
		if (e.Report != nil) != e.Type.IsReport() {
			t.Errorf("a %s has the report %v", e.RecordType, e.Report)
		}
		if _, err := e.OccurredAt.MarshalJSON(); err != nil {
			t.Error(err)
		}
		if _, err := e.AcceptedAt.MarshalJSON(); err != nil {
			t.Error(err)
		}
	}
}

// checkEveryByteIsKept walks through the text by the records' bytes, between
// which only separators may stand.
func checkEveryByteIsKept(t *testing.T, d decoded, text string) {
	rest := strings.TrimPrefix(text, "\uFEFF")
	rejects, events := d.Rejects, d.Events
	for index := range d.Records {
		var raw string
		if len(rejects) > 0 && rejects[0].Index == index {
			raw, rejects = rejects[0].Raw, rejects[1:]
		} else {
			raw, events = events[0].Raw, events[1:]
			for len(events) > 0 && events[0].Part > 0 {
				events = events[1:]
			}
		}
		if raw == text {
			rest = ""
			continue
		}
		for !strings.HasPrefix(rest, raw) {
			if rest == "" || !strings.ContainsRune(" \t\r\n,[]", rune(rest[0])) {
				t.Fatalf("record %d is %q, the text goes on with %q", index, raw, rest)
			}
			rest = rest[1:]
		}
		rest = rest[len(raw):]
	}
	if rest = strings.Trim(rest, " \t\r\n,[]"); rest != "" || len(events) > 0 || len(rejects) > 0 {
		t.Fatalf("%q is left, %d events, %d rejects", rest, len(events), len(rejects))
	}
}

// checkReadBack holds what a record's kept bytes say against what it said.
func checkReadBack(t *testing.T, d decoded, e domain.EmailEvent) {
	again := decode(e.Raw)
	if len(again.Rejects) != 0 || again.Records != 1 {
		t.Fatalf("%q is rejected when read back: %v", e.Raw, again.Rejects)
	}
	if len(e.Raw) > maxText {
		again.Events[0].ID = e.ID // of the whole text
	}
	if diff := cmp.Diff(e, again.Events[0]); diff != "" {
		t.Fatalf("not the same when read back:\n%s", diff)
	}
}

// checkScanner holds the scanner against encoding/json, which nests deeper.
func checkScanner(t *testing.T, text string) {
	s := scanner{text: text}
	s.space()
	err := s.value()
	s.space()
	if s.depth > maxDepth {
		return
	}
	if got, want := err == nil && s.pos == len(text), json.Valid([]byte(text)); got != want {
		t.Errorf("%q is JSON: %v, want %v (%v)", text, got, want, err)
	}
	var want string
	if err == nil && strings.HasPrefix(text, `"`) && json.Unmarshal([]byte(text), &want) == nil {
		// Runs of bytes that are no UTF-8 are one U+FFFD here, several there.
		got := cleanText(strings.TrimSpace(text)[1 : len(strings.TrimSpace(text))-1])
		if want = strings.ReplaceAll(want, "\x00", ""); utf8.ValidString(text) && got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

// FuzzIdentity writes a record anew in ways that copies of it differ in.
func FuzzIdentity(f *testing.F) {
	for _, name := range []string{"modern.jsonl", "before-2025-10.jsonl"} {
		for line := range strings.Lines(sample(f, name)) {
			f.Add(line, uint64(len(line)))
		}
	}
	f.Add(`{"type":"Rejection","timestamp":1,"recipient":[],"response":{"command":"AGFu\r\n","enhanced_code":null}}`, uint64(7))
	f.Add(`{"type":"B","timestamp":1,"recipient":["b","a","b"],"nodeid":"A-B","id":"\u0000x","x":[[],{},[null,[]]]}`, uint64(3))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var record map[string]any
		if json.Valid([]byte(text)) && utf8.ValidString(text) && len(text) < maxText && !hasTwins(text) {
			_ = decoder.Decode(&record)
		}
		d := decode(text)
		if record == nil || len(d.Events) == 0 || len(d.Rejects) != 0 {
			return
		}
		for _, lua := range []bool{false, true} {
			w := copier{seed: seed, lua: lua}
			w.write(record)
			again := decode(string(w.out))
			if len(again.Rejects) != 0 || !slices.Equal(ids(again.Events), ids(d.Events)) {
				t.Errorf("%s\nhas ids %v\n%s\nhas ids %v, rejects %v", text, ids(d.Events), w.out, ids(again.Events), again.Rejects)
			}
		}
	})
}

// hasTwins says whether an object has a name twice: other writers keep one.
func hasTwins(text string) bool {
	s := scanner{text: text}
	var twins bool
	var value func(string) error
	object := func() error {
		seen := map[string]bool{}
		return s.object(func(name string) error {
			twins = twins || seen[name]
			seen[name] = true
			return value(name)
		})
	}
	value = func(string) error {
		switch s.space(); s.peek() {
		case '{':
			return object()
		case '[':
			return s.array(func() error { return value("") })
		}
		return s.value()
	}
	return value("") != nil || twins || strings.Contains(text, `\u`)
}

// copier writes JSON as another writer would: names in another order, and as Lua
// does it without nulls and with {} for [] (kumomta.md, section 1.6).
type copier struct {
	seed uint64
	lua  bool
	out  []byte
}

func (w *copier) write(v any) {
	switch v := v.(type) {
	case map[string]any:
		w.object(v)
	case []any:
		if w.lua && len(v) == 0 {
			w.out = append(w.out, "{}"...)
			return
		}
		w.out = append(w.out, '[')
		for i, e := range v {
			if i > 0 {
				w.out = append(w.out, ',')
			}
			w.write(e)
		}
		w.out = append(w.out, ']')
	default:
		b, err := json.Marshal(v)
		if err != nil {
			panic(fmt.Sprint("a decoded value cannot be written: ", err))
		}
		w.out = append(w.out, b...)
	}
}

func (w *copier) object(fields map[string]any) {
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for i := range names { // a shuffle that the seed decides
		w.seed = w.seed*6364136223846793005 + 1442695040888963407
		j := int(w.seed>>33) % (i + 1)
		names[i], names[j] = names[j], names[i]
	}
	w.out = append(w.out, '{')
	first := true
	for _, name := range names {
		if w.lua && fields[name] == nil {
			continue
		}
		if !first {
			w.out = append(w.out, ", "...)
		}
		first = false
		w.write(name)
		w.out = append(w.out, ':')
		w.write(fields[name])
	}
	if !w.lua && len(fields) > 0 {
		w.out = append(w.out, `,"not_known_yet":null`...)
	}
	w.out = append(w.out, '}')
}
