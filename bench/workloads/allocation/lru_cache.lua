-- A cache with a large live heap (about 200 MB): lookups at random, the record used longest ago gives way.
local scale = ...
local CAPACITY, LOOKUPS = 400000 * scale, 900000 * scale
local KEYS = CAPACITY * 2

local seed = 42
local function random(limit)
    seed = seed * 16807 % 2147483647
    return seed % limit + 1
end

local records, count = {}, 0
local newest = {key = 0}
newest.newer, newest.older = newest, newest   -- a ring with one anchor

local function unlink(record)
    record.newer.older, record.older.newer = record.older, record.newer
end

local function link(record)
    record.older, record.newer = newest.older, newest
    newest.older.newer, newest.older = record, record
end

local hits = 0
local function look_up(key)
    local record = records[key]
    if record then
        hits = hits + 1
        unlink(record)
    else
        if count == CAPACITY then
            local oldest = newest.newer
            unlink(oldest)
            records[oldest.key] = nil
        else
            count = count + 1
        end
        record = {key = key, value = "value of key " .. key .. ("."):rep(key % 64), tags = {key, key + 1}}
        records[key] = record
    end
    link(record)
end

for key = 1, CAPACITY do look_up(key) end
for _ = 1, LOOKUPS do look_up(random(KEYS)) end
return hits
