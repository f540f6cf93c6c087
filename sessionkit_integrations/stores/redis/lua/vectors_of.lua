-- Functions of the scripts that look after the vectors of a session. This text stands behind `common.lua` there.
local function vectors_key(name)
  return string.sub(META, 1, -5) .. (name and 'vectors:' .. name or 'vectors')
end

-- Deletes vectors of the session, given their names.
local function delete_vectors(names)
  for from = 1, #names, CHUNK do
    local keys = {}
    for index = from, math.min(from + CHUNK - 1, #names) do
      keys[#keys + 1] = vectors_key(names[index])
    end
    redis.call('DEL', unpack(keys))
  end
end

-- Deletes all vectors of the session.
local function forget_vectors()
  delete_vectors(redis.call('SMEMBERS', vectors_key()))
  redis.call('DEL', vectors_key())
end

-- Returns what changes with each write of the session.
local function state_of(meta)
  return redis.sha1hex(meta.operations)
end
