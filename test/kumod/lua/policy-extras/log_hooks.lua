-- A log hook with its queue NAME.log_hook and the constructor make.NAME.log_hook.
local check = require 'check'
local kumo = require 'kumo'
local utils = require 'policy-extras.policy_utils'

local log_hooks = {}
local configured = {}

function log_hooks:new(options)
  check('log_hooks', options)
  if configured[options.name] then
    error('log_hooks: ' .. options.name .. ' is there already', 0)
  end
  configured[options.name] = true
  local domain = options.name .. '.log_hook'
  local constructor = 'make.' .. domain

  kumo.on('pre_init', function()
    local parameters = { name = options.name }
    utils.merge_into(options.log_parameters, parameters)
    kumo.configure_log_hook(parameters)
  end)

  kumo.on('should_enqueue_log_record', function(msg, hook)
    if hook ~= options.name then
      return nil
    end
    if msg:get_meta('log_record').reception_protocol == 'LogRecord' then
      return false
    end
    if options.filter and not options.filter(msg) then
      return false
    end
    msg:set_meta('queue', domain)
    return true
  end)

  kumo.on('get_queue_config', function(queue)
    if queue ~= domain then
      return nil
    end
    local config = { retry_interval = '1m', max_retry_interval = '20m' }
    utils.merge_into(options.queue_config, config)
    config.protocol = {
      custom_lua = {
        constructor = constructor,
        batch_size = options.batch_size,
        min_batch_size = options.min_batch_size,
        max_batch_latency = options.max_batch_latency,
      },
    }
    return kumo.make_queue_config(config)
  end)

  kumo.on(constructor, options.constructor)
end

return log_hooks
