//go:build !embedded

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/test/kumod"
	"github.com/kumotrail/kumotrail/test/records"
)

// mta is a node that runs the policy which the program under test wrote, and
// whose hook reaches a service.
type mta struct {
	*kumod.Node
	t         *testing.T
	hook      *kumod.Delivering
	responses []int // of the service, in order
}

// startMTA has the service's program write the policy, by the service's settings
// and more, and runs it. The MTA has the given key.
func startMTA(t *testing.T, s *Service, key string, more ...string) *mta {
	t.Helper()
	folder, secrets := t.TempDir(), t.TempDir()
	write := exec.Command(binary, "policy", "write", folder)
	write.Dir = s.dir
	write.Env = append(append(s.environ(), "KUMOMTA_WEBHOOK_URL="+s.URL(""), "KUMOMTA_BOUNCE_DOMAINS=bounce.example.com"), more...)
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatalf("policy write: %v\n%s", err, out)
	}
	for name, text := range map[string]string{"webhook.key": key, "verp.key": verpKey} {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := &mta{t: t}
	m.Node = kumod.Start(t, kumod.Config{
		Policy: folder, HTTP: m.do, Paths: map[string]string{"/opt/kumomta/etc/kumotrail": secrets},
	})
	if err := m.Boot(); err != nil {
		t.Fatal(err)
	}
	m.connect()
	return m
}

func (m *mta) connect() {
	m.t.Helper()
	var err error
	if m.hook, err = m.Connect("make.kumotrail.log_hook", "kumotrail.log_hook"); err != nil {
		m.t.Fatal(err)
	}
}

// do sends what the policy asks for over the wire.
func (m *mta) do(r kumod.Request) kumod.Response {
	req, err := http.NewRequestWithContext(m.t.Context(), r.Method, r.URL, strings.NewReader(r.Body))
	if err != nil {
		return kumod.Response{Error: err.Error()}
	}
	for name, value := range r.Headers {
		req.Header.Set(name, value)
	}
	resp, err := plainClient.Do(req)
	if err != nil {
		return kumod.Response{Error: err.Error()}
	}
	defer resp.Body.Close()
	m.responses = append(m.responses, resp.StatusCode)
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return kumod.Response{Status: resp.StatusCode, TextError: err.Error()}
	}
	return kumod.Response{Status: resp.StatusCode, Reason: http.StatusText(resp.StatusCode), Text: string(text)}
}

// deliver sends the records as one batch and says what KumoMTA does with each.
func (m *mta) deliver(lines []string) kumod.Disposition {
	m.t.Helper()
	outcome := m.hook.SendRecords(lines)
	if outcome.Closes() {
		m.connect()
	}
	return outcome.Disposition()
}

func TestTheHookOfTheWrittenPolicyBringsRecordsHere(t *testing.T) {
	t.Parallel()
	s := startService(t)
	m := startMTA(t, s, "reloop")
	for _, file := range []string{"modern.jsonl", "before-2025-10.jsonl"} {
		all := lines(sample(t, file))
		if got := m.deliver(all); got != kumod.Delivery {
			t.Fatalf("%s: %s after %v", file, got, m.responses)
		}
		// The same bytes: what the service keeps of them is the same events.
		if r := s.mustTake(sample(t, file)); r.Duplicates != len(all) {
			t.Errorf("%s by hand, after the hook: %s", file, r.body)
		}
	}
}

func TestEventsWaitWhileTheServiceIsAwayAndAreStoredOnce(t *testing.T) {
	t.Parallel()
	s := newService(t)
	m := startMTA(t, s, "reloop")
	all := records.NewMaker(5, acceptance, time.Second).Lines(120)
	if got := m.deliver(all[:40]); got != kumod.TransientFailure {
		t.Fatalf("nobody listens: %s", got)
	}
	s.Start()
	for from := 0; from < len(all); from += 40 {
		if got := m.deliver(all[from : from+40]); got != kumod.Delivery {
			t.Fatalf("%s after %v", got, m.responses)
		}
	}
	checkStored(t, s, parseRecords(t, all))
}

func TestAWrongKeyLosesNothing(t *testing.T) {
	t.Parallel()
	s := startService(t)
	all := records.NewMaker(6, acceptance, time.Second).Lines(10)
	if m := startMTA(t, s, "not this one"); m.deliver(all) != kumod.TransientFailure || m.responses[0] != http.StatusUnauthorized {
		t.Errorf("answers %v", m.responses)
	}
	checkNothingStored(t, s)
	if m := startMTA(t, s, "reloop, the next one"); m.deliver(all) != kumod.Delivery {
		t.Errorf("answers %v", m.responses)
	}
	checkStored(t, s, parseRecords(t, all))
}

func TestABatchOverTheLimitArrivesAsHalves(t *testing.T) {
	t.Parallel()
	s := startService(t, "MAX_BODY_BYTES=16384")
	m := startMTA(t, s, "reloop")
	all := records.NewMaker(8, acceptance, time.Second).Lines(100)
	if got := m.deliver(all); got != kumod.Delivery {
		t.Fatalf("%s after %v", got, m.responses)
	}
	if m.responses[0] != http.StatusRequestEntityTooLarge {
		t.Errorf("answers %v, want 413 first", m.responses)
	}
	checkStored(t, s, parseRecords(t, all))
}

func TestAReturnPathOfThePolicyBringsTheBounceToItsMessage(t *testing.T) {
	t.Parallel()
	s := startService(t)
	m := startMTA(t, s, "reloop")
	maker := records.NewMaker(9, acceptance, time.Second)
	all := maker.Message()
	for !strings.Contains(all[len(all)-1], `"type":"Delivery"`) {
		all = maker.Message()
	}
	original := parseRecords(t, all)[0]
	r := m.Fire("http_message_generated", kumod.Mail{
		ID: original.text("id"), Sender: "news@example.com", Recipients: []string{original.text("recipient")},
	})
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	bounce, err := json.Marshal(map[string]any{
		"type": "OOB", "id": "a1b2c3d4a1b211eea8c8000c29c33806", "nodeid": original["nodeid"],
		"sender": r.Messages[0].Sender, "recipient": original["recipient"], "queue": "", "site": "", "size": 0,
		"response": map[string]any{
			"code": 550, "enhanced_code": map[string]int{"class": 5, "subject": 1, "detail": 1}, "content": "no such user",
		},
		"timestamp": acceptance.Unix() + 60, "created": acceptance.Unix() + 60, "num_attempts": 0,
		"bounce_classification": "InvalidRecipient", "meta": map[string]any{}, "headers": map[string]any{},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.deliver(append(all, string(bounce))); got != kumod.Delivery {
		t.Fatalf("%s after %v", got, m.responses)
	}
	if code, log := s.Get("/api/kumomta/v1/logs/" + original.text("id")); code != http.StatusOK || !strings.Contains(log, `"status":"bounced"`) {
		t.Errorf("%d %s, want it bounced", code, log)
	}
}
