-- A burst of small records of which every so many-th survives; then a full collection, and idleness.
--
-- SURVIVOR_EVERY: 0 for no survivors, else one record of so many. MALLOC_TRIM=1 calls malloc_trim after the collection.
-- Says what it has reached on a line of standard output, and goes on at each line (or the end) of standard input.
local scale = ...
local RECORDS = 1500000 * scale
local SURVIVOR_EVERY = tonumber(os.getenv("SURVIVOR_EVERY"))

local function reached(moment)
    io.write(("%s %d\n"):format(moment, collectgarbage("count") * 1024))
    io.flush()
    io.read()
end

local function make_record(i)
    return {id = i, name = "record number " .. i, tags = {i % 7, i % 11, i % 13}}
end

local kept = {}

local function burst()
    local all = {}
    for i = 1, RECORDS do
        all[i] = make_record(i)
        if SURVIVOR_EVERY > 0 and i % SURVIVOR_EVERY == 0 then kept[#kept + 1] = all[i] end
    end
    reached("peak")
end

collectgarbage()
reached("base")
burst()
collectgarbage()
collectgarbage()
if os.getenv("MALLOC_TRIM") then
    local ffi = require "ffi"
    ffi.cdef "int malloc_trim(size_t pad);"
    ffi.C.malloc_trim(0)
end
reached("idle")
return #kept
