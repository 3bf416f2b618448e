-- The module kumo, as far as a policy needs it and the reference has it.
local check = require 'check'
local class = require 'object'
local host = require 'host'
local json = require 'json'
local registry = require 'registry'
local reject = require 'reject'

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

local function module(name, members, since)
  return class(name, members, since) {}
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

local domain_map = { __name = 'DomainMap' }
function domain_map.__index(map, domain)
  local entries = rawget(map, '_entries')
  local name = tostring(domain)
  while name ~= '' do
    local found = entries[name == domain and name or '*.' .. name]
    if found ~= nil then
      return found
    end
    name = name:match '%.(.*)$' or ''
  end
  return entries['*']
end

kumo.domain_map = module('kumo.domain_map', {
  new = function(entries)
    return setmetatable({ _entries = entries or {} }, domain_map)
  end,
})

-- Keys are looked for by the network that they are in, with or without a port.
local cidr_map = { __name = 'CidrMap' }
function cidr_map.__index(map, address)
  local entries = rawget(map, '_entries')
  local networks = {}
  for network in pairs(entries) do
    networks[#networks + 1] = network
  end
  return entries[host.ask({ ask = 'cidr', networks = networks, text = address }).network]
end
function cidr_map.__newindex(map, network, value)
  host.ask { ask = 'cidr', networks = { network }, text = '' }
  rawget(map, '_entries')[network] = value
end

kumo.cidr = module('kumo.cidr', {
  make_map = function(entries)
    local map = setmetatable({ _entries = {} }, cidr_map)
    for network, value in pairs(entries or {}) do
      map[network] = value
    end
    return map
  end,
})

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

kumo.secrets = module('kumo.secrets', {
  load = function(source)
    if type(source) == 'table' and source.key_data then
      return source.key_data
    elseif type(source) ~= 'string' then
      error('secrets.load: a path or key_data', 0)
    end
    local file, err = io.open(host.path(source), 'rb')
    if not file then
      error('secrets.load: ' .. err, 0)
    end
    local secret = file:read 'a'
    file:close()
    return secret
  end,
})

local function hex(bytes)
  return (bytes:gsub('.', function(c)
    return string.format('%02x', c:byte())
  end))
end

local function unhex(digits)
  return (digits:gsub('%x%x', function(pair)
    return string.char(tonumber(pair, 16))
  end))
end

local function encoded(encoding)
  return function(digest)
    return host.ask({ ask = 'encode', encoding = encoding, hex = rawget(digest, '_hex') }).text
  end
end

local digest = class('Digest', {}, nil, {
  hex = function(d) return rawget(d, '_hex') end,
  bytes = function(d) return unhex(rawget(d, '_hex')) end,
  base32 = encoded 'base32',
  base32_nopad = encoded 'base32_nopad',
  base64 = encoded 'base64',
  base64_nopad = encoded 'base64_nopad',
  base64url = encoded 'base64url',
  base64url_nopad = encoded 'base64url_nopad',
})

local function digests(name, key, text)
  local answer = host.ask { ask = 'digest', digest = name, key = hex(key), hex = hex(text) }
  return digest { _hex = answer.hex, _text = function(d)
    return d.hex
  end }
end

kumo.digest = module('kumo.digest', {
  sha256 = function(...)
    return digests('sha256', '', table.concat { ... })
  end,
  hmac_sha256 = function(key, text)
    return digests('hmac_sha256', kumo.secrets.load(key), text)
  end,
}, { hmac_sha256 = '2025.12.02' })

local function encoder(encoding)
  return function(text)
    return host.ask({ ask = 'encode', encoding = encoding, hex = hex(text) }).text
  end
end

local function decoder(encoding)
  return function(text)
    return unhex(host.ask({ ask = 'decode', encoding = encoding, text = text }).hex)
  end
end

local encode = {}
for _, encoding in ipairs { 'base32', 'base32_nopad', 'base64', 'base64_nopad', 'base64url', 'base64url_nopad', 'hex' } do
  local name, tail = encoding:match '^(%w+)(.*)$'
  encode[name .. '_encode' .. tail] = encoder(encoding)
  encode[name .. '_decode' .. tail] = decoder(encoding)
end
kumo.encode = module('kumo.encode', encode)

local function plain_split(text, separator, limit)
  local parts, at = {}, 1
  while not limit or #parts < limit - 1 do
    local from, to = text:find(separator, at, true)
    if not from then
      break
    end
    parts[#parts + 1] = text:sub(at, from - 1)
    at = to + 1
  end
  parts[#parts + 1] = text:sub(at)
  return parts
end

kumo.string = module('kumo.string', {
  split = plain_split,
  splitn = function(text, limit, separator)
    return plain_split(text, separator, limit)
  end,
  trim = function(text) return text:match '^%s*(.-)%s*$' end,
  trim_start = function(text) return text:match '^%s*(.*)$' end,
  trim_end = function(text) return text:match '^(.-)%s*$' end,
  starts_with = function(text, with) return text:sub(1, #with) == with end,
  ends_with = function(text, with) return with == '' or text:sub(-#with) == with end,
}, { starts_with = '2026.04.09', ends_with = '2026.04.09' })

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
