package kumomta

import (
	"strconv"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/domain"
)

// Case 4.
func TestBodyFormsAreToldApartByContent(t *testing.T) {
	a, b, c := aRecord(1), aRecord(2), aRecord(3)
	cases := []struct {
		name, body string
		want       []string
	}{
		{"one object", a, []string{a}},
		{"object and newline", a + "\n", []string{a}},
		{"object, blank lines", "\r\n\n " + a + "\n\n\n", []string{a}},
		{"array", "[" + a + "," + b + "]", []string{a, b}},
		{"array and newline", "[" + a + "," + b + "]\n", []string{a, b}},
		{"array over lines", "[\n" + a + ",\n" + b + "\n]\n", []string{a, b}},
		{"array of one over lines", "[\n" + a + "\n]", []string{a}},
		{"arrays, one a line", "[" + a + "]\n[" + b + "," + c + "]\n[]\n", []string{a, b, c}},
		{"lines", a + "\n" + b + "\n" + c, []string{a, b, c}},
		{"lines with CRLF", a + "\r\n" + b + "\r\n", []string{a, b}},
		{"BOM and lines", "\uFEFF" + a + "\n" + b, []string{a, b}},
		{"BOM and array", "\uFEFF[" + a + "]", []string{a}},
		{"several on a line", a + b + " " + c, []string{a, b, c}},
		{"commas between lines", a + ",\n" + b + ",\n" + c + ",\n", []string{a, b, c}},
		{"array without commas", "[" + a + "\n" + b + c + "]", []string{a, b, c}},
		{"array with a comma too many", "[," + a + ",," + b + ",]", []string{a, b}},
		{"array without an end", "[" + a + "," + b, []string{a, b}},
		{"object and array", a + "\n[" + b + "]" + c, []string{a, b, c}},
		{"object over lines", strings.ReplaceAll(a, ",", ",\n  "), []string{strings.ReplaceAll(a, ",", ",\n  ")}},
	}
	for _, cs := range cases {
		t.Run(cs.name, func(t *testing.T) {
			d := decode(cs.body)
			same(t, raws(d.Events), cs.want)
			if len(d.Rejects) != 0 || d.Records != len(cs.want) {
				t.Errorf("%d records, rejects %v", d.Records, d.Rejects)
			}
		})
	}
}

func raws(events []domain.EmailEvent) []string {
	var all []string
	for _, e := range events {
		all = append(all, e.Raw)
	}
	return all
}

// Case 4: there is nothing in it, and nothing wrong with it.
func TestEmptyBodiesHaveNoRecords(t *testing.T) {
	for _, body := range []string{"", " \r\n\t", "\uFEFF", "[]", " [ ] \n", "[]\n[]", "\uFEFF[]"} {
		d := decode(body)
		if d.Records != 0 || len(d.Rejects) != 0 || len(d.Events) != 0 {
			t.Errorf("%q: %d records, rejects %v", body, d.Records, d.Rejects)
		}
		if want := strings.Count(body, "["); d.Values != want {
			t.Errorf("%q: %d values, want %d", body, d.Values, want)
		}
	}
}

func TestTextWithoutJSONIsOneReject(t *testing.T) {
	for _, body := range []string{
		"hello", "a=1&b=2", "<html>\n<body>\n", "{", "[", "{{{{", "[[[", "}", "]", ",", "nul", "\x00", "\xff\xfe{\x00}",
		"2026-07-25 17:20:00 INFO started\n2026-07-25 17:20:01 INFO stopped\n",
		`{"type":"Delivery","id":"1`, `[{"type":"Delivery"`, "{\n\"type\": \"Delivery\",\n\"id\": \n",
		strings.Repeat("not json\n{broken\n", 3000), strings.Repeat(`{"a":`, 100),
	} {
		d := decode(body)
		if len(d.Rejects) != 1 || d.Records != 1 || d.Values != 0 || len(d.Events) != 0 {
			t.Errorf("%.60q: %d rejects, %d records, %d values", body, len(d.Rejects), d.Records, d.Values)
			continue
		}
		if r := d.Rejects[0]; r.Raw != body || r.Index != 0 || !strings.HasPrefix(r.Reason, "not JSON: ") {
			t.Errorf("%.60q: reject %d %q of %.60q", body, r.Index, r.Reason, r.Raw)
		}
	}
}

func TestWholeJSONThatIsNoRecordIsAValueAndAReject(t *testing.T) {
	for _, body := range []string{"1", "null", "true", `"text"`, "-1.5e9", "{}", `{"a":1}`, `["a"]`, "[null]", "[[]]", "1\n2\n"} {
		d := decode(body)
		if len(d.Rejects) == 0 || d.Values != len(d.Rejects) || d.Records != d.Values {
			t.Errorf("%s: %d values, rejects %v", body, d.Values, d.Rejects)
		}
	}
}

// Case 24: a segment header, a cut last line, a line of other text.
func TestLinesThatAreNoRecordsCostNoOther(t *testing.T) {
	a, b, c := aRecord(1), aRecord(2), aRecord(3)
	d := decode("# KumoMTA log\n" + a + "\nkumod[17]: started\n" + b + "\n12 of 13\n" + c + "\n" + a[:len(a)/2])
	same(t, raws(d.Events), []string{a, b, c})
	same(t, rejectedRaws(d), map[int]string{0: "# KumoMTA log", 2: "kumod[17]: started", 4: "12 of 13", 6: a[:len(a)/2]})
}

func rejectedRaws(d decoded) map[int]string {
	all := map[int]string{}
	for _, r := range d.Rejects {
		all[r.Index] = r.Raw
	}
	return all
}

// waysToBeBad are records that cannot be taken, and a word of the reason.
var waysToBeBad = []struct{ name, raw, why string }{
	{"no type", `{"id":"x","timestamp":1,"recipient":"a@b.c"}`, "no type"},
	{"empty type", `{"type":"","timestamp":1}`, "no type"},
	{"no time", `{"type":"Bounce","event_time":"soon"}`, "no event_time"},
	{"type of the wrong kind", `{"type":7,"timestamp":1}`, "type is not a string"},
	{"id of the wrong kind", `{"type":"Bounce","timestamp":1,"id":{"a":[1,2]}}`, "id is not a string"},
	{"recipient of the wrong kind", `{"type":"Bounce","timestamp":1,"recipient":5}`, "recipient is not"},
	{"recipient in an object", `{"type":"Bounce","timestamp":1,"recipient":{"a":"b"}}`, "recipient is not"},
	{"recipients of the wrong kind", `{"type":"Bounce","timestamp":1,"recipient":["a",[]]}`, "recipient is not a string"},
	{"response of the wrong kind", `{"type":"Bounce","timestamp":1,"response":"250 OK"}`, "response is not an object"},
	{"response in a list", `{"type":"Bounce","timestamp":1,"response":[{"code":250}]}`, "response is not an object"},
	{"code of the wrong kind", `{"type":"Bounce","timestamp":1,"response":{"code":"250"}}`, "response.code is not a number"},
	{"code that overflows", `{"type":"Bounce","timestamp":1,"response":{"code":99999999999999999999}}`, "response.code is not within"},
	{"enhanced code that is negative", `{"type":"Bounce","timestamp":1,"response":{"enhanced_code":{"class":-5}}}`, "response.enhanced_code is not within"},
	{"timestamp of the wrong kind", `{"type":"Bounce","timestamp":"1785000000"}`, "timestamp is not a number"},
	{"timestamp that overflows", `{"type":"Bounce","timestamp":1e999}`, "timestamp is not within"},
	{"timestamp after 9999", `{"type":"Bounce","timestamp":253402300800}`, "timestamp is not within"},
	{"attempts that overflow", `{"type":"Bounce","timestamp":1,"num_attempts":18446744073709551616}`, "num_attempts is not within"},
	{"number", `17`, "not an object"},
	{"text", `"record"`, "not an object"},
	{"null", `null`, "not an object"},
	{"NaN", `{"type":"Bounce","timestamp":NaN}`, "not JSON"},
	{"Infinity", `{"type":"Bounce","timestamp":-Infinity}`, "not JSON"},
	{"leading zero", `{"type":"Bounce","timestamp":01}`, "not JSON"},
	{"single quotes", `{'type':'Bounce'}`, "not JSON"},
	{"name without quotes", `{type:"Bounce","timestamp":1}`, "not JSON"},
	{"comma too many", `{"type":"Bounce","timestamp":1,}`, "not JSON"},
	{"missing comma", `{"type":"Bounce" "timestamp":1}`, "not JSON"},
	{"missing colon", `{"type" "Bounce","timestamp":1}`, "not JSON"},
	{"missing value", `{"type":,"timestamp":1}`, "not JSON"},
	{"unknown escape", `{"type":"Bo\unce","timestamp":1}`, "unknown escape"},
	{"unescaped quote", `{"type":"Bounce","response":{"content":"no such user "ann" here"},"timestamp":1}`, "not JSON"},
	{"unescaped quotes, odd", `{"type":"Bounce","response":{"content":"6" by 4, or 5"},"timestamp":1}`, "not JSON"},
	{"raw tab in a string", "{\"type\":\"Bounce\",\"site\":\"a\tb\",\"timestamp\":1}", "control character"},
	{"raw NUL in a string", "{\"type\":\"Bounce\",\"site\":\"a\x00b\",\"timestamp\":1}", "control character"},
	{"one bracket too many", `{"type":"Bounce","timestamp":1,"x":[1]],"y":2}`, "not JSON"},
	{"brackets crossed", `{"type":"Bounce","timestamp":1,"x":[{"y":1]}}`, "not JSON"},
	{"depth 65", `{"type":"Bounce","timestamp":1,"x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, "nested deeper than 64"},
	{"missing brace", `{"type":"Bounce","timestamp":1,"meta":{"a":"b"}`, "not JSON"},
	{"missing bracket", `{"type":"Bounce","timestamp":1,"x":["a","b"`, "not JSON"},
	{"cut in a string", `{"type":"Bounce","timestamp":1,"sender":"someb`, "not JSON"},
	{"cut in a name", `{"type":"Bounce","timest`, "not JSON"},
	{"cut in a number", `{"type":"Bounce","timestamp":-`, "not JSON"},
	{"cut in an escape", `{"type":"Bounce","timestamp":1,"sender":"a\u00`, "not JSON"},
	{"word", `oops`, "not JSON"},
}

// Case 9: of 500 records one is bad, the others are taken.
func TestOneBadRecordAmong500LeavesTheOthers(t *testing.T) {
	const at = 250
	forms := []struct{ name, before, between, after string }{
		{"lines", "", "\n", "\n"},
		{"array", "[", ",", "]"},
		{"array over lines", "[\n", ",\n", "\n]\n"},
	}
	for _, form := range forms {
		for _, bad := range waysToBeBad {
			t.Run(form.name+"/"+bad.name, func(t *testing.T) {
				records := make([]string, 500)
				for i := range records {
					records[i] = aRecord(i)
				}
				records[at] = bad.raw
				d := decode(form.before + strings.Join(records, form.between) + form.after)

				same(t, strings.Join(raws(d.Events), "\n"), strings.Join(append(records[:at:at], records[at+1:]...), "\n"))
				same(t, rejectedRaws(d), map[int]string{at: bad.raw})
				if !strings.Contains(d.Rejects[0].Reason, bad.why) || d.Records != 500 {
					t.Errorf("%d records, reason %q", d.Records, d.Rejects[0].Reason)
				}
			})
		}
	}
}

func TestABadRecordAtEitherEndLeavesTheOthers(t *testing.T) {
	a, b := aRecord(1), aRecord(2)
	for _, bad := range waysToBeBad {
		for _, body := range []string{
			"[" + bad.raw + "," + a + "," + b + "]", "[" + a + "," + b + "," + bad.raw + "]", "[" + a + "," + b + "," + bad.raw,
			bad.raw + "\n" + a + "\n" + b, a + "\n" + b + "\n" + bad.raw,
		} {
			d := decode(body)
			same(t, raws(d.Events), []string{a, b})
			if len(d.Rejects) != 1 || d.Rejects[0].Raw != bad.raw {
				t.Errorf("%s: rejects %v of %s", bad.name, d.Rejects, body)
			}
		}
	}
}

func TestReasonsNameNoAddressAndNoContent(t *testing.T) {
	for _, bad := range waysToBeBad {
		for _, r := range decode(bad.raw).Rejects {
			for _, text := range []string{"a@b.c", "ann", "someb", "Bounce"} {
				if strings.Contains(r.Reason, text) {
					t.Errorf("%s: %q", bad.name, r.Reason)
				}
			}
		}
	}
}

// Case 9: what follows a broken array, or stands in one that never ends.
func TestBrokenArraysKeepTheirWholeRecords(t *testing.T) {
	a, b, c, e := aRecord(1), aRecord(2), aRecord(3), aRecord(4)
	cases := []struct {
		name, body string
		rejects    map[int]string
	}{
		{"cut, then lines", "[" + a + "," + b + `,{"type":"De` + "\n" + c + "\n" + e, map[int]string{2: `{"type":"De`}},
		{"cut, then an array", "[" + a + "," + b + `,{"type":"De` + "\n[" + c + "," + e + "]\n", map[int]string{2: `{"type":"De` + "\n["}},
		{"no end, then an array", "[" + a + "," + b + "\n[" + c + "," + e + "]\n", map[int]string{2: "["}},
		{"end too early", "[" + a + "," + b + "}]," + c + "," + e + "]", map[int]string{2: "}", 5: "]"}},
		{"two ends", "[" + a + "," + b + "]]," + c + "," + e + "]", map[int]string{2: "]", 5: "]"}},
		{"text between", "[" + a + "," + b + " and " + c + "," + e + "]", map[int]string{2: "and"}},
		{"braces between", "[" + a + "}}" + b + "," + c + "{{" + e + "]", map[int]string{1: "}}", 4: "{{"}},
		{"broken on one line", `{"x":1 "y"},` + a + "," + b + `,{"x":,` + c + e, map[int]string{0: `{"x":1 "y"}`, 3: `{"x":`}},
	}
	for _, cs := range cases {
		t.Run(cs.name, func(t *testing.T) {
			d := decode(cs.body)
			same(t, raws(d.Events), []string{a, b, c, e})
			same(t, rejectedRaws(d), cs.rejects)
		})
	}
}

func TestARecordWithinABrokenOneIsNoRecordOfItsOwn(t *testing.T) {
	bad := `{"type":"Delivery","meta":{"log_record": ` + aRecord(1) + `},"x":}`
	d := decode(bad + "\n" + aRecord(2))
	same(t, raws(d.Events), []string{aRecord(2)})
	same(t, rejectedRaws(d), map[int]string{0: bad})
}

func TestAfter1000RejectsTheRestIsOne(t *testing.T) {
	for _, form := range []struct{ before, between string }{{"", "\n"}, {"[", ","}} {
		body := aRecord(1) + strings.Repeat(form.between+`{"bad":1}`, 5000) + form.between + aRecord(2)
		d := decode(form.before + body)
		if len(d.Rejects) != 1001 || len(d.Events) != 1 || d.Records != 1002 {
			t.Fatalf("%d rejects, %d events, %d records", len(d.Rejects), len(d.Events), d.Records)
		}
		rest := d.Rejects[1000]
		if want := body[len(body)-len(rest.Raw):]; rest.Raw != want || !strings.Contains(rest.Reason, strconv.Itoa(maxRejects)) {
			t.Errorf("the rest is %.50q ... for %q", rest.Raw, rest.Reason)
		}
		if got := strings.Count(rest.Raw, "bad"); got != 4000 {
			t.Errorf("the rest has %d records, want 4000", got)
		}
	}
}

func TestNobodyIsToldOfMoreThanTheyWant(t *testing.T) {
	body := strings.Repeat(aRecord(1)+"\n", 3*batchEvents)
	batches := 0
	for b := range (Decoder{}).Decode(body) {
		if batches++; len(b.Events) != batchEvents {
			t.Errorf("a batch of %d events", len(b.Events))
		}
		break
	}
	if batches != 1 {
		t.Errorf("%d batches", batches)
	}
}
