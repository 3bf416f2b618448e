package e2e

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// loginSecrets are what the sample's client sent behind AUTH, and what is in it.
func loginSecrets(t *testing.T) []string {
	t.Helper()
	for _, r := range parseRecords(t, lines(sample(t, "modern.jsonl"))) {
		if child(r, "response")["code"] != spelled(535) {
			continue
		}
		blob := strings.TrimSpace(child(r, "response").text("command"))
		text, err := base64.StdEncoding.DecodeString(blob)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(text), "\x00")
		return []string{blob, strings.TrimRight(blob, "="), parts[len(parts)-1]}
	}
	t.Fatal("the sample has no refused login")
	return nil
}

// leaks returns the secrets that are in text, as they are or in zstd frames.
func leaks(text string, secrets []string) []string {
	var found []string
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			found = append(found, secret)
		}
	}
	frame := "\x28\xb5\x2f\xfd"
	for at := strings.Index(text, frame); at >= 0; {
		if d, err := zstd.NewReader(strings.NewReader(text[at:]), zstd.WithDecoderConcurrency(1), zstd.IgnoreChecksum(true)); err == nil {
			var plain bytes.Buffer
			_, _ = plain.ReadFrom(d) // up to where the frame ends or is cut
			d.Close()
			for _, secret := range secrets {
				if strings.Contains(plain.String(), secret) {
					found = append(found, secret+" in zstd")
				}
			}
		}
		next := strings.Index(text[at+1:], frame)
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return found
}

func TestLoginSecretsAreKeptNowhere(t *testing.T) {
	t.Parallel()
	secrets := loginSecrets(t)
	s := startService(t, "LOG_LEVEL=debug")
	text := sample(t, "modern.jsonl")
	s.mustTake(text)
	var rejection string
	for _, line := range lines(text) {
		if strings.Contains(line, secrets[0]) {
			rejection = line
		}
	}
	login := strings.Replace(rejection, secrets[0], "AUTH PLAIN "+secrets[0], 1)
	for name, body := range map[string]string{
		"a whole AUTH line":       strings.Replace(login, `"code":535`, `"code":503`, 1),
		"cut behind the secret":   rejection[:strings.Index(rejection, secrets[0])+len(secrets[0])+4],
		"cut in the secret":       rejection[:strings.Index(rejection, secrets[0])+len(secrets[0])-2],
		"broken before it":        strings.Replace(rejection, `"type"`, `type`, 1),
		"broken behind it":        strings.TrimSuffix(rejection, "}") + ",}",
		"no type":                 strings.Replace(rejection, `"type"`, `"kind"`, 1),
		"a type of next year":     strings.Replace(rejection, `"Rejection"`, `"Refusal"`, 1),
		"an array that is cut":    "[" + login + "," + rejection[:len(rejection)-1],
		"a text":                  "AUTH PLAIN " + secrets[0],
		"a record within another": strings.Replace(lines(text)[0], `"meta":{`, `"meta":{"log_record":`+rejection+`,`, 1),
		"a string of a record": strings.Replace(lines(text)[0], `"meta":{`,
			`"meta":{"log_record":"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(rejection)+`",`, 1),
	} {
		for _, p := range append(plain(body), encoded("gzip", body), encoded("zstd", body)) {
			if r := s.PostTo(webhook, p.body, p.headers...); r.code != http.StatusOK && r.code != http.StatusUnprocessableEntity {
				t.Errorf("%s: answer %d %s", name, r.code, r.body)
			} else if found := leaks(r.body, secrets); found != nil {
				t.Errorf("%s: the answer tells %q", name, found)
			}
		}
	}
	checkNoLeaks(t, s, secrets)
	if code := s.Stop(); code != 0 {
		t.Errorf("serve ended with %d", code)
	}
	checkNoFileLeaks(t, s, secrets)
	s.Start()
	checkNoLeaks(t, s, secrets)
}

// checkNoLeaks looks at all that can be asked for.
func checkNoLeaks(t *testing.T, s *Service, secrets []string) {
	t.Helper()
	_, export := s.Get("/api/kumomta/v1/logs/export?from=0001-01-02T00:00:00Z")
	seen := map[string]string{"export": export, "log": s.log.String()}
	entries := s.Quarantine()
	if len(entries) < 6 {
		t.Errorf("%d entries in quarantine, want the broken bodies", len(entries))
	}
	for _, e := range entries {
		show := s.Run("quarantine", "show", e.id)
		seen["quarantine "+e.id] = e.reason + show.stdout + show.stderr
	}
	refused := 0
	for _, m := range s.Announced(34) {
		seen["message "+m.id] = m.subject + m.raw
		if child(m.payload, "smtp")["command"] == "AUTH" {
			refused++
		}
	}
	if refused < 2 {
		t.Errorf("%d announced logins, want those of the sample and of the AUTH line", refused)
	}
	for where, text := range seen {
		if found := leaks(text, secrets); found != nil {
			t.Errorf("%s has %q", where, found)
		}
	}
}

// checkNoFileLeaks looks into every byte under DATA_DIR, compressed ones too.
func checkNoFileLeaks(t *testing.T, s *Service, secrets []string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if found := leaks(string(text), secrets); found != nil {
			t.Errorf("%s has %q", path, found)
		}
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files under DATA_DIR: %v", files, err)
	}
}
