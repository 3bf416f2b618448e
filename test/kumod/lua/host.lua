-- What the driver does for us: HTTP, TOML, digests. One line each way.
local json = require 'json'
local host = { version = require 'release', paths = {} }

-- at says whether the version that is played has what came with since.
function host.at(since)
  return since == nil or host.version >= since
end

function host.write(answer)
  io.stdout:write(json.encode(answer), '\n')
  io.stdout:flush()
end

function host.read()
  local line = io.stdin:read 'l'
  return line and json.decode(line)
end

function host.ask(question)
  host.write(question)
  local answer = host.read() or os.exit(1)
  if answer.error then
    error(answer.error, 0)
  end
  return answer
end

-- path says where a file of the node's is on this machine: the policy does not
-- know that its folder is another.
function host.path(name)
  for from, to in pairs(host.paths) do
    if name:sub(1, #from) == from then
      return to .. name:sub(#from + 1)
    end
  end
  return name
end

function host.toml(name)
  return host.ask({ ask = 'toml', path = host.path(name) }).value
end

return host
