package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long tests wait for what must happen. It only ends tests that
// fail.
const patience = 60 * time.Second

// Service is one folder with settings of its own in which programs are run:
// serve, which is started and stopped, and the other commands.
type Service struct {
	t       *testing.T
	dir     string
	data    string
	port    int
	nats    int
	env     map[string]string
	process *exec.Cmd
	exited  chan struct{} // closed when process ended
	log     *output       // of all its processes
}

// newService makes a folder and settings; more are added as NAME=value, and
// taken away as NAME alone. The sample's days are long gone, so all is kept,
// and tests ask as often as they like.
func newService(t *testing.T, more ...string) *Service {
	t.Helper()
	dir := t.TempDir()
	s := &Service{t: t, dir: dir, data: filepath.Join(dir, "data"), port: freePort(t), nats: freePort(t), log: &output{}}
	s.env = map[string]string{
		"PORT": strconv.Itoa(s.port), "NATS_LISTEN": fmt.Sprintf("127.0.0.1:%d", s.nats),
		"DATA_DIR": s.data, "RETENTION_DAYS": "0", "VERP_KEY": verpKey, "API_RATE_LIMIT": "0", "HOME": dir, "PATH": os.Getenv("PATH"),
	}
	s.set(more...)
	t.Cleanup(func() {
		s.Kill()
		if log := s.log.String(); t.Failed() && log != "" {
			t.Logf("log of the service:\n%s", log)
		}
	})
	return s
}

// startService makes a service that is ready.
func startService(t *testing.T, more ...string) *Service {
	t.Helper()
	s := newService(t, more...)
	s.Start()
	return s
}

func (s *Service) set(settings ...string) {
	for _, setting := range settings {
		name, value, given := strings.Cut(setting, "=")
		if !given {
			delete(s.env, name)
			continue
		}
		s.env[name] = value
	}
}

func (s *Service) environ() []string {
	env := make([]string, 0, len(s.env))
	for name, value := range s.env {
		env = append(env, name+"="+value)
	}
	return env
}

// Start starts serve and waits until it is ready.
func (s *Service) Start(args ...string) {
	s.t.Helper()
	s.launch(args...)
	s.awaitReady()
}

// launch starts serve and does not wait.
func (s *Service) launch(args ...string) {
	s.t.Helper()
	s.process = exec.Command(binary, append([]string{"serve"}, args...)...)
	s.process.Dir, s.process.Env = s.dir, s.environ()
	s.process.Stdout, s.process.Stderr = s.log, s.log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(p *exec.Cmd) {
		defer close(exited)
		_ = p.Wait() // how it ended is in its ProcessState
	}(s.process)
}

func (s *Service) awaitReady() {
	s.t.Helper()
	exited := s.exited
	eventually(s.t, "serve is ready", func() bool {
		select {
		case <-exited:
			s.t.Fatalf("serve ended: %v\n%s", s.process.ProcessState, s.log)
		default:
		}
		resp, err := http.Get(s.URL("/readyz"))
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// Stop tells serve to stop and returns its exit code.
func (s *Service) Stop() int {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	return s.awaitExit()
}

func (s *Service) awaitExit() int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.Kill()
		s.t.Fatal("serve does not end")
	}
	return s.process.ProcessState.ExitCode()
}

// Kill ends serve like a loss of power would end it, and does nothing where none
// runs.
func (s *Service) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Signal(syscall.SIGKILL) // it may have ended already
	<-s.exited
}

func (s *Service) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// result is what a command printed and how it ended.
type result struct {
	stdout, stderr string
	code           int
}

// Run runs a command of the program in the service's folder to its end.
func (s *Service) Run(args ...string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env = s.dir, s.environ()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil || ctx.Err() != nil {
		s.t.Fatalf("kumotrail %v: %v", args, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// URL is the address of a path of the service.
func (s *Service) URL(path string) string { return "http://" + s.address() + path }

func (s *Service) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// PeakMemory is the most that the process had resident so far, in bytes; where
// the system does not tell, what it has now.
func (s *Service) PeakMemory() int64 {
	s.t.Helper()
	pid := strconv.Itoa(s.process.Process.Pid)
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		now, err := exec.Command("ps", "-o", "rss=", "-p", pid).Output()
		if err != nil {
			s.t.Fatal(err)
		}
		status = append([]byte("VmHWM:"), now...)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return kb << 10
		}
	}
	s.t.Fatal("the process has no VmHWM")
	return 0
}

// output gathers what processes write.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// nextPort stays below the ports that the kernel gives to connections, so that
// none of those takes one between the choice and its use.
var nextPort atomic.Int64

func freePort(t *testing.T) int {
	t.Helper()
	nextPort.CompareAndSwap(0, 20000+int64(os.Getpid()%1000)*10)
	for range 10000 {
		port := int(nextPort.Add(1))
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
	t.Fatal("no port is free")
	return 0
}

// eventually asks until holds says yes, and fails the test where it does not.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
