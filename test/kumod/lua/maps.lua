-- Tables whose keys are patterns: domains with wildcards, networks.
local host = require 'host'
local module = require 'module'

local maps = {}

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

maps.domain_map = module('kumo.domain_map', {
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

maps.cidr = module('kumo.cidr', {
  make_map = function(entries)
    local map = setmetatable({ _entries = {} }, cidr_map)
    for network, value in pairs(entries or {}) do
      map[network] = value
    end
    return map
  end,
})

return maps
