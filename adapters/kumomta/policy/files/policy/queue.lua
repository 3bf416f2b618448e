-- Mail on its way out: which queue, by which protocol, from which address, how
-- fast. Each table below is read when it is used, so that sources, domains,
-- tenants and rates change without a restart.

local kumo = require 'kumo'
local shaping = require 'policy-extras.shaping'
local sources = require 'policy-extras.sources'
local queue_module = require 'policy-extras.queue'
local C = require 'policy.constants'

local mod = {}
local helper

-- It registers for get_queue_config whether it has anything to say or not, and
-- the queue helper, further down, insists on being last: kumod --validate fails.
local shaped = shaping:setup { C.DIR .. '/shaping.toml' }

-- Queues ------------------------------------------------------------------------

local HTTP_CONSTRUCTOR = 'make.kumotrail_http_delivery'

-- A protocol other than SMTP to the domain's MX, if there is one.
local function protocol_of(domain)
  if domain:find '%.log_hook$' or domain:find '%.kumomta%.internal$' then
    return nil
  end
  if C.HTTP_DELIVERY and domain:lower() == C.HTTP_DELIVERY.domain then
    return { custom_lua = { constructor = HTTP_CONSTRUCTOR } }
  end
  if C.SINK then
    return { smtp = { mx_list = { C.SINK.host } } }
  end
end

-- Before the helper's own handler, for the first that answers is the one.
kumo.on('get_queue_config', function(domain, tenant, campaign, _routing_domain)
  local protocol = protocol_of(domain)
  if protocol then
    local params = helper:resolve_config(domain, tenant, campaign) or {}
    params.protocol = protocol
    return kumo.make_queue_config(params)
  end
end)

helper = queue_module:setup { C.DIR .. '/queues.toml' }

-- apply puts a new message into its queue, as queues.toml says. Where that names
-- a routing_domain, the smart host is not asked.
function mod.apply(msg)
  helper:apply(msg)
  if
    C.SMART_HOST
    and not C.SINK
    and not msg:get_meta 'routing_domain'
  then
    msg:set_meta('routing_domain', C.SMART_HOST)
  end
end

-- Sources and rates -----------------------------------------------------------

sources:setup { C.DIR .. '/sources.toml' }

kumo.on('get_egress_path_config', function(domain, egress_source, site_name)
  if not C.SINK or domain:find '%.log_hook$' then
    return shaped(domain, egress_source, site_name)
  end
  return kumo.make_egress_path {
    smtp_port = C.SINK.port,
    enable_tls = 'Disabled',
    enable_mta_sts = false,
    prohibited_hosts = {}, -- the sink may be on this machine
  }
end)

-- Delivery by HTTP --------------------------------------------------------------

-- Answers that say there is something wrong with this message, not with us or
-- with the service: it would get the same again.
local REFUSED = { [400] = true, [413] = true, [415] = true, [422] = true }

local function post_message(client, msg)
  local request = client
    :post(C.HTTP_DELIVERY.url)
    :header('Content-Type', 'message/rfc822')
    :header('X-Envelope-From', msg:sender().email)
    :header('X-Envelope-To', msg:recipient().email)
  if C.HTTP_DELIVERY.key_file then
    request:bearer_auth(C.secret(C.HTTP_DELIVERY.key_file))
  end
  local response = request:body(msg:get_data()):send()
  -- Once the text is read, nothing else may be asked of the response. A text that
  -- cannot be read undoes nothing: the message would be sent twice.
  local status, sent = response:status_code(), response:status_is_success()
  local readable, text = pcall(response.text, response)
  local outcome = string.format(
    '%d %s',
    status,
    readable and (tostring(text):sub(1, 200):gsub('%c+', ' ')) or ''
  )
  if sent then
    return outcome
  end
  kumo.reject(REFUSED[status] and 550 or 450, outcome)
end

if C.HTTP_DELIVERY then
  kumo.on(HTTP_CONSTRUCTOR, function(_domain, _tenant, _campaign)
    local connection = {}
    local client = kumo.http.build_client {
      user_agent = 'kumotrail-policy',
      timeout = '60s',
    }

    function connection:send(msg)
      return post_message(client, msg)
    end

    function connection:close()
      client:close()
    end

    return connection
  end)
end

-- Requeueing ----------------------------------------------------------------------

-- `kcli rebind --trigger-rebind-event` and POST /api/admin/rebind/v1 with
-- trigger_rebind_event: what the request names is set, an empty text unset; one
-- that names nothing has queues.toml decide anew. A hook's events are left
-- alone: a rebind without criteria means every message there is.
kumo.on('rebind_message', function(msg, data)
  if msg:get_meta 'reception_protocol' == 'LogRecord' then
    return
  end
  local named = false
  for _, name in ipairs { 'queue', 'routing_domain', 'tenant', 'campaign' } do
    local value = data[name]
    if value then
      named = true
      msg:set_meta(name, value ~= '' and value or nil)
    end
  end
  if not named then
    msg:set_meta('queue', nil)
    msg:set_meta('routing_domain', nil)
    mod.apply(msg)
  end
end)

return mod
