-- What the listener accepts mail for and from, by domain.
local kumo = require 'kumo'
local utils = require 'policy-extras.policy_utils'

local listener_domains = {}

local function read(files)
  local listeners = {}
  local function add(listener, domain, params)
    listeners[listener] = listeners[listener] or {}
    listeners[listener][domain] = params
    local plain = utils.copy(params)
    plain.relay_from_authz = nil
    local ok, err = pcall(kumo.make_listener_domain, plain)
    if not ok then
      error(string.format('listener %s domain %s: %s', listener, domain, err), 0)
    end
  end
  for _, file in ipairs(files) do
    for name, params in pairs(utils.load_json_or_toml_file(file)) do
      if name == 'listener' then
        for listener, domains in pairs(params) do
          for domain, one in pairs(domains) do
            add(listener, domain, one)
          end
        end
      else
        add('*', name, params)
      end
    end
  end
  local compiled = {}
  for listener, domains in pairs(listeners) do
    compiled[listener] = kumo.domain_map.new(domains)
  end
  return compiled
end

function listener_domains:setup(files)
  local cached = kumo.memoize(read, { name = 'listener_domains_data', ttl = '5 minutes', capacity = 10 })
  return function(domain, listener, conn_meta)
    local listeners = cached(files)
    local found = (listeners[listener] or {})[domain] or (listeners['*'] or {})[domain]
    if not found then
      return nil
    end
    local params = utils.copy(found)
    local authorized = params.relay_from_authz
    params.relay_from_authz = nil
    if authorized and utils.table_contains(authorized, conn_meta:get_meta 'authz_id') then
      params.relay_from = utils.copy(params.relay_from or {})
      table.insert(params.relay_from, (conn_meta:get_meta('received_from'):match '^(.*):%d+$'))
    end
    return kumo.make_listener_domain(params)
  end
end

return listener_domains
