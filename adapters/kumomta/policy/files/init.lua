-- KumoMTA's policy for kumotrail, from which KumoMTA starts. What is particular
-- to this installation stands in policy/constants.lua and the TOML files; the
-- Lua files are the same everywhere.

local kumo = require 'kumo'
local C = require 'policy.constants'

-- In this order: of several get_queue_config handlers the first that answers is
-- the one, so the hooks' go before policy.queue, whose helper must be last.
require 'policy.webhooks'
require 'policy.queue'
require 'policy.smtp'

kumo.on('init', function()
  -- A secret that is missing stops the start, and `kumod --validate`, instead of
  -- the first message.
  C.check_secrets()

  for _, name in ipairs { 'data', 'meta' } do
    kumo.define_spool {
      name = name,
      path = C.SPOOL_DIR .. '/' .. name,
      kind = 'RocksDB',
      flush = C.SPOOL_FLUSH,
    }
  end

  -- The same records as the hook sends, for `kumotrail replay` and `audit`. A
  -- segment is complete when it is closed, which by default nothing but its
  -- size brings about.
  kumo.configure_local_logs {
    log_dir = C.LOG_DIR,
    max_segment_duration = '1 minute',
    meta = C.META,
    filter_event = 'kumotrail.is_mail',
  }

  -- The first rule that matches counts, so our own go first.
  kumo.configure_bounce_classifier {
    files = {
      C.DIR .. '/bounce_rules.toml',
      '/opt/kumomta/share/bounce_classifier/iana.toml',
    },
  }

  if C.REDIS_FILE then
    kumo.configure_redis_throttles(C.toml_secret(C.REDIS_FILE))
  end

  kumo.start_esmtp_listener {
    listen = C.SMTP_LISTEN,
    hostname = C.HOSTNAME,
    relay_hosts = C.TRUSTED_HOSTS,
    tls_certificate = C.TLS_CERTIFICATE,
    tls_private_key = C.TLS_PRIVATE_KEY,
    -- Complaints bring this header back. Anybody can read it.
    trace_headers = { include_meta_names = C.TRACE_META },
  }

  kumo.start_http_listener {
    listen = C.HTTP_LISTEN,
    hostname = C.HOSTNAME,
    trusted_hosts = C.TRUSTED_HOSTS,
  }
end)

-- KumoMTA logs what becomes of the hooks' own messages too: one Delivery for
-- every event, none of them mail.
kumo.on('kumotrail.is_mail', function(msg)
  return msg:get_meta 'reception_protocol' ~= 'LogRecord'
end)
