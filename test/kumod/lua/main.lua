-- Runs a policy as kumod would, driven by one JSON line after another.
local host = require 'host'
local message = require 'message'
local registry = require 'registry'
local reject = require 'reject'
local address = require 'address'
local connmeta = require 'connmeta'

-- Standard output is the driver's.
function print(...)
  local words = table.pack(...)
  for i = 1, words.n do
    words[i] = tostring(words[i])
  end
  io.stderr:write(table.concat(words, '\t'), '\n')
end

-- A policy that sets a global shares it with nobody, or with the wrong one:
-- kumod keeps many Lua states. Reading one that is not there is a typo.
setmetatable(_G, {
  __newindex = function(_, name)
    error('the policy sets the global ' .. tostring(name), 2)
  end,
  __index = function(_, name)
    error('the policy reads the global ' .. tostring(name) .. ', which is not there', 2)
  end,
})

local opened = io.open
function io.open(name, mode)
  return opened(host.path(name), mode)
end

-- given makes objects of the arguments that stand for one.
local function given(args, made)
  local list = { n = args.n or #args }
  for i = 1, list.n do
    local arg = args[i]
    if type(arg) == 'table' and arg.message then
      arg = message.new(arg.message)
      made.messages[#made.messages + 1] = arg
    elseif type(arg) == 'table' and arg.record then
      arg = message.record(arg.record)
      made.messages[#made.messages + 1] = arg
    elseif type(arg) == 'table' and arg.connection then
      arg = connmeta(arg.connection)
      made.connections[#made.connections + 1] = arg
    elseif type(arg) == 'table' and arg.address then
      arg = address.parse(arg.address)
    elseif type(arg) == 'table' and arg.absent then
      arg = nil
    end
    list[i] = arg
  end
  return list
end

local function failure(err)
  if reject.is(err) then
    return { rejected = { code = err.code, message = err.message } }
  end
  return { failed = tostring(err) }
end

local function states(made, answer)
  answer.messages, answer.connections = {}, {}
  for i, m in ipairs(made.messages) do
    answer.messages[i] = message.state(m)
  end
  for i, c in ipairs(made.connections) do
    answer.connections[i] = rawget(c, '_meta')
  end
  return answer
end

local commands = {}

function commands.load(command)
  host.paths = command.paths
  package.path = package.path .. ';' .. host.path '/opt/kumomta/etc/policy' .. '/?.lua'
  local chunk, err = loadfile(host.path(command.policy))
  if not chunk then
    return { failed = err }
  end
  registry.loading = true
  local ok, failed = pcall(chunk)
  registry.loading = false
  if not ok then
    return failure(failed)
  end
  return { order = registry.order }
end

function commands.fire(command)
  local made = { messages = {}, connections = {} }
  local args = given(command.args, made)
  local ok, handled, result = pcall(registry.fire, command.event, table.unpack(args, 1, args.n))
  if not ok then
    return states(made, failure(handled))
  end
  return states(made, { handled = handled, result = result })
end

local connections = {}

function commands.connect(command)
  local ok, handled, connection = pcall(registry.fire, command.event, table.unpack(command.args))
  if not ok then
    return failure(handled)
  elseif not handled then
    return { failed = 'no handler for ' .. command.event }
  elseif type(connection) ~= 'table' then
    return { failed = 'invalid connection object' }
  end
  connections[#connections + 1] = connection
  return { connection = #connections }
end

-- send plays what kumod does with the answer: it wants a string, for which a
-- number will do.
function commands.send(command)
  local connection = connections[command.connection]
  local messages = {}
  for i, line in ipairs(command.records or {}) do
    messages[i] = message.record(line)
  end
  for i, m in ipairs(command.messages or {}) do
    messages[i] = message.new(m)
  end
  local method = connection[command.method]
  if type(method) ~= 'function' then
    return { failed = 'the connection has no ' .. command.method }
  end
  local what = command.method == 'send' and messages[1] or messages
  local ok, result = pcall(method, connection, what)
  if not ok then
    return failure(result)
  elseif type(result) ~= 'string' and type(result) ~= 'number' then
    return { failed = 'error converting Lua ' .. type(result) .. ' to string' }
  end
  return { delivered = tostring(result) }
end

function commands.close(command)
  local connection = connections[command.connection]
  if connection.close then
    local ok, err = pcall(connection.close, connection)
    if not ok then
      return failure(err)
    end
  end
  return {}
end

function commands.calls()
  return { calls = registry.calls, dead = registry.dead() }
end

function commands.forget()
  host.forget()
  return {}
end

local function hexadecimal(value)
  if type(value) ~= 'table' then
    return (tostring(value):gsub('.', function(c)
      return string.format('%02x', c:byte())
    end))
  end
  local copy = {}
  for k, v in pairs(value) do
    if type(v) ~= 'function' then
      copy[k] = hexadecimal(v)
    end
  end
  return copy
end

-- module returns what a module of the policy has, each value in hexadecimal
-- digits: bytes as they are.
function commands.module(command)
  local ok, loaded = pcall(require, command.name)
  if not ok then
    return failure(loaded)
  end
  return { module = hexadecimal(loaded) }
end

-- run is for tests of this stand-in itself.
function commands.run(command)
  registry.loading, registry.event = command.loading or false, command.event
  local ok, result = pcall(assert(load("local kumo = require 'kumo'\n" .. command.chunk)))
  registry.loading, registry.event = false, nil
  if not ok then
    return failure(result)
  end
  return { result = result }
end

for command in host.read do
  local answer = commands[command.command](command)
  answer.done = true
  host.write(answer)
end
