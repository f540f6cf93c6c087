-- Takes a lease of a session, renews it or gives it back.
--
-- KEYS: after the session's keys, the lease.
-- ARGV: the holder, the time that it is to have the lease (ms, 0 to give it back).
-- Returns 1, or 0 if somebody else has it.
local LEASE, holder, left = KEYS[4], ARGV[1], tonumber(ARGV[2])
local found = redis.call('GET', LEASE)
if found and found ~= holder then
  return 0
end
if left > 0 then
  redis.call('SET', LEASE, holder, 'PX', left)
elseif found then
  redis.call('DEL', LEASE)
end
return 1
