-- kumo.digest, kumo.encode and kumo.string: what turns texts into others.
local class = require 'object'
local host = require 'host'
local module = require 'module'
local secrets = require 'secrets'

local text = {}

local function hex(bytes)
  return (bytes:gsub('.', function(c)
    return string.format('%02x', c:byte())
  end))
end

local function unhex(digits)
  return (digits:gsub('%x%x', function(pair)
    return string.char(tonumber(pair, 16))
  end))
end

local function encoded(encoding)
  return function(digest)
    return host.ask({ ask = 'encode', encoding = encoding, hex = rawget(digest, '_hex') }).text
  end
end

local digest = class('Digest', {}, nil, {
  hex = function(d) return rawget(d, '_hex') end,
  bytes = function(d) return unhex(rawget(d, '_hex')) end,
  base32 = encoded 'base32',
  base32_nopad = encoded 'base32_nopad',
  base64 = encoded 'base64',
  base64_nopad = encoded 'base64_nopad',
  base64url = encoded 'base64url',
  base64url_nopad = encoded 'base64url_nopad',
})

local function digests(name, key, of)
  local answer = host.ask { ask = 'digest', digest = name, key = hex(key), hex = hex(of) }
  return digest { _hex = answer.hex, _text = function(d)
    return d.hex
  end }
end

text.digest = module('kumo.digest', {
  sha256 = function(...)
    return digests('sha256', '', table.concat { ... })
  end,
  hmac_sha256 = function(key, of)
    return digests('hmac_sha256', secrets.load(key), of)
  end,
}, { hmac_sha256 = '2025.12.02' })

local function encoder(encoding)
  return function(bytes)
    return host.ask({ ask = 'encode', encoding = encoding, hex = hex(bytes) }).text
  end
end

local function decoder(encoding)
  return function(encoded_text)
    return unhex(host.ask({ ask = 'decode', encoding = encoding, text = encoded_text }).hex)
  end
end

local encode = {}
for _, encoding in ipairs { 'base32', 'base32_nopad', 'base64', 'base64_nopad', 'base64url', 'base64url_nopad', 'hex' } do
  local name, tail = encoding:match '^(%w+)(.*)$'
  encode[name .. '_encode' .. tail] = encoder(encoding)
  encode[name .. '_decode' .. tail] = decoder(encoding)
end
text.encode = module('kumo.encode', encode)

local function plain_split(s, separator, limit)
  local parts, at = {}, 1
  while not limit or #parts < limit - 1 do
    local from, to = s:find(separator, at, true)
    if not from then
      break
    end
    parts[#parts + 1] = s:sub(at, from - 1)
    at = to + 1
  end
  parts[#parts + 1] = s:sub(at)
  return parts
end

text.string = module('kumo.string', {
  split = plain_split,
  splitn = function(s, limit, separator)
    return plain_split(s, separator, limit)
  end,
  trim = function(s) return s:match '^%s*(.-)%s*$' end,
  trim_start = function(s) return s:match '^%s*(.*)$' end,
  trim_end = function(s) return s:match '^(.-)%s*$' end,
  starts_with = function(s, with) return s:sub(1, #with) == with end,
  ends_with = function(s, with) return with == '' or s:sub(-#with) == with end,
}, { starts_with = '2026.04.09', ends_with = '2026.04.09' })

return text
