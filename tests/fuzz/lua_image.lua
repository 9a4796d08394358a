-- A small heap with something of every type, for fuzz_lua_image.c.
local ffi = require "ffi"
kept = {}
for i = 1, 300 do kept[i] = {i, name = "n" .. i, read = function() return i end} end
for i = 1, 9 do
    kept[#kept + 1] = coroutine.create(print)
    kept[#kept + 1] = ffi.new("int[?]", i)
    kept[#kept + 1] = newproxy(true)
end
for round = 1, 200 do
    local sum = 0
    for i = 1, 100 do sum = sum + i % 7 end
end
big = string.rep("x", 200000)
