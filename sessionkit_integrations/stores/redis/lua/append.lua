-- Appends records to a session, evicts the turns that leave the window, and renews the time to live.
--
-- KEYS: the session's keys, but for the archive where neither ttl nor keep nor wait is given.
-- ARGV: the operation id; the settings; the records; their documents, if a search is to find them.
--
-- The settings are one word, as each word costs a client time. They are always, with a space between:
--   now (Unix ms); turns that a cut keeps; turns that there may be before a cut; most messages of a turn; ttl (ms, 0 for
--   none); a sum of 1 (keep what is evicted), 2 (let it wait for a summary) and 4 (return the records); the letters of
--   the records' roles.
-- These follow where they are needed:
--   two numbers: if tokens are limited, the tokens that a cut keeps, and that there may be before it
--   u…: tokens that providers reported, by model, as in the meta
--   q…: 1 if the session's limits may refuse this; for each limit its letter, what is used, the parts that are given
--       back in a ms, the parts of one message or token, and the parts of the whole limit ("m1:1:3000:60000,")
--   o…: the ways in which records that are returned may be sealed, a comma around each; * for any way
--
-- Returns a number:
--   0 or more: the turns that were evicted; 0 if the operation had been done before
--   -1: a turn would be too long
--   -2: a limit would be passed; less 1 if it is the second one, less 2 for each ms after which this may be tried again
--   2^26 - 1: a record that would be returned is sealed in another way, so that nothing was done
-- If evicted turns are to wait, 2^26 is added for each turn that waits. If records are to be returned, a text has that
-- number and the records (what is there, if nothing was done), each after a byte that no JSON holds: a client takes long
-- to read a list of many.
--
-- What only some appends need stands in a branch and is not a function, as each append makes all functions again.
local FIRST = 3
local WAITING = 67108864 -- 2^26
local REFUSED = WAITING - 1
local BEGINNING = string.rep('[^"]?', 5) -- of what is sealed, by which a secret is told from others; see `sealed.is_locked`
local HIGHEST = 4503599627370496 -- 2^52
local PREAMBLE = 15 -- records that are looked at for a summary
local operation = ARGV[1]
local now, window, trigger, most, ttl, flags, letters, rest =
  string.match(ARGV[2], '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d) (%a+)(.*)$')
now, window, trigger, most, ttl, flags = now + 0, window + 0, trigger + 0, most + 0, ttl + 0, flags + 0
local keep, wait, read = flags % 2 == 1, flags % 4 >= 2, flags >= 4
local last = FIRST + #letters - 1
local tokens, trigger_tokens, usage, claim, opens
if rest ~= '' then
  tokens, trigger_tokens = string.match(rest, '^ (%d+) (%d+)')
  tokens, trigger_tokens = tonumber(tokens), tonumber(trigger_tokens)
  usage, claim, opens = string.match(rest, ' u(%S+)'), string.match(rest, ' q(%S+)'), string.match(rest, ' o(%S+)')
end

local meta = load_meta(now)

-- `records` are those in the list, if they are known.
local function reply(evicted, records)
  local outcome = evicted + (wait and meta.waiting_turns * WAITING or 0)
  if not read then
    return outcome
  end
  records = records or redis.call('LRANGE', LIST, 0, -1)
  records[0] = string.format('%.0f', outcome)
  return table.concat(records, '\30', 0)
end

if is_retry(meta, operation) then
  return reply(0)
end

-- The levels of the limits after this append, by their letters. All numbers are integers that a Lua number holds exactly.
local levels
if claim then
  levels = {}
  local worst, refused, index = -1, nil, 0
  for letter, amount, rate, cost, capacity in string.gmatch(claim, '(%l)(%d+):(%d+):(%d+):(%d+),') do
    local parts, unit, at = string.match(meta.extras[letter] or '', '^(%d+):(%d+):(%d+)$')
    local left, clock = 0, now
    if parts and math.max(#parts, #unit, #at) <= 16 and tonumber(unit) > 0 then
      clock, left = math.max(now, tonumber(at)), math.min(tonumber(parts), HIGHEST)
      if unit ~= cost then
        left = math.min(math.ceil(left / tonumber(unit) * tonumber(cost)), HIGHEST)
      end
      left = math.max(left - (clock - tonumber(at)) * rate, 0)
    end
    local need = math.min(amount * cost, HIGHEST)
    local over = left + need - capacity
    local pause = over > 0 and math.ceil(over / rate) + clock - now or -1
    if pause > worst then
      worst, refused = pause, -2 - index - 2 * pause
    end
    levels[letter] = string.format('%.0f:%s:%.0f', math.min(left + need, HIGHEST), cost, clock)
    index = index + 1
  end
  if refused and string.sub(claim, 1, 1) == '1' then
    return refused
  end
end

if keep then
  -- An archive that is not a list fails here, before anything is written.
  meta.archived = redis.call('LLEN', ARCHIVE)
end
if wait and not meta.knows_waiting then
  -- An older release, which knows of no summaries, wrote the meta: the list says which archived records wait for one.
  local covered, position
  for _, record in ipairs(redis.call('LRANGE', LIST, 0, math.max(meta.preamble - 1, PREAMBLE))) do
    if role_letter(record) ~= 's' then
      break
    end
    local ok, message = pcall(cjson.decode, record)
    local summary = ok and type(message) == 'table' and message.summary
    if type(summary) == 'table' and tonumber(summary.messages) then
      covered = tonumber(summary.messages)
      position = tonumber(summary.archived) or covered
    end
  end
  if covered then
    local waiting = redis.call('LRANGE', ARCHIVE, keep and position or 0, -1)
    meta.waiting, meta.waiting_turns, meta.summarized = #waiting, turns_of(letters_of(waiting)), covered
  end
end
local waits = wait or summarizes(meta)
if tokens and not meta.tokens then
  meta.tokens = 0
  if meta.length > 0 then
    recount(meta, redis.call('LRANGE', LIST, 0, -1))
  end
end

-- Returns the turns to evict by the meta, or nil if it contradicts itself: where each begins (counted from 1 behind the
-- preamble), the mark of each, the number of their records and tokens, and the sizes of the turns that stay.
local function find_surplus()
  local begins, marks, records, from, left = {}, {}, 0, 1, meta.tokens or 0
  local surplus = meta.turns > trigger and meta.turns - window or 0
  local is_over = tokens and left > trigger_tokens
  while #begins < surplus or (is_over and left > tokens and #begins < meta.turns - 1) do
    local _, last, size, mark, of_turn = string.find(meta.sizes, '^(%d+):?(%d*):?(%d*),', from)
    if not size or (meta.tokens and of_turn == '') then
      return nil
    end
    begins[#begins + 1], marks[#marks + 1] = records + 1, tonumber(mark) or false
    records, from, left = records + size, last + 1, left - (tonumber(of_turn) or 0)
  end
  -- The current turn stays, and has a record.
  if records > 0 and meta.preamble + records >= meta.length then
    return nil
  end
  return { begins = begins, marks = marks, records = records, left = left, sizes = string.sub(meta.sizes, from) }
end

-- Counts the list from scratch, as somebody wrote it who keeps no meta, and then the records that are added to it or,
-- if `pushed`, were just now. Returns what `count` does.
local function adopt(pushed)
  recount(meta, redis.call('LRANGE', LIST, 0, pushed and -1 - #letters or -1))
  if ttl == 0 then
    meta.inherited = time_left(LIST)
  end
  return count(meta, letters, ARGV, FIRST)
end

-- Whether `popped`, the head of the list, is what the meta says; `stays` records at its end are not to be evicted.
local function matches(popped, surplus, stays)
  local begins, marks, preamble = surplus.begins, surplus.marks, meta.preamble
  if #popped ~= preamble + surplus.records + stays then
    return false
  end
  for index = 1, preamble do
    if role_letter(popped[index]) ~= 's' then
      return false
    end
  end
  local turn, mark = 0, 0
  for index = preamble + 1, #popped - stays do
    local letter = role_letter(popped[index])
    if begins[turn + 1] == index - preamble then
      if turn > 0 and marks[turn] and marks[turn] ~= mark then
        return false
      end
      turn, mark = turn + 1, 0
      -- A greeting, which only the first turn can be, is opened by neither a user nor a system message.
      if letter ~= 'u' and (turn > 1 or letter == 's') then
        return false
      end
    elseif letter == 'u' then
      return false
    end
    mark = add_to_mark(mark, popped[index])
  end
  return (not marks[turn] or marks[turn] == mark) and (stays == 0 or role_letter(popped[#popped]) == 'u')
end

local function expire(key, left)
  if left > 0 then
    redis.call('PEXPIRE', key, left)
  end
end

-- Evicts turns; returns their number, or nil if the list is not what the meta says.
local function evict(surplus)
  local records = surplus.records
  if records == 0 then
    return 0
  end
  local preamble = meta.preamble
  -- What follows begins a turn. Where the preamble has to be put back anyway, that is looked at as well: the turns of a
  -- meta of version 1 have no marks.
  local stays = preamble > 0 and 1 or 0
  -- A list that is emptied is gone, and its time to live with it.
  local left = 0
  if (ttl == 0 and keep) or preamble + records + stays >= meta.length then
    left = time_left(LIST)
  end
  local popped = redis.call('LPOP', LIST, preamble + records + stays)
  if not matches(popped, surplus, stays) then
    local restored = {}
    for index = #popped, 1, -1 do
      restored[#restored + 1] = popped[index]
    end
    push('LPUSH', LIST, restored, 1, #restored)
    expire(LIST, left)
    return nil
  end
  if stays > 0 then
    local pinned = { popped[#popped] }
    for index = preamble, 1, -1 do
      pinned[#pinned + 1] = popped[index]
    end
    push('LPUSH', LIST, pinned, 1, #pinned)
    expire(LIST, left)
  end
  if meta.base and not keep then
    delete_documents(meta.base + meta.archived, meta.base + meta.archived + records - 1)
    meta.base = meta.base + records
  end
  if keep then
    push('RPUSH', ARCHIVE, popped, preamble + 1, preamble + records)
    expire(ARCHIVE, left)
    meta.archived = meta.archived + records
  end
  if waits then
    meta.waiting, meta.waiting_turns = meta.waiting + records, meta.waiting_turns + #surplus.begins
  end
  meta.sizes, meta.turns, meta.length = surplus.sizes, meta.turns - #surplus.begins, meta.length - records
  meta.tokens = meta.tokens and surplus.left
  return #surplus.begins
end

-- Returns the number of the first record that is added, and how many are before it, behind the preamble.
local function first_number()
  meta.base = meta.base or 0
  local before = meta.length - #letters - meta.preamble
  return meta.base + meta.archived + before, before
end

-- Writes the documents of the records that are added, and returns the number of the first one.
local function write_documents()
  local first, before = first_number()
  for index = math.max(0, -before), #letters - 1 do
    write_document(first + index, ARGV[FIRST + index], ARGV[last + 1 + index])
  end
  return first
end

-- Before a turn is refused, the list itself is looked at: somebody else may have written or deleted it.
local longest = count(meta, letters, ARGV, FIRST)
local surplus = find_surplus()
if longest > most or not surplus then
  if adopt(false) > most then
    return -1
  end
  surplus = find_surplus()
end
if waits and not keep and (not surplus or surplus.records > 0) then
  meta.archived = redis.call('LLEN', ARCHIVE) -- fails as above
end
keep = keep or waits
-- The records that stay are looked at before anything is written, and returned without another look at the list.
local left
if read and opens ~= '*' then
  local before, leaves = redis.call('LRANGE', LIST, 0, -1), surplus and surplus.records or 0
  left = {}
  for at = 1, #before + #letters do
    if at <= meta.preamble or at > meta.preamble + leaves then
      left[#left + 1] = before[at] or ARGV[FIRST + at - #before - 1]
      local beginning, by = string.match(before[at] or '', '^{"role":"%l+","sealed":"(' .. BEGINNING .. ')[^"]*","by":"([^"]*)"')
      if by and not (opens and (string.find(opens, ',' .. by .. ',', 1, true)
          or string.find(opens, ',' .. by .. '=' .. beginning .. ',', 1, true))) then
        return reply(REFUSED, before)
      end
    end
  end
end
local number = #ARGV > last and write_documents()
local length = push('RPUSH', LIST, ARGV, FIRST, last)
if ttl == 0 and length == #letters and meta.archived > 0 then
  -- The list is new, and the session as old as its archive, and so as its meta.
  meta.inherited = time_left(META)
  expire(LIST, meta.inherited)
end
-- Another writer changed the list if its length is not what meta says, or if what is evicted is something else.
local evicted = length == meta.length and evict(surplus)
if not evicted then
  left = nil
  if adopt(true) > most then
    redis.call('RPOP', LIST, #letters)
    if number then
      delete_documents(number, number + #letters - 1)
    end
    return -1
  end
  local others = number and first_number() - number or 0 -- more that somebody else added than he took away
  if others > 0 then
    delete_documents(number, number + #letters - 1)
    write_documents()
  elseif others < 0 then
    meta.base = meta.base - others
  end
  evicted = evict(find_surplus())
end
remember(meta, operation, now)
meta.appended = meta.appended + #letters
if levels then
  for letter, level in pairs(levels) do
    meta.extras[letter] = level
  end
end
if usage then
  local totals = meta.extras.u or ''
  for model, input, output, cached, reasoning in string.gmatch(usage, '([^:,]*:)(%d+):(%d+):(%d+):(%d+),') do
    local first, last = string.find(',' .. totals, ',' .. model, 1, true)
    local before, after = totals, ''
    if first then
      local a, b, c, d, rest = string.match(totals, '^(%d+):(%d+):(%d+):(%d+),()', last)
      if a then
        before, after = string.sub(totals, 1, first - 1), string.sub(totals, rest)
        input, output, cached, reasoning = input + a, output + b, cached + c, reasoning + d
      end
    end
    totals = string.format('%s%s%.0f:%.0f:%.0f:%.0f,%s', before, model, input, output, cached, reasoning, after)
  end
  meta.extras.u = totals
end
save_meta(meta, ttl)
if ttl > 0 then
  redis.call('PEXPIRE', LIST, ttl)
  if meta.archived > 0 then
    redis.call('PEXPIRE', ARCHIVE, ttl)
  end
elseif meta.inherited and meta.archived > 0 then
  outlive(ARCHIVE, meta.inherited)
end
return reply(evicted, left)
