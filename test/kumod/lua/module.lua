-- A module of kumo's: an object without a state.
local class = require 'object'

return function(name, members, since)
  return class(name, members, since) {}
end
