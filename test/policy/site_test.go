//go:build !embedded

package policy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/kumomta/policy"
	"github.com/kumotrail/kumotrail/test/kumod"
)

const (
	webhookKey = "key of this node"
	verpKey    = "secret of return paths"
	hookQueue  = "kumotrail.log_hook"
)

// secrets are files beside the policy, with a line's end as editors leave it.
var secrets = map[string]string{
	"webhook.key":  webhookKey + "\n",
	"verp.key":     verpKey + "\n",
	"users.toml":   "scott = \"" + sha256Of("tiger") + "\"\n",
	"redis.toml":   "node = \"redis://redis.example.com/\"\npassword = \"of redis\"\n",
	"amqp.toml":    "host = \"rabbitmq.example.com\"\nport = 5672\nusername = \"kumo\"\npassword = \"of rabbitmq\"\n",
	"relay.key":    "of the relay",
	"delivery.key": "token of the service\n",
}

const secretFolder = "/opt/kumomta/etc/kumotrail"

func secret(name string) string { return secretFolder + "/" + name }

// site is a node with a policy set of its own.
type site struct {
	t       *testing.T
	folder  string // of the policy
	secrets string
	config  kumod.Config
	*kumod.Node
}

// basic are the least options.
func basic() policy.Options {
	return policy.Options{WebhookURL: "http://kumotrail.example.com:8021"}
}

// newSite writes a policy set. change may change files of it and how it is run.
func newSite(t *testing.T, o policy.Options, change ...func(*site)) *site {
	t.Helper()
	s := &site{t: t, folder: t.TempDir(), secrets: t.TempDir()}
	files, err := policy.Files(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.folder, "policy"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		s.write(filepath.Join(s.folder, name), string(content))
	}
	for name, text := range secrets {
		s.write(filepath.Join(s.secrets, name), text)
	}
	s.config = kumod.Config{
		Policy: s.folder, Release: release(o), Paths: map[string]string{secretFolder: s.secrets},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

// start starts a node of which all is well.
func start(t *testing.T, o policy.Options, change ...func(*site)) *site {
	t.Helper()
	s := newSite(t, o, change...)
	if err := s.boot(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) boot() error {
	s.t.Helper()
	s.Node = kumod.Start(s.t, s.config)
	return s.Boot()
}

func release(o policy.Options) string {
	if o.Version == "" {
		return policy.Newest
	}
	return o.Version[:len(policy.Newest)]
}

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// edit replaces a text that must be there once in a file of the policy's.
func edit(name, from, to string) func(*site) {
	return func(s *site) {
		s.t.Helper()
		path := filepath.Join(s.folder, name)
		text, err := os.ReadFile(path)
		if err != nil {
			s.t.Fatal(err)
		}
		if n := strings.Count(string(text), from); n != 1 {
			s.t.Fatalf("%s has %q %d times", name, from, n)
		}
		s.write(path, strings.Replace(string(text), from, to, 1))
	}
}

// answering answers HTTP.
func answering(answer func(kumod.Request) kumod.Response) func(*site) {
	return func(s *site) { s.config.HTTP = answer }
}

func environment(set ...string) func(*site) {
	return func(s *site) { s.config.Environment = append(s.config.Environment, set...) }
}

// value fires an event that must be answered and returns the answer.
func (s *site) value(event string, args ...any) map[string]any {
	s.t.Helper()
	r := s.Fire(event, args...)
	if r.Err() != nil {
		s.t.Fatalf("%s: %v", event, r.Err())
	}
	var v map[string]any
	if err := json.Unmarshal(r.Value, &v); err != nil {
		s.t.Fatalf("%s: %s: %v", event, r.Value, err)
	}
	return v
}

// queueOf returns a queue's configuration, or nil if nobody has one for it.
func (s *site) queueOf(domain string, more ...any) map[string]any {
	s.t.Helper()
	args := append([]any{domain}, more...)
	for len(args) < 3 {
		args = append(args, kumod.Absent{})
	}
	r := s.Fire("get_queue_config", append(args, domain)...)
	if r.Err() != nil {
		s.t.Fatalf("get_queue_config %s: %v", domain, r.Err())
	}
	if len(r.Value) == 0 {
		return nil
	}
	var v map[string]any
	if err := json.Unmarshal(r.Value, &v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// at walks into nested objects.
func at(v map[string]any, path ...string) any {
	var found any = v
	for _, name := range path {
		m, ok := found.(map[string]any)
		if !ok {
			return nil
		}
		found = m[name]
	}
	return found
}

// texts are the elements of an array, sorted.
func texts(v any) []string {
	var list []string
	elements, _ := v.([]any)
	for _, e := range elements {
		text, _ := e.(string)
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}
