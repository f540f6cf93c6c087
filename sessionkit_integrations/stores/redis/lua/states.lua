-- Returns the states of some sessions, and deletes the vectors of those that ended.
--
-- KEYS: the keys of the sessions, three for each, one session after another.
-- Returns for each session a text; an empty one if it ended.
local states = {}
for session = 1, #KEYS / 3 do
  LIST, META, ARCHIVE = KEYS[3 * session - 2], KEYS[3 * session - 1], KEYS[3 * session]
  if redis.call('EXISTS', LIST, ARCHIVE) > 0 then
    states[session] = state_of(load_meta(0))
  else
    forget_vectors()
    states[session] = ''
  end
end
return states
