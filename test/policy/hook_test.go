//go:build !embedded

package policy_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/kumomta/policy"
	"github.com/kumotrail/kumotrail/test/kumod"
)

func TestEachAnswerIsDoneOrComesAgainAndNoneIsEverLost(t *testing.T) {
	text := func(response kumod.Response) kumod.Response {
		response.Status, response.Reason = 200, "OK"
		return response
	}
	for _, c := range []struct {
		name     string
		response kumod.Response
		want     kumod.Disposition
	}{
		{"200 with counts", taken(3), kumod.Delivery},
		{"202 with counts", kumod.Response{Status: 202, Text: `{"received":3}`}, kumod.Delivery},
		{"422", problem(422), kumod.Delivery},
		{"422 without a body", kumod.Response{Status: 422}, kumod.Delivery},
		{"422 whose text is nil", kumod.Response{Status: 422, Odd: "nil"}, kumod.Delivery},
		{"422 whose text is a table", kumod.Response{Status: 422, Odd: "table"}, kumod.Delivery},
		{"200 of a login page", text(kumod.Response{Text: "<html>Sign in</html>"}), kumod.TransientFailure},
		{"200 without a body", text(kumod.Response{}), kumod.TransientFailure},
		{"200 whose text is nil", text(kumod.Response{Odd: "nil"}), kumod.TransientFailure},
		{"200 whose text is a number", text(kumod.Response{Odd: "number"}), kumod.TransientFailure},
		{"200 whose text is a table", text(kumod.Response{Odd: "table"}), kumod.TransientFailure},
		{"200 whose body cannot be read", text(kumod.Response{TextError: "connection reset"}), kumod.TransientFailure},
		{"204", kumod.Response{Status: 204}, kumod.TransientFailure},
		{"301", kumod.Response{Status: 301}, kumod.TransientFailure},
		{"304", kumod.Response{Status: 304}, kumod.TransientFailure},
		{"400", problem(400), kumod.TransientFailure},
		{"401", problem(401), kumod.TransientFailure},
		{"403", problem(403), kumod.TransientFailure},
		{"404", problem(404), kumod.TransientFailure},
		{"405", problem(405), kumod.TransientFailure},
		{"408", problem(408), kumod.TransientFailure},
		{"415", problem(415), kumod.TransientFailure},
		{"421", problem(421), kumod.TransientFailure},
		{"429", problem(429), kumod.TransientFailure},
		{"500", problem(500), kumod.TransientFailure},
		{"502", problem(502), kumod.TransientFailure},
		{"503", problem(503), kumod.TransientFailure},
		{"504", problem(504), kumod.TransientFailure},
		{"599", problem(599), kumod.TransientFailure},
		{"503 whose text is nil", kumod.Response{Status: 503, Odd: "nil"}, kumod.TransientFailure},
		{"503 whose text is a table", kumod.Response{Status: 503, Odd: "table"}, kumod.TransientFailure},
		{"503 whose body cannot be read", kumod.Response{Status: 503, TextError: "timed out"}, kumod.TransientFailure},
		{"refused", kumod.Refused, kumod.TransientFailure},
		{"timeout", kumod.Response{Error: "operation timed out"}, kumod.TransientFailure},
		{"no TLS", kumod.Response{Error: "invalid peer certificate: UnknownIssuer"}, kumod.TransientFailure},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 2, 500} {
				r := newReceiver(always(c.response))
				_, d := hook(t, r)
				outcome := d.SendRecords(someLines(size))
				if got := outcome.Disposition(); got != c.want {
					t.Errorf("each of %d: %s, want %s (%v)", size, got, c.want, outcome.Err())
				}
				if len(r.requests) != 1 {
					t.Errorf("%d requests for one batch of %d", len(r.requests), size)
				}
				if strings.ContainsAny(outcome.Delivered, "\r\n") || len(outcome.Delivered) > 300 {
					t.Errorf("the log would say %q", outcome.Delivered)
				}
			}
		})
	}
}

func TestABatchIsTheExactLinesWithTheKey(t *testing.T) {
	r := newReceiver(func(_ int, lines []string) kumod.Response { return taken(len(lines)) })
	_, d := hook(t, r)
	lines := someLines(40)
	if o := d.SendRecords(lines); o.Disposition() != kumod.Delivery {
		t.Fatal(o.Err())
	}
	got := r.requests[0]
	if got.Method != http.MethodPost || got.URL != "http://kumotrail.example.com:8021/api/kumomta/webhook" {
		t.Errorf("%s %s", got.Method, got.URL)
	}
	if want := strings.Join(lines, "\n") + "\n"; got.Body != want {
		t.Errorf("body is\n%s\nwant\n%s", got.Body, want)
	}
	if key := got.Headers["x-kumomta-key"]; key != webhookKey {
		t.Errorf("key is %q", key)
	}
	if got.Client["timeout"] != "30s" || got.Client["user_agent"] == nil {
		t.Errorf("client is %v", got.Client)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestABodyTooLargeIsSentAsHalvesWithinTheSameCall(t *testing.T) {
	var most int
	r := newReceiver(func(_ int, lines []string) kumod.Response {
		if len(lines) > most {
			return problem(413)
		}
		return taken(len(lines))
	})
	_, d := hook(t, r)
	for _, size := range []int{1, 2, 3, 7, 64} {
		for _, most = range []int{1, 2, 3, 40} {
			clear(r.kept)
			lines := someLines(size)
			if o := d.SendRecords(lines); o.Disposition() != kumod.Delivery {
				t.Fatalf("%d records, %d at most: %s (%v)", size, most, o.Disposition(), o.Err())
			}
			for _, line := range lines {
				if r.kept[line] != 1 {
					t.Fatalf("%d records, %d at most: kept %d times: %s", size, most, r.kept[line], line)
				}
			}
		}
	}
}

func TestARecordThatIsTooLargeAloneComesAgainWithItsNeighboursStored(t *testing.T) {
	lines := someLines(9)
	r := newReceiver(func(_ int, body []string) kumod.Response {
		if slices.Contains(body, lines[4]) {
			return problem(413)
		}
		return taken(len(body))
	})
	_, d := hook(t, r)
	if o := d.SendRecords(lines); o.Disposition() != kumod.TransientFailure {
		t.Errorf("the batch is %s, want it to come again", o.Disposition())
	}
	if r.kept[lines[4]] != 0 || r.kept[lines[0]] != 1 {
		t.Errorf("kept %v", r.kept)
	}
}

func TestAHalfThatFailsMakesAllComeAgain(t *testing.T) {
	for _, failing := range []kumod.Response{problem(503), problem(401), kumod.Refused, {Status: 200}} {
		r := newReceiver(func(request int, lines []string) kumod.Response {
			switch request {
			case 1:
				return problem(413)
			case 2:
				return taken(len(lines))
			}
			return failing
		})
		_, d := hook(t, r)
		if o := d.SendRecords(someLines(10)); o.Disposition() != kumod.TransientFailure {
			t.Errorf("second half %d: %s", failing.Status, o.Disposition())
		}
	}
}

func TestKeysChangeWithoutARestart(t *testing.T) {
	r := newReceiver(func(_ int, lines []string) kumod.Response { return taken(len(lines)) })
	s, d := hook(t, r)
	for i, c := range []struct{ file, want string }{
		{"new key\n", "new key"},
		{"first, second\n", "first"},
		{"\n \tpadded\t \r\n", "padded"},
		{"new key", "new key"},
	} {
		s.write(filepath.Join(s.secrets, "webhook.key"), c.file)
		if o := d.SendRecords(someLines(1)); o.Disposition() != kumod.Delivery {
			t.Fatal(o.Err())
		}
		if got := r.requests[i].Headers["x-kumomta-key"]; got != c.want {
			t.Errorf("file %q: key %q, want %q", c.file, got, c.want)
		}
	}
	if err := os.Remove(filepath.Join(s.secrets, "webhook.key")); err != nil {
		t.Fatal(err)
	}
	if got := d.SendRecords(someLines(1)).Disposition(); got != kumod.TransientFailure {
		t.Errorf("without a key: %s, want it to come again", got)
	}
}

func TestContainersAreConfiguredByTheEnvironment(t *testing.T) {
	r := newReceiver(func(_ int, lines []string) kumod.Response { return taken(len(lines)) })
	_, d := hook(t, r, environment("X_KUMOMTA_KEY=of the environment, and another", "KUMOMTA_WEBHOOK_URL=http://kumotrail:8021"))
	if o := d.SendRecords(someLines(1)); o.Disposition() != kumod.Delivery {
		t.Fatal(o.Err())
	}
	got := r.requests[0]
	if got.Headers["x-kumomta-key"] != "of the environment" || got.URL != "http://kumotrail:8021/api/kumomta/webhook" {
		t.Errorf("%s with key %q", got.URL, got.Headers["x-kumomta-key"])
	}
}

func TestTheWebhooksPathIsAddedToAnAddressWithoutOne(t *testing.T) {
	for url, want := range map[string]string{
		"https://log.example.com":                        "https://log.example.com/api/kumomta/webhook",
		"https://log.example.com/":                       "https://log.example.com/api/kumomta/webhook",
		"https://log.example.com/webhook":                "https://log.example.com/webhook",
		"http://[2001:db8::1]:8021":                      "http://[2001:db8::1]:8021/api/kumomta/webhook",
		"https://local.reloop.sh/api/kumomta/webhook":    "https://local.reloop.sh/api/kumomta/webhook",
		"https://log.example.com/proxied/api?token=none": "https://log.example.com/proxied/api?token=none",
	} {
		r := newReceiver(func(_ int, lines []string) kumod.Response { return taken(len(lines)) })
		s := start(t, policy.Options{WebhookURL: url}, answering(r.post))
		d, err := s.Connect("make."+hookQueue, hookQueue)
		if err != nil {
			t.Fatal(err)
		}
		if o := d.SendRecords(someLines(1)); o.Disposition() != kumod.Delivery || r.requests[0].URL != want {
			t.Errorf("%s posts to %q, want %s (%v)", url, r.requests[0].URL, want, o.Err())
		}
	}
}
