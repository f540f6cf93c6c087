-- Returns the number of archived records, the active records and a part of the archived ones, and writes nothing.
--
-- ARGV: the indexes of the first and of the last record of the part, as LRANGE takes them.
return { redis.call('LLEN', ARCHIVE), redis.call('LRANGE', LIST, 0, -1), redis.call('LRANGE', ARCHIVE, ARGV[1], ARGV[2]) }
