-- Notes in the documents of a session that a model has seen it all, and drops the vectors of texts that are gone.
--
-- ARGV: the state of the session at that time; the mark of the model; numbers of documents, a comma after each; the names of
--       the vectors of its texts, a comma after each.
-- Returns 1, or 0 if the session was written to since.
local state, model, numbers, names = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local meta = load_meta(0)
if redis.call('EXISTS', LIST, ARCHIVE) == 0 or state_of(meta) ~= state then
  return 0
end

local function mark(number)
  local key = document_key(number)
  local known = redis.call('HMGET', key, 'mark', 'model')
  if known[1] and known[2] ~= model then
    redis.call('HSET', key, 'model', model)
  end
end

local first = meta.base or 0
for number = first, first + redis.call('LLEN', LIST) + redis.call('LLEN', ARCHIVE) - meta.preamble - 1 do
  mark(number)
end
-- Some may be elsewhere after a write of somebody who knows of no documents.
for number in string.gmatch(numbers, '(%d+),') do
  mark(tonumber(number))
end

local present, gone = {}, {}
for name in string.gmatch(names, '([^,]+),') do
  present[name] = true
end
for _, name in ipairs(redis.call('SMEMBERS', vectors_key())) do
  if not present[name] then
    gone[#gone + 1] = name
  end
end
delete_vectors(gone)
push('SREM', vectors_key(), gone, 1, #gone)
return 1
