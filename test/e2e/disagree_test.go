package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

// contested are the messages that all records are about.
var contested = []string{"10d1b680884d11f19001782d7e12e173", "17010c40884d11f19002782d7e12e173", "1caaa200884d11f19003782d7e12e173"}

// disagreeing are records of a few messages that contradict each other in all
// that records can say of a message, each an event of its own, and reports that
// are tied in all ways.
func disagreeing(random *rand.Rand, n int) []string {
	one := func(texts ...string) string { return texts[random.IntN(len(texts))] }
	made := make([]string, n)
	for i := range made {
		if random.IntN(6) == 0 {
			made[i] = disagreeingReport(one, i)
			continue
		}
		at := time.Date(2026, 7, 25, 17, 20, 0, 0, time.UTC).
			Add(time.Duration(random.IntN(1e9))*time.Microsecond/1000*1000 + time.Duration(i)*time.Microsecond)
		made[i] = rec(fmt.Sprintf(`"type":%q,"id":%q,"recipient":%q,"sender":%q,"size":%d,"num_attempts":%d,"timestamp":%d,"event_time":%q,
			"queue":%q,"meta":%s,"provider_name":%q,"egress_source":%q,"delivery_protocol":%q,
			"response":{"code":%d,"enhanced_code":null,"content":%q,"command":null}`,
			one("Reception", "Delivery", "Bounce", "TransientFailure", "Delayed", "Expiration", "AdminBounce", "XferOut", "XferIn",
				"AdminRebind", "DeferredInjectionRebind", "Rejection", "Later"),
			one(contested...), one("a@example.org", "a@EXAMPLE.org", "A@example.org", "b@example.org", ""),
			one("", "x@example.com", "w@example.com", "é@example.com", "Z@example.com"),
			random.IntN(5000), random.IntN(9), at.Unix(), at.Format(time.RFC3339Nano),
			one("example.org", "spring:acme@example.org", "winter:zeta@example.org", "beta@example.org", "null"),
			one(`{}`, `{"tenant":"acme"}`, `{"tenant":"Zeta","campaign":"a"}`, `{"campaign":"ä","X-Email-Log-ID":"eml_2"}`,
				`{"X-Email-Log-ID":"eml_1"}`, `{"xfer_prior_id":"`+one(contested...)+`"}`),
			one("", "gmail", "Gmail", "yahoo"), one("", "ip-1", "ip-2", "unspecified"),
			one("ESMTP", "Lua", "HttpInjectionGenerator", "DeferredSmtpInjection", ""), 200+random.IntN(400),
			one(fmt.Sprint("answer ", i), "new id is "+one(contested...))))
	}
	return made
}

func disagreeingReport(one func(...string) string, i int) string {
	about, recipient := one(contested...), one("a@example.org", "A@example.org", "b@EXAMPLE.org", "c@example.org")
	at := fmt.Sprintf(`"recipient":%q,"event_time":"2026-07-26T18:20:00.%06dZ"`, recipient, i)
	path := one(returnPath(about), returnPath(one(contested...)), "b-"+about+"-0123456789abcdef@bounce.example.com", "bounce@example.com")
	meta := one(`"meta":{}`, `"meta":{"x_orig_id":"`+about+`"}`, `"meta":{"x_orig_id":"`+othersID(i)+`"}`)
	if one("oob", "feedback") == "oob" {
		return oob(i, path, at+","+meta)
	}
	report := one(`"feedback_type":"abuse"`, `"feedback_type":"fraud"`, `"feedback_type":"not-spam"`) + `,"original_mail_from":"` + path + `"`
	report += one("", ","+traced(about, recipient), ","+returned(receivedBy(about, recipient)), `,"original_rcpto_to":["`+recipient+`"]`)
	return feedback(i, report, at+","+meta)
}

func TestRecordsThatDisagreeEndInTheSameLogsInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := startService(t)
			random := rand.New(rand.NewPCG(seed, 11))
			made := disagreeing(random, 20<<seed) // few a message, and many
			for _, p := range grouped(random, made) {
				r := s.PostTo(webhook, p.body, p.headers...)
				if r.code != http.StatusOK || r.Received != r.Stored+r.Duplicates {
					t.Fatalf("answer %d %s", r.code, r.body)
				}
			}
			checkWholly(t, s, parseRecords(t, made))
		})
	}
}
