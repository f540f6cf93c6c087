-- Replaces some records with others that say the same, and changes nothing else of the session.
--
-- ARGV: now (Unix ms), the sum of 1 (in the archive) and 2 (their documents forget them), the index of the first of the records
--       there, their digest; the new records.
-- Returns 1, also if the new ones are there already, or 0 if others are.
local FIRST = 5
local UNREAD = '\238\128\128unread' -- the word of a document whose record could not be read
local now, flags, index, expected = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local archived, hides = flags % 2 == 1, flags >= 2
local key = archived and ARCHIVE or LIST

local found = redis.call('LRANGE', key, index, index + #ARGV - FIRST)
local digest = redis.sha1hex(table.concat(found, '\n'))
if digest ~= expected then
  return digest == redis.sha1hex(table.concat(ARGV, '\n', FIRST)) and 1 or 0
end
local meta = load_meta(now)
local length = redis.call('LLEN', LIST)
local first = meta.base and meta.base + index + (archived and 0 or redis.call('LLEN', ARCHIVE) - meta.preamble)

local function exchange_document(number, before, after)
  local document = document_key(number)
  if hides then
    redis.call('DEL', document)
    -- Who may not write documents forgets them all the same.
    local at = string.match(string.sub(after, -24), '"at":(%d+)}$') or '-1'
    redis.pcall('HSET', document, 'words', UNREAD, 'parts', '', 'at', at, 'mark', fingerprint(after))
  elseif redis.call('HGET', document, 'mark') == fingerprint(before) then
    redis.call('HSET', document, 'mark', fingerprint(after))
  end
end

for at, before in ipairs(found) do
  local after = ARGV[FIRST + at - 1]
  if after ~= before then
    redis.call('LSET', key, index + at - 1, after)
    if first and (archived or index + at > meta.preamble) then
      exchange_document(first + at - 1, before, after)
    end
  end
end
if hides and meta.extras.v then
  forget_vectors()
end
-- The marks of the turns are of the records that were there. A meta that is not of this list is left for the next write.
if not archived and meta.length == length then
  recount(meta, redis.call('LRANGE', LIST, 0, -1))
  save_meta(meta, 0)
end
return 1
