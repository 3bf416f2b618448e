-- kumo.reject: an error that kumod tells from all others.
local meta = {}

function meta.__tostring(rejected)
  return string.format('%d %s', rejected.code, rejected.message)
end

local reject = {}

function reject.is(err)
  return getmetatable(err) == meta
end

function reject.raise(code, message)
  if math.type(code) ~= 'integer' or type(message) ~= 'string' and type(message) ~= 'number' then
    error('reject: an integer and a string', 0)
  end
  error(setmetatable({ code = code, message = tostring(message) }, meta), 0)
end

return reject
