-- JSON as far as the driver and log records need it. A null is no value, as in
-- what kumod hands to a policy; a table with a first element is an array.
local json = {}

local escapes = { ['"'] = '\\"', ['\\'] = '\\\\', ['\n'] = '\\n', ['\r'] = '\\r', ['\t'] = '\\t' }

local function quote(s)
  return '"' .. s:gsub('[%c"\\\127]', function(c)
    return escapes[c] or string.format('\\u%04x', c:byte())
  end) .. '"'
end

local function encode(value, seen)
  local kind = type(value)
  if kind == 'string' then
    return quote(value)
  elseif kind == 'number' then
    return math.type(value) == 'integer' and tostring(value) or string.format('%.17g', value)
  elseif kind == 'boolean' then
    return tostring(value)
  elseif kind ~= 'table' then
    return quote('<' .. kind .. '>')
  end
  if seen[value] then
    error('a table holds itself', 0)
  end
  seen[value] = true
  local parts = {}
  local text
  if value[1] ~= nil then
    for i, v in ipairs(value) do
      parts[i] = encode(v, seen)
    end
    text = '[' .. table.concat(parts, ',') .. ']'
  else
    for k, v in pairs(value) do
      parts[#parts + 1] = quote(tostring(k)) .. ':' .. encode(v, seen)
    end
    text = '{' .. table.concat(parts, ',') .. '}'
  end
  seen[value] = nil
  return text
end

function json.encode(value)
  return encode(value, {})
end

local unescapes = { b = '\b', f = '\f', n = '\n', r = '\r', t = '\t' }

local function string_at(s, at)
  local parts = {}
  local i = at + 1
  while true do
    local from, to = s:find('^[^"\\]+', i)
    if from then
      parts[#parts + 1] = s:sub(from, to)
      i = to + 1
    end
    local c = s:sub(i, i)
    if c == '"' then
      return table.concat(parts), i + 1
    elseif c ~= '\\' then
      error('an open string in JSON', 0)
    end
    local e = s:sub(i + 1, i + 1)
    i = i + 2
    if e == 'u' then
      local code = tonumber(s:sub(i, i + 3), 16) or error('a bad escape in JSON', 0)
      i = i + 4
      local low = code >= 0xD800 and code < 0xDC00 and s:match('^\\u(%x%x%x%x)', i)
      if low then
        code = 0x10000 + (code - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00
        i = i + 6
      end
      parts[#parts + 1] = utf8.char(code)
    else
      parts[#parts + 1] = unescapes[e] or e
    end
  end
end

local value_at

local function skip(s, at)
  return s:find('[^ \t\r\n]', at) or #s + 1
end

local function array_at(s, at)
  local list, n = {}, 0
  at = skip(s, at + 1)
  if s:sub(at, at) == ']' then
    return list, at + 1
  end
  while true do
    n = n + 1
    list[n], at = value_at(s, at)
    at = skip(s, at)
    local c = s:sub(at, at)
    if c == ']' then
      return list, at + 1
    elseif c ~= ',' then
      error('an array without its end in JSON', 0)
    end
    at = skip(s, at + 1)
  end
end

local function object_at(s, at)
  local map = {}
  at = skip(s, at + 1)
  if s:sub(at, at) == '}' then
    return map, at + 1
  end
  while true do
    local key
    key, at = string_at(s, at)
    at = skip(s, at)
    if s:sub(at, at) ~= ':' then
      error('a key without a value in JSON', 0)
    end
    map[key], at = value_at(s, skip(s, at + 1))
    at = skip(s, at)
    local c = s:sub(at, at)
    if c == '}' then
      return map, at + 1
    elseif c ~= ',' then
      error('an object without its end in JSON', 0)
    end
    at = skip(s, at + 1)
  end
end

function value_at(s, at)
  local c = s:sub(at, at)
  if c == '{' then
    return object_at(s, at)
  elseif c == '[' then
    return array_at(s, at)
  elseif c == '"' then
    return string_at(s, at)
  elseif s:find('^true', at) then
    return true, at + 4
  elseif s:find('^false', at) then
    return false, at + 5
  elseif s:find('^null', at) then
    return nil, at + 4
  end
  local number = s:match('^-?%d+%.?%d*[eE]?[+-]?%d*', at) or error('no value in JSON', 0)
  return tonumber(number), at + #number
end

function json.decode(s)
  local value, at = value_at(s, skip(s, 1))
  if skip(s, at) <= #s then
    error('more than one value in JSON', 0)
  end
  return value
end

return json
