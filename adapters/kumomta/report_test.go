package kumomta

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/domain"
)

// Ids as KumoMTA makes them, and one of the same length that is none.
const (
	idA     = "2e8c4500884d11f19008782d7e12e173"
	idB     = "28966400884d11f19006782d7e12e173"
	noUUID  = "2e8c4500884d91f19008782d7e12e173"
	erin    = "erin@example.org"
	isFromA = "from app1.example.com (198.51.100.7)\n  by mta1.example.com (KumoMTA 10.0.0.1) \n  with ESMTP id " + idA
	date    = "Sat, 25 Jul 2026 17:21:00 +0000"
)

// aFeedback is a Feedback with that feedback_report, which is JSON.
func aFeedback(report string, more ...string) string {
	return `{"feedback_report":` + report + `,"id":"9ced0800891e11f19009782d7e12e173","event_time":"2026-07-26T18:20:00Z"` +
		`,"recipient":"fbl@fbl.example.com","nodeid":"` + nodeID + `"` + joined(more) + `,"type":"Feedback"}`
}

func anOOB(more ...string) string {
	return `{"id":"60ee7000885611f19007782d7e12e173","event_time":"2026-07-25T18:26:30Z","recipient":"dave@example.org"` +
		joined(more) + `,"type":"OOB"}`
}

func reportOf(t testing.TB, record string) domain.Report {
	t.Helper()
	e := one(t, record)
	if e.Report == nil {
		t.Fatalf("%.200s: no report", record)
	}
	return *e.Report
}

func ref(by domain.Tie, id, recipient string) domain.Reference {
	return domain.Reference{By: by, MessageID: id, Recipient: recipient}
}

func traced(object string) string { return base64.StdEncoding.EncodeToString([]byte(object)) }

func TestReportsOfTheSamplesSayWhatTheyAreAbout(t *testing.T) {
	want := map[domain.EventType]domain.Report{
		domain.OOB: {Host: "mail.example.org"},
		domain.Feedback: {
			FeedbackType: "abuse", MailFrom: "bounce@news.example.com", Recipients: []string{erin}, Host: "fbl.provider.example",
			References: []domain.Reference{ref(domain.TieTrace, idA, erin), ref(domain.TieReceived, idA, erin)},
		},
	}
	for _, name := range []string{"modern.jsonl", "modern-lua-array.json", "before-2025-10.jsonl"} {
		found := map[domain.EventType]domain.Report{}
		for _, e := range decode(sample(t, name)).Events {
			if (e.Report != nil) != e.Type.IsReport() {
				t.Errorf("%s: a %s has the report %v", name, e.RecordType, e.Report)
			}
			if e.Report != nil {
				found[e.Type] = *e.Report
			}
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// kumomta.md, sections 1.5 and 1.6.
func TestFeedbackReportsAreReadInAllTheirShapes(t *testing.T) {
	cases := []struct {
		report string
		want   domain.Report
	}{
		{`null`, domain.Report{}},
		{`{}`, domain.Report{}},
		{`[]`, domain.Report{}},
		{`"text"`, domain.Report{}},
		{`[{"feedback_type":"abuse"}]`, domain.Report{}},
		{`{"feedback_type":"abuse","user_agent":"x","version":"1"}`, domain.Report{FeedbackType: "abuse"}},
		{`{"feedback_type":["abuse"],"original_mail_from":{},"original_rcpto_to":7}`, domain.Report{Recipients: []string{"7"}}},
		{`{"original_mail_from":"<b@c.d>"}`, domain.Report{MailFrom: "b@c.d"}},
		{`{"original_mail_from":"<>"}`, domain.Report{}},
		{`{"original_mail_from":null}`, domain.Report{}},
		{`{"original_rcpto_to":"<a@b.c>"}`, domain.Report{Recipients: []string{"a@b.c"}}},
		{`{"original_rcpto_to":["<a@b.c>","",null,{},[1],"d@e.f"]}`, domain.Report{Recipients: []string{"a@b.c", "d@e.f"}}},
		{`{"original_rcpto_to":{},"original_rcpt_to":["a@b.c"]}`, domain.Report{Recipients: []string{"a@b.c"}}},
		{`{"original_rcpt_to":["x@y.z"],"original_rcpto_to":["a@b.c"]}`, domain.Report{Recipients: []string{"a@b.c"}}},
		{`{"reporting_mta":{"mta_type":"dns","name":"fbl.example"}}`, domain.Report{Host: "fbl.example"}},
		{`{"reporting_mta":{"mta_type":"dns","name":null}}`, domain.Report{}},
		{`{"reporting_mta":"fbl.example"}`, domain.Report{Host: "fbl.example"}},
		{`{"reporting_mta":"dns; fbl.example"}`, domain.Report{Host: "fbl.example"}},
		{`{"reporting_mta":null,"reported_domain":["news.example.com"]}`, domain.Report{}},
		{`{"reporting_mta":["fbl.example"]}`, domain.Report{}},
	}
	for _, c := range cases {
		t.Run(c.report, func(t *testing.T) { same(t, reportOf(t, aFeedback(c.report)), c.want) })
	}
}

func TestTracesNameTheMessageAndItsRecipients(t *testing.T) {
	cases := []struct {
		trace string
		want  []domain.Reference
	}{
		{`null`, nil},
		{`{}`, nil},
		{`[]`, nil},
		{`{"recipient":"erin@example.org"}`, nil},
		{`{"recipient":"erin@example.org","x_msg_id":null}`, nil},
		{`{"recipient":"erin@example.org","x_msg_id":{"a":[1]}}`, nil},
		{`{"recipient":"erin@example.org","msg_id":"` + idA + `"}`, nil},
		{`{"x_msg_id":"` + idA + `"}`, []domain.Reference{ref(domain.TieTrace, idA, "")}},
		{`{"x_msg_id":"` + idA + `","recipient":null}`, []domain.Reference{ref(domain.TieTrace, idA, "")}},
		{`{"x_msg_id":"` + idA + `","recipient":{}}`, []domain.Reference{ref(domain.TieTrace, idA, "")}},
		{`{"x_msg_id":"` + idA + `","recipient":"<erin@example.org>"}`, []domain.Reference{ref(domain.TieTrace, idA, erin)}},
		{
			`{"x_msg_id":"` + idA + `","recipient":["erin@example.org","f@g.h","erin@example.org"]}`,
			[]domain.Reference{ref(domain.TieTrace, idA, erin), ref(domain.TieTrace, idA, "f@g.h")},
		},
		{`{"x_msg_id":12,"recipient":"erin@example.org"}`, []domain.Reference{ref(domain.TieTrace, "12", erin)}},
	}
	for _, c := range cases {
		t.Run(c.trace, func(t *testing.T) {
			same(t, reportOf(t, aFeedback(`{"supplemental_trace":`+c.trace+`}`)).References, c.want)
			if !strings.HasPrefix(c.trace, "{") {
				return
			}
			object := strings.Replace(`{"_@_":"\\_/",`+c.trace[1:], ",}", "}", 1)
			got := reportOf(t, aFeedback(`{"original_message":`+quoted("X-KumoRef: "+traced(object)+"\n\n")+`}`))
			same(t, got.References, c.want)
		})
	}
}

// Case 18: policy finds the message's id in a report and puts it into meta.
func TestReportsHaveTheIDThatPolicyFound(t *testing.T) {
	found := []domain.Reference{ref(domain.TiePolicyMeta, idA, "")}
	cases := []struct {
		meta string
		want []domain.Reference
	}{
		{`null`, nil},
		{`{"x_orig_id":null}`, nil},
		{`{"x_orig_id":""}`, nil},
		{`{"x_orig_id":[]}`, nil},
		{`{"x_orig_id":{"command":"x"}}`, nil},
		{`{"x_orig_id":"` + idA + `"}`, found},
		{`{"X_Orig_ID":" ` + idA + ` "}`, found},
		{`{"x_orig_id":["` + idA + `","` + idB + `"]}`, found},
		{`{"x_orig_id":[null,"` + idA + `"]}`, found},
	}
	for _, c := range cases {
		t.Run(c.meta, func(t *testing.T) {
			same(t, reportOf(t, anOOB(`"meta":`+c.meta)).References, c.want)
			same(t, reportOf(t, aFeedback(`{}`, `"meta":`+c.meta)).References, c.want)
		})
	}
	oob := reportOf(t, anOOB(`"peer_address":{"name":"mail.example.org"}`, `"feedback_report":{"feedback_type":"abuse"}`))
	same(t, oob, domain.Report{Host: "mail.example.org"})
}

func TestSecretsInWhatAReportMayNameAreHidden(t *testing.T) {
	for _, field := range []string{`"meta":{"x_orig_id":%s}`, `"meta":{"xfer_prior_id":%s}`, `"feedback_report":{"supplemental_trace":%s}`} {
		secret := secrets[0]
		record := anOOB(fmt.Sprintf(field, aRejection(quoted(secret))))
		if d := decode(record); len(d.Events) != 1 || holds(d, secret) {
			t.Errorf("%s became %v", record, d)
		}
	}
}

func TestStrongerReferencesComeFirstAndEachOnce(t *testing.T) {
	original := "Message-ID: <" + idA + "@news.example.com>\nReceived: by other.example with ESMTP id " + idB + "; " + date +
		"\nReceived: " + isFromA + " for <erin@example.org>;\n  " + date +
		"\nReceived: " + isFromA + " for <erin@example.org>;\n  " + date +
		"\nX-KumoRef: " + traced(`{"_@_":"\\_/","recipient":"erin@example.org","x_msg_id":"`+idA+`"}`) + "\n\nHello"
	report := `{"original_message":` + quoted(original) + `,"supplemental_trace":{"x_msg_id":"` + idA + `","recipient":"erin@example.org"}}`
	same(t, reportOf(t, aFeedback(report, `"meta":{"x_orig_id":"`+idA+`"}`)).References, []domain.Reference{
		ref(domain.TiePolicyMeta, idA, erin),
		ref(domain.TieTrace, idA, erin),
		ref(domain.TieReceived, idA, erin),
		ref(domain.TieReceived, idB, erin),
		ref(domain.TieMessageID, idA, erin),
	})
}

// The return path may name the message then, and the reporter's own words may be
// redacted.
func TestTraceWithoutAnIdNamesTheRecipientFirst(t *testing.T) {
	for report, want := range map[string][]string{
		`{"supplemental_trace":{"recipient":"erin@example.org"}}`:                                                   {erin},
		`{"supplemental_trace":{"recipient":"erin@example.org"},"original_rcpto_to":["redacted@example.org"]}`:      {erin, "redacted@example.org"},
		`{"supplemental_trace":{"recipient":["erin@example.org","b@example.org"]},"original_rcpto_to":["b@x.org"]}`: {"b@x.org"},
		`{"supplemental_trace":{"recipient":"erin@example.org","x_msg_id":"x"},"original_rcpto_to":["b@x.org"]}`:    {"b@x.org"},
	} {
		if diff := cmp.Diff(want, reportOf(t, aFeedback(report)).Recipients); diff != "" {
			t.Errorf("%s (-want +got):\n%s", report, diff)
		}
	}
}

// By default KumoMTA traces the recipient alone, and HTTP mail has no Received.
func TestTheOnlyRecipientOfATraceGoesWithIDsThatNameNone(t *testing.T) {
	cases := []struct{ trace, want string }{
		{`{"recipient":"erin@example.org"}`, erin},
		{`{"recipient":["erin@example.org"]}`, erin},
		{`{"recipient":["erin@example.org","f@g.h"]}`, ""},
		{`{}`, ""},
	}
	for _, c := range cases {
		report := `{"original_message":"Message-ID: <` + idA + `@x.y>\n\n","supplemental_trace":` + c.trace + `}`
		same(t, reportOf(t, aFeedback(report)).References, []domain.Reference{ref(domain.TieMessageID, idA, c.want)})
	}
}

func TestAReportNamesABoundedNumberOfThings(t *testing.T) {
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, `"%d@b.c",`, i)
	}
	list := `[` + strings.TrimSuffix(many.String(), ",") + `]`
	long := strings.Repeat("n", 5000)
	r := reportOf(t, aFeedback(`{"original_rcpto_to":`+list+`,"feedback_type":"`+long+`","original_mail_from":"`+long+
		`","reporting_mta":"`+long+`","supplemental_trace":{"x_msg_id":"`+long+`","recipient":`+list+`}}`))
	if len(r.Recipients) != maxReported || len(r.References) != maxReferences {
		t.Errorf("%d recipients, %d references", len(r.Recipients), len(r.References))
	}
	for _, name := range []string{r.FeedbackType, r.MailFrom, r.Host, r.References[0].MessageID} {
		if len(name) != maxName {
			t.Errorf("%d bytes of a name", len(name))
		}
	}
}

// Case 15.
func TestTransfersNameTheOtherID(t *testing.T) {
	const dashed = "2E8C4500-884d-11f1-9008-782d7e12e173"
	cases := []struct{ recordType, fields, want string }{
		{"XferOut", `"response":{"content":"new id is ` + idA + `"}`, idA},
		{"XferOut", `"response":{"content":"new id is ` + dashed + `"}`, idA},
		{"XferOut", `"response":{"content":"new id is ` + idA + ` (KumoMTA: more)"}`, idA},
		{"XferOut", `"response":{"content":"new id is ` + idA + `.","code":250}`, idA},
		{"XferOut", `"response":{"content":"new id is ` + idA + `0"}`, ""},
		{"XferOut", `"response":{"content":"new id is ` + idA[1:] + `"}`, ""},
		{"XferOut", `"response":{"content":"new id is "}`, ""},
		{"XferOut", `"response":{"content":"the new id is ` + idA + `"}`, ""},
		{"XferOut", `"response":null,"meta":{"xfer_prior_id":"` + idA + `"}`, ""},
		{"XferIn", `"meta":{"xfer_prior_id":"` + dashed + `"}`, idA},
		{"XferIn", `"meta":{"xfer_prior_id":"x-1"}`, "x-1"},
		{"XferIn", `"meta":{"xfer_prior_id":null}`, ""},
		{"XferIn", `"meta":{"xfer_prior_id":["` + idA + `"]}`, ""},
		{"XferIn", `"meta":{}`, ""},
		{"Delivery", `"meta":{"xfer_prior_id":"` + idA + `"}`, ""},
		{"Bounce", `"response":{"content":"new id is ` + idA + `"}`, ""},
	}
	for _, c := range cases {
		e := one(t, `{`+c.fields+`,"timestamp":1785000000,"type":"`+c.recordType+`"}`)
		if e.TransferID != c.want || e.Report != nil {
			t.Errorf("%s, %s: got %q, report %v", c.recordType, c.fields, e.TransferID, e.Report)
		}
	}
}
