-- Returns vectors of a session, given their names; nil for those that there are none of.
local found = {}
for index, name in ipairs(ARGV) do
  found[index] = redis.call('HGET', vectors_key(name), 'v')
end
return found
