-- kumo.http: each request goes to the driver, which answers or fails it.
local check = require 'check'
local class = require 'object'
local host = require 'host'

-- Once the body is read nothing else may be asked of a response.
local function unread(self)
  if rawget(self, '_read') then
    error('the response was read already', 0)
  end
  return rawget(self, '_answer')
end

local function between(low, high)
  return function(self)
    local code = unread(self).status
    return code >= low and code <= high
  end
end

local function body(self)
  local answer = unread(self)
  rawset(self, '_read', true)
  if answer.text_error then
    error(answer.text_error, 0)
  elseif answer.odd == 'nil' then
    return nil
  elseif answer.odd == 'number' then
    return 42
  elseif answer.odd == 'table' then
    return { 'no', 'text' }
  end
  return answer.text or ''
end

local response = class('Response', {
  status_code = function(self)
    return unread(self).status
  end,
  -- Not every code has a reason.
  status_reason = function(self)
    return unread(self).reason
  end,
  status_is_informational = between(100, 199),
  status_is_success = between(200, 299),
  status_is_redirection = between(300, 399),
  status_is_client_error = between(400, 499),
  status_is_server_error = between(500, 599),
  headers = function(self)
    return unread(self).headers or {}
  end,
  content_length = function(self)
    return #(unread(self).text or '')
  end,
  text = body,
  bytes = body,
})

local function header(self, name, value)
  if type(name) ~= 'string' or type(value) ~= 'string' then
    error('header: a name and a value, both strings', 0)
  end
  if not name:find "^[%w!#$%%&'*+.^_`|~-]+$" then
    error('header: no such name: ' .. name, 0)
  end
  if value:find '[%c\127]' then
    error('header: a control character in the value of ' .. name, 0)
  end
  rawget(self, '_request').headers[name:lower()] = value
  return self
end

local request = class('Request', {
  header = header,
  headers = function(self, headers)
    for name, value in pairs(headers) do
      header(self, name, value)
    end
    return self
  end,
  bearer_auth = function(self, token)
    return header(self, 'authorization', 'Bearer ' .. token)
  end,
  basic_auth = function(self, user, password)
    return header(self, 'authorization', 'Basic ' .. user .. ':' .. (password or ''))
  end,
  timeout = function(self, timeout)
    check('build_client', { timeout = timeout })
    rawget(self, '_request').timeout = timeout
    return self
  end,
  body = function(self, text)
    if type(text) ~= 'string' then
      error('body: a string', 0)
    end
    rawget(self, '_request').body = text
    return self
  end,
  send = function(self)
    return response { _answer = host.ask(rawget(self, '_request')) }
  end,
  form_multipart_data = function()
    error('form_multipart_data is not played here', 0)
  end,
  form_url_encoded = function()
    error('form_url_encoded is not played here', 0)
  end,
})

local function method(name)
  return function(self, url)
    if rawget(self, '_closed') then
      error('the client is closed', 0)
    end
    if type(url) ~= 'string' or not url:find '^https?://[^/%s]' then
      error('builder error: this is no URL: ' .. tostring(url), 0)
    end
    local client = rawget(self, '_client')
    return request { _request = { ask = 'http', method = name, url = url, headers = {}, body = '', client = client } }
  end
end

local client = class('Client', {
  get = method 'GET',
  post = method 'POST',
  put = method 'PUT',
  close = function(self)
    rawset(self, '_closed', true)
  end,
}, { close = '2024.09.02' })

local http = {}

function http.build_client(options)
  return client { _client = check('build_client', options), _closed = false }
end

return http
