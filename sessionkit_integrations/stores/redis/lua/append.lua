-- Appends records to a session, evicts the turns that leave the window, and renews the time to live.
--
-- ARGV: operation id; the settings, which are one word as each costs a client time: now (Unix ms), window (turns), how
--       many messages a turn may have, ttl (ms, 0 for none), keep evicted records (0 or 1), the letter of each record's
--       role; the records.
-- KEYS lacks the archive where neither ttl nor keep is given.
-- Returns 1, or 0 if the operation had been done before, or -1 if a turn would be too long.
local operation = ARGV[1]
local now, window, most, ttl, keep, letters = string.match(ARGV[2], '^(%d+) (%d+) (%d+) (%d+) (%d) (%a+)$')
window, most, ttl, keep = tonumber(window), tonumber(most), tonumber(ttl), keep == '1'

local meta = load_meta(now)
if is_retry(meta, operation) then
  return 0
end

if keep then
  -- An archive that is no list fails here, before anything is written.
  meta.archived = redis.call('LLEN', ARCHIVE)
end

-- The turns to evict, by the meta: where each begins (counted from 1), how many records they have, and the sizes of
-- the turns that stay.
local function surplus()
  local begins, records, from = {}, 0, 1
  while meta.turns - #begins > window do
    local _, last, size = string.find(meta.sizes, '^(%d+),', from)
    begins[#begins + 1] = records + 1
    records, from = records + tonumber(size), last + 1
  end
  return begins, records, string.sub(meta.sizes, from)
end

-- Whether `popped`, the head of the list, is as the meta says; `stays` records at its end are not to be evicted.
local function matches(popped, preamble, begins, stays)
  for index = 1, preamble do
    if role_letter(popped[index]) ~= 's' then
      return false
    end
  end
  local turn = 1
  for index = preamble + 1, #popped - stays do
    local letter = role_letter(popped[index])
    local begin = begins[turn] == index - preamble
    -- A greeting, which only the first turn can be, is opened by neither a user nor a system message.
    if (begin and letter ~= 'u' and (turn > 1 or letter == 's')) or (not begin and letter == 'u') then
      return false
    end
    turn = begin and turn + 1 or turn
  end
  return stays == 0 or role_letter(popped[#popped]) == 'u'
end

local function expire(key, left)
  if left > 0 then
    redis.call('PEXPIRE', key, left)
  end
end

local function evict()
  local begins, records, sizes = surplus()
  if records == 0 then
    return true
  end
  local preamble = meta.preamble
  -- What follows should begin a turn. Where something has to be put back anyway, that is looked at; elsewhere the next
  -- eviction finds it, and what readers take for a turn meanwhile is the first that their own window evicts.
  local stays = preamble > 0 and 1 or 0
  -- A list that is emptied is gone, and its time to live with it.
  local left = 0
  if (ttl == 0 and keep) or preamble + records + stays == meta.length then
    left = redis.call('PTTL', LIST)
  end
  local popped = redis.call('LPOP', LIST, preamble + records + stays)
  if not matches(popped, preamble, begins, stays) then
    local restored = {}
    for index = #popped, 1, -1 do
      restored[#restored + 1] = popped[index]
    end
    push('LPUSH', LIST, restored, 1, #restored)
    expire(LIST, left)
    return false
  end
  if stays > 0 then
    local pinned = { popped[#popped] }
    for index = preamble, 1, -1 do
      pinned[#pinned + 1] = popped[index]
    end
    push('LPUSH', LIST, pinned, 1, #pinned)
    expire(LIST, left)
  end
  if keep then
    push('RPUSH', ARCHIVE, popped, preamble + 1, preamble + records)
    expire(ARCHIVE, left)
    meta.archived = meta.archived + records
  end
  meta.sizes, meta.turns, meta.length = sizes, meta.turns - #begins, meta.length - records
  return true
end

-- Before a turn is refused, the list itself is looked at: somebody else may have written or deleted it.
if count(meta, letters) > most and adopt(meta, ttl, letters, false) > most then
  return -1
end
local length = push('RPUSH', LIST, ARGV, 3, #ARGV)
if ttl == 0 and length == #letters and meta.archived > 0 then
  -- The list is new, and the session as old as its archive, and so as its meta.
  meta.inherited = redis.call('PTTL', META)
  expire(LIST, meta.inherited)
end
-- Another writer changed the list if its length is not what meta says, or if what is evicted has other roles.
if length ~= meta.length or not evict() then
  if adopt(meta, ttl, letters, true) > most then
    redis.call('RPOP', LIST, #letters)
    return -1
  end
  evict()
end
remember(meta, operation, now)
meta.appended = meta.appended + #letters
save_meta(meta, ttl)
if ttl > 0 then
  redis.call('PEXPIRE', LIST, ttl)
  if meta.archived > 0 then
    redis.call('PEXPIRE', ARCHIVE, ttl)
  end
elseif meta.inherited and ARCHIVE and meta.archived > 0 then
  outlive(ARCHIVE, meta.inherited)
end
return 1
