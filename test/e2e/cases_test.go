package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rec is a record like KumoMTA's with some fields set otherwise, and without
// some.
func rec(fields string, without ...string) string {
	r := map[string]json.RawMessage{}
	for _, part := range []string{`{
		"type":"Reception","id":"10d1b680884d11f19001782d7e12e173","sender":"from@example.com","recipient":"a@example.org",
		"queue":"example.org","site":"","size":100,"response":{"code":250,"enhanced_code":null,"content":"OK","command":null},
		"timestamp":1785000000,"event_time":"2026-07-25T17:20:00Z","created":1785000000,"num_attempts":0,
		"bounce_classification":"Uncategorized","meta":{},"headers":{},"delivery_protocol":null,"reception_protocol":"ESMTP",
		"egress_source":null,"feedback_report":null,"nodeid":"557f3ad4-2c8c-11ee-976e-782d7e12e173"}`, "{" + fields + "}"} {
		if err := json.Unmarshal([]byte(part), &r); err != nil {
			panic(fmt.Sprintf("%s: %v", part, err))
		}
	}
	for _, name := range without {
		delete(r, name)
	}
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// at is a record's time, some seconds after its message was accepted.
func at(seconds int) string {
	return fmt.Sprintf(`"event_time":"2026-07-25T17:20:%02dZ","timestamp":%d`, seconds, 1785000000+seconds)
}

func answer(code int, enhanced, content string) string {
	parts := strings.Split(enhanced, ".")
	return fmt.Sprintf(`"response":{"code":%d,"enhanced_code":{"class":%s,"subject":%s,"detail":%s},"content":%q,"command":null}`,
		code, parts[0], parts[1], parts[2], content)
}

var (
	delivery  = `"type":"Delivery","delivery_protocol":"ESMTP",` + answer(250, "2.0.0", "queued") + "," + at(40)
	deferral  = `"type":"TransientFailure","delivery_protocol":"ESMTP",` + answer(451, "4.7.1", "later") + "," + at(20)
	otherNode = `"nodeid":"6a1e0c52-2c8c-11ee-976e-782d7e12e173"`
)

// a tricky case of docs/cases.md: records that are posted one by one, what is
// stored of them, and parts of the export's lines.
type tricky struct {
	number    int
	situation string
	records   []string
	events    map[string]int
	logs      []object
}

var trickyCases = []tricky{
	{1, "recipient is a string, then an array", []string{
		rec(`"id":"17010c40884d11f19002782d7e12e173"`), rec(`"recipient":["a@example.org","b@example.org","c@example.org"]`),
	}, map[string]int{"reception": 4}, []object{
		{"recipient": "a@example.org", "message_id": "17010c40884d11f19002782d7e12e173"},
		{"recipient": "a@example.org", "message_id": "10d1b680884d11f19001782d7e12e173"},
		{"recipient": "b@example.org"}, {"recipient": "c@example.org"},
	}},
	{2, "no recipient", []string{
		rec(`"recipient":""`), rec(`"recipient":[],` + at(1)), rec(`"recipient":{},` + at(2)), rec(`"type":"Rejection","recipient":"","id":""`),
	}, map[string]int{"reception": 3, "rejection": 1}, nil},
	{3, "nulls are gone and empty lists are objects", []string{
		rec(`"tls_peer_subject_name":[],"egress_pool":null`),
		rec(`"tls_peer_subject_name":{},"meta":[],"headers":{},"response":{"code":250,"content":"OK"}`,
			"egress_pool", "egress_source", "feedback_report", "delivery_protocol"),
	}, map[string]int{"reception": 1}, []object{{"status": "pending"}}},
	{5, "a NUL in a response counts as not there", []string{
		rec(`"type":"Bounce",` + answer(550, "5.1.1", "no such user")),
		rec(`"type":"Bounce","response":{"code":550,"enhanced_code":{"class":5,"subject":1,"detail":1},"content":"no\u0000 such\u0000 user","command":null}`),
	}, map[string]int{"bounce": 1}, []object{{"response": "no such user", "status": "bounced"}}},
	{6, "headers in any case, once or repeated", []string{
		rec(`"headers":{"x-EMAIL-log-ID":["first","second"],"SUBJECT":["a","b"],"Subject":"c"}`),
		rec(`"id":"17010c40884d11f19002782d7e12e173","headers":{"X-Email-Log-ID":"once"}`),
	}, map[string]int{"reception": 2}, []object{{"application_id": "first"}, {"application_id": "once"}}},
	{7, "a type, a field and a classification of next year", []string{
		rec(`"type":"Teleported","is_secure":true,"nested":{"a":[{}]}`),
		rec(`"type":"Bounce","bounce_classification":"OurOwnLabel",` + answer(550, "5.7.1", "no")),
	}, map[string]int{"unknown": 1, "bounce": 1}, []object{{"status": "bounced"}}},
	{8, "time by timestamp alone, and fractions of 0 to 9 digits", []string{
		rec(`"event_time":"2026-07-25T17:20:03Z"`), rec(`"event_time":"2026-07-25T17:20:03.000Z"`),
		rec(`"event_time":"2026-07-25T17:20:03.000000Z"`), rec(`"event_time":"2026-07-25T17:20:03.000000000Z"`),
		rec(`"type":"Bounce","timestamp":1785000005`, "event_time", "created_time"),
	}, map[string]int{"reception": 1, "bounce": 1}, []object{{"failed_at": "2026-07-25T17:20:05.000000Z"}}},
	{10, "the same event in another order of keys", []string{
		`{"type":"Bounce","id":"10d1b680884d11f19001782d7e12e173","recipient":"a@example.org","event_time":"2026-07-25T17:20:09Z","response":{"code":550,"content":"x"}}`,
		`{"response":{"content":"x","code":550},"event_time":"2026-07-25T17:20:09Z","recipient":"a@example.org","id":"10d1b680-884d-11f1-9001-782d7e12e173","type":"Bounce"}`,
	}, map[string]int{"bounce": 1}, []object{{"status": "bounced", "smtp_code": spelled(550)}}},
	{11, "the same event with other meta, headers, size and class", []string{
		rec(`"type":"Bounce","size":1047,"meta":{},"headers":{"Subject":"x"},` + answer(550, "5.1.1", "no")),
		rec(`"type":"Bounce","size":0,"meta":{"tenant":"acme","campaign":"spring","X-Email-Log-ID":"eml_1"},"bounce_classification":"InvalidRecipient",` + answer(550, "5.1.1", "no")),
	}, map[string]int{"bounce": 1}, []object{{"tenant": "acme", "campaign": "spring", "application_id": "eml_1", "size": spelled(1047)}}},
	{12, "Delivery first, then a rebind, Reception last", []string{
		rec(delivery + `,"sender":""`), rec(`"type":"DeferredInjectionRebind",` + at(50)), rec(at(0) + `,"meta":{"tenant":"acme"}`),
	}, map[string]int{"delivery": 1, "deferred_injection_rebind": 1, "reception": 1}, []object{{
		"status": "delivered", "sender": "from@example.com", "tenant": "acme", "response": "queued", "delivered_at": "2026-07-25T17:20:40.000000Z",
	}}},
	{13, "the deferral of attempt 1 behind the delivery of attempt 2", []string{
		rec(delivery + `,"num_attempts":1`), rec(deferral),
	}, map[string]int{"delivery": 1, "transient_failure": 1}, []object{{
		"status": "delivered", "attempts": spelled(2), "smtp_code": spelled(250), "failed_at": nil,
	}}},
	{14, "one id from two nodes", []string{
		rec(""), rec(otherNode), rec(delivery), rec(delivery + "," + otherNode),
	}, map[string]int{"reception": 2, "delivery": 2}, []object{{"status": "delivered"}}},
	{16, "deliveries that only move a message within the MTA", []string{
		rec(delivery + `,"recipient":"a@example.org","delivery_protocol":"HttpInjectionGenerator"`),
		rec(delivery + `,"recipient":"b@example.org","delivery_protocol":"DeferredSmtpInjection"`),
		rec(delivery + `,"recipient":"c@example.org","delivery_protocol":"Lua"`),
		rec(delivery + `,"recipient":"d@example.org","delivery_protocol":"Maildir"`),
	}, map[string]int{"delivery": 4}, []object{
		{"recipient": "a@example.org", "status": "pending", "delivered_at": nil}, {"recipient": "b@example.org", "status": "pending", "delivered_at": nil},
		{"recipient": "c@example.org", "status": "delivered"}, {"recipient": "d@example.org", "status": "delivered"},
	}},
	{17, "a log hook's own messages", []string{
		rec(delivery + `,"reception_protocol":"LogRecord","queue":"kumotrail.log_hook"`),
		rec(`"type":"Bounce","reception_protocol":"LogRecord","queue":"kumotrail.log_hook"`),
		rec(`"type":"Expiration","reception_protocol":"LogRecord","queue":"kumotrail.log_hook"`),
	}, map[string]int{"delivery": 1, "bounce": 1, "expiration": 1}, nil},
	{19, "labels of rules that do not know administrators, and none at all", []string{
		rec(`"type":"AdminBounce","bounce_classification":"AuthenticationFailed",` + answer(551, "5.7.1", "Administrator bounced")),
		rec(`"type":"Expiration","recipient":"b@example.org","bounce_classification":"MessageExpired",` + answer(551, "5.4.7", "too old")),
		rec(`"type":"Bounce","recipient":"c@example.org","bounce_classification":"AuthenticationFailed",` + answer(550, "5.7.1", "Your IP is listed by Spamhaus")),
		rec(`"type":"Bounce","recipient":"d@example.org","bounce_classification":"Uncategorized",` + answer(550, "5.1.1", "User unknown")),
	}, map[string]int{"admin_bounce": 1, "expiration": 1, "bounce": 2}, []object{
		{"recipient": "a@example.org", "status": "bounced", "cause": "administrative", "fault": "us"},
		{"recipient": "b@example.org", "status": "expired", "cause": "expired"},
		{"recipient": "c@example.org", "cause": "sender", "subcause": "blocklist"},
		{"recipient": "d@example.org", "cause": "recipient", "subcause": "unknown"},
	}},
	{20, "three recipients with three answers, then the rest", []string{
		rec(`"recipient":["a@example.org","b@example.org","c@example.org"]`), rec(delivery), rec(deferral + `,"recipient":"c@example.org"`),
		rec(`"type":"Bounce","recipient":"b@example.org",` + answer(550, "5.1.1", "no") + "," + at(20)),
		rec(`"type":"Expiration","recipient":["c@example.org"],"num_attempts":9,` + answer(551, "5.4.7", "too old") + "," + at(59)),
	}, map[string]int{"reception": 3, "delivery": 1, "bounce": 1, "transient_failure": 1, "expiration": 1}, []object{
		{"recipient": "a@example.org", "status": "delivered"}, {"recipient": "b@example.org", "status": "bounced"},
		{"recipient": "c@example.org", "status": "expired", "attempts": spelled(9)},
	}},
	{22, "accepted, and no word more", []string{
		rec(`"queue":"null"`),
	}, map[string]int{"reception": 1}, []object{{"status": "pending", "attempts": spelled(0), "delivered_at": nil, "failed_at": nil}}},
}

func TestTrickyCases(t *testing.T) {
	t.Parallel()
	for _, c := range trickyCases {
		t.Run(fmt.Sprintf("%d %s", c.number, c.situation), func(t *testing.T) {
			t.Parallel()
			s := startService(t)
			stored := 0
			for _, r := range c.records {
				stored += s.mustTake(r).Stored
			}
			checkCase(t, s, c)
			if again := s.mustTake(strings.Join(c.records, "\n")); again.Stored != 0 {
				t.Errorf("%d records are new when sent again", again.Stored)
			}
			checkCase(t, s, c)
			if n := len(s.AnnouncedInAll()); n != total(c.events) {
				t.Errorf("%d messages in the stream, want %d", n, total(c.events))
			}
			if stored > total(c.events) {
				t.Errorf("%d records stored, want %d events", stored, total(c.events))
			}
		})
	}
}

func checkCase(t *testing.T, s *Service, c tricky) {
	t.Helper()
	if diff := cmp.Diff(c.events, s.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	logs := s.Export()
	if len(logs) != len(c.logs) {
		t.Errorf("%d logs, want %d: %v", len(logs), len(c.logs), logs)
	}
	for _, want := range c.logs {
		if !containsPart(logs, want) {
			t.Errorf("no log with %v in %v", want, logs)
		}
	}
}

// containsPart says whether one of the objects has all fields of part.
func containsPart(objects []object, part object) bool {
	for _, o := range objects {
		shared := maps.Clone(o)
		maps.DeleteFunc(shared, func(name string, _ any) bool { _, wanted := part[name]; return !wanted })
		if cmp.Equal(part, shared) {
			return true
		}
	}
	return false
}
