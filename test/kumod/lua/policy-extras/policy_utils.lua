-- The helper's helpers that other helpers and policies use.
local kumo = require 'kumo'
local utils = {}

function utils.merge_into(from, into)
  for k, v in pairs(from or {}) do
    into[k] = v
  end
end

function utils.recursive_merge_into(from, into)
  for k, v in pairs(from or {}) do
    if type(v) == 'table' and type(into[k]) == 'table' then
      utils.recursive_merge_into(v, into[k])
    else
      into[k] = v
    end
  end
end

function utils.table_contains(list, wanted)
  for _, v in ipairs(list or {}) do
    if v == wanted then
      return true
    end
  end
  return false
end

function utils.table_is_empty(t)
  return next(t) == nil
end

function utils.starts_with(text, with)
  return text:sub(1, #with) == with
end

function utils.ends_with(text, with)
  return with == '' or text:sub(-#with) == with
end

function utils.load_json_or_toml_file(file)
  if type(file) == 'table' then
    return file
  elseif file:find '%.json$' then
    return kumo.serde.json_load(file)
  end
  return kumo.serde.toml_load(file)
end

-- copy is for tables that stand in a cache.
function utils.copy(t)
  local copied = {}
  utils.merge_into(t, copied)
  return copied
end

return utils
