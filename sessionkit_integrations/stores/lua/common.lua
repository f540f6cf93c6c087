-- What the scripts share; it is put before each of them.
--
-- KEYS: the list of active records, the meta string, the list of archived records.
-- Meta is one line: "1 length preamble turns sizes operations appended archived created updated", where `sizes` are the
-- numbers of messages in each turn of the list and `operations` the last operation ids, both with a comma after
-- each item ("-" where there are none), `appended` counts messages for ever, and `archived` those in the archive.
-- With it no append needs a scan of the list; a list without it can be adopted.
local LIST, META, ARCHIVE = KEYS[1], KEYS[2], KEYS[3]
local REMEMBERED = 32
local CHUNK = 1000 -- unpack() fails beyond some 8,000 values

local function push(command, key, items, first, last)
  local length
  for from = first, last, CHUNK do
    length = redis.call(command, key, unpack(items, from, math.min(from + CHUNK - 1, last)))
  end
  return length
end

local function empty_meta(now)
  return { length = 0, preamble = 0, turns = 0, sizes = '', operations = '', appended = 0, archived = 0, created = now }
end

local function load_meta(now)
  local text = redis.call('GET', META)
  local meta = empty_meta(now)
  if not text then
    return meta
  end
  local length, preamble, turns, sizes, operations, appended, archived, created =
    string.match(text, '^1 (%d+) (%d+) (%d+) (%S+) (%S+) (%d+) (%d+) (%d+) %d+$')
  if not length then
    return meta
  end
  meta.length, meta.preamble, meta.turns = tonumber(length), tonumber(preamble), tonumber(turns)
  meta.anew = meta.length == 0 -- what is left of an emptied session has a time to live that is not a new one's
  meta.sizes = sizes == '-' and '' or sizes
  meta.operations = operations == '-' and '' or operations
  meta.appended, meta.archived, meta.created = tonumber(appended), tonumber(archived), created
  return meta
end

local function is_retry(meta, operation)
  return string.find(',' .. meta.operations, ',' .. operation .. ',', 1, true) ~= nil
end

local function remember(meta, operation)
  local _, count = string.gsub(meta.operations, ',', ',')
  if count >= REMEMBERED then
    meta.operations = string.gsub(meta.operations, '^[^,]*,', '', 1)
  end
  meta.operations = meta.operations .. operation .. ','
end

-- `ttl` is in milliseconds; 0 leaves the keys the time that they have.
local function save_meta(meta, now, ttl)
  local text = table.concat({
    '1', meta.length, meta.preamble, meta.turns, meta.sizes == '' and '-' or meta.sizes,
    meta.operations == '' and '-' or meta.operations, meta.appended, meta.archived,
    meta.created, now,
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

-- Counts records, given their letters, into the preamble and the turns of `meta` (the rules of window.py).
local function count(meta, letters)
  local sizes = { meta.sizes }
  local last = 0
  if meta.turns > 0 then
    local head, size = string.match(meta.sizes, '^(.-)(%d+),$')
    sizes[1], last = head, tonumber(size)
  end
  for index = 1, #letters do
    local letter = string.sub(letters, index, index)
    if letter == 's' and meta.turns == 0 then
      meta.preamble = meta.preamble + 1
    elseif letter == 'u' or meta.turns == 0 then
      if meta.turns > 0 then
        sizes[#sizes + 1] = last .. ','
      end
      meta.turns, last = meta.turns + 1, 1
    else
      last = last + 1
    end
  end
  if meta.turns > 0 then
    sizes[#sizes + 1] = last .. ','
  end
  meta.sizes = table.concat(sizes)
  meta.length = meta.length + #letters
end

-- Counts the list anew: it was written by somebody who keeps no meta.
local function adopt(meta, ttl)
  local letters = {}
  for index, record in ipairs(redis.call('LRANGE', LIST, 0, -1)) do
    letters[index] = role_letter(record)
  end
  meta.length, meta.preamble, meta.turns, meta.sizes = 0, 0, 0, ''
  count(meta, table.concat(letters))
  if ttl == 0 then
    meta.inherited = redis.call('PTTL', LIST)
  end
end
