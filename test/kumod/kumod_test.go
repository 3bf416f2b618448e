//go:build !embedded

package kumod_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/test/kumod"
)

// policy makes a policy of one file.
func policy(t *testing.T, init string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "init.lua"), []byte(init), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestNodeRefusesWhatKumoMTAOrItsReleaseDoesNotKnow(t *testing.T) {
	for _, c := range []struct{ name, release, event, chunk, err string }{
		{"option", "", "init", `kumo.define_spool { name = 'data', path = '/x', pth = 1 }`, "unknown option pth"},
		{"option left out", "", "init", `kumo.define_spool { name = 'data' }`, "path is missing"},
		{"option of a later release", "2025.01.23", "init", `kumo.start_esmtp_listener { via = {} }`, "came with 2025.05.06"},
		{"option not released", "", "x", `kumo.make_egress_source { name = 'a', suspend_when_unplumbed = {} }`, "not in KumoMTA"},
		{"kind of value", "", "x", `kumo.make_egress_path { enable_tls = 'Off' }`, "enable_tls is no tls"},
		{"duration", "", "x", `kumo.make_queue_config { max_age = '30 dayz' }`, "max_age is no duration"},
		{"throttle", "", "x", `kumo.make_egress_path { max_message_rate = '100 per s' }`, "max_message_rate is no throttle"},
		{"limit", "2024.11.08", "x", `kumo.make_egress_path { connection_limit = 'local:10' }`, "connection_limit is no limit"},
		{"disposition", "2025.03.19", "x", `kumo.make_listener_domain { log_oob = 'LogThenDrop' }`, "log_oob is no report"},
		{"port", "2025.05.06", "x", `kumo.make_queue_config { protocol = { smtp = { mx_list = { 'mailpit:1025' } } } }`, "mx_list is no mxlist"},
		{"nested option", "", "init", `kumo.start_esmtp_listener { trace_headers = { include = {} } }`, "trace_headers: unknown option include"},
		{"header of a trace", "", "init", `kumo.start_esmtp_listener { trace_headers = { header_name = 'Ref' } }`, "header_name is no xheader"},
		{"option of the client", "", "x", `kumo.http.build_client { headers = {} }`, "unknown option headers"},
		{"option of a helper", "", "", `require('policy-extras.log_hooks'):new { name = 'a', url = 'b', constructor = print }`, "unknown option url"},
		{"option of a pool", "", "x", `kumo.make_egress_pool { name = 'a', entries = { { name = 'b', wight = 1 } } }`, "unknown option wight"},
		{"function", "", "x", `kumo.configure_local_log {}`, "kumo has no configure_local_log"},
		{"function of a later release", "2025.10.06", "x", `kumo.digest.hmac_sha256({ key_data = 'a' }, 'b')`, "attempt to call a nil value"},
		{"place", "", "get_queue_config", `kumo.configure_local_logs { log_dir = '/x' }`, "only while init"},
		{"event of a later release", "2025.10.06", "", `kumo.on('smtp_server_data', print)`, "came with 2025.12.02"},
		{"second handler", "", "", `kumo.on('init', print) kumo.on('init', print)`, "has a handler already"},
		{"handler inside a handler", "", "init", `kumo.on('pre_init', print)`, "while one runs"},
		{"global set", "", "x", `shared = 1`, "sets the global shared"},
		{"global read", "", "x", `return kump.version`, "reads the global kump"},
		{"sender", "", "x", `require('address').parse 'a@b@c'`, "is no envelope address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := kumod.Start(t, kumod.Config{Policy: policy(t, ""), Release: c.release})
			err := n.Run(c.event, c.chunk)
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}

func TestNodeTakesWhatKumoMTADoes(t *testing.T) {
	for _, c := range []struct{ name, release, event, chunk string }{
		{"spool", "", "init", `kumo.define_spool { name = 'data', path = '/x', kind = 'RocksDB', flush = true }`},
		{"durations", "", "x", `kumo.make_queue_config { max_age = '1 day 12h', retry_interval = '15s', max_retry_interval = 120 }`},
		{"throttles", "", "x", `kumo.make_egress_path { max_message_rate = 'local:1000/s', max_connection_rate = '5/min,max_burst=1' }`},
		{"several handlers", "", "", `kumo.on('pre_init', print) kumo.on('pre_init', print)`},
		{"option of its release", "2025.05.06", "x", `kumo.make_listener_domain { log_oob = 'LogThenDrop' }`},
		{"asking for what a later release has", "2025.10.06", "x", `assert(kumo.version == nil) assert(kumo.digest.hmac_sha256 == nil)`},
		{"wildcards of domains", "", "x", `
			local map = kumo.domain_map.new { ['*.a.com'] = 1, ['b.a.com'] = 2, ['*'] = 3 }
			assert(map['x.y.a.com'] == 1 and map['b.a.com'] == 2 and map['a.com'] == 3)`},
		{"digests", "", "x", `
			assert(kumo.digest.sha256('a', 'b').hex == kumo.digest.sha256('ab').hex)
			assert(kumo.digest.hmac_sha256({ key_data = 'key' }, 'text').hex ==
				'6afa9046a9579cad143a384c1b564b9a250d27d6f6a63f9f20bf3a7594c9e2c6')`},
		{"JSON", "", "x", `
			local v = kumo.serde.json_parse '{"a":[1,2.5,"\\u00e9\\ud83d\\ude00\\n",true,null],"b":{},"c":null}'
			assert(v.a[1] == 1 and v.a[2] == 2.5 and v.a[3] == 'é😀\n' and v.a[4] == true and v.c == nil)
			assert(kumo.serde.json_parse(kumo.serde.json_encode(v)).a[3] == 'é😀\n')`},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := kumod.Start(t, kumod.Config{Policy: policy(t, ""), Release: c.release})
			if err := n.Run(c.event, c.chunk); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNodeDisposesOfMessagesAsKumoMTADoes(t *testing.T) {
	init := `
		local kumo = require 'kumo'
		kumo.on('make.x', function()
			return { send_batch = function(self, messages)
				return ({
					text = function() return 'ok' end,
					number = function() return 200 end,
					none = function() end,
					list = function() return {} end,
					again = function() kumo.reject(450, 'later') end,
					bye = function() kumo.reject(421, 'later') end,
					lost = function() kumo.reject(500, 'never') end,
					odd = function() kumo.reject(302, 'elsewhere') end,
					raised = function() error 'no luck' end,
				})[messages[1]:get_meta('log_record').type]()
			end }
		end)`
	for _, c := range []struct {
		how    string
		want   kumod.Disposition
		closes bool
	}{
		{"text", kumod.Delivery, false},
		{"number", kumod.Delivery, false},
		{"none", kumod.TransientFailure, true},
		{"list", kumod.TransientFailure, true},
		{"again", kumod.TransientFailure, false},
		{"bye", kumod.TransientFailure, true},
		{"lost", kumod.Bounce, false},
		{"odd", kumod.Bounce, false},
		{"raised", kumod.TransientFailure, true},
	} {
		t.Run(c.how, func(t *testing.T) {
			n := kumod.Start(t, kumod.Config{Policy: policy(t, init)})
			if _, err := n.Load(); err != nil {
				t.Fatal(err)
			}
			d, err := n.Connect("make.x", "x.log_hook")
			if err != nil {
				t.Fatal(err)
			}
			o := d.SendRecords([]string{`{"type":"` + c.how + `","recipient":"a@example.com"}`})
			if o.Disposition() != c.want || o.Closes() != c.closes {
				t.Errorf("got %s, closed %t; want %s, %t (%v)", o.Disposition(), o.Closes(), c.want, c.closes, o.Err())
			}
		})
	}
}

func TestNodeFindsHandlersThatNothingFires(t *testing.T) {
	n := kumod.Start(t, kumod.Config{Policy: policy(t, `
		local kumo = require 'kumo'
		kumo.on('http_server_auth_basic', function() return true end)
		kumo.on('is_mail', function() return true end)
		kumo.on('init', function()
			kumo.configure_local_logs { log_dir = '/x', filter_event = 'is_mail' }
		end)`)})
	if err := n.Boot(); err != nil {
		t.Fatal(err)
	}
	if dead := n.Dead(); len(dead) != 1 || dead[0] != "http_server_auth_basic" {
		t.Errorf("got %q, want the name that KumoMTA does not know", dead)
	}
}

func TestNodeRefusesAChangeOfSignedMail(t *testing.T) {
	n := kumod.Start(t, kumod.Config{Policy: policy(t, `
		local kumo = require 'kumo'
		kumo.on('http_message_generated', function(msg)
			msg:dkim_sign(kumo.dkim.rsa_sha256_signer {
				domain = 'example.com', selector = 's', headers = { 'From' }, key = '/x',
			})
			msg:set_meta('x', 1)
			msg:prepend_header('X', 'y')
		end)`)})
	if _, err := n.Load(); err != nil {
		t.Fatal(err)
	}
	r := n.Fire("http_message_generated", kumod.Mail{Recipients: []string{"a@example.com"}})
	if r.Err() == nil || !strings.Contains(r.Err().Error(), "signed already") {
		t.Errorf("got %v", r.Err())
	}
}

func TestNodeTellsRejectionsFromErrors(t *testing.T) {
	n := kumod.Start(t, kumod.Config{Policy: policy(t, "")})
	var rejected *kumod.Rejection
	if err := n.Run("x", `kumo.reject(550, '5.1.1 no')`); !errors.As(err, &rejected) || rejected.Code != 550 {
		t.Errorf("got %v, want a rejection", err)
	}
	if err := n.Run("x", `error '550 5.1.1 no'`); err == nil || errors.As(err, &rejected) {
		t.Errorf("got %v, want another error", err)
	}
}
