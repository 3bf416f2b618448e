-- kumo.shaping: rules by domain, "default" first. Providers are read for their
-- names only: they match by MX, for which there is no DNS here.
local check = require 'check'
local host = require 'host'
local registry = require 'registry'

-- What an entry may have besides options of an egress path.
local own = {
  automation = 'table',
  domain = 'string',
  mx_rollup = 'boolean',
  replace_base = 'boolean',
  sources = 'table',
  match = 'table',
  provider_connection_limit = 'limit',
  provider_max_message_rate = 'throttle',
  provider_source_selection_rate = 'throttle',
}

local function entry(where, given)
  local path, plain = {}, {}
  for name, value in pairs(given) do
    if own[name] then
      plain[name] = value
    else
      path[name] = value
    end
  end
  local ok, err = pcall(check, 'make_egress_path', path)
  if not ok then
    error(where .. ': ' .. err, 0)
  end
  for _, source in pairs(plain.sources or {}) do
    check('make_egress_path', source)
  end
  return { path = path, own = plain }
end

local function load(files)
  local domains = {}
  for _, file in ipairs(files) do
    for name, given in pairs(type(file) == 'table' and file or host.toml(file)) do
      if name == 'provider' then
        for provider, rules in pairs(given) do
          entry('provider ' .. provider, rules)
        end
      else
        local one = entry(name, given)
        local merged = domains[name] or { path = {}, own = {} }
        if one.own.replace_base then
          merged = { path = {}, own = {} }
        end
        for k, v in pairs(one.path) do
          merged.path[k] = v
        end
        for k, v in pairs(one.own) do
          merged.own[k] = v
        end
        domains[name] = merged
      end
    end
  end
  return domains
end

local shaping = {}

function shaping.load(files, options)
  registry.called('shaping.load', { files = files, options = options })
  local domains = load(files)
  return {
    get_warnings = function()
      return {}
    end,
    get_errors = function()
      return {}
    end,
    get_egress_path_config = function(_, domain, source)
      local path = {}
      for _, name in ipairs { 'default', domain } do
        local found = domains[name] or { path = {}, own = {} }
        for k, v in pairs(found.path) do
          path[k] = v
        end
        for k, v in pairs((found.own.sources or {})[source] or {}) do
          path[k] = v
        end
      end
      return path
    end,
  }
end

return shaping
