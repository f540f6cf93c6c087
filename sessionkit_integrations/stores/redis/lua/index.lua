-- Writes the documents of records that are there already.
--
-- ARGV: now (Unix ms), "archived" or "active", the index of the first of the records there, their digest; their documents.
-- Returns 1, or 0 if the records are others.
local FIRST = 5
local now, archived, index, expected = tonumber(ARGV[1]), ARGV[2] == 'archived', tonumber(ARGV[3]), ARGV[4]

local records = redis.call('LRANGE', archived and ARCHIVE or LIST, index, index + #ARGV - FIRST)
if redis.sha1hex(table.concat(records, '\n')) ~= expected then
  return 0
end
local meta = load_meta(now)
local has_base = meta.base
meta.base = has_base or 0
local first = meta.base + index
if not archived then
  first = first + redis.call('LLEN', ARCHIVE) - meta.preamble
end
for at, record in ipairs(records) do
  if archived or index + at > meta.preamble then
    write_document(first + at - 1, record, ARGV[FIRST + at - 1], true)
  end
end
if not has_base and meta.length + meta.archived > 0 then
  save_meta(meta, 0)
end
return 1
