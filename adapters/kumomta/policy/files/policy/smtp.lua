-- Mail coming in, by SMTP and by HTTP: who may send, what a message gets before
-- it is queued, and what is read from bounces and complaints that come back.

local kumo = require 'kumo'
local listener_domains = require 'policy-extras.listener_domains'
local dkim_sign = require 'policy-extras.dkim_sign'
local C = require 'policy.constants'
local queue = require 'policy.queue'

local sign_dkim = dkim_sign:setup { C.DIR .. '/dkim_data.toml' }
local listed_domain =
  listener_domains:setup { C.DIR .. '/listener_domains.toml' }

-- Authentication ------------------------------------------------------------

-- user = "SHA-256 of the password", in hexadecimal. A password here is a random
-- key, so one round of a plain hash is enough.
local smtp_users = kumo.memoize(
  C.toml_secret,
  { name = 'kumotrail_smtp_users', ttl = '1 minute', capacity = 1 }
)

-- KumoMTA offers AUTH behind STARTTLS only.
if C.SMTP_USERS_FILE then
  kumo.on(
    'smtp_server_auth_plain',
    function(authz, authc, password, _conn_meta)
      local hash = smtp_users(C.SMTP_USERS_FILE)[authc]
      return authz == authc -- nobody sends as somebody else
        and type(hash) == 'string'
        and kumo.digest.sha256(password).hex == hash:lower()
    end
  )
end

-- Who may relay ---------------------------------------------------------------

local function is_report_domain(domain)
  return C.REPORT_DOMAINS[domain:lower()] == true
end

local trusted = kumo.cidr.make_map()
for _, host in ipairs(C.TRUSTED_HOSTS) do
  trusted[host] = true
end

local function is_ours(conn_meta)
  return conn_meta:get_meta 'authz_id' ~= nil
    or trusted[conn_meta:get_meta 'received_from'] == true
end

-- KumoMTA asks for the sender's and for the recipient's domain, and again when
-- the sender has become a return path. C.TRUSTED_HOSTS need neither.
kumo.on('get_listener_domain', function(domain, listener, conn_meta)
  if not conn_meta:get_meta 'authz_id' then
    return listed_domain(domain, listener, conn_meta)
  end
  local peer = conn_meta:get_meta 'received_from' -- ip:port or [ip]:port
  local reports = is_report_domain(domain) and C.LOG_REPORTS or false
  return kumo.make_listener_domain {
    relay_from = { (peer:gsub(':%d+$', ''):gsub('[%[%]]', '')) },
    log_oob = reports,
    log_arf = reports,
  }
end)

kumo.on('smtp_server_ehlo', function(domain, _conn_meta)
  -- RFC 5321, section 4.1.3, and underscores, which many machines have. Names of
  -- one label are ordinary inside a network.
  local is_name = #domain <= 255 and domain:find '^[%w_][%w_.-]*$'
  if not is_name and not domain:find '^%[[%w:.]+%]$' then
    kumo.reject(501, '5.5.2 EHLO needs a host name or an address in brackets')
  end
end)

kumo.on('smtp_server_mail_from', function(_sender, conn_meta)
  if not conn_meta:get_meta 'ehlo_domain' then
    kumo.reject(503, '5.5.1 say EHLO first')
  end
end)

kumo.on('smtp_server_rcpt_to', function(recipient, _conn_meta)
  -- Such mail has nowhere to go but to a sink. Relaying is KumoMTA's own check,
  -- by the listener domains. At a report domain every address is let in: bounces
  -- also come to return paths from before this policy.
  if not C.SINK and not recipient.domain:find '[.:]' then
    kumo.reject(550, '5.1.2 the domain is not a full one')
  end
end)

-- Return paths --------------------------------------------------------------

-- HMAC (RFC 2104) for releases whose digests have none.
local function hmac_sha256(key, text)
  if C.HAS.hmac then
    return kumo.digest.hmac_sha256({ key_data = key }, text).hex
  end
  if #key > 64 then
    key = kumo.digest.sha256(key).bytes
  end
  key = key .. ('\0'):rep(64 - #key)
  local function padded(byte)
    return (key:gsub('.', function(c)
      return string.char(c:byte() ~ byte)
    end))
  end
  local inner = kumo.digest.sha256(padded(0x36) .. text).bytes
  return kumo.digest.sha256(padded(0x5c) .. inner).hex
end

local verp_key = kumo.memoize(
  C.verp_key,
  { name = 'kumotrail_verp_key', ttl = '1 minute', capacity = 1 }
)

-- By the signature kumotrail knows that who sends a bounce had this message: it
-- makes and checks the same form.
local function set_return_path(msg, id)
  local sender = msg:sender()
  local address = sender and sender.email or ''
  if address == '' or address == '<>' then
    return -- a bounce itself, which must never bounce
  end
  msg:set_meta('x_orig_sender', address)
  local mac = hmac_sha256(verp_key(C.VERP_KEY_FILE), id):sub(1, 16)
  msg:set_sender(string.format('b-%s-%s@%s', id, mac, C.BOUNCE_DOMAIN))
end

-- Mail that goes out ----------------------------------------------------------

local function conform(msg)
  local failed = msg:check_fix_conformance('MISSING_COLON_VALUE', C.FIXES)
  if failed then
    kumo.reject(552, '5.6.0 ' .. failed)
  end
end

-- The tenant is part of the queue's name, whose own signs it may not contain.
local function set_tenant(msg)
  local org = msg:get_meta 'x_org_id'
  if type(org) == 'string' and #org <= 64 and org:find '^[%w._-]+$' then
    msg:set_meta('tenant', org)
  end
end

-- What is made of the sender comes before the return path takes its place.
local function send_out(msg)
  conform(msg)
  msg:import_x_headers(C.IMPORT_HEADERS)
  set_tenant(msg)
  queue.apply(msg) -- by the tenant, among other things
  local id = msg:id()
  msg:set_meta('x_msg_id', id)
  if C.BOUNCE_DOMAIN then
    set_return_path(msg, id)
  end
end

-- Mail of strangers for a domain of ours, which listener_domains.toml lets in: who
-- wrote our name into From must not get our signature, nor a tenant by a header.
local function pass_on(msg)
  msg:import_x_headers(C.IMPORT_ANYWAY)
  queue.apply(msg)
  msg:set_meta('x_msg_id', msg:id())
end

-- Reports that come back ------------------------------------------------------

-- The id that a trace header of ours has, from what strangers send back: that of
-- mail by SMTP, or X-KumoRef-Id of mail by HTTP.
local function traced_id(headers)
  local found
  for value in headers:gmatch '\nX%-KumoRef[%w-]*:%s*([%w+/= ]+)' do
    local ok, trace = pcall(function()
      local json = kumo.encode.base64_decode((value:gsub('%s', '')))
      return kumo.serde.json_parse(json)
    end)
    local id = ok and type(trace) == 'table' and trace.x_msg_id
    found = type(id) == 'string' and id or found
  end
  return found
end

-- The last of the ids that a pattern finds in values of a header: each hop puts
-- its headers on top, so that the lowest are those of the first, which is ours.
-- The mark is looked for by itself, for one pattern of both would take a time
-- that grows with the square of what a stranger sends.
local function last_id(headers, name, mark, pattern)
  local found
  for value in headers:gmatch('\n' .. name .. ':([^\n]*)') do
    local at = value:find(mark, 1, true)
    local id = at and value:match(pattern, at)
    found = id and #id == 32 and id or found
  end
  return found
end

-- The id of the message that a bounce returns, by our trace header, else by our
-- Received header, else by a Message-ID that conform made.
local function returned_id(original)
  if type(original) == 'table' then -- bytes, as two releases spell it
    original =
      string.char(table.unpack(original, 1, math.min(#original, 16384)))
  end
  if type(original) ~= 'string' then
    return nil
  end
  local headers = original:sub(1, 65536)
  headers = '\n' .. (headers:match '^(.-\n)\r?\n' or headers)
  headers = headers:gsub('\r?\n[ \t]+', ' ')
  return traced_id(headers)
    or last_id(headers, '[Rr]eceived', '(KumoMTA', ' id (%x+)')
    or last_id(headers, '[Mm]essage%-[Ii][Dd]', '<', '^<(%x+)@')
end

-- OOB records have the meta of the bounce that they are from, but nothing of
-- what it returns. Complaints have it, so kumotrail reads those itself.
local function read_report(msg)
  local ok, report = pcall(msg.parse_rfc3464, msg)
  local id = ok and report and returned_id(report.original_message)
  if id then
    msg:set_meta('x_orig_id', id)
  end
  if not C.HAS.log_then_drop then
    msg:set_meta('queue', 'null') -- logged, and then dropped
  end
end

kumo.on('smtp_server_message_received', function(msg, conn_meta)
  if is_report_domain(msg:recipient().domain) then
    read_report(msg)
    return
  end
  if not is_ours(conn_meta) then
    pass_on(msg)
    return
  end
  send_out(msg)
  sign_dkim(msg) -- last, for what comes after would break the signature
end)

kumo.on('http_message_generated', function(msg)
  send_out(msg)
  -- Of the injector's trace header the request decides; this one has the id.
  if C.HAS.apply_trace_header then
    kumo.apply_supplemental_trace_header(msg, {
      header_name = 'X-KumoRef-Id',
      include_meta_names = C.TRACE_META,
    })
  end
  sign_dkim(msg)
end)
