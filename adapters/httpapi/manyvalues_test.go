package httpapi_test

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// allocated is what ask takes of memory, whether it is held or not.
func allocated(ask func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ask()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestBodiesOfVeryManyValuesTakeSomeTimesTheirSize(t *testing.T) {
	const most = 4<<20 - 1 // of what one body may have
	fill := func(before, value, after string) string {
		return before + strings.Repeat(value, (most-len(before)-len(after))/len(value)) + after
	}
	s := newService()
	for name, c := range map[string]struct{ contentType, body, want string }{
		"empty objects":   {jsonType, fill(`{"items":[`, `{},`, `{}]}`), "too many values"},
		"numbers":         {jsonType, fill(`{"items":[`, `1,`, `1]}`), "too many values"},
		"brackets":        {jsonType, fill(`{"items":`, `[`, ``), "too many values"},
		"names":           {jsonType, fill(`{`, `"":1,`, `"":1}`), "too many values"},
		"behind a text":   {jsonType, fill(`{"a":"\\\"","items":[`, `1,`, `1]}`), "too many values"},
		"lines":           {"text/csv", fill("", "a\n", ""), "1000"},
		"columns":         {"text/csv", fill("", ",", ""), "too many values"},
		"behind a column": {"text/csv", fill("\"\\\"", ",", ""), "too many values"},
	} {
		t.Run(name, func(t *testing.T) {
			var code int
			var answer string
			took := allocated(func() { code, answer = s.ask(http.MethodPost, "/suppressions", c.contentType, c.body) })
			if code != http.StatusBadRequest || !strings.Contains(answer, c.want) {
				t.Errorf("%d %.300s, want 400 with %q", code, answer, c.want)
			}
			if took > 20*most {
				t.Errorf("took %d MiB for a body of %d", took>>20, most>>20)
			}
		})
	}
}

func TestBodiesWithinTheirBoundsMayHaveManyValues(t *testing.T) {
	s := newService()
	recipients := make([]string, 1000)
	for i := range recipients {
		recipients[i] = strings.Repeat("r", i%64+1) + "@" + strings.Repeat("d", i/64+1) + ".example"
	}
	s.send(t, "/logs", jsonType, map[string]any{
		"id": "x", "sender": "", "recipients": recipients, "meta": map[string]any{"a": make([]struct{}, 5000)},
	})
	s.send(t, "/suppressions/lookup", jsonType, map[string]any{"addresses": recipients})
	commas := strings.Repeat(",", 50_000)
	if code, answer := s.ask(http.MethodPost, "/suppressions/lookup", jsonType, `{"addresses":["`+commas+`"]}`); strings.Contains(answer, "values") {
		t.Errorf("one long text: %d %s", code, answer)
	}
}

func TestLongNamesAreNotRepeatedWhole(t *testing.T) {
	s := newService()
	name := strings.Repeat("n", 100_000)
	for path, body := range map[string]string{
		"/suppressions":        `{"items":[{"address":"a@example.org","` + name + `":1}]}`,
		"/suppressions/lookup": `{"addresses":["a@example.org"],"` + name + `":1}`,
		"/logs":                `{"id":"x","sender":"","recipients":["a@example.org"],"` + name + `":1}`,
	} {
		code, answer := s.ask(http.MethodPost, path, jsonType, body)
		if code != http.StatusBadRequest || len(answer) > 1000 || !strings.Contains(answer, "nnn") {
			t.Errorf("%s: %d with %d bytes, %.200s", path, code, len(answer), answer)
		}
	}
}
