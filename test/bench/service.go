package main

import (
	"context"
	"fmt"
	"io"
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
	"time"

	"github.com/kumotrail/kumotrail/test/records"
)

// serviceFigures are what one run of the service gave.
type serviceFigures struct {
	arrays, singles     float64 // records/s
	ready, idle, loaded float64 // ms, MB, MB
}

// measureService starts the service in an empty folder and posts units to it:
// most as arrays, the last as single records.
func measureService(ctx context.Context, binary string, units [][]string, env ...string) (f serviceFigures, err error) {
	s, err := startService(binary, env)
	if err != nil {
		return f, err
	}
	defer s.stop()
	f.ready = float64(s.ready) / float64(time.Millisecond)
	time.Sleep(time.Second)
	f.idle = s.memory("VmRSS")

	apart := max(1, len(units)/5)
	var arrays, singles []string
	for i, u := range units {
		if i < len(units)-apart {
			arrays = append(arrays, records.Array(u))
		} else {
			singles = append(singles, u...)
		}
	}
	if f.arrays, err = s.post(ctx, arrays, 4); err != nil {
		return f, err
	}
	f.arrays *= unitRecords
	if f.singles, err = s.post(ctx, singles, 64); err != nil {
		return f, err
	}
	f.loaded = s.memory("VmHWM")
	return f, nil
}

// service is a kumotrail that runs for a measurement.
type service struct {
	command *exec.Cmd
	dir     string
	url     string
	ready   time.Duration // from start to ready
}

const benchKey = "kumotrail-benchmark-key"

func startService(binary string, env []string) (*service, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "kumotrail-bench")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &service{command: exec.Command(binary, "serve"), dir: dir, url: fmt.Sprintf("http://127.0.0.1:%d", port)}
	s.command.Env = append([]string{
		"PORT=" + strconv.Itoa(port), "NATS_LISTEN=off", "DATA_DIR=" + dir, "X_KUMOMTA_KEY=" + benchKey, "LOG_LEVEL=warn",
	}, env...)
	s.command.Dir = dir
	s.command.Stderr = os.Stderr
	start := time.Now()
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	for time.Since(start) < 30*time.Second {
		if r, err := http.Get(s.url + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				s.ready = time.Since(start)
				return s, nil
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("the service was not ready within 30 s")
}

func (s *service) stop() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	_ = s.command.Wait()
	_ = os.RemoveAll(s.dir)
}

// memory returns a figure of the process in MB.
func (s *service) memory(name string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kB, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kB / 1024
		}
	}
	return 0
}

// post sends bodies over so many connections and returns bodies a second.
func (s *service) post(ctx context.Context, bodies []string, connections int) (float64, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	var failed atomic.Value
	var all sync.WaitGroup
	start := time.Now()
	for range connections {
		all.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(bodies) {
					return
				}
				if err := s.postOne(ctx, client, bodies[i]); err != nil {
					failed.Store(err)
				}
			}
		})
	}
	all.Wait()
	if err, ok := failed.Load().(error); ok {
		return 0, err
	}
	return float64(len(bodies)) / time.Since(start).Seconds(), nil
}

func (s *service) postOne(ctx context.Context, client *http.Client, body string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/webhook", strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("x-kumomta-key", benchKey)
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("answer %d: %s", answer.StatusCode, text)
	}
	return err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
