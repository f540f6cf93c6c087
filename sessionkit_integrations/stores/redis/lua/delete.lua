-- Deletes all that is kept of a session, but remembers for a while that it did: if this is sent again after its reply
-- was lost, it must not take what was written meanwhile.
--
-- ARGV: operation id, now (Unix ms).
-- Returns 1, or 0 if the operation had been done before.
local operation, now = ARGV[1], tonumber(ARGV[2])

-- Whatever somebody else put under our keys goes as well, so that a meta that is not a string is not a fault here.
local text = redis.pcall('GET', META)
local meta = read_meta(type(text) == 'string' and text, now)
if is_retry(meta, operation) then
  return 0
end
if meta.base then
  local length, archived = redis.pcall('LLEN', LIST), redis.pcall('LLEN', ARCHIVE)
  delete_documents(meta.base, meta.base + (tonumber(length) or 0) + (tonumber(archived) or 0) - 1)
end
if meta.extras.v then
  forget_vectors()
end
redis.call('DEL', LIST, ARCHIVE)
meta = empty_meta(now)
remember(meta, operation, now)
save_meta(meta, TOMBSTONE)
return 1
