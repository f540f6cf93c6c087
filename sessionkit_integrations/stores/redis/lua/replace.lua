-- Replaces a session's active records, or adds to or clears its archive, if nobody changed it meanwhile.
--
-- ARGV: operation id, now (Unix ms), ttl (ms, 0 for none), the expected digest of the active records (empty for any), the
--       sum of 1 (keep what is evicted), 2 (let it wait for a summary) and 4 (clear the archive), the number of new active
--       records (-1 to leave those alone), the number of evicted records, the letters of the roles of all records, what
--       a summary covers ("records turns summarized created", as they were before), or what summaries had come to in a
--       session that is brought from elsewhere ("summarized waiting turns;" and its extras), or nothing; the new active
--       records, the evicted records, the records to archive; the documents of them all, if a search is to find them.
--       A session that is to begin says "summarized waiting turns staged;". If that number is not 0, the last key is a
--       list of as many records, which becomes the archive, before what is archived besides.
-- Returns 1, or 0 if the digest is another one, if the session has another summary, or if it is to begin and exists.
local FIRST = 10
local operation, now, ttl, expected = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local flags, active, evicted, letters, covers = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8], ARGV[9]
local keep, wait, clear = flags % 2 == 1, flags % 4 >= 2, flags >= 4
local first_evicted = FIRST + math.max(active, 0)
local first_archived = first_evicted + evicted
local last = FIRST + #letters - 1
local indexed = #ARGV > last

local meta = load_meta(now)
if is_retry(meta, operation) then
  return 1
end
if expected ~= '' and redis.sha1hex(table.concat(redis.call('LRANGE', LIST, 0, -1), '\n')) ~= expected then
  return 0
end

local covered, covered_turns, summarized, created = string.match(covers, '^(%d+) (%d+) (%d+) (%d+)$')
if covered then
  covered, covered_turns = tonumber(covered), tonumber(covered_turns)
  if meta.summarized ~= tonumber(summarized) or meta.created ~= tonumber(created) or covered > meta.waiting then
    return 0
  end
end
local brought, waiting, waiting_turns, staged, extras = string.match(covers, '^(%d+) (%d+) (%d+) ?(%d*);(.*)$')
staged = tonumber(staged or '')
if staged and (redis.call('EXISTS', LIST, ARCHIVE) > 0 or (staged > 0 and redis.call('LLEN', KEYS[#KEYS]) ~= staged)) then
  return 0
end

-- Keys that are not lists fail here, before anything is written.
local length = redis.call('LLEN', LIST)
meta.archived = redis.call('LLEN', ARCHIVE)

local waits = wait or summarizes(meta)
if not keep and not waits then
  first_evicted = first_archived -- they are gone
end
local archived = last - first_evicted + 1
local preamble = #string.match(string.sub(letters, 1, math.max(active, 0)), '^s*')
-- The number of the first active record, and the one after the last of the documents that are written.
local first, written = 0, 0
if indexed or meta.base then
  meta.base = meta.base or 0
  first = meta.base + meta.archived
  written = first
  if active < 0 and archived > 0 then
    for number = first + length - 1, first, -1 do
      redis.pcall('RENAME', document_key(number), document_key(number + archived))
    end
  end
  if indexed then
    for index = first_evicted, last do
      write_document(first + index - first_evicted, ARGV[index], ARGV[index + #letters], true)
    end
    for index = preamble, active - 1 do
      write_document(first + archived + index - preamble, ARGV[FIRST + index], ARGV[FIRST + index + #letters],
        true)
    end
    written = first + archived + math.max(active - preamble, 0)
  end
end

-- The time that the session has left, which new keys take over where the store sets none itself.
local left = ttl
if ttl == 0 then
  left = time_left(LIST)
  if left == -2 then -- there is no list
    left = time_left(ARCHIVE)
  end
end
meta.inherited = left
if covered then
  meta.waiting = meta.waiting - covered
  meta.waiting_turns = meta.waiting > 0 and math.max(meta.waiting_turns - covered_turns, 0) or 0
  meta.summarized = meta.summarized + covered
  if not keep then
    local kept = meta.archived - meta.waiting - covered -- from a time when the store archived
    if kept > 0 then
      local rest = redis.call('LRANGE', ARCHIVE, kept + covered, -1)
      redis.call('LTRIM', ARCHIVE, 0, kept - 1)
      push('RPUSH', ARCHIVE, rest, 1, #rest)
    else
      redis.call('LTRIM', ARCHIVE, covered, -1)
    end
    meta.archived = meta.archived - covered
    if meta.base then
      delete_documents(meta.base + math.max(kept, 0), meta.base + math.max(kept, 0) + covered - 1)
      meta.base = meta.base + covered
    end
  end
end
if clear then
  redis.call('DEL', ARCHIVE)
  if meta.base then
    delete_documents(meta.base, meta.base + meta.archived - 1)
    meta.base = meta.base + meta.archived
  end
  meta.summarized = meta.summarized + meta.waiting
  meta.archived, meta.waiting, meta.waiting_turns = 0, 0, 0
end
if staged then
  if staged > 0 then
    redis.call('RENAME', KEYS[#KEYS], ARCHIVE)
  end
  meta.archived, meta.appended = staged, 0
end
push('RPUSH', ARCHIVE, ARGV, first_evicted, last)
meta.archived = meta.archived + archived
if waits then
  meta.waiting = meta.waiting + archived
  local offset = math.max(active, 0)
  meta.waiting_turns = meta.waiting_turns + turns_of(string.sub(letters, offset + 1, offset + evicted))
    + turns_of(string.sub(letters, offset + evicted + 1))
end
if brought then
  meta.waiting, meta.waiting_turns, meta.summarized = tonumber(waiting), tonumber(waiting_turns), tonumber(brought)
  meta.created, meta.extras = now, read_extras(extras)
end
if active >= 0 then
  redis.call('DEL', LIST)
  push('RPUSH', LIST, ARGV, FIRST, FIRST + active - 1)
  for index = FIRST, FIRST + active - 1 do
    meta.tokens = meta.tokens or (tokens_of(ARGV[index]) > 0 and 0)
  end
  count_from_scratch(meta)
  count(meta, string.sub(letters, 1, active), ARGV, FIRST)
  if meta.base then
    delete_documents(written, first + length - 1)
  end
end
if redis.call('EXISTS', LIST) == 0 and redis.call('EXISTS', ARCHIVE) == 0 then
  -- The session is gone, and what was done to it is forgotten: the next message begins another one. But a retry of
  -- what emptied it must still be known as one.
  if meta.extras.v then
    forget_vectors()
  end
  meta = empty_meta(now)
  remember(meta, operation, now)
  save_meta(meta, TOMBSTONE)
  return 1
end
if meta.extras.v and meta.base then
  -- Vectors of texts that are gone are dropped with the next look at the session, which this document asks for.
  redis.call('HDEL', document_key(meta.base + meta.archived + meta.length - meta.preamble - 1), 'model')
end
remember(meta, operation, now)
save_meta(meta, ttl)
if left > 0 then
  redis.call('PEXPIRE', LIST, left)
end
outlive(ARCHIVE, left)
return 1
