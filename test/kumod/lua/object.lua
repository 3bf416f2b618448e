-- Objects of kumo's: an unknown member is an error, one of a later release is
-- not there. In kumod both are nil, and a policy finds out when it calls it.
local host = require 'host'

-- class makes a constructor of objects with these methods and fields. since
-- names the first release of those that are not in all.
return function(kind, methods, since, more)
  local meta = { __name = kind }
  function meta.__index(object, name)
    local method = methods[name]
    local field = more and more[name]
    if not method and not field then
      error(string.format('%s has no %s', kind, tostring(name)), 2)
    end
    if not host.at(since and since[name]) then
      return nil
    end
    return method or field(object)
  end
  function meta.__newindex(_, name)
    error(string.format('%s has no %s to set', kind, tostring(name)), 2)
  end
  function meta.__tostring(object)
    local text = rawget(object, '_text')
    return text and text(object) or kind
  end
  return function(state)
    return setmetatable(state, meta)
  end
end
