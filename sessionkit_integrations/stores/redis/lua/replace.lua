-- Replaces a session's active records, or adds to or clears its archive, if nobody changed it meanwhile.
--
-- ARGV: operation id, now (Unix ms), ttl (ms, 0 for none), the expected digest of the active records (empty for
--       any), the number of new active records (-1 to leave those alone), whether to clear the archive (0 or 1),
--       the letters of the new active records' roles, the new active records, the records to archive.
-- Returns 1, or 0 if the digest is another one.
local FIRST = 8
local operation, now, ttl, expected = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local active, clear, letters = tonumber(ARGV[5]), ARGV[6] == '1', ARGV[7]
local first_archived = FIRST + math.max(active, 0)

local meta = load_meta(now)
if is_retry(meta, operation) then
  return 1
end
if expected ~= '' and redis.sha1hex(table.concat(redis.call('LRANGE', LIST, 0, -1), '\n')) ~= expected then
  return 0
end

-- Keys that are not lists fail here, before anything is written.
redis.call('LLEN', LIST)
meta.archived = redis.call('LLEN', ARCHIVE)

-- The time that the session has left, which new keys take over where the store sets none itself.
local left = ttl
if ttl == 0 then
  left = time_left(LIST)
  if left == -2 then -- there is no list
    left = time_left(ARCHIVE)
  end
end
meta.inherited = left
if clear then
  redis.call('DEL', ARCHIVE)
  meta.archived = 0
end
push('RPUSH', ARCHIVE, ARGV, first_archived, #ARGV)
meta.archived = meta.archived + #ARGV - first_archived + 1
if active >= 0 then
  redis.call('DEL', LIST)
  push('RPUSH', LIST, ARGV, FIRST, first_archived - 1)
  meta.length, meta.preamble, meta.turns, meta.last, meta.mark, meta.sizes = 0, 0, 0, 0, false, ''
  count(meta, letters, ARGV, FIRST)
end
if redis.call('EXISTS', LIST) == 0 and redis.call('EXISTS', ARCHIVE) == 0 then
  -- The session is gone, and what was done to it is forgotten: the next message begins another one. But a retry of
  -- what emptied it must still be known as one.
  meta = empty_meta(now)
  remember(meta, operation, now)
  save_meta(meta, TOMBSTONE)
  return 1
end
remember(meta, operation, now)
save_meta(meta, ttl)
if left > 0 then
  redis.call('PEXPIRE', LIST, left)
end
outlive(ARCHIVE, left)
return 1
