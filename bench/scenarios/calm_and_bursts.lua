-- Bursts of records with calm between them, for SECONDS: while memory of the last burst goes back to the system in the
-- background, the program goes on with small requests, and now and then with a large table or string.
local scale = ...
local ffi = require "ffi"
ffi.cdef [[
    int usleep(unsigned microseconds);
    struct moment { long seconds, nanoseconds; };
    int clock_gettime(int clock, struct moment *now);
]]
local CLOCK_MONOTONIC = 1
local SECONDS, CALM_SLICES, SLICE_MICROSECONDS = 24 * scale, 250, 5000
local RECORDS, SURVIVOR_EVERY, KEPT = 150000, 300, 5000

local function make_record(i)
    return {id = i, name = "record number " .. i, tags = {i % 7, i % 11, i % 13}}
end

local function resident_bytes()
    local file = assert(io.open "/proc/self/statm")
    local pages = file:read("*l"):match "%d+ (%d+)"
    file:close()
    return pages * 4096
end

local kept, made = {}, 0

local function burst()
    local all = {}
    for i = 1, RECORDS do
        all[i] = make_record(i)
        if i % SURVIVOR_EVERY == 0 then
            made = made + 1
            kept[made % KEPT + 1] = all[i]
        end
    end
end

local function request(number)
    local rows, parts = {}, {}
    for i = 1, 100 do rows[i] = make_record(i * number) end
    for i, row in ipairs(rows) do parts[i] = row.name end
    if number % 25 == 0 then return table.concat(parts, (" "):rep(number * 20)) end
    if number % 40 == 0 then
        local list = {}
        for i = 1, 200000 do list[i] = i end
    end
    return table.concat(parts)
end

local function seconds()
    local now = ffi.new "struct moment"
    ffi.C.clock_gettime(CLOCK_MONOTONIC, now)
    return tonumber(now.seconds) + tonumber(now.nanoseconds) / 1e9
end

local deadline, bursts, given_back = seconds() + SECONDS, 0, 0
repeat
    burst()
    collectgarbage()
    local peak = resident_bytes()
    for slice = 1, CALM_SLICES do
        request(slice)
        ffi.C.usleep(SLICE_MICROSECONDS)
    end
    bursts, given_back = bursts + 1, given_back + peak - resident_bytes()
until seconds() > deadline
return math.floor(given_back / bursts)   -- bytes, in the calm after a burst
