//go:build unix

package servers

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Freeze keeps the server from running. Its connections stay, and the kernel
// goes on to take new ones and what they send.
func (r *RedisServer) Freeze(tb testing.TB) {
	tb.Helper()
	if err := r.signal(syscall.SIGSTOP); err != nil {
		tb.Fatalf("freeze Redis: %v", err)
	}
}

// Thaw lets a frozen server go on with what it was sent meanwhile.
func (r *RedisServer) Thaw(tb testing.TB) {
	tb.Helper()
	if err := r.signal(syscall.SIGCONT); err != nil {
		tb.Fatalf("thaw Redis: %v", err)
	}
}

// signal sends to the pid that the server wrote down.
func (r *RedisServer) signal(s syscall.Signal) error {
	text, err := os.ReadFile(r.pidFile())
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return syscall.Kill(pid, s)
}
