-- The module kumo, as far as a policy needs it and the reference has it.
local check = require 'check'
local host = require 'host'
local json = require 'json'
local registry = require 'registry'
local maps = require 'maps'
local module = require 'module'
local reject = require 'reject'
local secrets = require 'secrets'
local text = require 'text'

local function notes(name)
  return function(given)
    registry.called(name, check(name, given or {}))
  end
end

-- during is notes of a function that works within these events only.
local function during(name, ...)
  local allowed = { ... }
  local note = notes(name)
  return function(given)
    for _, event in ipairs(allowed) do
      if registry.event == event then
        return note(given)
      end
    end
    error(string.format('%s: only while %s is handled', name, table.concat(allowed, ' or ')), 0)
  end
end

-- makes is a constructor: what it makes says what it is.
local function makes(name)
  return function(given)
    local made = {}
    for k, v in pairs(check(name, given)) do
      made[k] = v
    end
    made.made = name
    return made
  end
end

local kumo = { on = registry.on, reject = reject.raise, disconnect = reject.raise }
local since = {
  apply_supplemental_trace_header = '2025.10.06',
  bump_config_epoch = '2024.11.08',
  log_debug = '2025.03.19',
  log_error = '2025.03.19',
  log_info = '2025.03.19',
  log_warn = '2025.03.19',
  version = '2025.12.02',
  jsonl = '2026.04.09',
  crypto = '2025.12.02',
  fs = '2025.10.06',
}

for _, name in ipairs { 'configure_bounce_classifier', 'define_spool', 'start_esmtp_listener', 'start_http_listener' } do
  kumo[name] = during(name, 'init')
end
kumo.configure_redis_throttles = during('configure_redis_throttles', 'init', 'pre_init')

local local_logs = during('configure_local_logs', 'init', 'pre_init')
function kumo.configure_local_logs(given)
  local_logs(given)
  registry.fired[given.filter_event or ''] = true
  for _, record in pairs(given.per_record or {}) do
    check('per_record', record)
  end
end

local log_hook = during('configure_log_hook', 'init', 'pre_init')
function kumo.configure_log_hook(given)
  log_hook(given)
  for _, record in pairs(given.per_record or {}) do
    check('per_record', record)
  end
end

for _, name in ipairs { 'make_egress_path', 'make_egress_source', 'make_listener_domain' } do
  kumo[name] = makes(name)
end

local pool = makes 'make_egress_pool'
function kumo.make_egress_pool(given)
  local made = pool(given)
  for _, one in ipairs(made.entries) do
    check('pool_entry', one)
  end
  return made
end

local queue = makes 'make_queue_config'
function kumo.make_queue_config(given)
  local made = queue(given)
  local lua = made.protocol and made.protocol.custom_lua
  if lua then
    registry.fired[lua.constructor] = true
  end
  return made
end

function kumo.make_throttle(name, spec)
  check('make_queue_config', { max_message_rate = spec })
  return { name = name }
end

for _, level in ipairs { 'debug', 'info', 'warn', 'error' } do
  kumo['log_' .. level] = function(...)
    registry.called('log', { level = level, text = table.concat({ ... }, ' ') })
  end
end

-- The trace header is base64 of JSON with a mark by which KumoMTA knows its own.
function kumo.apply_supplemental_trace_header(msg, params)
  check('trace_headers', params or {})
  local trace = { ['_@_'] = '\\_/', recipient = tostring(msg:recipient()) }
  for _, name in ipairs((params or {}).include_meta_names or {}) do
    trace[name] = msg:get_meta(name)
  end
  msg:prepend_header((params or {}).header_name or 'X-KumoRef', kumo.encode.base64_encode(json.encode(trace)))
end

function kumo.validation_failed()
  registry.called('validation_failed', {})
end

function kumo.set_diagnostic_log_filter(filter)
  registry.called('set_diagnostic_log_filter', { filter = filter })
end

function kumo.set_config_monitor_globs(globs)
  registry.called('set_config_monitor_globs', { globs = globs })
end

function kumo.bump_config_epoch()
  registry.called('bump_config_epoch', {})
end

-- memoize keeps results until the driver says that their time is over.
local cached = {}
function kumo.memoize(compute, options)
  check('memoize', options)
  cached[options.name] = {}
  return function(...)
    local key = json.encode { ... }
    local kept = cached[options.name]
    if kept[key] == nil then
      kept[key] = table.pack(compute(...))
    end
    return table.unpack(kept[key], 1, kept[key].n)
  end
end

function host.forget()
  for name in pairs(cached) do
    cached[name] = {}
  end
end

kumo.domain_map, kumo.cidr = maps.domain_map, maps.cidr

kumo.serde = module('kumo.serde', {
  json_encode = json.encode,
  json_encode_pretty = json.encode,
  json_parse = json.decode,
  json_load = function(name)
    local file <close> = assert(io.open(host.path(name), 'rb'))
    return json.decode(file:read 'a')
  end,
  toml_load = host.toml,
  toml_parse = function(text)
    return host.ask({ ask = 'toml', text = text }).value
  end,
})

kumo.secrets = module('kumo.secrets', secrets)

kumo.digest, kumo.encode, kumo.string = text.digest, text.encode, text.string

local function signer(algorithm)
  return function(given)
    return { signer = check('dkim_signer', given), algorithm = algorithm }
  end
end
kumo.dkim = module('kumo.dkim', { rsa_sha256_signer = signer 'rsa', ed25519_signer = signer 'ed25519' })

kumo.amqp = module('kumo.amqp', {
  basic_publish = function(given)
    check('basic_publish', given)
    host.ask { ask = 'amqp', given = given }
  end,
}, { basic_publish = '2024.09.02' })

kumo.time = module('kumo.time', {
  now = function()
    return os.time()
  end,
  sleep = function(seconds)
    registry.called('sleep', { seconds = seconds })
  end,
})

kumo.http = module('kumo.http', require 'http')
kumo.shaping = module('kumo.shaping', require 'shaping')
kumo.version = host.version .. '-00000000'

-- Under their names of before kumo.serde; still there.
kumo.json_encode, kumo.json_parse = kumo.serde.json_encode, kumo.serde.json_parse
kumo.json_load, kumo.toml_load, kumo.toml_parse = kumo.serde.json_load, kumo.serde.toml_load, kumo.serde.toml_parse

return module('kumo', kumo, since)
