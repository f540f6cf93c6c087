-- Finds the places of records whose documents a search found, and deletes the documents of records that are gone.
--
-- KEYS: the keys of some sessions, three for each, one session after another.
-- ARGV: for each session the numbers of its documents, a comma after each.
-- Returns for each session a text, with a word for each number: "a12" for a position in the archive, "w3" for one among the
-- active records, "-" for a record that is gone.
local FEW = 100 -- documents of a session that ended, which are deleted at a time

local function length_of(key)
  return tonumber(redis.pcall('LLEN', key)) or 0
end

local function has_mark(record, mark)
  return record and fingerprint(record) == mark
end

-- Deletes the documents of a session that ended, given the number of one: their numbers follow each other.
local function sweep(number)
  for step = -1, 1, 2 do
    local from = number
    repeat
      local keys = {}
      for index = 0, FEW - 1 do
        keys[#keys + 1] = document_key(from + step * index)
      end
      from = from + step * FEW
    until redis.call('DEL', unpack(keys)) < 1
  end
end

local function places_of(numbers)
  local archived, length = length_of(ARCHIVE), length_of(LIST)
  local text, active = redis.pcall('GET', META), nil
  local meta = read_meta(type(text) == 'string' and text, 0)

  local function place_of(number)
    local mark = redis.call('HGET', document_key(number), 'mark')
    if not mark then
      return '-'
    end
    if archived + length == 0 then
      sweep(number)
      return '-'
    end
    -- Where a store archived once and does not now, its base grows, but what is archived stays where it was.
    for _, index in ipairs({ number - (meta.base or 0), number }) do
      if index >= 0 and index < archived and has_mark(redis.call('LINDEX', ARCHIVE, index), mark) then
        return 'a' .. index
      end
    end
    local index = number - (meta.base or 0) - archived + meta.preamble
    if index >= 0 and index < length and has_mark(redis.call('LINDEX', LIST, index), mark) then
      return 'w' .. index
    end
    -- It may be elsewhere after a write of somebody who knows of no documents.
    active = active or redis.call('LRANGE', LIST, 0, -1)
    for at, record in ipairs(active) do
      if has_mark(record, mark) then
        return 'w' .. at - 1
      end
    end
    redis.call('DEL', document_key(number))
    return '-'
  end

  local places = {}
  for number in string.gmatch(numbers, '(%d+),') do
    places[#places + 1] = place_of(tonumber(number))
  end
  return table.concat(places, ' ')
end

local found = {}
for session, numbers in ipairs(ARGV) do
  LIST, META, ARCHIVE = KEYS[3 * session - 2], KEYS[3 * session - 1], KEYS[3 * session]
  found[session] = places_of(numbers)
end
return found
