package servers

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"strconv"
)

// supervisor runs a server until its standard input ends, which it does with
// the process that holds the other end, even with one that is killed. A line
// read before says by which signal to end the server; then its folder stays.
const supervisor = `trap '' INT TERM HUP
folder=$1 log=$2; shift 2
"$@" </dev/null >>"$log" 2>&1 &
if read -r signal; then
	kill -s "$signal" $!
	wait $!
else
	kill -s QUIT $!
	kill -s TERM $! # Redis heeds no QUIT
	kill -s CONT $! # a frozen one heeds neither
	wait $!
	rm -rf "$folder"
fi`

// supervised is a server under a supervisor.
type supervised struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

// supervise starts the server whose files are in folder, as account unless that
// is "".
func supervise(account, folder, log, server string, args ...string) (*supervised, error) {
	cmd := as(account, folder, "/bin/sh", append([]string{"-c", supervisor, "sh", folder, log, server}, args...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &supervised{cmd: cmd, stdin: stdin}, nil
}

// stop ends the server by the signal and waits until it has ended.
func (s *supervised) stop(signal string) error {
	if _, err := fmt.Fprintln(s.stdin, signal); err != nil {
		return err
	}
	_ = s.stdin.Close()
	_ = s.cmd.Wait() // a server that ends by a signal is no error here
	return nil
}

// as returns a command in folder that another user runs, this one if account
// is "".
func as(account, folder, name string, args ...string) *exec.Cmd {
	if account != "" {
		args = append([]string{"-u", account, "--", name}, args...)
		name = "runuser"
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = folder
	return cmd
}

// giveTo makes account the owner of path.
func giveTo(account, path string) error {
	u, err := user.Lookup(account)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}
