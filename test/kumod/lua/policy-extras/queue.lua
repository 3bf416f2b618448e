-- Queues by domain, tenant and campaign. It must be the last to register for
-- get_queue_config.
local check = require 'check'
local kumo = require 'kumo'
local options_of = require 'options'
local registry = require 'registry'
local utils = require 'policy-extras.policy_utils'

local queue = {}
local configured = false

-- Options that are the helper's own, beside those of a queue.
local own = { overall_max_message_rate = true, routing_domain = true, require_authz = true }

local function is_option(name)
  return options_of.make_queue_config[name] ~= nil
end

local function pick(from, into)
  for name, value in pairs(from or {}) do
    if is_option(name) then
      into[name] = value
    end
  end
end

-- known raises for a name that is neither an option nor the table of a deeper
-- level: in kumod it would be taken for the name of a tenant or campaign.
local function known(where, level)
  for name, value in pairs(level) do
    if is_option(name) then
      kumo.make_queue_config { [name] = value }
    elseif not own[name] and type(value) ~= 'table' then
      error(string.format('%s: unknown option %s', where, name), 0)
    end
  end
end

local function read(files)
  local data = { tenants = {}, queues = {}, options = {} }
  for _, file in ipairs(files) do
    for name, value in pairs(utils.load_json_or_toml_file(file)) do
      if name == 'tenant' then
        utils.recursive_merge_into(value, data.tenants)
      elseif name == 'queue' then
        utils.recursive_merge_into(value, data.queues)
      else
        data.options[name] = value
      end
    end
  end
  check('queue_helper', data.options)
  for name, tenant in pairs(data.tenants) do
    known('tenant ' .. name, tenant)
  end
  for name, domain in pairs(data.queues) do
    known('queue ' .. name, domain)
  end
  data.map = kumo.domain_map.new(data.queues)
  return data
end

local function resolve(data, domain, tenant, campaign)
  local params = {}
  pick(data.queues.default, params)
  local found = data.map[domain] or {}
  pick(found, params)
  pick(data.tenants[tenant or ''], params)
  local deeper = found[tenant or ''] or {}
  pick(deeper, params)
  pick(deeper[campaign or ''], params)
  return params
end

function queue:setup(files)
  return self:setup_with_options { file_names = files, skip_queue_config_hook = false }
end

function queue:setup_with_options(options)
  check('queue_setup', options)
  if configured then
    error('the queue helper is set up already', 0)
  end
  configured = true
  local cached = kumo.memoize(read, { name = 'queue_helper_data', ttl = '1 minute', capacity = 10 })
  local helper = {}

  if not options.skip_queue_config_hook then
    kumo.on('get_queue_config', function(domain, tenant, campaign)
      local params = resolve(cached(options.file_names), domain, tenant, campaign)
      if next(params) then
        return kumo.make_queue_config(params)
      end
    end)
  end

  -- header takes what a header says of a message, and the header if asked to.
  local function header(msg, name, removes)
    local value = name and msg:get_first_named_header_value(name)
    if value and removes then
      msg:remove_all_named_headers(name)
    end
    return value
  end

  function helper:apply(msg)
    local data = cached(options.file_names)
    local set = data.options
    if set.scheduling_header then
      msg:import_scheduling_header(set.scheduling_header, true)
    end
    local campaign = header(msg, set.campaign_header, set.remove_campaign_header)
    if campaign then
      msg:set_meta('campaign', campaign)
    end
    local tenant = header(msg, set.tenant_header, set.remove_tenant_header) or set.default_tenant
    if not tenant then
      return
    end
    local config = data.tenants[tenant]
    if not config then
      kumo.reject(500, string.format("tenant '%s' is not defined in your queue config", tenant))
    end
    if config.require_authz and not utils.table_contains(config.require_authz, msg:get_meta 'authz_id') then
      kumo.reject(500, string.format("tenant '%s' requires SMTP AUTH", tenant))
    end
    msg:set_meta('tenant', tenant)
  end

  function helper:resolve_config(domain, tenant, campaign)
    return resolve(cached(options.file_names), domain, tenant, campaign)
  end

  kumo.on('validate_config', function()
    read(options.file_names)
    local last
    for _, registered in ipairs(registry.order) do
      if registered.event == 'get_queue_config' then
        last = registered.by
      end
    end
    if last ~= 'policy-extras.queue' then
      print('the queue helper is not the last to register for get_queue_config, but ' .. tostring(last))
      kumo.validation_failed()
    end
  end)

  return helper
end

return queue
