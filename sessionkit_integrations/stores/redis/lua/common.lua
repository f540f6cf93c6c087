-- Functions that all scripts share. This text stands before each of them.
--
-- Why no append scans the list. A session is a list of records and one string beside it, the meta, which tells how the
-- list divides into turns. The scripts keep this true: if the list is as long as the meta says, and its first turns
-- have the marks that the meta has for them, then the meta describes the whole list. They do so by counting whatever
-- they add and take. The JavaScript SessionKit keeps no meta, but it changes a list in two ways only. What it adds makes
-- the list longer than the meta says. What it trims takes away the head, so that the first turn there has another mark,
-- even if as much was added as was trimmed. Both are noticed before a turn leaves, and the list is counted from scratch.
--
-- Why an operation happens once. Redis runs a script without any other command in between, and the meta remembers the
-- ids of the last operations. So whoever gets no reply sends the same operation again, and the script answers a known
-- id without changing anything. Redis does not undo what a script did before it failed. So whatever can fail comes
-- before the first write: keys of a wrong type are met by a read, and nothing that a damaged meta says is relied on.
--
-- Why tokens cost no scan either. Each record ends with its number of tokens, if its writer counted them. Once a writer
-- has limited the tokens of the window, the meta keeps the number of each turn beside its size, and their sum. A record
-- that nobody counted has none: that evicts too little, never too much, and readers count it and apply the window.
--
-- How a search of all sessions finds a record. A store made with `search=True` writes a document for each record behind
-- the preamble: a hash, whose key ends in the record's number. A record keeps its number when it is archived: it is the
-- meta's base and the index that the record has, or would have, in the archive. The base says how many records have left
-- it at its beginning. A document is known to be one of a record that is there by its mark; one that is not is deleted by
-- the search that meets it. So what cannot be deleted at once does no harm, and new documents are written first.
--
-- KEYS: the list of active records, the meta string, the list of archived records.
--
-- The meta is one line: "2 length preamble turns last sizes appended archived created age earlier lately known operations".
--   length, preamble, turns: records in the list, records before the first turn, turns; with tokens, the length is
--     followed by their sum ("12:3400")
--   last: the last turn, as its size and mark ("4:1234") and tokens ("4:1234:567"); sizes: the turns before it, a comma
--     after each ("-" for none)
--   appended: messages ever appended; archived: records in the archive, and if there are summaries the records that wait
--     for one, their turns, and the records that summaries cover ("40:8:2:32")
--   created, age: time of the first write in Unix ms, and the ms from there to the last
--   earlier, lately: operations of the previous and of the present period
--   known, operations: number of the ids that are remembered, and the ids, a comma after each
-- Version 1 is the same without marks. Version 3 has a word of extras behind its number, and is written where there are
-- any: each is a letter, a text and a semicolon.
--   b: the base, if the session has documents
--   f: the session that this one is a fork of, percent-encoded
--   u: the tokens that providers reported, by model: the model, percent-encoded, and its tokens, a comma after each
--     ("gpt-5:1200:300:1000:20,", which are input, output, cached and reasoning tokens)
--   m, t: the levels of the limits of messages and of tokens: the parts that are used, the parts of one message or token,
--     and the time as of which they are ("60000:3000:1763800000123"); see limits.py for the rule
--   v: nothing; it is there if the session has vectors, each a hash whose name is in a set
local LIST, META = KEYS[1], KEYS[2]
-- Most appends do not name the archive, as it need not exist. Its key differs from META by the last word.
local ARCHIVE = KEYS[3] or string.sub(META, 1, -5) .. 'archive'
local REMEMBERED = 32
local MOST_REMEMBERED = 256
local PERIOD = 10000 -- ms; longer than an operation may be sent again
local TOMBSTONE = 60000 -- ms
local CHUNK = 1000 -- unpack() fails beyond some 8,000 values
local LARGEST = 9999999999999 -- a time beyond the year 2200; Lua writes all digits of it, also if something is added
local MARKS = 65521 -- a prime

local function push(command, key, items, first, last)
  local length
  for from = first, last, CHUNK do
    length = redis.call(command, key, unpack(items, from, math.min(from + CHUNK - 1, last)))
  end
  return length
end

-- Returns the time that a key has left in ms; -1 if it has no end, -2 if there is no such key. Within its last
-- millisecond Redis says 0, which must not be taken for no end.
local function time_left(key)
  local left = redis.call('PTTL', key)
  return left == 0 and 1 or left
end

local function empty_meta(now)
  return {
    length = 0, preamble = 0, turns = 0, last = 0, mark = false, sizes = '', operations = '', appended = 0, archived = 0,
    tokens = false, last_tokens = 0, waiting = 0, waiting_turns = 0, summarized = 0, base = false, extras = {},
    created = now, updated = now, earlier = 0, lately = 0, known = 0,
  }
end

-- Returns the extras that a word holds, by their letters.
local function read_extras(word)
  local extras = {}
  for kind, text in string.gmatch(word, '(%l)([^;]*);') do
    extras[kind] = text
  end
  return extras
end

local function write_extras(extras)
  local parts = {}
  for _, kind in ipairs({ 'b', 'f', 'u', 'm', 't', 'v' }) do
    if extras[kind] then
      parts[#parts + 1] = kind .. extras[kind] .. ';'
    end
  end
  return table.concat(parts)
end

-- Returns the meta that a text holds; one that is damaged says at least which operations are known.
local function read_meta(text, now)
  local meta = empty_meta(now)
  if not text then
    return meta
  end
  local extras, rest = string.match(text, '^3 (%S+) ()')
  if extras then
    text = '2 ' .. string.sub(text, rest)
  end
  local length, tokens, preamble, turns, last, mark, last_tokens, sizes, appended, archived, waiting, created, age,
    earlier, lately, known, from = string.match(text, '^[12] (%d+):?(%d*) (%d+) (%d+) (%d+):?(%d*):?(%d*) (%S+) (%d+) '
      .. '(%d+)([%d:]*) (%d+) (%d+) (%d+) (%d+) (%d+) ()')
  if not length then
    return meta
  end
  meta.known, meta.operations = known + 0, string.sub(text, from)
  if string.find(meta.operations, '[^,]', -1) then
    meta.operations = meta.operations .. ','
  end
  -- Adding 0 makes numbers of digits in a third of the time that tonumber takes.
  length, preamble, turns, last, appended, archived = length + 0, preamble + 0, turns + 0, last + 0, appended + 0, archived + 0
  created, age, earlier, lately = created + 0, age + 0, earlier + 0, lately + 0
  if length + preamble + turns + last + appended + archived + created + age + earlier + lately > LARGEST then
    return meta
  end
  meta.length, meta.preamble, meta.turns, meta.last, meta.mark = length, preamble, turns, last, tonumber(mark) or false
  meta.sizes = sizes == '-' and '' or sizes
  meta.tokens, meta.last_tokens = tonumber(tokens) or false, tonumber(last_tokens) or 0
  meta.emptied = length == 0 -- its meta has another time to live than a new session's
  if length + archived > 0 then
    meta.appended, meta.archived, meta.created = appended, archived, created
    if extras then
      meta.extras = read_extras(extras)
      local base = tonumber(meta.extras.b)
      meta.base = base and base >= 0 and base <= LARGEST and math.floor(base)
    end
    if waiting ~= '' then
      local records, of_turns, covered = string.match(waiting, '^:(%d+):(%d+):(%d+)$')
      meta.waiting, meta.waiting_turns = tonumber(records) or 0, tonumber(of_turns) or 0
      meta.summarized = tonumber(covered) or 0
    end
  end
  meta.updated, meta.earlier, meta.lately = created + age, earlier, lately
  meta.knows_waiting = string.sub(text, 1, 1) ~= '1'
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

-- Remembers the last operations: 32, or all of the last two periods if they are more, as when many write at once and
-- one of them has to send its own again.
local function remember(meta, operation, now)
  now = math.max(now, meta.updated) -- another writer's clock may be ahead
  local periods = math.floor(now / PERIOD) - math.floor(meta.updated / PERIOD)
  if periods > 0 then
    meta.earlier, meta.lately = meta.lately, 0
  end
  meta.updated, meta.lately = now, meta.lately + 1
  local most, from = math.max(REMEMBERED, math.min(MOST_REMEMBERED, meta.earlier + meta.lately)), 1
  while meta.known >= most do
    local comma = string.find(meta.operations, ',', from, true)
    if comma then
      from, meta.known = comma + 1, meta.known - 1
    else -- fewer are there than the meta says
      from, meta.known = 1, select(2, string.gsub(meta.operations, ',', ','))
    end
  end
  meta.known, meta.operations = meta.known + 1, string.sub(meta.operations, from) .. operation .. ','
end

local function described(size, mark, tokens)
  if tokens then
    return string.format('%d:%s:%d', size, mark or '', tokens)
  end
  return mark and string.format('%d:%d', size, mark) or size
end

-- Whether evicted turns wait for a summary, whoever evicts them.
local function summarizes(meta)
  return meta.waiting + meta.summarized > 0
end

-- `ttl` is in milliseconds; 0 leaves the keys the time that they have.
local function save_meta(meta, ttl)
  local length, archived = meta.length, meta.archived
  if meta.tokens then
    length = length .. ':' .. meta.tokens
  end
  if summarizes(meta) then
    archived = table.concat({ archived, meta.waiting, meta.waiting_turns, meta.summarized }, ':')
  end
  meta.extras.b = meta.base and string.format('%.0f', meta.base) or nil
  local extras = next(meta.extras) and write_extras(meta.extras) or ''
  -- The times are written as %.0f, as %d has 32 bits on some machines; it takes twice as long.
  local text = string.format('%s %s %d %d %s %s %d %s %.0f %.0f %d %d %d %s', extras == '' and '2' or '3 ' .. extras, length,
    meta.preamble, meta.turns, described(meta.last, meta.mark, meta.tokens and meta.last_tokens),
    meta.sizes == '' and '-' or meta.sizes, meta.appended, archived, meta.created, meta.updated - meta.created,
    meta.earlier, meta.lately, meta.known, meta.operations)
  if ttl > 0 then
    redis.call('SET', META, text, 'PX', ttl)
  elseif meta.inherited and meta.inherited > 0 then
    redis.call('SET', META, text, 'PX', meta.inherited)
  elseif meta.inherited or meta.emptied then
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

-- Returns the first letter of a record's role: s, u, or o for any other.
local function role_letter(record)
  local role = string.match(record, '^{"role":"(%a+)",')
  if not role or role == 'developer' then -- ours have a role that is written as such, and begin with it
    local ok, message = pcall(cjson.decode, record)
    role = ok and type(message) == 'table' and message.role
  end
  if role == 'user' then
    return 'u'
  end
  return (role == 'system' or role == 'developer') and 's' or 'o'
end

-- Returns the mark of a turn that a record was added to, given the mark before: 0 begins a turn. It tells turns apart by
-- the lengths of their records and by the end of each, which is its time or the end of its content.
local function add_to_mark(mark, record)
  local a, b, c, d, e = string.byte(record, -6, -2)
  local ending = e and (((a * 31 + b) * 31 + c) * 31 + d) * 31 + e or 0
  return (mark * 31 + #record * 961 + ending) % MARKS
end

-- Returns the tokens that a record says it has; 0 if nobody counted them. They stand before its time, at the end.
local function tokens_of(record)
  local counted, digits = string.match(string.sub(record, -48), ',"tokens":(%d+),"at":(%d+)}$')
  return counted and #counted <= 9 and #digits <= 15 and tonumber(counted) or 0
end

-- Counts records into the preamble and the turns of `meta`, by the rules of window/turns.py: all of `records` from
-- `from` on, given the letters of their roles. Returns the size of the longest turn, or preamble, that they are added to.
local function count(meta, letters, records, from)
  local sizes, last, longest = { meta.sizes }, meta.last, 0
  for index = 1, #letters do
    local letter, record = string.sub(letters, index, index), records[from + index - 1]
    local tokens = meta.tokens and tokens_of(record)
    if tokens then
      meta.tokens = meta.tokens + tokens
    end
    if letter == 's' and meta.turns == 0 then
      meta.preamble = meta.preamble + 1
      longest = meta.preamble
    elseif letter == 'u' or meta.turns == 0 then
      if meta.turns > 0 then
        sizes[#sizes + 1] = described(last, meta.mark, tokens and meta.last_tokens) .. ','
      end
      meta.turns, last, meta.mark, meta.last_tokens = meta.turns + 1, 1, add_to_mark(0, record), tokens or 0
    else
      last = last + 1
      if tokens then
        meta.last_tokens = meta.last_tokens + tokens
      end
      if meta.mark then
        meta.mark = add_to_mark(meta.mark, record)
      end
    end
    longest = math.max(longest, last)
  end
  meta.sizes, meta.last = table.concat(sizes), last
  meta.length = meta.length + #letters
  return longest
end

-- Forgets the active records, so that others can be counted.
local function count_from_scratch(meta)
  meta.length, meta.preamble, meta.turns, meta.last, meta.mark, meta.sizes = 0, 0, 0, 0, false, ''
  meta.tokens, meta.last_tokens = meta.tokens and 0, 0
end

-- Returns the number of turns of records that left the window, given the letters of their roles.
local function turns_of(letters)
  local turns = select(2, string.gsub(letters, 'u', 'u'))
  return string.find(letters, '^s*o') and turns + 1 or turns
end

-- Returns the letters of the roles of records.
local function letters_of(records)
  local letters = {}
  for index, record in ipairs(records) do
    letters[index] = role_letter(record)
  end
  return table.concat(letters)
end

-- Counts records into an empty session.
local function recount(meta, records)
  count_from_scratch(meta)
  return count(meta, letters_of(records), records, 1)
end

local function document_key(number)
  return string.format('%swords:%.0f', string.sub(META, 1, -5), number)
end

-- Returns what tells a record from others, as its document keeps it.
local function fingerprint(record)
  return string.sub(redis.sha1hex(record), 1, 16)
end

-- Writes the document of a record, given as its words, the parts of words and its time, if it has any words. `is_known`
-- is true if it may be there already.
local function write_document(number, record, document, is_known)
  local words, parts, at = string.match(document, '^([^\30]+)\30([^\30]*)\30(%-?%d+)$')
  if words then
    local key, mark = document_key(number), fingerprint(record)
    local known = is_known and redis.call('HMGET', key, 'words', 'at', 'mark', 'model')
    if not (known and known[1] == words and known[2] == at and known[3] == mark) then
      redis.call('HSET', key, 'words', words, 'parts', parts, 'at', at, 'mark', mark)
      if known and known[4] then
        redis.call('HDEL', key, 'model') -- which has not seen these words
      end
    end
  elseif is_known then
    redis.call('DEL', document_key(number))
  end
end

-- Deletes the documents of some numbers.
local function delete_documents(first, last)
  for from = first, last, CHUNK do
    local keys = {}
    for number = from, math.min(from + CHUNK - 1, last) do
      keys[#keys + 1] = document_key(number)
    end
    redis.pcall('DEL', unpack(keys))
  end
end
