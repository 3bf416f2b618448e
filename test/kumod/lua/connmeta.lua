-- The meta of a connection.
local class = require 'object'

local new = class('ConnectionMetaData', {
  get_meta = function(self, name)
    return rawget(self, '_meta')[name]
  end,
  set_meta = function(self, name, value)
    rawget(self, '_meta')[name] = value
  end,
})

return function(meta)
  return new { _meta = meta or {} }
end
