-- The methods of messages, and since when each is there.
local address = require 'address'
local check = require 'check'
local host = require 'host'
local json = require 'json'

local since = {
  arc_seal = '2025.12.02',
  arc_verify = '2025.12.02',
  import_headers = '2026.05.12',
  increment_num_attempts = '2026.03.04',
  parse_mime = '2025.10.06',
  recipient_list = '2025.12.02',
  shrink = '2025.03.19',
  shrink_data = '2025.03.19',
}

local conformance = {}
for name in
  ([[MISSING_COLON_VALUE NON_CANONICAL_LINE_ENDINGS NAME_ENDS_WITH_SPACE LINE_TOO_LONG NEEDS_TRANSFER_ENCODING
    MISSING_DATE_HEADER MISSING_MESSAGE_ID_HEADER MISSING_MIME_VERSION INVALID_MIME_HEADERS]]):gmatch '%S+'
do
  conformance[name] = true
end

local function did(self, what)
  local done = rawget(self, '_did')
  done[#done + 1] = what
end

local function changes(self, what)
  if rawget(self, '_signed')[1] then
    error(what .. ': the message is signed already', 0)
  end
  did(self, what)
end

local function key(header)
  return header:lower():gsub('-', '_')
end

local function each(self, name)
  local values = {}
  for _, header in ipairs(rawget(self, '_headers')) do
    if header[1]:lower() == name:lower() then
      values[#values + 1] = header[2]
    end
  end
  return values
end

local function remove(self, matches)
  local headers = rawget(self, '_headers')
  for i = #headers, 1, -1 do
    if matches(headers[i][1]) then
      table.remove(headers, i)
    end
  end
end

local function flags(what, set)
  for flag in set:gmatch '[^|]+' do
    if not conformance[flag] then
      error(what .. ': unknown conformance issue ' .. flag, 0)
    end
  end
end

local methods = {}

function methods:id()
  return rawget(self, '_id')
end

function methods:sender()
  return address.parse(rawget(self, '_sender'))
end

function methods:set_sender(to)
  changes(self, 'set_sender')
  rawset(self, '_sender', tostring(address.parse(to)))
end

function methods:recipient()
  local list = self.recipient_list and self:recipient_list() or { address.parse(rawget(self, '_recipients')[1] or '') }
  return #list == 1 and list[1] or list
end

function methods:recipient_list()
  local list = {}
  for i, recipient in ipairs(rawget(self, '_recipients')) do
    list[i] = address.parse(recipient)
  end
  return list
end

function methods:set_recipient(to)
  changes(self, 'set_recipient')
  rawset(self, '_recipients', { tostring(address.parse(to)) })
end

function methods:get_meta(name)
  return rawget(self, '_meta')[name]
end

function methods:set_meta(name, value)
  did(self, 'set_meta ' .. name)
  rawget(self, '_meta')[name] = value
end

function methods:num_attempts()
  return rawget(self, '_attempts')
end

function methods:queue_name()
  local meta = rawget(self, '_meta')
  return meta.queue or tostring(self:recipient_list()[1].domain)
end

function methods:get_data()
  local data = rawget(self, '_data')
  if data then
    return data
  end
  local lines = {}
  for i, header in ipairs(rawget(self, '_headers')) do
    lines[i] = header[1] .. ': ' .. header[2] .. '\r\n'
  end
  return table.concat(lines) .. '\r\n' .. rawget(self, '_body')
end

function methods:set_data(data)
  changes(self, 'set_data')
  rawset(self, '_data', data)
end

function methods:get_first_named_header_value(name)
  return each(self, name)[1]
end

function methods:get_all_named_header_values(name)
  return each(self, name)
end

function methods:get_all_headers()
  return rawget(self, '_headers')
end

function methods:prepend_header(name, value)
  changes(self, 'prepend_header ' .. name)
  table.insert(rawget(self, '_headers'), 1, { name, value })
end

function methods:append_header(name, value)
  changes(self, 'append_header ' .. name)
  table.insert(rawget(self, '_headers'), { name, value })
end

function methods:remove_all_named_headers(name)
  changes(self, 'remove_all_named_headers ' .. name)
  remove(self, function(header)
    return header:lower() == name:lower()
  end)
end

function methods:remove_x_headers(names)
  changes(self, 'remove_x_headers')
  local listed = {}
  for _, name in ipairs(names or {}) do
    listed[name:lower()] = true
  end
  remove(self, function(header)
    return listed[header:lower()] or not names and header:lower():find '^x%-' ~= nil
  end)
end

-- The lowest of several headers of a name counts, as in KumoMTA.
function methods:import_x_headers(names)
  did(self, 'import_x_headers')
  local listed = names and {}
  for _, name in ipairs(names or {}) do
    listed[name:lower()] = true
  end
  for _, header in ipairs(rawget(self, '_headers')) do
    local name = header[1]:lower()
    if listed and listed[name] or not listed and name:find '^x%-' then
      rawget(self, '_meta')[key(name)] = header[2]
    end
  end
end

function methods:import_headers(specs)
  did(self, 'import_headers')
  for _, spec in ipairs(specs) do
    check('import_headers', spec)
    local values = each(self, spec.name)
    if #values > 0 then
      local value = spec.match == 'all' and values or spec.match == 'first' and values[1] or values[#values]
      rawget(self, '_meta')[spec.target or key(spec.name)] = value
    end
    if spec.remove then
      self:remove_all_named_headers(spec.name)
    end
  end
end

function methods:import_scheduling_header(name, removes)
  did(self, 'import_scheduling_header ' .. name)
  if removes then
    self:remove_all_named_headers(name)
  end
end

function methods:from_header()
  local value = each(self, 'From')[1]
  if not value then
    return nil
  end
  local found = value:match '<([^>]+)>' or value
  return { user = found:match '^(.-)@', domain = found:match '@(.+)$', email = found }
end

function methods:check_fix_conformance(checks, fixes, options)
  changes(self, 'check_fix_conformance')
  flags('checks', checks)
  flags('fixes', fixes)
  if options then
    if not host.at '2025.12.02' then
      error('check_fix_conformance: no options before 2025.12.02', 0)
    end
    check('conformance', options)
  end
  for _, issue in ipairs(rawget(self, '_issues')) do
    if ('|' .. checks .. '|'):find('|' .. issue .. '|', 1, true) then
      return 'Message has conformance issues: ' .. issue
    end
  end
end

function methods:parse_rfc3464()
  did(self, 'parse_rfc3464')
  local report = rawget(self, '_report')
  if report == 'malformed' then
    error('a malformed report', 0)
  end
  return report and json.decode(json.encode(report))
end

function methods:dkim_sign(signer)
  if type(signer) ~= 'table' or not signer.signer then
    error('dkim_sign: this is no signer', 0)
  end
  did(self, 'dkim_sign')
  local signed = rawget(self, '_signed')
  signed[#signed + 1] = signer.signer.domain
end

function methods:set_due(due)
  did(self, 'set_due')
end

function methods:set_scheduling(params)
  did(self, 'set_scheduling')
  return params
end

function methods:set_force_sync(on)
  did(self, 'set_force_sync ' .. tostring(on))
end

for _, name in ipairs {
  'add_authentication_results', 'append_text_html', 'append_text_plain', 'arc_seal', 'arc_verify', 'dkim_verify',
  'get_address_header', 'increment_num_attempts', 'parse_mime', 'parse_rfc5965', 'save', 'shrink', 'shrink_data', 'to_header',
} do
  methods[name] = function()
    error(name .. ' is not played here', 0)
  end
end

return { methods = methods, since = since }
