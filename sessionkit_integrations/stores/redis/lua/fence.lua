-- Refuses a write of a turn that is over. This text stands between the functions and the script of a write.
--
-- KEYS: after the session's keys, the lease of its turn.
-- ARGV: after the write's arguments, the holder of the turn. The first one is the operation id.
-- Returns -9 if somebody else has the turn, or nobody. An operation that was done before, in time, is answered as ever.
if redis.call('GET', KEYS[4]) ~= table.remove(ARGV) then
  local text = redis.pcall('GET', META)
  if not is_retry(read_meta(type(text) == 'string' and text, 0), ARGV[1]) then
    return -9
  end
end
