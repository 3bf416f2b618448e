//go:build unix

package segments_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
)

// asNobody runs what nobody may do, also for root.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 || runtime.GOOS != "linux" {
		do()
		return
	}
	const nobody = 65534
	if err := syscall.Seteuid(nobody); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Seteuid(0); err != nil {
			t.Fatal(err)
		}
	}()
	do()
}

// openDir is a folder that anybody may read.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for path := dir; len(path) > len(os.TempDir()); path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFollowTellsOnceOfWhatItMayNotReadAndReadsItWhenItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := openDir(t)
		secret := put(t, filepath.Join(dir, "1"), frameOf(recordsOf(0, 3)))
		if err := os.Chmod(secret, 0); err != nil {
			t.Fatal(err)
		}
		var f *follower
		asNobody(t, func() {
			f = follow(t, nil, dir)
			for range 4 {
				f.settle(secret)
			}
		})
		if got := f.settle(secret); got.slices != 1 || got.Lost == "" {
			t.Errorf("told %d times, lost %q", got.slices, got.Lost)
		}
		finish(t, secret)
		if got := f.settle(secret); got.Lines != 3 || !got.Done {
			t.Errorf("%d lines of a file that may be read now, done %v", got.Lines, got.Done)
		}
		f.end()
	})
}

func TestReadGoesOnBehindWhatItMayNotRead(t *testing.T) {
	dir := openDir(t)
	secret := put(t, filepath.Join(dir, "1"), frameOf(recordsOf(0, 3)))
	open := put(t, filepath.Join(dir, "3"), frameOf(recordsOf(3, 3)))
	closed := filepath.Join(dir, "2")
	mkdir(t, closed)
	for _, path := range []string{secret, closed} {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
	}
	var got map[string]told
	asNobody(t, func() { got = read(t, segments.Config{Paths: []string{dir}}, nil) })
	for path, want := range map[string]told{
		secret: {Lost: "all of it: permission denied"}, closed: {Lost: "all of it: permission denied"}, open: {Lines: 3},
	} {
		if got[path].Lost != want.Lost || got[path].Lines != want.Lines || got[path].Done != (want.Lost == "") {
			t.Errorf("%s: %d lines, done %v, lost %q", filepath.Base(path), got[path].Lines, got[path].Done, got[path].Lost)
		}
	}
	asNobody(t, func() {
		if _, err := readAll(t.Context(), t, segments.Config{Paths: []string{closed}}, nil); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("read of a folder that nobody may read: %v", err)
		}
	})
}

func TestReadPassesOverSocketsAndReadsPipes(t *testing.T) {
	dir := t.TempDir()
	var config net.ListenConfig
	socket, err := config.Listen(context.Background(), "unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { _ = os.WriteFile(pipe, frameOf(recordsOf(0, 100)), 0) }()
	got := read(t, segments.Config{Paths: []string{dir, pipe}}, nil)
	if got[pipe].Text != recordsOf(0, 100) || got[filepath.Join(dir, "s")].Passed == "" {
		t.Errorf("%d lines of a pipe, socket passed over %q", got[pipe].Lines, got[filepath.Join(dir, "s")].Passed)
	}
}

func TestReadEndsWithContextWhileStandardInputIsSilent(t *testing.T) {
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newSegments(t, segments.Config{Paths: []string{"-"}, Stdin: in})
	ended := make(chan error)
	go func() {
		var last error
		for _, err := range s.Read(ctx, nil) {
			last = err
		}
		ended <- last
	}()
	if _, err := to.WriteString(record(1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v, want the context's error", err)
	}
	// Only now there is an end of input for whoever still waits for it.
	if err := errors.Join(to.Close(), in.Close()); err != nil {
		t.Fatal(err)
	}
}
