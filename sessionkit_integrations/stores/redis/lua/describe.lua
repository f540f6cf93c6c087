-- Returns the figures of a session, and writes nothing.
--
-- ARGV: now (Unix ms).
-- Returns turns, messages, archived records, messages ever appended, the times of the first and the last write (Unix
-- ms), the ms that the session has left (-1 for no end), the tokens of the active records, the archived records that wait
-- for a summary, their turns, the records that summaries cover, and the extras of the meta. Where nobody kept count, as
-- for a list of the JavaScript SessionKit, the messages ever appended, the times and the tokens are -1. Returns nil if
-- there is no such session.

-- Whether the meta agrees with itself and with the head of the list.
local function is_true(meta)
  local size, mark = string.match(meta.sizes, '^(%d+):?(%d*):?%d*,')
  if not size then
    size, mark = meta.last, meta.mark
  end
  mark = tonumber(mark)
  local turns = select(2, string.gsub(meta.sizes, ',', ',')) + 1
  if meta.turns ~= turns or not mark or meta.preamble + size > meta.length then
    return false
  end
  local found = 0
  for _, record in ipairs(redis.call('LRANGE', LIST, meta.preamble, meta.preamble + size - 1)) do
    found = add_to_mark(found, record)
  end
  return found == mark
end

local messages, archived = redis.call('LLEN', LIST), redis.call('LLEN', ARCHIVE)
if messages + archived == 0 then
  return false
end
local meta = load_meta(tonumber(ARGV[1]))
local appended, created, updated = meta.appended, meta.created, meta.updated
if meta.known == 0 or (meta.length == 0 and meta.archived == 0) then -- nobody of ours has written to it
  appended, created, updated = -1, -1, -1
end
if messages > 0 and (meta.length ~= messages or not is_true(meta)) then
  recount(meta, redis.call('LRANGE', LIST, 0, -1))
elseif messages == 0 then
  meta.turns = 0
end
return { meta.turns, messages, archived, appended, created, updated, time_left(messages > 0 and LIST or ARCHIVE),
  meta.tokens or -1, meta.waiting, meta.waiting_turns, meta.summarized,
  write_extras(meta.extras) }
