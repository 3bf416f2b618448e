-- Messages: mail with headers, or the message of a log hook, whose data is a
-- record. What a handler does to one is noted in order, and nothing may change
-- mail that is signed.
local class = require 'object'
local json = require 'json'
local methods = require 'methods'

local new = class('Message', methods.methods, methods.since)

local message = {}

-- new makes a message of what the driver says of it.
function message.new(from)
  return new {
    _id = from.id or 'd7ef132b5d7711eea8c8000c29c33806',
    _sender = from.sender or '',
    _recipients = from.recipients or {},
    _meta = from.meta or {},
    _headers = from.headers or {},
    _body = from.body or '',
    _data = from.data,
    _attempts = from.attempts or 0,
    _issues = from.issues or {},
    _report = from.report,
    _signed = {},
    _did = {},
  }
end

-- record makes the message of a log hook: its data is the line, its meta what
-- kumod puts there.
function message.record(line)
  local record = json.decode(line)
  local meta = { log_record = record, reception_protocol = 'LogRecord' }
  for k, v in pairs(record.meta or {}) do
    meta[k] = v
  end
  local recipients = type(record.recipient) == 'table' and record.recipient or { record.recipient }
  return message.new {
    id = record.id ~= '' and record.id or nil,
    sender = record.sender,
    recipients = recipients,
    meta = meta,
    data = line:find '\n$' and line or line .. '\n',
  }
end

-- state says what became of the message, for the driver.
function message.state(m)
  return {
    sender = rawget(m, '_sender'),
    recipients = rawget(m, '_recipients'),
    meta = rawget(m, '_meta'),
    headers = rawget(m, '_headers'),
    signed = rawget(m, '_signed'),
    did = rawget(m, '_did'),
  }
end

return message
