-- What a policy registers and calls. kumod takes a handler for any name; one
-- that it never fires is an error here.
local events = require 'events'
local host = require 'host'

local registry = {
  order = {}, -- { event, by } in the order of registration
  calls = {}, -- { name, given } in the order of calls
  handlers = {}, -- by event
  custom = {}, -- names that kumod does not know by itself
  fired = {}, -- names that options of the policy let kumod fire
  loading = false,
  event = nil, -- that is being handled
}

-- caller names the file of the policy, or the helper, that called kumo.
local function caller()
  local level = 3
  while true do
    local info = debug.getinfo(level, 'Sl')
    if not info then
      return '?'
    end
    local helper = info.source:match '(policy%-extras/[%w_]+)%.lua$'
    local file = info.source:match '([%w_]+%.lua)$'
    if helper then
      return helper:gsub('/', '.'), nil
    elseif file and info.what ~= 'C' and file ~= 'kumo.lua' then
      return file
    end
    level = level + 1
  end
end

function registry.on(name, handler)
  if not registry.loading then
    error(string.format('kumo.on %s: handlers cannot be registered while one runs', name), 0)
  end
  if type(handler) ~= 'function' then
    error(string.format('kumo.on %s: this is no function', tostring(name)), 0)
  end
  local known = events[name]
  if known and not host.at(known[2]) then
    error(string.format('kumo.on: %s is not in KumoMTA %s, it came with %s', name, host.version, known[2]), 0)
  end
  if not known then
    registry.custom[name] = true
  end
  local list = registry.handlers[name] or {}
  registry.handlers[name] = list
  if #list > 0 and (not known or known[1] == 'one') then
    error(string.format('kumo.on: %s has a handler already', name), 0)
  end
  list[#list + 1] = handler
  registry.order[#registry.order + 1] = { event = name, by = (caller()) }
end

function registry.called(name, given)
  registry.calls[#registry.calls + 1] = { name = name, given = given, during = registry.event }
end

-- fire calls the handlers of an event, the first answer wins. It says whether
-- there were any.
function registry.fire(name, ...)
  local list = registry.handlers[name]
  if not list then
    return false
  end
  local before = registry.event
  registry.event = name
  for _, handler in ipairs(list) do
    local result = table.pack(pcall(handler, ...))
    if not result[1] then
      registry.event = before
      error(result[2], 0)
    end
    if result[2] ~= nil then
      registry.event = before
      return true, result[2]
    end
  end
  registry.event = before
  return true, nil
end

-- dead names the handlers that kumod would never call.
function registry.dead()
  local names = {}
  for name in pairs(registry.custom) do
    if not registry.fired[name] then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

return registry
