//go:build !embedded

package policy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"

	"github.com/kumotrail/kumotrail/adapters/kumomta/policy"
	"github.com/kumotrail/kumotrail/test/kumod"
)

func TestSpoolListenersAndLogsAreSetUp(t *testing.T) {
	calls := start(t, basic()).Calls()
	var spools []string
	for _, spool := range calls.Named("define_spool") {
		spools = append(spools, fmt.Sprint(spool["name"], " ", spool["path"], " ", spool["kind"]))
	}
	if want := []string{"data /var/spool/kumomta/data RocksDB", "meta /var/spool/kumomta/meta RocksDB"}; !slices.Equal(spools, want) {
		t.Errorf("spools are %q, want %q", spools, want)
	}
	smtp, http := calls.Named("start_esmtp_listener"), calls.Named("start_http_listener")
	if len(smtp) != 1 || smtp[0]["listen"] != "0.0.0.0:25" || len(http) != 1 || http[0]["listen"] != "0.0.0.0:8000" {
		t.Errorf("listeners are %v and %v", smtp, http)
	}
	if got := texts(smtp[0]["relay_hosts"]); !slices.Equal(got, []string{"127.0.0.1", "::1"}) {
		t.Errorf("%q may relay", got)
	}
	if diff := cmp.Diff(smtp[0]["relay_hosts"], http[0]["trusted_hosts"]); diff != "" {
		t.Errorf("SMTP and HTTP trust others (-smtp +http):\n%s", diff)
	}
	if names := texts(at(smtp[0], "trace_headers", "include_meta_names")); !slices.Equal(names, []string{"tenant", "x_msg_id"}) {
		t.Errorf("the trace header has %q", names)
	}
	files := texts(calls.Named("configure_bounce_classifier")[0]["files"])
	if !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, "/bounce_rules.toml") }) {
		t.Errorf("bounce rules are %q", files)
	}
}

func TestHookAndFileLogsHaveTheSameMetaAndAllTypes(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			calls := start(t, o).Calls()
			logs, hooks := calls.Named("configure_local_logs"), calls.Named("configure_log_hook")
			if len(logs) != 1 || len(hooks) == 0 {
				t.Fatalf("%d logs and %d hooks", len(logs), len(hooks))
			}
			for _, logger := range append(slices.Clone(logs), hooks...) {
				if diff := cmp.Diff(logs[0]["meta"], logger["meta"]); diff != "" {
					t.Errorf("%v has other meta (-log +it):\n%s", logger["name"], diff)
				}
				// Reception switched off silences out-of-band bounces, and headers load
				// the body of every message.
				if logger["per_record"] != nil || logger["headers"] != nil {
					t.Errorf("%v has per_record %v, headers %v", logger["name"], logger["per_record"], logger["headers"])
				}
				if logger["deferred_spool"] == true {
					t.Errorf("%v keeps events in memory", logger["name"])
				}
			}
			for _, wanted := range []string{"x_email_log_id", "x_org_id", "x_domain_id", "tenant", "campaign", "subject", "message_id", "x_orig_id", "x_msg_id", "xfer_prior_id"} {
				if !slices.Contains(texts(logs[0]["meta"]), wanted) {
					t.Errorf("meta lacks %s", wanted)
				}
			}
		})
	}
}

func TestFileLogsEndSegmentsSoonAndLeaveOutTheHooksOwnMessages(t *testing.T) {
	s := start(t, basic())
	logs := s.Calls().Named("configure_local_logs")[0]
	if d := logs["max_segment_duration"]; !slices.Contains([]any{"10s", "30s", "60s", "1 minute"}, d) {
		t.Errorf("a segment lasts %v", d)
	}
	event, _ := logs["filter_event"].(string)
	lines := someLines(1)
	for protocol, want := range map[string]string{"LogRecord": "false", "ESMTP": "true", "HTTP": "true", "": "true"} {
		meta := map[string]any{}
		if protocol != "" {
			meta["reception_protocol"] = protocol
		}
		if r := s.Fire(event, kumod.Mail{Meta: meta}); string(r.Value) != want {
			t.Errorf("%q is logged: %s, want %s (%v)", protocol, r.Value, want, r.Err())
		}
	}
	if r := s.Fire(event, kumod.Record(lines[0])); string(r.Value) != "false" {
		t.Errorf("a hook's message is logged: %s", r.Value)
	}
}

func TestTheHookTakesEveryRecordButItsOwn(t *testing.T) {
	o := basic()
	o.AMQPFile = secret("amqp.toml")
	s := start(t, o)
	lines := append(someLines(20), recordOf("OOB"), recordOf("Feedback"), recordOf("Rejection"), recordOf("XferOut"), recordOf("NewType"))
	for _, hook := range []string{"kumotrail", "rabbitmq"} {
		for _, line := range lines {
			r := s.Fire("should_enqueue_log_record", kumod.Record(line), hook)
			if string(r.Value) != "true" || r.Messages[0].Meta["queue"] != hook+".log_hook" {
				t.Errorf("%s: %s to %v (%v)\n%s", hook, r.Value, r.Messages[0].Meta["queue"], r.Err(), line)
			}
		}
		own := strings.Replace(recordOf("Delivery"), `"reception_protocol":"ESMTP"`, `"reception_protocol":"LogRecord"`, 1)
		if r := s.Fire("should_enqueue_log_record", kumod.Record(own), hook); string(r.Value) != "false" {
			t.Errorf("%s takes a hook's own record: %s", hook, r.Value)
		}
	}
	if r := s.Fire("should_enqueue_log_record", kumod.Record(lines[0]), "another"); len(r.Value) != 0 {
		t.Errorf("a record of another's hook: %s", r.Value)
	}
}

// recordOf is a record of that type, with a null sender as bounces have.
func recordOf(kind string) string {
	text, _ := json.Marshal(map[string]any{
		"type": kind, "id": "d7ef132b5d7711eea8c8000c29c33806", "sender": "", "recipient": "a@example.com",
		"reception_protocol": "ESMTP", "meta": map[string]any{},
	})
	return string(text)
}

func TestSkippedTypesAreLeftOutOfTheHookAlone(t *testing.T) {
	for _, version := range kumod.Releases {
		o := basic()
		o.Version, o.SkipEvents, o.AMQPFile = version, []string{"Delayed", "Rejection"}, secret("amqp.toml")
		s := start(t, o)
		for kind, want := range map[string]string{"Delayed": "false", "Rejection": "false", "Delivery": "true", "Reception": "true", "OOB": "true"} {
			if r := s.Fire("should_enqueue_log_record", kumod.Record(recordOf(kind)), "kumotrail"); string(r.Value) != want {
				t.Errorf("%s: %s is sent: %s, want %s", version, kind, r.Value, want)
			}
			if r := s.Fire("should_enqueue_log_record", kumod.Record(recordOf(kind)), "rabbitmq"); string(r.Value) != "true" {
				t.Errorf("%s: %s is published: %s", version, kind, r.Value)
			}
		}
		if log := s.Calls().Named("configure_local_logs")[0]; log["per_record"] != nil {
			t.Errorf("%s: the file log lacks them too", version)
		}
	}
}

func TestTheHooksQueueHoldsOnForAMonthAndComesBackSoon(t *testing.T) {
	for _, version := range kumod.Releases {
		o := basic()
		o.Version = version
		config := start(t, o).queueOf(hookQueue)
		got := map[string]any{}
		for _, name := range []string{"max_age", "retry_interval", "max_retry_interval"} {
			got[name] = config[name]
		}
		want := map[string]any{"max_age": "30 days", "retry_interval": "15s", "max_retry_interval": "2m"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", version, diff)
		}
		lua, _ := at(config, "protocol", "custom_lua").(map[string]any)
		size, _ := lua["batch_size"].(float64)
		if size < 200 || size > 500 {
			t.Errorf("%s: batches of %v", version, lua["batch_size"])
		}
		if latest := version >= "2025.01.23"; latest != (lua["min_batch_size"] == 50.0) || latest != (lua["max_batch_latency"] == "1s") {
			t.Errorf("%s: batches of %v at least, after %v", version, lua["min_batch_size"], lua["max_batch_latency"])
		}
	}
}

func TestShapingHasAnEntryForTheHook(t *testing.T) {
	for _, version := range kumod.Releases {
		o := basic()
		o.Version, o.AMQPFile = version, secret("amqp.toml")
		s := start(t, o)
		var entries map[string]map[string]any
		text, err := os.ReadFile(filepath.Join(s.folder, "shaping.toml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := toml.Unmarshal(text, &entries); err != nil {
			t.Fatal(err)
		}
		for _, queue := range []string{hookQueue, "rabbitmq.log_hook"} {
			if entries[queue]["mx_rollup"] != false {
				t.Errorf("%s: %s would be looked for in DNS", version, queue)
			}
			path := s.value("get_egress_path_config", queue, "unspecified", queue)
			if path["max_message_rate"] != "10000/s" || path["max_deliveries_per_connection"] != 100000.0 || path["idle_timeout"] != "60s" {
				t.Errorf("%s: %s is shaped by %v", version, queue, path)
			}
		}
	}
}

func TestBounceRulesAreRegularExpressionsOfKnownClasses(t *testing.T) {
	s := newSite(t, basic())
	text, err := os.ReadFile(filepath.Join(s.folder, "bounce_rules.toml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Rules map[string][]string }
	if err := toml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for class, rules := range file.Rules {
		for _, rule := range rules {
			if _, err := regexp.Compile(rule); err != nil {
				t.Errorf("%s: %v", class, err)
			}
		}
	}
	for response, want := range map[string]string{
		"551 5.7.1 Administrator bounced with reason: too many":                   "PolicyRelated",
		"400 KumoMTA internal: failed to connect to any candidate hosts: 1.2.3.4": "NoAnswerFromHost",
		"452 4.2.2 The recipient's inbox is out of storage space":                 "QuotaIssues",
		"552 5.2.2 mailbox full": "QuotaIssues",
	} {
		var got []string
		for class, rules := range file.Rules {
			if slices.ContainsFunc(rules, func(r string) bool { return regexp.MustCompile(r).MatchString(response) }) {
				got = append(got, class)
			}
		}
		if !slices.Equal(got, []string{want}) {
			t.Errorf("%s is %q, want %s", response, got, want)
		}
	}
}

func TestEveryReleaseGetsTheFilesThatAreAskedFor(t *testing.T) {
	want := []string{
		"bounce_rules.toml", "dkim_data.toml", "init.lua", "listener_domains.toml", "policy/constants.lua", "policy/queue.lua",
		"policy/smtp.lua", "policy/webhooks.lua", "queues.toml", "shaping.toml", "sources.toml",
	}
	for _, version := range kumod.Releases {
		files, err := policy.Files(policy.Options{Version: version, WebhookURL: "http://localhost:8021"})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range want {
			if len(files[name]) == 0 {
				t.Errorf("%s: no %s", version, name)
			}
		}
	}
}
