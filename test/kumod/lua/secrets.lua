-- kumo.secrets: a file's bytes, or those that are given.
local host = require 'host'

local secrets = {}

function secrets.load(source)
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
end

return secrets
