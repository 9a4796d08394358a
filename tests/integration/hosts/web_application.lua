--[[
The Lua of the nginx tests. init_by_lua loads it, so its data is made in the master and comes to each worker by fork.

Every answer is one that a test can compute itself, and ends with the worker's pid and collectgarbage("count") in bytes.
]]
local lrucache = require "resty.lrucache"

local application = {}
local WORDS = 40000
local words, cache = {}, nil

local function checksum(list)
    local sum = 0
    for i = 1, #list do sum = (sum * 31 + #list[i] + list[i]:byte(-1)) % 2147483647 end
    return sum
end

local function say(...)
    local fields = { ... }
    fields[#fields + 1] = ngx.worker.pid()
    fields[#fields + 1] = collectgarbage("count") * 1024
    ngx.say(table.concat(fields, " "))
end

function application.load()
    for i = 1, WORDS do words[i] = "word " .. i end
    application.loaded = checksum(words)
    cache = assert(lrucache.new(500))
end

-- The data of before the fork, read and summed anew.
function application.inherited()
    say(checksum(words), application.loaded)
end

-- n records of table, array and string, all alive at once.
function application.work()
    local n = tonumber(ngx.var.arg_n)
    local records = {}
    for i = 1, n do records[i] = { id = i, name = words[i % WORDS + 1], tags = { tostring(i) } } end
    local sum = 0
    for i = 1, n do sum = sum + records[i].id + #records[i].tags[1] end
    say(sum)
end

-- A request that is still on its way for a while, with its tables alive.
function application.slow()
    local n = tonumber(ngx.var.arg_n)
    local records = {}
    for i = 1, n do records[i] = { i } end
    ngx.sleep(tonumber(ngx.var.arg_seconds))
    local sum = 0
    for i = 1, n do sum = sum + records[i][1] end
    say(sum)
end

-- lua-resty-core's FFI functions and lua-resty-lrucache, with more keys than the cache has room for.
function application.libraries()
    assert(package.loaded["resty.core"] and package.loaded["resty.core.regex"], "lua-resty-core is not in use")
    local n = tonumber(ngx.var.arg_n)
    local shared, hits, joined = ngx.shared.counts, 0, {}
    for i = 1, n do
        local number = i * i % 1601
        local key = "key " .. number
        local value = cache:get(key)
        if value then
            assert(value.number == number and value.digest == ngx.md5(key), "the cache gave a wrong value")
            hits = hits + 1
        else
            cache:set(key, { number = number, digest = ngx.md5(key) }, 60)
        end
        if i % 10 == 0 then
            assert(ngx.decode_base64(ngx.encode_base64(key)) == key)
            joined[#joined + 1] = ngx.re.gsub(key, "[0-9]+", function(found) return "<" .. found[0] .. ">" end, "jo")
        end
    end
    local total = assert(shared:incr("requests", n, 0))
    say(hits > 0 and "cached" or "cold", ngx.md5(table.concat(joined)), total)
end

-- Until nothing more goes: each collection halves the table of strings.
function application.collect()
    local before
    repeat
        before = collectgarbage("count")
        collectgarbage()
    until collectgarbage("count") > before * 0.99
    say("collected")
end

return application
