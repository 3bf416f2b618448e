//go:build !embedded

package policy_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/test/kumod"
)

// kumoRef is KumoMTA's trace header.
func kumoRef(t *testing.T, meta map[string]any) string {
	t.Helper()
	text, err := json.Marshal(meta)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}

func TestABounceNamesTheMessageThatItReturns(t *testing.T) {
	ref := kumoRef(t, map[string]any{"_@_": `\_/`, "recipient": "a@example.org", "x_msg_id": messageID})
	other := kumoRef(t, map[string]any{"_@_": `\_/`, "recipient": "a@example.org"})
	received := "Received: from app by mta1 (KumoMTA 10.0.0.1)\r\n\twith ESMTPS id " + messageID + "\r\n\tfor <a@example.org>; now\r\n"
	bytes := func(text string) []int {
		var b []int
		for i := range len(text) {
			b = append(b, int(text[i]))
		}
		return b
	}
	for _, c := range []struct {
		name     string
		original any
		want     any
	}{
		{"trace header", "X-KumoRef: " + ref + "\r\nSubject: x\r\n\r\nbody", messageID},
		{"folded trace header", "Subject: x\nX-KumoRef: " + ref[:40] + "\n " + ref[40:] + "\n\nbody", messageID},
		{"trace header of injected mail", "X-KumoRef-Id: " + ref + "\r\nX-KumoRef: " + other + "\r\n\r\nbody", messageID},
		{"Received header", received + "Subject: x\r\n\r\nbody", messageID},
		{"Received header of the first of two hops", "Received: from mta1 by mx (KumoMTA 1.2.3.4)\r\n with ESMTP id 11111111111111111111111111111111 for x; now\r\n" + received + "\r\n", messageID},
		{"Message-ID that was mended", "Message-ID: <" + messageID + "@mta1.example.com>\r\n\r\nbody", messageID},
		{"Received header of another server", "Received: from a by b (Postfix) with ESMTP id " + messageID + "\r\n\r\n", nil},
		{"Received header that would cost seconds", "Received: " + strings.Repeat("(KumoMTA", 8000) + "\r\n\r\n", nil},
		{"trace header in the body", "Subject: x\r\n\r\nX-KumoRef: " + ref, nil},
		{"trace header without an id", "X-KumoRef: " + other + "\r\n\r\n", nil},
		{"trace header that is none", "X-KumoRef: no base64\r\n\r\n", nil},
		{"trace header with an object for an id", "X-KumoRef: " + kumoRef(t, map[string]any{"x_msg_id": map[string]any{"a": 1}}) + "\r\n\r\n", nil},
		{"bytes", bytes("X-KumoRef: " + ref + "\r\n\r\nbody"), messageID},
		{"few bytes", bytes("X"), nil},
		{"headers alone", "X-KumoRef: " + ref, messageID},
		{"nothing", "", nil},
		{"absent", nil, nil},
		{"a huge one", "X-KumoRef: " + ref + "\r\n\r\n" + strings.Repeat("body ", 100_000), messageID},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, withBounceDomain(""))
			r := s.Fire("smtp_server_message_received", kumod.Mail{
				Recipients: []string{"b-" + messageID + "-0123456789abcdef@Bounce.example.com"},
				Report:     map[string]any{"original_message": c.original, "per_recipient": []any{}},
			}, kumod.Connection{})
			got := r.Messages[0]
			if r.Err() != nil || got.Meta["x_orig_id"] != c.want {
				t.Errorf("got %v, want %v (%v)", got.Meta["x_orig_id"], c.want, r.Err())
			}
			if got.Sender != "" || len(got.Signed) != 0 || slices.Contains(got.Did, "check_fix_conformance") {
				t.Errorf("a report is treated as mail of ours: %q", got.Did)
			}
		})
	}
}

func TestReportsThatCannotBeReadAreStillTaken(t *testing.T) {
	for _, version := range kumod.Releases {
		s := start(t, withBounceDomain(version))
		for _, report := range []any{nil, "malformed", map[string]any{}} {
			for _, to := range []string{"x@bounce.example.com", "y@FBL.example.com"} {
				r := s.Fire("smtp_server_message_received", kumod.Mail{Recipients: []string{to}, Report: report}, kumod.Connection{})
				if r.Err() != nil {
					t.Errorf("%s, report %v: %v", version, report, r.Err())
				}
				if before := version < "2025.05.06"; before != (r.Messages[0].Meta["queue"] == "null") {
					t.Errorf("%s: the report goes to %v", version, r.Messages[0].Meta["queue"])
				}
			}
		}
	}
}

func TestReportDomainsLogAndDrop(t *testing.T) {
	for _, version := range kumod.Releases {
		s := start(t, withBounceDomain(version))
		for _, name := range []string{"bounce.example.com", "fbl.example.com"} {
			got := s.value("get_listener_domain", name, "0.0.0.0:25", kumod.Connection{"received_from": "192.0.2.1:99"})
			want := any("LogThenDrop")
			if version < "2025.05.06" {
				want = true // LogThenDrop is not there yet
			}
			if got["log_oob"] != want || got["log_arf"] != want || got["relay_to"] == true || got["relay_from"] != nil {
				t.Errorf("%s: %s: %v, want %v", version, name, got, want)
			}
		}
	}
}
