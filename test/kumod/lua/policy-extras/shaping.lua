-- Traffic shaping from files. The shipped one comes first.
local check = require 'check'
local kumo = require 'kumo'

local shaping = {}
local configured = false

function shaping:setup(files)
  return self:setup_with_automation({ extra_files = files, publish = {}, subscribe = {} }).get_egress_path_config
end

function shaping:setup_with_automation(options)
  check('setup_with_automation', options)
  if configured then
    error('shaping is set up already', 0)
  end
  configured = true
  local files = {}
  if not options.no_default_files then
    files[1] = '/opt/kumomta/share/policy-extras/shaping.toml'
  end
  for _, file in ipairs(options.extra_files or {}) do
    files[#files + 1] = file
  end
  local cached = kumo.memoize(function(names)
    return kumo.shaping.load(names, options.load_validation_options)
  end, { name = 'shaping_data', ttl = '1 minute', capacity = 10 })

  kumo.on('validate_config', function()
    kumo.shaping.load(files, options.validation_options)
  end)
  local hooks = {}
  for _, url in ipairs(options.publish or {}) do
    local hook = url .. '.tsa.kumomta'
    hooks[hook] = true
    kumo.on('make.' .. hook, function()
      return {}
    end)
  end

  -- Registered whether there is anything to publish or not.
  kumo.on('get_queue_config', function(domain)
    if hooks[domain] then
      return kumo.make_queue_config { protocol = { custom_lua = { constructor = 'make.' .. domain } } }
    end
  end)
  kumo.on('should_enqueue_log_record', function(msg, name)
    if hooks[name] then
      msg:set_meta('queue', name)
      return true
    end
  end)

  return {
    get_egress_path_config = function(domain, source, site)
      return kumo.make_egress_path(cached(files):get_egress_path_config(domain, source, site))
    end,
    setup_publish = function()
      for _, url in ipairs(options.publish or {}) do
        kumo.configure_log_hook { name = url .. '.tsa.kumomta' }
      end
    end,
  }
end

return shaping
