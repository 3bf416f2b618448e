-- Egress sources and pools from files.
local kumo = require 'kumo'
local utils = require 'policy-extras.policy_utils'

local sources = {}

local function read(files)
  local data = { sources = {}, pools = {} }
  for _, file in ipairs(files) do
    local given = utils.load_json_or_toml_file(file)
    for name, params in pairs(given) do
      if name ~= 'source' and name ~= 'pool' then
        error('sources: unknown section ' .. name, 0)
      end
    end
    for name, params in pairs(given.source or {}) do
      data.sources[name] = utils.copy(params)
      data.sources[name].name = name
    end
    for name, entries in pairs(given.pool or {}) do
      local pool = { name = name, entries = {} }
      for source, params in pairs(entries) do
        local entry = utils.copy(params)
        entry.name = source
        table.insert(pool.entries, entry)
      end
      table.sort(pool.entries, function(a, b)
        return a.name < b.name
      end)
      data.pools[name] = pool
    end
  end
  return data
end

function sources:setup(files)
  local cached = kumo.memoize(read, { name = 'sources_data', ttl = '5 minutes', capacity = 10 })
  kumo.on('get_egress_source', function(name)
    return kumo.make_egress_source(cached(files).sources[name])
  end)
  kumo.on('get_egress_pool', function(name)
    return kumo.make_egress_pool(cached(files).pools[name])
  end)
  kumo.on('validate_config', function()
    local data = read(files)
    for _, source in pairs(data.sources) do
      kumo.make_egress_source(source)
    end
    for _, pool in pairs(data.pools) do
      kumo.make_egress_pool(pool)
      for _, entry in ipairs(pool.entries) do
        if not data.sources[entry.name] then
          print(string.format('the pool %s has the source %s, which is not there', pool.name, entry.name))
          kumo.validation_failed()
        end
      end
    end
  end)
end

return sources
