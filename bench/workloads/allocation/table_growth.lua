-- Tables that grow by doubling: arrays and hashes that are appended to, from many small ones to a few of millions.
local scale = ...

local function array(size)
    local list = {}
    for i = 1, size do list[i] = i end
    return list
end

local function hash(size)
    local map = {}
    for i = 1, size do map[i * 16777259 % 2 ^ 40 + 0.5] = i end
    return map
end

-- Many of the small, one of the large.
local function copies(size) return math.min(math.max(2 ^ (18 - size), 1), 64) end

local sum = 0
for _ = 1, math.ceil(5 * scale) do
    for size = 8, 21 do
        for copy = 1, copies(size) do sum = sum + #array(2 ^ size - copy % 7) end
    end
    for size = 8, 19 do
        for copy = 1, copies(size + 1) do sum = sum + hash(2 ^ size - copy % 7)[16777259.5] end
    end
end
return sum
