package e2e

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/test/records"
)

func TestASecondServeOnTheSameDataIsRefused(t *testing.T) {
	t.Parallel()
	s := startService(t)
	second := newService(t, "DATA_DIR="+s.data)
	r := second.Run("serve")
	if r.code != 1 || !strings.Contains(r.stderr, "another serve works on this DATA_DIR") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("ended with %d: %s", r.code, r.stderr)
	}
	s.mustTake(sample(t, "modern.jsonl"))
	s.Kill()
	second.Start() // a lock does not outlive its process
	checkStored(t, second, parseRecords(t, lines(sample(t, "modern.jsonl"))))
}

func TestOtherCommandsWorkBesideServe(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		for _, args := range [][]string{{"quarantine", "list"}, {"quarantine", "retry"}, {"migrate", "status"}, {"migrate", "up"}, {"version"}} {
			if r := s.Run(args...); r.code != 0 || r.stderr != "" {
				t.Errorf("%v: %d %s", args, r.code, r.stderr)
			}
		}
		s.mustTake(sample(t, "modern.jsonl"))
		checkWholly(t, s, parseRecords(t, lines(sample(t, "modern.jsonl"))))
	})
}

// What was open when the stop came is finished and answered, and nothing more
// is taken.
func TestAStopFinishesOpenRequestsInTime(t *testing.T) {
	t.Parallel()
	s := startService(t)
	record := records.NewMaker(1, acceptance, time.Second).Lines(1)[0]
	w := s.Dial(request(length(int64(len(record))), "Expect: 100-continue"))
	if line, err := w.in.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("answer %q: %v", line, err)
	}
	if _, err := w.in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	idle := s.Dial("")
	w.Send(record[:100])
	s.signal(syscall.SIGTERM)
	eventually(t, "no new connection is taken", func() bool {
		conn, err := net.Dial("tcp", s.address())
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	w.Send(record[100:])
	if r := w.Answer(); r.code != http.StatusOK || r.Stored != 1 {
		t.Errorf("the open request's answer: %d %s", r.code, r.body)
	}
	idle.AwaitEnd()
	if code := s.awaitExit(); code != 0 {
		t.Errorf("serve ended with %d", code)
	}
	s.Start()
	checkWholly(t, s, parseRecords(t, []string{record}))
}

// One that never sends the rest of its body does not keep the process.
func TestAStopEndsWithin10Seconds(t *testing.T) {
	t.Parallel()
	s := startService(t)
	w := s.Dial(request(length(1000), "Expect: 100-continue"))
	if line, err := w.in.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("answer %q: %v", line, err)
	}
	s.signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second): // of the contract
		t.Fatal("serve has not ended 10 s after SIGTERM")
	}
	if code := s.awaitExit(); code != 0 {
		t.Errorf("serve ended with %d:\n%s", code, s.log)
	}
}

func TestMigrateShowsAndMakesTheSchema(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		kept := s.Run("serve", "--keep-schema")
		if kept.code != 1 || !strings.Contains(kept.stderr, "schema is not the one this version needs") {
			t.Errorf("--keep-schema on nothing: %d %s, want a refusal", kept.code, kept.stderr)
		}
		status := s.Run("migrate", "status")
		if status.code != 0 || !strings.HasPrefix(status.stdout, "STEP") || !strings.Contains(status.stdout, "pending") {
			t.Errorf("migrate status on nothing: %d %s %s", status.code, status.stdout, status.stderr)
		}
		for range 2 {
			up := s.Run("migrate", "up")
			status = s.Run("migrate", "status")
			if up.code != 0 || strings.Contains(up.stdout, "pending") || status.stdout != up.stdout {
				t.Errorf("migrate up: %d %s %s, then status %s", up.code, up.stdout, up.stderr, status.stdout)
			}
		}
		s.Start("--keep-schema")
		s.mustTake(sample(t, "modern.jsonl"))
		checkWholly(t, s, parseRecords(t, lines(sample(t, "modern.jsonl"))))
	})
}

func TestVersionNamesVersionCommitAndGo(t *testing.T) {
	t.Parallel()
	r := newService(t, "PORT=wrong").Run("version") // needs no settings
	if r.code != 0 || !regexp.MustCompile(`(?s)^kumotrail \S+\ncommit \S+\ngo1\S+ \w+/\w+\n$`).MatchString(r.stdout) {
		t.Errorf("%d %q %s", r.code, r.stdout, r.stderr)
	}
}

func TestUnknownCommandsAndFlagsAreRefused(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, args := range [][]string{{"no-command"}, {"serve", "--no-flag"}, {"migrate"}, {"quarantine", "show"}} {
		if r := s.Run(args...); r.code == 0 || r.stderr == "" {
			t.Errorf("%v: %d %q", args, r.code, r.stderr)
		}
	}
}

// Whoever else is on the machine cannot read what is kept.
func TestDataIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	s := startService(t)
	s.mustTake(sample(t, "modern.jsonl"))
	info, err := os.Stat(s.data)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("DATA_DIR: %v %v, want mode 0700", info.Mode(), err)
	}
	token, err := os.Stat(filepath.Join(s.data, "nats.token"))
	if err != nil || token.Mode().Perm() != 0o600 {
		t.Errorf("nats.token: %v %v, want mode 0600", token.Mode(), err)
	}
}
