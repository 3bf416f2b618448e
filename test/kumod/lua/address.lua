-- Envelope addresses: "" is the null sender, every other has one "@".
local class = require 'object'
local host = require 'host'

local function part(pattern)
  return function(address)
    return rawget(address, '_address'):match(pattern) or ''
  end
end

local new = class('EnvelopeAddress', {}, { email = '2024.06.10' }, {
  user = part '^(.*)@',
  domain = part '@([^@]*)$',
  email = function(address)
    return rawget(address, '_address')
  end,
})

local address = {}

function address.parse(text)
  if type(text) == 'table' then
    text = tostring(text)
  end
  local ats = select(2, text:gsub('@', ''))
  local alone = text:lower() == 'postmaster' and host.at '2026.04.09'
  if text ~= '' and ats ~= 1 and not alone or text:find '%s' then
    error(string.format('%q is no envelope address', text), 0)
  end
  return new { _address = text, _text = function(self)
    return rawget(self, '_address')
  end }
end

return address
