-- What the scripts share; it is put before each of them.
--
-- KEYS: the list of active records, the meta string, the list of archived records.
-- Meta is one line: "1 length preamble turns last sizes appended archived created age earlier lately known operations".
-- `last` is the number of messages in the last turn of the list and `sizes` are those of the turns before it, with a
-- comma after each ("-" where there are none). `appended` counts messages for ever, `archived` those in the archive.
-- `age` is how long after `created` it was last changed, both in ms. `earlier` and `lately` are the operations of the
-- previous and of the present period, and `known` those whose ids are in `operations`, with a comma after each.
-- With it no append needs a scan of the list; a list without it can be adopted.
local LIST, META, ARCHIVE = KEYS[1], KEYS[2], KEYS[3]
local REMEMBERED = 32
local MOST_REMEMBERED = 256
local PERIOD = 10000 -- ms; the time in which an operation may be sent again, and more
local TOMBSTONE = 60000 -- ms
local CHUNK = 1000 -- unpack() fails beyond some 8,000 values

local function push(command, key, items, first, last)
  local length
  for from = first, last, CHUNK do
    length = redis.call(command, key, unpack(items, from, math.min(from + CHUNK - 1, last)))
  end
  return length
end

local function empty_meta(now)
  return {
    length = 0, preamble = 0, turns = 0, last = 0, sizes = '', operations = '', appended = 0, archived = 0, created = now,
    updated = tonumber(now), earlier = 0, lately = 0, known = 0,
  }
end

local function read_meta(text, now)
  local meta = empty_meta(now)
  if not text then
    return meta
  end
  local length, preamble, turns, last, sizes, appended, archived, created, age, earlier, lately, known, from =
    string.match(text, '^1 (%d+) (%d+) (%d+) (%d+) (%S+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) ()')
  if not length then
    return meta
  end
  meta.length, meta.preamble = tonumber(length), tonumber(preamble)
  meta.turns, meta.last = tonumber(turns), tonumber(last)
  meta.anew = meta.length == 0 -- what is left of an emptied session has a time to live that is not a new one's
  meta.sizes = sizes == '-' and '' or sizes
  meta.appended, meta.archived, meta.created = tonumber(appended), tonumber(archived), created
  meta.updated, meta.earlier, meta.lately = created + age, tonumber(earlier), tonumber(lately)
  meta.known, meta.operations = tonumber(known), string.sub(text, from)
  return meta
end

local function load_meta(now)
  return read_meta(redis.call('GET', META), now)
end

local function is_retry(meta, operation)
  local from = 1
  repeat
    local first, last = string.find(meta.operations, operation .. ',', from, true)
    if not first then
      return false
    end
    from = last + 1
  until first == 1 or string.sub(meta.operations, first - 1, first - 1) == ','
  return true
end

-- Remembers the last operations: 32, or those of the last two periods if they are more, as when many write at once and
-- one of them has to send its own again.
local function remember(meta, operation, now)
  now = math.max(tonumber(now), meta.updated) -- another writer's clock may be ahead
  local periods = math.floor(now / PERIOD) - math.floor(meta.updated / PERIOD)
  if periods > 0 then
    meta.earlier, meta.lately = meta.lately, 0
  end
  meta.updated, meta.lately = now, meta.lately + 1
  local most, from = math.max(REMEMBERED, math.min(MOST_REMEMBERED, meta.earlier + meta.lately)), 1
  while meta.known >= most do
    from = string.find(meta.operations, ',', from, true) + 1
    meta.known = meta.known - 1
  end
  meta.known, meta.operations = meta.known + 1, string.sub(meta.operations, from) .. operation .. ','
end

-- `ttl` is in milliseconds; 0 leaves the keys the time that they have.
local function save_meta(meta, ttl)
  local text = table.concat({
    '1', meta.length, meta.preamble, meta.turns, meta.last, meta.sizes == '' and '-' or meta.sizes,
    meta.appended, meta.archived, meta.created, meta.updated - meta.created, meta.earlier, meta.lately, meta.known, meta.operations,
  }, ' ')
  if ttl > 0 then
    redis.call('SET', META, text, 'PX', ttl)
  elseif meta.inherited and meta.inherited > 0 then
    redis.call('SET', META, text, 'PX', meta.inherited)
  elseif meta.inherited or meta.anew then
    redis.call('SET', META, text)
  else
    redis.call('SET', META, text, 'KEEPTTL')
  end
end

-- Gives a key the time that the session has left: none if it has no end.
local function outlive(key, left)
  if left > 0 then
    redis.call('PEXPIRE', key, left)
  else
    redis.call('PERSIST', key)
  end
end

-- The first letter of a record's role: s, u, or o for any other.
local function role_letter(record)
  local role = string.match(record, '^{"role":"(%a+)"')
  if not role then
    local ok, message = pcall(cjson.decode, record)
    role = ok and type(message) == 'table' and message.role
  end
  return (role == 'system' and 's') or (role == 'user' and 'u') or 'o'
end

-- Counts records, given their letters, into the preamble and the turns of `meta` (the rules of window.py); returns the
-- size of the longest turn, or preamble, that they are added to.
local function count(meta, letters)
  local sizes, last, longest = { meta.sizes }, meta.last, 0
  for index = 1, #letters do
    local letter = string.sub(letters, index, index)
    if letter == 's' and meta.turns == 0 then
      meta.preamble = meta.preamble + 1
      longest = meta.preamble
    elseif letter == 'u' or meta.turns == 0 then
      if meta.turns > 0 then
        sizes[#sizes + 1] = last .. ','
      end
      meta.turns, last = meta.turns + 1, 1
    else
      last = last + 1
    end
    longest = math.max(longest, last)
  end
  meta.sizes, meta.last = table.concat(sizes), last
  meta.length = meta.length + #letters
  return longest
end

-- Counts the list anew, as somebody wrote it who keeps no meta, and then records that are added to it or, if `pushed`,
-- were just now. Returns what `count` does.
local function adopt(meta, ttl, added, pushed)
  local letters = {}
  for index, record in ipairs(redis.call('LRANGE', LIST, 0, pushed and -1 - #added or -1)) do
    letters[index] = role_letter(record)
  end
  meta.length, meta.preamble, meta.turns, meta.last, meta.sizes = 0, 0, 0, 0, ''
  count(meta, table.concat(letters))
  if ttl == 0 then
    meta.inherited = redis.call('PTTL', LIST)
  end
  return count(meta, added)
end
