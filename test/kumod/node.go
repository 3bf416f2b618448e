package kumod

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/test/servers"
)

//go:embed lua share
var files embed.FS

// Newest is the release that is played unless a Config names another.
const Newest = "2026.06.23"

// Releases are those that can be played, oldest first.
var Releases = []string{
	"2024.11.08", "2025.01.23", "2025.03.19", "2025.05.06", "2025.10.06", "2025.12.02",
	"2026.03.04", "2026.04.09", "2026.05.12", Newest,
}

// Where KumoMTA has its files.
const (
	policyFolder = "/opt/kumomta/etc/policy"
	shareFolder  = "/opt/kumomta/share"
)

// Config says what a node is.
type Config struct {
	Policy      string                     // folder with init.lua, in the place of /opt/kumomta/etc/policy
	Release     string                     // "" is Newest
	Environment []string                   // beside nothing but PATH, as in "NAME=value"
	Paths       map[string]string          // other files and folders of the node's, and where they are here
	HTTP        func(Request) Response     // nil refuses every connection
	AMQP        func(map[string]any) error // nil takes everything
}

// Node is a node that runs a policy. It is not safe for concurrent use.
type Node struct {
	tb     testing.TB
	config Config
	in     io.WriteCloser
	out    *bufio.Reader
	said   *bytes.Buffer
	cmd    *exec.Cmd
}

// Start starts a node that has loaded nothing yet. It ends with the test.
func Start(tb testing.TB, c Config) *Node {
	tb.Helper()
	if c.Release == "" {
		c.Release = Newest
	}
	n := &Node{tb: tb, config: c, said: &bytes.Buffer{}}
	n.config.Paths = map[string]string{policyFolder: c.Policy}
	maps.Copy(n.config.Paths, c.Paths)
	n.cmd = exec.Command(servers.Lua(tb), "-e", bootstrap)
	n.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, c.Environment...)
	n.cmd.Stderr = n.said
	n.start()
	return n
}

func (n *Node) start() {
	n.tb.Helper()
	stdin, err := n.cmd.StdinPipe()
	if err != nil {
		n.tb.Fatal(err)
	}
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		n.tb.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		n.tb.Fatal(err)
	}
	n.in, n.out = stdin, bufio.NewReaderSize(stdout, 1<<20)
	if _, err := n.in.Write(modules(n.config.Release)); err != nil {
		n.tb.Fatal(err)
	}
	n.tb.Cleanup(func() {
		_ = stdin.Close()
		if err := n.cmd.Wait(); err != nil {
			n.tb.Errorf("the node ended badly: %v\n%s", err, n.said)
		}
	})
}

// bootstrap takes modules from standard input, so that none has to be a file, and
// leaves the rest of it to the last of them.
const bootstrap = `
local sources = {}
for _ = 1, io.read('n', 'l') do
  local name, size = io.read('l'):match '^(%S+) (%d+)$'
  sources[name] = io.read(tonumber(size))
end
table.insert(package.searchers, 2, function(name)
  local text = sources[name]
  return text and assert(load(text, '@' .. name:gsub('%.', '/') .. '.lua'))
end)
require 'main'`

// modules are what bootstrap reads: their number, and name, size and text of each.
func modules(release string) []byte {
	texts := map[string]string{"release": "return '" + release + "'"}
	err := fs.WalkDir(files, "lua", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(name)
		module := strings.TrimSuffix(strings.TrimPrefix(name, "lua/"), ".lua")
		texts[strings.ReplaceAll(module, "/", ".")] = string(text)
		return err
	})
	if err != nil {
		panic(err) // of the program itself
	}
	var all bytes.Buffer
	fmt.Fprintln(&all, len(texts))
	for name, text := range texts {
		fmt.Fprintf(&all, "%s %d\n%s", name, len(text), text)
	}
	return all.Bytes()
}

// LuaFiles returns the names of all Lua files below a folder.
func LuaFiles(tb testing.TB, folder string) []string {
	tb.Helper()
	var names []string
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".lua") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return names
}

// do sends a command and answers what the Lua side asks until it is done.
func (n *Node) do(command, into any) {
	n.tb.Helper()
	n.write(command)
	for {
		line, err := n.out.ReadBytes('\n')
		if err != nil {
			n.tb.Fatalf("the node is gone: %v\n%s", err, n.said)
		}
		var answer struct {
			Done bool
			question
		}
		if err := json.Unmarshal(line, &answer); err != nil {
			n.tb.Fatalf("the node speaks no JSON: %v\n%s", err, line)
		}
		if !answer.Done {
			n.write(n.answer(answer.question))
			continue
		}
		if into != nil {
			if err := json.Unmarshal(line, into); err != nil {
				n.tb.Fatalf("the node's answer: %v\n%s", err, line)
			}
		}
		return
	}
}

func (n *Node) write(v any) {
	n.tb.Helper()
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		n.tb.Fatal(err)
	}
	if _, err := n.in.Write(line.Bytes()); err != nil {
		n.tb.Fatalf("the node is gone: %v\n%s", err, n.said)
	}
}

// Handler is one that the policy registered, by which file.
type Handler struct{ Event, By string }

// Load runs the policy's init.lua and returns what it registered, in order.
func (n *Node) Load() ([]Handler, error) {
	n.tb.Helper()
	var answer struct {
		failure
		Order list[Handler]
	}
	n.do(map[string]any{
		"command": "load", "policy": policyFolder + "/init.lua", "paths": n.config.Paths,
	}, &answer)
	return answer.Order, answer.err()
}

// Boot loads the policy and starts the node: pre_init, init, and validate_config
// as kumod --validate would. A handler that nothing fires is an error too.
func (n *Node) Boot() error {
	n.tb.Helper()
	if _, err := n.Load(); err != nil {
		return err
	}
	for _, event := range []string{"pre_init", "init", "validate_config"} {
		if r := n.Fire(event); r.Err() != nil {
			return fmt.Errorf("%s: %w", event, r.Err())
		}
	}
	if calls := n.Calls(); calls.Named("validation_failed") != nil {
		return fmt.Errorf("validate_config: the policy does not validate: %s", n.said)
	}
	return nil
}
