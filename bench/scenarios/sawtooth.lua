-- A load that grows by a few MB at a time to 60 MB, drops all and begins anew, while the program computes.
--
-- PERIOD_MS is about how long a tooth takes: the computing between two steps is a fixed amount of arithmetic, so that
-- every run of the same period does the same work.
local scale = ...
local PERIOD_MS = tonumber(os.getenv("PERIOD_MS"))
local SECONDS, STEPS, RECORDS = 12 * scale, 60, 3000
local ALLOCATION_MS, ARITHMETIC_PER_MS = 150, 120000   -- of a tooth; of the computing

local function batch(step)
    local records = {}
    for i = 1, RECORDS do
        records[i] = {id = i, name = "record number " .. i * step, tags = {i % 7, i % 11, i % 13}}
    end
    return records
end

local function compute(count)
    local x, sum = 1, 0
    for i = 1, count do
        x = (x * 5 + i) % 1048573
        sum = sum + x
    end
    return sum
end

local sum = 0
for _ = 1, math.max(1, math.floor(SECONDS * 1000 / PERIOD_MS + 0.5)) do
    local load = {}
    for step = 1, STEPS do
        load[step] = batch(step)
        sum = sum + compute(ARITHMETIC_PER_MS * (PERIOD_MS - ALLOCATION_MS) / STEPS)
    end
    load = nil
    collectgarbage()
end
return sum
