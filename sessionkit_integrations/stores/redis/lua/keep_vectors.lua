-- Keeps vectors of a session, unless it is gone. One that is there stays.
--
-- ARGV: now (Unix ms); the name of each vector, and the vector.
-- Returns 1.
local FIRST = 2
if redis.call('EXISTS', LIST, ARCHIVE) > 0 then
  local meta, names = load_meta(tonumber(ARGV[1])), {}
  for index = FIRST, #ARGV, 2 do
    redis.call('HSETNX', vectors_key(ARGV[index]), 'v', ARGV[index + 1])
    names[#names + 1] = ARGV[index]
  end
  push('SADD', vectors_key(), names, 1, #names)
  if not meta.extras.v and meta.length + meta.archived > 0 then
    meta.extras.v = ''
    save_meta(meta, 0)
  end
end
return 1
