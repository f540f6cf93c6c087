-- Tells those who watch the session of a write. This text stands behind the script of a write, which is a function then.
--
-- ARGV: last of all, the channel of the session.
-- A notice is only a hint, so that a user without rights to the channel writes all the same.
local reply = write()
if type(reply) ~= 'number' or reply >= 0 then
  redis.pcall('PUBLISH', CHANNEL, '')
end
return reply
