//go:build !embedded

package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/test/kumod"
)

// ownInit is a policy as one may have it already, with a vendor's hook, and with
// the lines that docs/moving.md adds.
const ownInit = `
local kumo = require 'kumo'
local shaping = require 'policy-extras.shaping'
local log_hooks = require 'policy-extras.log_hooks'
local queue_module = require 'policy-extras.queue'
local C = require 'policy.constants'

kumo.on('get_egress_path_config', shaping:setup {
  '/opt/kumomta/etc/policy/shaping.toml',
})

log_hooks:new {
  name = 'vendor',
  batch_size = 500,
  log_parameters = { meta = { 'from', 'subject', 'message_id' } },
  constructor = function(domain, tenant, campaign)
    local connection = {}
    local client = kumo.http.build_client {}
    function connection:send_batch(messages)
      local payload = {}
      for _, msg in ipairs(messages) do
        table.insert(payload, msg:get_meta 'log_record')
      end
      local response = client
        :post('https://vendor.example.com/kumomta')
        :header('Content-Type', 'application/json')
        :body(kumo.serde.json_encode(payload))
        :send()
      if response:status_is_success() then
        return 'ok'
      end
      kumo.reject(500, 'no')
    end
    return connection
  end,
}

require 'policy.webhooks'

local queue_helper = queue_module:setup {
  '/opt/kumomta/etc/policy/queues.toml',
}

kumo.on('init', function()
  kumo.define_spool { name = 'data', path = '/var/spool/kumomta/data' }
  kumo.define_spool { name = 'meta', path = '/var/spool/kumomta/meta' }
  kumo.configure_local_logs {
    log_dir = '/var/log/kumomta',
    max_segment_duration = '1 minute',
    meta = C.META,
    filter_event = 'kumotrail.is_mail',
  }
  kumo.start_esmtp_listener { listen = '0.0.0.0:25' }
end)

kumo.on('kumotrail.is_mail', function(msg)
  return msg:get_meta 'reception_protocol' ~= 'LogRecord'
end)

kumo.on('smtp_server_message_received', function(msg)
  msg:import_x_headers(C.IMPORT_HEADERS)
  msg:set_meta('x_msg_id', msg:id())
  queue_helper:apply(msg)
end)
`

func TestTheLinesToAddAreThoseOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/moving.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for _, block := range strings.Split(string(text), "```lua\n")[1:] {
		code, _, _ := strings.Cut(block, "```")
		for line := range strings.Lines(code) {
			if line = strings.TrimSpace(line); line != "" && !strings.Contains(ownInit, line) {
				t.Errorf("this is not tried: %s", line)
			}
		}
		blocks++
	}
	if blocks == 0 {
		t.Error("the document has no Lua")
	}
}

func TestTheHookGoesIntoAPolicyOfOnesOwnBesideAnother(t *testing.T) {
	for _, version := range kumod.Releases {
		o := basic()
		o.Version = version
		var urls []string
		s := start(t, o, answering(func(r kumod.Request) kumod.Response {
			urls = append(urls, r.URL)
			if strings.Contains(r.URL, "vendor") {
				return problem(503)
			}
			return taken(2)
		}), func(s *site) {
			for _, name := range []string{"init.lua", "policy/smtp.lua", "policy/queue.lua"} {
				if err := os.Remove(filepath.Join(s.folder, name)); err != nil {
					s.t.Fatal(err)
				}
			}
			s.write(filepath.Join(s.folder, "init.lua"), ownInit)
		})
		lines := someLines(2)
		for name, want := range map[string]kumod.Disposition{"kumotrail": kumod.Delivery, "vendor": kumod.Bounce} {
			queue := name + ".log_hook"
			if r := s.Fire("should_enqueue_log_record", kumod.Record(lines[0]), name); string(r.Value) != "true" {
				t.Errorf("%s: %s gets no records: %s (%v)", version, name, r.Value, r.Err())
			}
			s.queueOf(queue)
			d, err := s.Connect("make."+queue, queue)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.SendRecords(lines).Disposition(); got != want {
				t.Errorf("%s: %s: %s, want %s", version, name, got, want)
			}
		}
		if dead := s.Dead(); len(dead) != 0 {
			t.Errorf("%s: %q are never called", version, dead)
		}
		r := s.Fire("smtp_server_message_received", newsletter())
		if r.Err() != nil || r.Messages[0].Meta["x_email_log_id"] != "log-7" {
			t.Errorf("%s: %v (%v)", version, r.Messages[0].Meta, r.Err())
		}
	}
}
