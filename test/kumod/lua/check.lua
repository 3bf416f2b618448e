-- check holds a table of options against what the played version knows: an
-- unknown name, a missing or a misshapen value is an error, as in kumod.
local host = require 'host'
local options = require 'options'
local helpers = require 'helperoptions'

local units = {}
for unit in
  ([[ns us ms s sec secs second seconds m min mins minute minutes h hr hrs hour hours
    d day days w week weeks M month months y year years]]):gmatch '%a+'
do
  units[unit] = true
end

local function is_duration(v)
  if type(v) == 'number' then
    return v >= 0
  end
  local rest, n = tostring(v):gsub('(%d+)%s*(%a+)%s*', function(_, unit)
    return units[unit] and '' or nil
  end)
  return type(v) == 'string' and n > 0 and rest == ''
end

local function is_throttle(v)
  local spec = type(v) == 'string' and v:gsub('^local:', ''):gsub(',max_burst=%d+$', '')
  local count, period = (spec or ''):match '^([%d_,]+)/(.+)$'
  return count ~= nil and (units[period] or is_duration(period)) and true or false
end

local function is_limit(v)
  return math.type(v) == 'integer' or type(v) == 'string' and host.at '2025.01.23' and v:find '^local:%d+$' ~= nil
end

local function is_list(v)
  if type(v) ~= 'table' then
    return false
  end
  local n = 0
  for _ in pairs(v) do
    n = n + 1
  end
  return n == #v
end

local function is_strings(v)
  if not is_list(v) then
    return false
  end
  for _, s in ipairs(v) do
    if type(s) ~= 'string' then
      return false
    end
  end
  return true
end

local function is_ip(v)
  return type(v) == 'string' and (v:find '^%d+%.%d+%.%d+%.%d+$' or v:find '^[%x:]+:[%x:]*$') ~= nil
end

-- A name in place of the address of a proxy is not in a release yet.
local function is_ipport(v)
  local address = type(v) == 'string' and (v:match '^%[(.+)%]:%d+$' or v:match '^([^:]+):%d+$')
  return address and (is_ip(address) or host.at '9999') and true or false
end

local function is_keysource(v)
  if type(v) == 'string' then
    return true
  end
  return type(v) == 'table' and (v.key_data or v.vault_path or v.event_name and host.at '2025.12.02') and true or false
end

local function is_mx(v)
  if type(v) == 'table' then
    return type(v.name) == 'string' and type(v.addr) == 'string'
  end
  local port = type(v) == 'string' and v:gsub('%b[]', ''):match ':(%d+)$'
  return type(v) == 'string' and (not port or host.at '2025.10.06')
end

local function is_mxlist(v)
  if not is_list(v) then
    return false
  end
  for _, mx in ipairs(v) do
    if not is_mx(mx) then
      return false
    end
  end
  return true
end

local function one_of(...)
  local known = {}
  for _, name in ipairs { ... } do
    known[name] = true
  end
  return function(v)
    return known[v] or false
  end
end

local is_disposition = one_of('Ignore', 'LogThenDrop', 'LogThenRelay')

local types = {
  any = function(v) return v ~= nil end,
  string = function(v) return type(v) == 'string' end,
  boolean = function(v) return type(v) == 'boolean' end,
  integer = function(v) return math.type(v) == 'integer' end,
  table = function(v) return type(v) == 'table' end,
  ['function'] = function(v) return type(v) == 'function' end,
  strings = is_strings,
  duration = is_duration,
  throttle = is_throttle,
  limit = is_limit,
  ip = is_ip,
  ipport = is_ipport,
  keysource = is_keysource,
  mxlist = is_mxlist,
  xheader = function(v) return type(v) == 'string' and v:find '^[Xx]%-' ~= nil end,
  report = function(v) return type(v) == 'boolean' or host.at '2025.05.06' and is_disposition(v) end,
  spool = one_of('LocalDisk', 'RocksDB'),
  tls = one_of('Opportunistic', 'OpportunisticInsecure', 'Required', 'RequiredInsecure', 'Disabled'),
}

local check

local function one(what, name, spec, value)
  local since = spec:match '@(.+)$'
  if not host.at(since) then
    error(string.format('%s: %s is not in KumoMTA %s, it came with %s', what, name, host.version, since), 0)
  end
  local nested = spec:match '^{(.-)}'
  if nested then
    check(nested, value)
    return
  end
  local kind = spec:match '^[^!@]+'
  if not types[kind](value) then
    error(string.format('%s: %s is no %s', what, name, kind), 0)
  end
end

function check(what, given)
  local known = options[what] or helpers[what]
  if type(given) ~= 'table' then
    error(what .. ': expected a table of options', 0)
  end
  for name, value in pairs(given) do
    local spec = known[name] or error(string.format('%s: unknown option %s', what, tostring(name)), 0)
    one(what, name, spec, value)
  end
  for name, spec in pairs(known) do
    if given[name] == nil and spec:find '!' and host.at(spec:match '@(.+)$') then
      error(string.format('%s: %s is missing', what, name), 0)
    end
  end
  return given
end

return check
