-- Adds a page of records to an archive that is not yet a session's.
--
-- KEYS: after the session's keys, the list of the records.
-- ARGV: the number of records before the page, the time that the list is kept after it (ms), the records.
-- Returns 1, or 0 if the list does not hold as many records. A page that was added before is not added again.
local STAGED, FIRST, before = KEYS[4], 3, tonumber(ARGV[1])
local length = redis.call('LLEN', STAGED)
if length == before then
  push('RPUSH', STAGED, ARGV, FIRST, #ARGV)
elseif length ~= before + #ARGV - FIRST + 1 then
  return 0
end
redis.call('PEXPIRE', STAGED, ARGV[2])
return 1
