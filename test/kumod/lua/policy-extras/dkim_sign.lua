-- DKIM by the domain of the From header.
local check = require 'check'
local kumo = require 'kumo'
local utils = require 'policy-extras.policy_utils'

local dkim_sign = {}

local function read(files)
  local data = { base = {}, domain = {}, signature = {} }
  for _, file in ipairs(files) do
    local given = utils.load_json_or_toml_file(file)
    for name in pairs(given) do
      if not data[name] then
        error('dkim_sign: unknown section ' .. name, 0)
      end
    end
    utils.recursive_merge_into(given, data)
  end
  check('dkim_base', data.base)
  for _, blocks in ipairs { data.domain, data.signature } do
    for name, block in pairs(blocks) do
      check('dkim_block', block)
      if not block.selector and not data.base.selector then
        error('dkim_sign: no selector for ' .. name, 0)
      end
    end
  end
  data.map = kumo.domain_map.new(data.domain)
  return data
end

local function signer(data, block, domain)
  local selector = block.selector or data.base.selector
  local make = block.algo == 'ed25519' and kumo.dkim.ed25519_signer or kumo.dkim.rsa_sha256_signer
  return make {
    domain = domain,
    selector = selector,
    headers = block.headers or data.base.headers,
    key = block.filename or string.format('/opt/kumomta/etc/dkim/%s/%s.key', domain, selector),
  }
end

function dkim_sign:setup(files)
  local cached = kumo.memoize(read, { name = 'dkim_signing_data', ttl = '5 minutes', capacity = 10 })
  kumo.on('validate_config', function()
    read(files)
  end)
  return function(msg)
    local data = cached(files)
    local from = msg:from_header()
    local block = from and data.map[from.domain]
    if block then
      msg:dkim_sign(signer(data, block, from.domain))
    end
    for _, name in ipairs(data.base.additional_signatures or {}) do
      local extra = data.signature[name] or error('dkim_sign: no signature ' .. name, 0)
      if extra.policy ~= 'OnlyIfMissingDomainBlock' or not block then
        msg:dkim_sign(signer(data, extra, extra.domain))
      end
    end
  end
end

return dkim_sign
