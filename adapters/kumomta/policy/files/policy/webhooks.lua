-- Log events to kumotrail, and beside it to RabbitMQ where that is configured.
--
-- KumoMTA keeps an event in its spool until this says what became of it:
-- a string is "delivered"; a rejection with 4xx, or any other error, is "again
-- later"; a rejection with 5xx is "lost", which nothing here ever says.
-- So nothing here catches errors either: a refused connection is one.

local kumo = require 'kumo'
local log_hooks = require 'policy-extras.log_hooks'
local C = require 'policy.constants'

-- Of KumoMTA's answer to itself the local log keeps this much.
local function brief(text)
  return (tostring(text):sub(1, 200):gsub('%c+', ' '))
end

-- A log hook's queue holds on for as long as a receiver may be away, and comes
-- back to it soon: by default KumoMTA gives up after 7 days, and waits for up to
-- 20 minutes.
local function queue_config()
  return {
    max_age = '30 days',
    retry_interval = '15s',
    max_retry_interval = '2m',
  }
end

-- The options that all hooks share. No per_record: switching Reception off
-- would switch out-of-band bounces off too.
local function hook(name, constructor)
  local options = {
    name = name,
    batch_size = C.BATCH_SIZE,
    log_parameters = { meta = C.META },
    queue_config = queue_config(),
    constructor = constructor,
  }
  if C.HAS.min_batch_size then
    options.min_batch_size = C.MIN_BATCH_SIZE
    options.max_batch_latency = C.MAX_BATCH_LATENCY
  end
  return options
end

-- One record a line. The data is the record's exact JSON; meta 'log_record',
-- encoded again, would lack what is null and spell empty lists as objects.
local function line(message)
  local data = message:get_data()
  return data:sub(-1) == '\n' and data or data .. '\n'
end

-- A record that alone is too large holds a returned or reported message with its
-- attachments: send of that the headers, by which the report finds its message.
-- The local log has all of it. nil if there is nothing to leave out.
local function shortened(message)
  local record = message:get_meta 'log_record'
  local report = type(record) == 'table' and record.feedback_report
  local original = type(report) == 'table' and report.original_message
  if not original then
    return nil
  end
  if type(original) == 'table' then -- bytes, as two releases spell it
    original =
      string.char(table.unpack(original, 1, math.min(#original, 16384)))
  end
  original = (original:match '^(.-\n)\r?\n' or original):sub(1, 16384)
  local valid, wrong_at = utf8.len(original)
  report.original_message = valid and original or original:sub(1, wrong_at - 1)
  return kumo.serde.json_encode(record) .. '\n'
end

local function post(client, key, body)
  local response = client
    :post(C.WEBHOOK_URL)
    :header('Content-Type', 'application/x-ndjson')
    :header('x-kumomta-key', key)
    :body(body)
    :send()
  return response:status_code(), response:text()
end

-- kumotrail says 2xx when all of the body is on disk, and 422 when it holds no
-- record at all and was put into quarantine. A 2xx without its count comes from
-- somebody else, such as a login page that a redirect led to.
local function is_taken(status, text)
  if status == 422 then
    return true
  end
  return status >= 200
    and status < 300
    and type(text) == 'string'
    and text:find('"received"', 1, true) ~= nil
end

-- deliver sends the messages from first to last, a body that is too large as two
-- halves, and returns what the local log shall say of it. What went through
-- before a later part failed is sent again: kumotrail tells duplicates apart.
local function deliver(client, key, messages, lines, first, last)
  local status, text =
    post(client, key, table.concat(lines, '', first, last))
  if status == 413 and first < last then
    local middle = (first + last) // 2
    deliver(client, key, messages, lines, first, middle)
    return deliver(client, key, messages, lines, middle + 1, last)
  end
  if status == 413 then
    local shorter = shortened(messages[first])
    if shorter then
      status, text = post(client, key, shorter)
    end
  end
  local outcome = string.format('%d %s', status, brief(text))
  if not is_taken(status, text) then
    kumo.reject(450, outcome)
  end
  return outcome
end

-- Not by the helper's own filter, which only the newest releases have: of
-- several handlers of this event the first that answers is the one. Handlers
-- that are not asked answer nothing.
if next(C.SKIP_EVENTS) then
  kumo.on('should_enqueue_log_record', function(msg, hook_name)
    if
      hook_name == C.HOOK
      and C.SKIP_EVENTS[msg:get_meta('log_record').type]
    then
      return false
    end
  end)
end

log_hooks:new(hook(C.HOOK, function(_domain, _tenant, _campaign)
  local connection = {}
  local client = kumo.http.build_client {
    user_agent = 'kumotrail-policy',
    timeout = '30s',
  }

  function connection:send_batch(messages)
    -- Read for every batch, so that a key changes without a restart.
    local key = C.webhook_key()
    local lines = {}
    for i, message in ipairs(messages) do
      lines[i] = line(message)
    end
    return deliver(client, key, messages, lines, 1, #lines)
  end

  function connection:close()
    client:close()
  end

  return connection
end))

-- RabbitMQ gets each event as a message of its own. KumoMTA does not wait for
-- the broker to confirm them, so this is a copy for others; what must not be
-- lost goes through the webhook.
if C.AMQP_FILE then
  log_hooks:new(hook(C.AMQP_HOOK, function(_domain, _tenant, _campaign)
    local connection = {}

    function connection:send_batch(messages)
      local broker = C.toml_secret(C.AMQP_FILE)
      for _, message in ipairs(messages) do
        kumo.amqp.basic_publish {
          connection = broker,
          exchange = C.AMQP_EXCHANGE,
          routing_key = C.AMQP_ROUTING_KEY,
          payload = message:get_data(),
          content_type = 'application/json',
          delivery_mode = 2, -- persistent
          message_id = message:id(), -- the same when it is sent again
        }
      end
      return string.format('%d published', #messages)
    end

    return connection
  end))
end
