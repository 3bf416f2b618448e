package kumomta

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// Case 7: unknown types are events, with the type as the record spells it.
func TestAllRecordTypesAreTaken(t *testing.T) {
	for _, want := range domain.EventTypes() {
		name := "SomethingNew"
		if want != domain.Unknown {
			name = strings.ReplaceAll(want.String(), "_", " ")
			name = strings.ReplaceAll(titled(name), " ", "")
		}
		t.Run(name, func(t *testing.T) {
			e := one(t, `{"type":"`+name+`","timestamp":1785000000,"recipient":"a@b.c"}`)
			if e.Type != want || e.RecordType != name {
				t.Errorf("got %s from %q, want %s", e.Type, e.RecordType, want)
			}
		})
	}
}

func titled(words string) string {
	if words == "oob" {
		return "OOB"
	}
	var b strings.Builder
	for w := range strings.FieldsSeq(words) {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}

// Cases 1 and 2, kumomta.md section 1.1: recipient is a string, a list, or what
// is left of an empty list.
func TestRecipientHasManyShapes(t *testing.T) {
	cases := []struct {
		json string
		want []string
	}{
		{`"a@b.c"`, []string{"a@b.c"}},
		{`["a@b.c"]`, []string{"a@b.c"}},
		{`["a@b.c","d@e.f","g@h.i"]`, []string{"a@b.c", "d@e.f", "g@h.i"}},
		{`["a@b.c","d@e.f","a@b.c"]`, []string{"a@b.c", "d@e.f"}},
		{`["",null,"a@b.c"]`, []string{"", "a@b.c"}},
		{`""`, []string{""}},
		{`[]`, []string{""}},
		{`{}`, []string{""}},
		{`null`, []string{""}},
		{`"Postmaster"`, []string{"Postmaster"}},
	}
	for _, c := range cases {
		t.Run(c.json, func(t *testing.T) {
			raw := `{"type":"Bounce","timestamp":1785000000,"recipient":` + c.json + `}`
			d := decode(raw)
			var got []string
			seen := map[domain.EventID]bool{}
			for i, e := range d.Events {
				got = append(got, e.Recipient)
				if e.Part != i || e.Raw != raw || seen[e.ID] {
					t.Errorf("event %d is part %d with id %s of %s", i, e.Part, e.ID, e.Raw)
				}
				seen[e.ID] = true
			}
			same(t, got, c.want)
			if d.Records != 1 {
				t.Errorf("%d records", d.Records)
			}
		})
	}
}

// Case 3, kumomta.md section 1.6: null, absent, {} and [] say the same.
func TestNullAbsentAndEmptyAreTheSameEvent(t *testing.T) {
	for _, field := range []string{
		"id", "nodeid", "session_id", "sender", "queue", "site", "recipient", "created", "created_time", "num_attempts",
		"size", "response", "peer_address", "meta", "headers", "source_address", "feedback_report", "egress_pool",
		"egress_source", "delivery_protocol", "reception_protocol", "provider_name", "bounce_classification",
		"tls_peer_subject_name", "not_known_yet",
	} {
		want := one(t, `{"type":"Bounce","timestamp":1785000000}`)
		for _, value := range emptyValuesOf(field) {
			t.Run(field+"="+value, func(t *testing.T) {
				got := one(t, fmt.Sprintf(`{"type":"Bounce","timestamp":1785000000,%q:%s}`, field, value))
				got.Raw, got.Meta = want.Raw, want.Meta
				same(t, got, want)
			})
		}
	}
}

func emptyValuesOf(field string) []string {
	switch field {
	case "response", "peer_address", "meta", "headers", "source_address", "feedback_report", "tls_peer_subject_name", "not_known_yet":
		return []string{"null", "{}", "[]"}
	}
	return []string{"null"}
}

// kumomta.md, sections 1.2, 1.5 and 1.6. None of it may cost a record.
func TestOddShapesOfFieldsThatDoNotTellRecordsApartAreTaken(t *testing.T) {
	for _, field := range []string{
		`"feedback_report":{"version":1,"feedback_type":"abuse"}`,
		`"feedback_report":{"version":"1","original_message":[70,114,111,109],"extensions":{"x":[[1,2]]}}`,
		`"feedback_report":{"supplemental_trace":{"recipient":["a@b.c"],"x_msg_id":null}}`,
		`"meta":"text"`, `"meta":[1,null]`, `"meta":{"a":{"b":[{}]}}`, `"headers":"text"`, `"headers":["a"]`,
		`"size":"1047"`, `"size":-5`, `"size":1e3`, `"size":1e999`, `"created":"now"`, `"created_time":17`,
		`"bounce_classification":"My Own"`, `"bounce_classification":{"a":1}`, `"egress_pool":12`,
		`"source_address":"10.0.0.1:25"`, `"source_address":{"address":null,"protocol":"haproxy","server":"x"}`,
		`"tls_peer_subject_name":{}`, `"is_secure":true`, `"peer_address":{"name":"","addr":"0.0.0.0","is_secure":true}`,
		`"peer_address":{"name":null,"addr":"<unbound unix domain>"}`, `"response":{"code":250,"enhanced_code":{},"content":null,"x":[]}`,
		`"response":{"code":-7,"enhanced_code":[]}`, `"":0`, `"a":1.5E-7`,
	} {
		t.Run(field, func(t *testing.T) { one(t, aRecord(1, field)) })
	}
}

func TestNumbersMayStandForTextsThatNameNothing(t *testing.T) {
	e := one(t, aRecord(1, `"meta":{"tenant":42,"campaign":7,"x_email_log_id":9007199254740993}`))
	if e.Tenant != "42" || e.Campaign != "7" || e.ApplicationID != "9007199254740993" {
		t.Errorf("got %q, %q and %q", e.Tenant, e.Campaign, e.ApplicationID)
	}
}

// Case 6: the application's id stands in meta, or in a header of any spelling.
func TestApplicationIDIsFoundByPrecedence(t *testing.T) {
	cases := []struct{ fields, want string }{
		{`"meta":{"X-Email-Log-ID":"a","x_email_log_id":"b"},"headers":{"X-Email-Log-ID":"c"}`, "a"},
		{`"headers":{"X-Email-Log-ID":"c"},"meta":{"x_email_log_id":"b"}`, "b"},
		{`"meta":{"x_email_log_id":null},"headers":{"X-EMAIL-LOG-ID":"c"}`, "c"},
		{`"headers":{"x-email-log-id":["c","d"]}`, "c"},
		{`"headers":{"x-email-log-id":[]}`, ""},
		{`"headers":{"Subject":["c","d"]}`, ""},
	}
	for _, c := range cases {
		if got := one(t, aRecord(1, c.fields)).ApplicationID; got != c.want {
			t.Errorf("%s: got %q, want %q", c.fields, got, c.want)
		}
	}
}

func TestTenantAndCampaignComeFromMetaElseFromTheQueue(t *testing.T) {
	cases := []struct{ fields, tenant, campaign string }{
		{`"meta":{"tenant":"t","campaign":"c"},"queue":"x:y@d"`, "t", "c"},
		{`"meta":{"tenant":"t"},"queue":"x:y@d"`, "t", "x"},
		{`"queue":"x:y@d!r"`, "y", "x"},
		{`"queue":"x:@d"`, "", "x"},
		{`"queue":"hook.log_hook"`, "", ""},
	}
	for _, c := range cases {
		e := one(t, aRecord(1, c.fields))
		if e.Tenant != c.tenant || e.Campaign != c.campaign {
			t.Errorf("%s: got %q and %q", c.fields, e.Tenant, e.Campaign)
		}
	}
}

// Case 8: any number of fraction digits, the same instant and the same id.
func TestEventTimeMayHaveAnyNumberOfDigits(t *testing.T) {
	groups := [][]string{
		{"2026-07-25T17:20:00Z", "2026-07-25T17:20:00.000Z", "2026-07-25T17:20:00.000000Z", "2026-07-25T17:20:00.000000000Z", "2026-07-25T19:20:00+02:00"},
		{"2026-07-25T17:20:00.125Z", "2026-07-25T17:20:00.125000Z", "2026-07-25T17:20:00.125000000Z"},
		{"2026-07-25T17:20:00.125456Z", "2026-07-25T17:20:00.125456000Z"},
	}
	for _, group := range groups {
		at := func(s string) domain.EmailEvent { return one(t, `{"type":"Bounce","event_time":"`+s+`"}`) }
		want := at(group[0])
		for _, other := range group[1:] {
			if got := at(other); got.ID != want.ID || !got.OccurredAt.Equal(want.OccurredAt) {
				t.Errorf("%s: got %s at %v, want %s at %v", other, got.ID, got.OccurredAt, want.ID, want.OccurredAt)
			}
		}
	}
}

func TestTimesOfAnyYearThatCanBeWrittenAreTaken(t *testing.T) {
	cases := []struct {
		field string
		want  time.Time
	}{
		{`"event_time":"1970-01-01T00:00:00Z"`, time.Unix(0, 0)},
		{`"event_time":"9999-12-31T23:59:59.999999999Z"`, time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)},
		{`"timestamp":0`, time.Unix(0, 0)},
		{`"timestamp":-86400`, time.Unix(-86400, 0)},
		{`"timestamp":253402300799`, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{`"timestamp":1785000000.9`, time.Unix(1785000000, 0)},
		{`"timestamp":1785000000,"event_time":"yesterday"`, time.Unix(1785000000, 0)},
		{`"timestamp":1785000000,"event_time":null`, time.Unix(1785000000, 0)},
		{`"timestamp":1785000000,"event_time":"9999-12-31T23:59:59-01:00"`, time.Unix(1785000000, 0)},
		{`"timestamp":1785000000,"event_time":"0000-12-31T23:59:59Z"`, time.Unix(1785000000, 0)},
	}
	for _, c := range cases {
		e := one(t, `{"type":"Bounce",`+c.field+`}`)
		if !e.OccurredAt.Equal(c.want) || e.OccurredAt.Location() != time.UTC {
			t.Errorf("%s: got %v, want %v", c.field, e.OccurredAt, c.want)
		}
	}
}

func TestAcceptanceIsTheTimeInTheIDElseTheCreation(t *testing.T) {
	inID := time.Date(2026, 7, 25, 17, 20, 0, 123456000, time.UTC)
	cases := []struct {
		fields string
		want   time.Time
	}{
		{`"id":"10d1b680884d11f19001782d7e12e173","created":1,"created_time":"2020-01-01T00:00:00Z"`, inID},
		{`"id":"10D1B680-884D-11F1-9001-782D7E12E173"`, inID},
		{`"id":"x","created":1,"created_time":"2020-01-01T00:00:00.1234567Z"`, time.Date(2020, 1, 1, 0, 0, 0, 123456000, time.UTC)},
		{`"id":"x","created":1785000000,"created_time":"never"`, time.Unix(1785000000, 0)},
		{`"id":"x","created":-1`, time.Time{}},
		{`"id":"x","created":253402300800`, time.Time{}},
		{`"id":"x"`, time.Time{}},
		{`"id":"","created":1785000000`, time.Time{}},
		{`"id":"ffffffffffff70008000000000000000"`, time.Time{}}, // year 10889
	}
	for _, c := range cases {
		if got := one(t, `{"type":"Bounce","timestamp":0,`+c.fields+`}`).AcceptedAt; !got.Equal(c.want) {
			t.Errorf("%s: got %v, want %v", c.fields, got, c.want)
		}
	}
}

// Case 5: texts are clean, whatever the record holds, and the bytes stay.
func TestTextsAreValidAndWithoutNUL(t *testing.T) {
	cases := []struct{ json, want string }{
		{`a\u0000b`, "ab"},
		{`\u0000`, ""},
		{`\ud83d\ude00`, "😀"},
		{`a\ud83db`, "a\uFFFDb"},
		{`\ud83d\ud83d\ude00`, "\uFFFD😀"},
		{`\ude00\ud83d`, "\uFFFD\uFFFD"},
		{`\ud83d\n`, "\uFFFD "},
		{`\u00E4\u00e4ä`, "äää"},
		{"a\xffb\xc3", "a\uFFFDb\uFFFD"},
		{"\xed\xa0\x80", "\uFFFD"},
		{`\"\\\/\b\f\t`, "\"\\/\b\f\t"},
		{`one\r\ntwo\n\nthree`, "one two three"},
		{"eight by\x7fte", "eight by\x7fte"},
	}
	for _, c := range cases {
		t.Run(strconv.QuoteToASCII(c.json), func(t *testing.T) {
			raw := aRecord(1, `"response":{"content":"`+c.json+`"}`)
			e := one(t, raw)
			same(t, e.Response.Content, c.want)
			same(t, e.Raw, raw)
		})
	}
}

func TestTheLastOfDuplicateKeysCounts(t *testing.T) {
	e := one(t, aRecord(1, `"sender":"a"`, `"sender":"b"`, `"recipient":["x","y"]`, `"recipient":"z"`, `"meta":{"tenant":"t"}`, `"meta":{}`))
	if e.Sender != "b" || e.Recipient != "z" || e.Meta != "{}" {
		t.Errorf("got sender %q, recipient %q, meta %s", e.Sender, e.Recipient, e.Meta)
	}
}

// Case 14: nodes that share message ids still tell events of their own.
func TestEventsOfTwoNodesDiffer(t *testing.T) {
	other := strings.Replace(aRecord(1), nodeID, "657f3ad4-2c8c-11ee-976e-782d7e12e173", 1)
	if one(t, aRecord(1)).ID == one(t, other).ID {
		t.Error("events of two nodes share an id")
	}
}

// Case 11: the copy in the log file has other meta, no headers, no size.
func TestCopiesOfAnEventShareItsID(t *testing.T) {
	a := aRecord(1, `"size":1047`, `"meta":{"tenant":"a"}`, `"headers":{"Subject":"s"}`, `"bounce_classification":"SpamBlock"`)
	b := aRecord(1, `"size":0`, `"meta":{"campaign":"b"}`, `"headers":{}`, `"bounce_classification":"Uncategorized"`)
	same(t, one(t, b).ID, one(t, a).ID)
}

// Case 17: records about a log hook's own messages are told apart.
func TestRecordsOfALogHookAreTakenAsSuch(t *testing.T) {
	if e := one(t, aRecord(1, `"reception_protocol":"LogRecord"`)); !e.FromLogHook() {
		t.Error("not from a log hook")
	}
}
