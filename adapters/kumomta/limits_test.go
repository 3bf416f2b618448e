package kumomta

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

func TestGiantTextsAreCutAndMarked(t *testing.T) {
	const size = 20 << 20
	giant := strings.Repeat("ä<", size/3+1)[:size]
	mark := fmt.Sprintf("[cut from %d bytes]", size)
	body := aRecord(1) + "\n" +
		aRecord(2, `"response":{"content":"`+giant+`"}`, `"sender":"`+giant+`"`, `"headers":{"Subject":["`+giant+`"]}`) + "\n" +
		aRecord(3)
	d := decode(body)
	if len(d.Events) != 3 || len(d.Rejects) != 0 {
		t.Fatalf("%d events, %d rejects", len(d.Events), len(d.Rejects))
	}
	same(t, []string{d.Events[0].Raw, d.Events[2].Raw}, []string{aRecord(1), aRecord(3)})
	e := d.Events[1]
	for _, text := range []struct {
		s     string
		limit int
	}{{e.Response.Content, maxText}, {e.Sender, maxName}} {
		if len(text.s) > text.limit || len(text.s) < text.limit-4 || !utf8.ValidString(text.s) || !strings.HasPrefix(text.s, "ä<ä<") {
			t.Errorf("%d bytes of at most %d: %.20q", len(text.s), text.limit, text.s)
		}
	}
	if !strings.HasSuffix(e.Response.Content, mark) || strings.Count(e.Raw, mark) != 3 || !json.Valid([]byte(e.Raw)) {
		t.Errorf("%d marks in %d bytes", strings.Count(e.Raw, mark), len(e.Raw))
	}
	if len(e.Raw) > 3*8*maxText {
		t.Errorf("%d bytes kept", len(e.Raw))
	}
	sameButForID(t, one(t, e.Raw), e)

	other := one(t, aRecord(2, `"response":{"content":"`+giant[:size-1]+`x"}`))
	if other.ID == e.ID {
		t.Error("the end of a giant text takes no part in the id")
	}
}

func sameButForID(t testing.TB, got, want domain.EmailEvent) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(domain.EmailEvent{}, "ID")); diff != "" {
		t.Errorf("not the same (-want +got):\n%s", diff)
	}
}

func TestTextsOfTheLimitAreKeptWhole(t *testing.T) {
	text := strings.Repeat("x", maxText)
	raw := aRecord(1, `"response":{"content":"`+text+`"}`)
	e := one(t, raw)
	if e.Response.Content != text || e.Raw != raw {
		t.Errorf("%d bytes of %d, raw %d of %d", len(e.Response.Content), len(text), len(e.Raw), len(raw))
	}
	// Escapes make it longer as JSON only.
	raw = aRecord(1, `"response":{"content":"`+strings.Repeat(`\u0078`, maxText)+`"}`)
	if e := one(t, raw); e.Response.Content != text || e.Raw != raw {
		t.Errorf("%d bytes of %d, raw %d of %d", len(e.Response.Content), len(text), len(e.Raw), len(raw))
	}
}

func TestNamesAreCutAndTheirBytesStay(t *testing.T) {
	long := strings.Repeat("n", maxName+1)
	raw := aRecord(1, `"sender":"`+long+`"`, `"site":"`+long+`"`, `"recipient":"`+long+`"`)
	e := one(t, raw)
	for _, s := range []string{e.Sender, e.Site, e.Recipient} {
		if want := "[cut from " + strconv.Itoa(maxName+1) + " bytes]"; len(s) != maxName || !strings.HasSuffix(s, want) {
			t.Errorf("%d bytes: %.20q", len(s), s)
		}
	}
	same(t, e.Raw, raw)
}

func manyRecipients(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d@b.c",`, i)
	}
	return `"recipient":[` + strings.TrimSuffix(b.String(), ",") + `]`
}

func TestARecordHasAtMost10000Recipients(t *testing.T) {
	d := decode("[" + aRecord(1, manyRecipients(10000)) + "," + aRecord(2, manyRecipients(10001)) + "," + aRecord(3) + "]")
	if len(d.Events) != 10001 || d.Records != 3 || len(d.Rejects) != 1 {
		t.Fatalf("%d events of %d records, %d rejects", len(d.Events), d.Records, len(d.Rejects))
	}
	if r := d.Rejects[0]; r.Index != 1 || r.Reason != "more than 10000 recipients" {
		t.Errorf("reject %d: %s", r.Index, r.Reason)
	}
}

func TestBatchesAreBounded(t *testing.T) {
	wide := aRecord(1, `"headers":{"Subject":"`+strings.Repeat("x", 60<<10)+`"}`) + "\n"
	for _, body := range []string{
		strings.Repeat(aRecord(1)+"\n", 5000),
		strings.Repeat(wide, 300),
		"[" + strings.Repeat(aRecord(1, manyRecipients(700))+",", 20) + "]",
		aRecord(1) + strings.Repeat("\n"+`{"bad":"`+strings.Repeat("x", 30<<10)+`"}`, 500),
	} {
		for b := range (Decoder{}).Decode(body) {
			size := 0
			for _, e := range b.Events {
				if e.Part == 0 {
					size += len(e.Raw)
				}
			}
			for _, r := range b.Rejects {
				size += len(r.Raw)
			}
			if len(b.Events) > 2*batchEvents || size > batchBytes+64<<10 {
				t.Errorf("a batch of %d events, %d rejects, %d bytes", len(b.Events), len(b.Rejects), size)
			}
		}
	}
}

// hostile bodies make a reader that goes back read them again and again.
func hostile(size int) map[string]string {
	bodies := map[string]string{
		"deep lines, then long": strings.Repeat("{\"x\":[1,\n", 31) + strings.Repeat(`{"y":1},`, size/8),
	}
	for _, unit := range []string{
		"{\"x\":[1,\n", "{\"x\":\n", "[{,", "x,", ",{", `,{"`, `{"a":1},`, `"command":"`, `,{"command":"`,
		`"command":"EHLO `, `\"command\":\"x`, "AUTH ", "AUTH PLAIN ", "auth\t", `{"type":"Bounce","timestamp":1,`,
		`{"type":"Bounce","timestamp":1,"x":[{"y":1},`, `{"type":"Bounce","timestamp":1,"recipient":["`,
		`{"x":[`, `[[`, "]", "}", "{\n", "\\", `"`, `""`, `"",`, "\n", " ", ":{", `{"a":"`, "1\n", "a\n", "null,", "{}", "\xff", `" `,
	} {
		for _, start := range []string{
			"", "[", "[" + strings.Repeat("x,", 900), aRecord(1) + "\n", `{"type":"Bounce","timestamp":1,"recipient":[`,
		} {
			bodies[fmt.Sprintf("%.10s... %s", start, unit)] = start + strings.Repeat(unit, size/len(unit))
		}
	}
	return bodies
}

func TestHostileBodiesAreReadAFewTimesAtMost(t *testing.T) {
	const size = 1 << 17
	for name, body := range hostile(size) {
		t.Run(strconv.Quote(name), func(t *testing.T) {
			d := decoding{scanner: scanner{text: body}}
			records := 0
			d.yield = func(b ports.Batch) bool { records += b.Records; return true }
			d.body()
			d.finish()
			if d.wasted > 4*len(body)+1<<17 {
				t.Errorf("%d bytes read in vain of %d", d.wasted, len(body))
			}
			if records > maxRejects+len(body)/len(aRecord(1))+2 {
				t.Errorf("%d records", records)
			}
		})
	}
}

func TestMemoryForABodyIsAFewTimesItsSize(t *testing.T) {
	const size = 1 << 19
	for name, body := range hostile(size) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		decode(body)
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 12*size {
			t.Errorf("%q: %d KB allocated for %d KB", name, spent>>10, size>>10)
		}
	}
}
