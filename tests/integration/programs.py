"""Lua programs that the targets run."""

# Something of every type, some of it garbage, some of it compiled by the JIT.
MIXED_HEAP = """
local ffi = require "ffi"
kept = {}
for i = 1, 20000 do
    local record = { name = "record " .. i, index = i, list = { i, i + 1 } }
    if i % 7 == 0 then kept[#kept + 1] = record end
end
closures, coroutines, boxes = {}, {}, {}
for i = 1, 200 do
    closures[i] = function() return i end
    coroutines[i] = coroutine.create(function() coroutine.yield(i) end)
    coroutine.resume(coroutines[i])
    boxes[i] = ffi.new("int[?]", i)
end
proxy = newproxy(true)
big = string.rep("0123456789abcdef", 40000)
"""

# Functions that make a known number of objects and nothing else. The JIT is off, so it makes none either, and the
# collector stops, so it takes none away.
FACTORY = """
local ffi = require "ffi"
jit.off()
local vector = ffi.typeof("int[4]")
local format = string.format
keep = {}
for i = 1, 8 do
    keep[i] = {}
    for slot = 1, 2000 do keep[i][slot] = false end
end
function make_tables() local to = keep[1]; for i = 1, 1000 do to[i] = {} end end
function make_closures() local to = keep[2]; for i = 1, 500 do to[i] = function() return i end end end
local function sleeper() coroutine.yield() end
function make_coroutines() local to, new = keep[3], coroutine.create; for i = 1, 200 do to[i] = new(sleeper) end end
function make_cdata() local to = keep[4]; for i = 1, 300 do to[i] = vector() end end
function make_userdata() local to, new = keep[5], newproxy; for i = 1, 50 do to[i] = new() end end
function make_strings() local to = keep[6]; for i = 1, 700 do to[i] = format("never seen before: %d", i) end end
collectgarbage()
collectgarbage("stop")
"""

# A worker's heap: what a request leaves behind lives among what it drops, until it is the oldest of 40,000.
REQUEST_HEAP = """
local cache, served = {}, 0
function handle_request()
    local rows = {}
    for i = 1, 200 do
        rows[i] = { id = served + i, name = "name " .. (served + i), tags = { "a", "b", tostring(i) } }
    end
    served = served + 1
    cache[served % 40000] = rows[served % 200 + 1]
    return #rows
end
"""

# Nothing but new objects: whenever one looks, one of them is likely to be half made.
ALLOCATION_STORM = """
local kept = {}
function storm()
    for i = 1, 5000 do kept[i % 100 + 1] = { i, i } end
end
"""
