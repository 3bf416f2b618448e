package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/kumotrail/kumotrail/test/records"
)

// logFolder is where nodes log.
type logFolder struct {
	t   *testing.T
	dir string
}

func newLogs(t *testing.T) logFolder { return logFolder{t, t.TempDir()} }

func (l logFolder) write(name, text string, mode os.FileMode) string {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		l.t.Fatal(err)
	}
	return path
}

// frame returns lines as one frame of zstd, as KumoMTA writes it: without its
// end where the MTA has crashed, or is still at it.
func frame(t *testing.T, text string, whole bool) string {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	flushed := b.Len()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if whole {
		return b.String()
	}
	return b.String()[:flushed]
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// textOf returns lines with their ends.
func textOf(lines []string) string { return strings.Join(lines, "\n") + "\n" }

// told are the counts that a command ends with, by the first words behind them.
func told(t *testing.T, stdout string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, found := range regexp.MustCompile(`(?m)^ *([0-9,]+)  (.*)$`).FindAllStringSubmatch(stdout, -1) {
		n, err := strconv.Atoi(strings.ReplaceAll(found[1], ",", ""))
		if err != nil {
			t.Fatal(err)
		}
		what, _, _ := strings.Cut(found[2], ":")
		if strings.HasPrefix(what, "lines read") {
			what = "read"
		}
		counts[what] = n
	}
	return counts
}

func checkReplay(t *testing.T, r result, code int, want map[string]int) {
	t.Helper()
	if r.code != code {
		t.Errorf("ended with %d, want %d:\n%s%s", r.code, code, r.stdout, r.stderr)
	}
	got := told(t, r.stdout)
	for what := range got {
		if strings.HasPrefix(what, "files passed over") {
			delete(got, what)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts: %s\n%s", diff, r.stdout)
	}
}

// Case 24: segments as a node leaves them, live and crashed. Half of it came by
// the hook before; in the end all is as if all had.
func TestReplayFillsWhatTheHookMissed(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		made := records.NewMaker(71, acceptance, time.Second).Lines(700)
		part := func(n int) []string { return made[n*100 : (n+1)*100] }
		logs := newLogs(t)
		logs.write("mta1/20260725-090000", frame(t, textOf(part(0)), true)+frame(t, textOf(part(1)), true), 0o444)
		logs.write("mta1/20260725-091000.123456789", frame(t, "# segment\n"+textOf(part(2))+part(3)[0][:77], false), 0o444)
		logs.write("mta1/20260725-092000", frame(t, textOf(part(3))+"\n", false), 0o644)
		logs.write("mta2/20260725-090000.gz", zipped(t, textOf(part(4))), 0o444)
		logs.write("mta2/20260725-093000", textOf(part(5))+`{"type":"Authentication","timestamp":"2026-07-25T09:00:00Z"}`+"\n"+part(6)[0][:99], 0o444)
		logs.write("mta2/.tailer-checkpoint", `{"file":"x","line":1}`, 0o644)
		logs.write("mta2/picture.png", "\x89PNG\r\n\x1a\n", 0o644)
		s.Start()
		for n := 0; n < 6; n += 2 {
			s.mustTake(textOf(part(n)))
		}
		first := s.Run("replay", logs.dir, "--checkpoint", "done")
		if got := told(t, first.stdout); first.code != 0 || got["stored"] != 300 || got["duplicates"] != 300 || got["quarantined"] != 0 {
			t.Errorf("ended with %d:\n%s%s", first.code, first.stdout, first.stderr)
		}
		again := told(t, s.Run("replay", logs.dir).stdout)
		if again["stored"] != 0 || again["duplicates"] != 600 || again["read"] != told(t, first.stdout)["read"] {
			t.Errorf("a second replay: %v", again)
		}
		if rest := told(t, s.Run("replay", logs.dir, "--checkpoint", "done").stdout); rest["duplicates"] != 0 || rest["stored"] != 0 {
			t.Errorf("another from the checkpoint: %v", rest)
		}
		checkWholly(t, s, parseRecords(t, made[:600]))
	})
}

func TestReplayTakesStandardInput(t *testing.T) {
	t.Parallel()
	s := newService(t)
	made := records.NewMaker(72, acceptance, time.Second).Lines(50)
	cmd := exec.Command(binary, "replay", "-")
	cmd.Dir, cmd.Env, cmd.Stdin = s.dir, s.environ(), strings.NewReader(textOf(made))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := told(t, string(out)); got["stored"] != 50 {
		t.Errorf("got %v", got)
	}
	s.Start()
	checkWholly(t, s, parseRecords(t, made))
}

// Case 17: a hook's own messages are no mail. What it lost is restored.
func TestReplayRestoresWhatHookLost(t *testing.T) {
	t.Parallel()
	s := newService(t)
	lost := rec(delivery)
	inHook := `"reception_protocol":"LogRecord","queue":"kumotrail.log_hook"`
	logs := newLogs(t)
	logs.write("20260725-172000", textOf([]string{
		rec(delivery + "," + inHook + `,"id":"17010c40884d11f19002782d7e12e173"`),
		rec(`"type":"Bounce",` + inHook + `,"id":"27010c40884d11f19002782d7e12e173","meta":{"log_record":` + lost + `}`),
		rec(`"type":"Expiration",` + inHook + `,"id":"37010c40884d11f19002782d7e12e173"`),
		rec(`"type":"Reception"`),
	}), 0o444)
	checkReplay(t, s.Run("replay", logs.dir), 0, map[string]int{
		"read": 4, "stored": 1, "duplicates": 0, "quarantined": 0, "skipped": 0,
		"of a log hook's own messages, which are no mail": 3, "events lost by the hook kumotrail": 2,
		"of these restored from their copies": 1, "of these without a copy": 1,
	})
	s.Start()
	checkWholly(t, s, parseRecords(t, []string{rec(`"type":"Reception"`), lost}))
}

// begin starts a command that is not waited for.
func (s *Service) begin(args ...string) *began {
	s.t.Helper()
	b, in := s.beginWithInput(args...)
	if err := in.Close(); err != nil {
		s.t.Fatal(err)
	}
	return b
}

// beginWithInput starts one and returns its standard input.
func (s *Service) beginWithInput(args ...string) (*began, io.WriteCloser) {
	s.t.Helper()
	b := &began{cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	b.cmd.Dir, b.cmd.Env, b.cmd.Stdout, b.cmd.Stderr = s.dir, s.environ(), &b.stdout, &b.stderr
	in, err := b.cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		defer close(b.exited)
		_ = b.cmd.Wait() // how it ended is in its ProcessState
	}()
	s.t.Cleanup(func() { b.end(syscall.SIGKILL) })
	return b, in
}

// began is a command that runs.
type began struct {
	cmd            *exec.Cmd
	stdout, stderr output
	exited         chan struct{}
}

func (b *began) end(sig syscall.Signal) result {
	_ = b.cmd.Process.Signal(sig) // it may have ended already
	<-b.exited
	return result{b.stdout.String(), b.stderr.String(), b.cmd.ProcessState.ExitCode()}
}

func (b *began) runs() bool {
	select {
	case <-b.exited:
		return false
	default:
		return true
	}
}

// storedEvents is how many events the service has.
func (s *Service) storedEvents() int {
	n := 0
	for _, of := range s.Stats() {
		n += of
	}
	return n
}

func TestKillsInTheMiddleOfAReplayLoseNothing(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		made := records.NewMaker(73, acceptance, time.Second).Lines(6000)
		logs := newLogs(t)
		logs.write("20260725-090000", frame(t, textOf(made[:4000]), true), 0o444)
		logs.write("20260725-100000", frame(t, textOf(made[4000:]), true), 0o444)
		s.Start()
		killed := 0
		for _, least := range []int{1, 1500, 3000, 4500} {
			replay := s.begin("replay", "--checkpoint", "done", logs.dir)
			eventually(t, "some of it is stored", func() bool { return s.storedEvents() >= least || !replay.runs() })
			if replay.end(syscall.SIGKILL).code != 0 {
				killed++
			}
		}
		if killed == 0 {
			t.Error("no replay was killed in the middle")
		}
		if r := s.Run("replay", "--checkpoint", "done", logs.dir); r.code != 0 {
			t.Errorf("ended with %d:\n%s%s", r.code, r.stdout, r.stderr)
		}
		checkWholly(t, s, parseRecords(t, made))
	})
}

// Another process keeps the store to itself for longer than a commit waits.
func TestReplayWaitsForStoreThatIsAway(t *testing.T) {
	t.Parallel()
	s := startService(t)
	made := records.NewMaker(74, acceptance, time.Second).Lines(300)
	logs := newLogs(t)
	logs.write("20260725-090000", textOf(made[:200]), 0o444)
	replay := s.begin("replay", "--follow", "--checkpoint", "done", logs.dir)
	eventually(t, "it is at work", func() bool { return s.storedEvents() == 200 })
	release := lockStore(t, s)
	logs.write("20260725-100000", textOf(made[200:]), 0o444)
	eventually(t, "it waits", func() bool { return strings.Contains(replay.stderr.String(), "waiting for it") })
	release()
	eventually(t, "it goes on", func() bool { return s.storedEvents() == 300 })
	checkReplay(t, replay.end(syscall.SIGTERM), 0, map[string]int{"read": 300, "stored": 300, "duplicates": 0, "quarantined": 0, "skipped": 0})
	checkWholly(t, s, parseRecords(t, made))
}

// Standard input goes on, so that the interrupt comes in the midst of it.
func TestInterruptEndsReplayWhereAnotherGoesOn(t *testing.T) {
	t.Parallel()
	s := startService(t)
	made := records.NewMaker(77, acceptance, time.Second).Lines(300)
	logs := newLogs(t)
	logs.write("20260725-090000", textOf(made[:200]), 0o444)
	replay, _ := s.beginWithInput("replay", "--checkpoint", "done", logs.dir, "-")
	eventually(t, "it is at work", func() bool { return s.storedEvents() == 200 })
	r := replay.end(syscall.SIGINT)
	if r.code != 130 || !strings.Contains(r.stderr, "another run with the same checkpoint goes on from here") {
		t.Errorf("interrupted: %d %s", r.code, r.stderr)
	}
	logs.write("20260725-100000", textOf(made[200:]), 0o444)
	checkReplay(t, s.Run("replay", "--checkpoint", "done", logs.dir), 0,
		map[string]int{"read": 100, "stored": 100, "duplicates": 0, "quarantined": 0, "skipped": 0})
	checkWholly(t, s, parseRecords(t, made))
}

// Without a hook all comes from the files, while they grow and change.
func TestFollowedFilesAreTheOnlyWayIn(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		made := records.NewMaker(75, acceptance, time.Second).Lines(600)
		logs := newLogs(t)
		first := frame(t, textOf(made[:200]), true)
		logs.write("mta1/20260725-090000", first, 0o644)
		s.Start()
		follow := func() *began { return s.begin("replay", "--follow", "--checkpoint", "done", logs.dir) }
		has := func(n int) {
			t.Helper()
			eventually(t, fmt.Sprintf("%d records are stored", n), func() bool { return s.storedEvents() == n })
		}
		tail := follow()
		has(200)
		logs.write("mta1/20260725-090000", first+frame(t, textOf(made[200:300]), true), 0o644)
		has(300)
		logs.write("mta2/20260725-093000", frame(t, textOf(made[300:400])+made[400][:50], false), 0o644)
		has(400)
		if r := tail.end(syscall.SIGTERM); r.code != 0 {
			t.Errorf("told to stop it ended with %d: %s", r.code, r.stderr)
		}
		logs.write("mta2/20260725-093000", frame(t, textOf(made[300:500]), true), 0o444)
		tail = follow()
		has(500)
		tail.end(syscall.SIGKILL)
		logs.write("mta2/20260725-094000", textOf(made[500:]), 0o444)
		tail = follow()
		has(600)
		if r := tail.end(syscall.SIGTERM); r.code != 0 {
			t.Errorf("told to stop it ended with %d: %s", r.code, r.stderr)
		}
		checkWholly(t, s, parseRecords(t, made))
	})
}

func TestAuditNamesWhatIsMissingAndFixesIt(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		made := records.NewMaker(76, acceptance, time.Second).Lines(400)
		logs := newLogs(t)
		logs.write("20260725-090000", frame(t, textOf(made[:200]), true), 0o444)
		logs.write("20260725-100000", frame(t, textOf(made[200:390]), true), 0o444)
		s.Start()
		s.mustTake(textOf(made[:250]))
		s.mustTake(textOf(made[390:])) // which a crash kept from the disk
		var report struct {
			Events         int
			MissingInStore int            `json:"missing_in_store"`
			MissingByFile  map[string]int `json:"missing_by_file"`
		}
		r := s.Run("audit", "--json", logs.dir)
		if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || r.code != 1 {
			t.Fatalf("ended with %d, %v: %s%s", r.code, err, r.stdout, r.stderr)
		}
		if report.Events != 390 || report.MissingInStore != 140 || len(report.MissingByFile) != 1 {
			t.Errorf("got %+v", report)
		}
		if s.storedEvents() != 260 {
			t.Error("an audit has stored something")
		}
		if r := s.Run("audit", "--fix", logs.dir); r.code != 0 || told(t, r.stdout)["stored"] != 140 {
			t.Errorf("ended with %d: %s%s", r.code, r.stdout, r.stderr)
		}
		if r := s.Run("audit", logs.dir); r.code != 0 || told(t, r.stdout)["missing in the store"] != 0 {
			t.Errorf("after the fix %d: %s%s", r.code, r.stdout, r.stderr)
		}
		checkWholly(t, s, parseRecords(t, made))
	})
}

func TestReplayAndAuditSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newService(t)
	logs := newLogs(t)
	file := logs.write("20260725-090000", rec(delivery)+"\n{\"type\":\"Delivery\",\"broken\n", 0o444)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"replay", logs.dir}, 1, "1  quarantined"},
		{[]string{"replay", "/no/such/folder"}, 3, "/no/such/folder"},
		{[]string{"audit", "/no/such/folder"}, 3, "/no/such/folder"},
		{[]string{"replay"}, 2, "path"},
		{[]string{"replay", "--since", "yesterday", logs.dir}, 2, "yesterday"},
		{[]string{"replay", "--checkpoint", filepath.Join(logs.dir, "done"), logs.dir}, 3, "dot"},
		{[]string{"audit", "--fix", "-"}, 2, "standard input"},
		{[]string{"audit", file}, 0, "1  lines that are broken records"},
	} {
		if r := s.Run(c.args...); r.code != c.code || !strings.Contains(r.stdout+r.stderr, c.want) {
			t.Errorf("%v ended with %d, want %d:\n%s%s", c.args, r.code, c.code, r.stdout, r.stderr)
		}
	}
	s.set("PG_URL=nonsense")
	if r := s.Run("replay", logs.dir); r.code != 3 || !strings.Contains(r.stderr, "PG_URL") {
		t.Errorf("with a wrong setting it ended with %d: %s", r.code, r.stderr)
	}
}
