-- How often each run of k letters occurs in a piece of DNA: a hash of short strings that are cut out one by one.
local scale = ...
local LETTERS = math.floor(3000000 * scale)

local letters, seed = {}, 42
for i = 1, LETTERS do
    seed = (seed * 3877 + 29573) % 139968
    local which = math.floor(seed / 34992) + 1
    letters[i] = ("ACGT"):sub(which, which)
end
local dna = table.concat(letters)

local function counts(length)
    local frequency = {}
    for at = 1, #dna - length + 1 do
        local piece = dna:sub(at, at + length - 1)
        frequency[piece] = (frequency[piece] or 0) + 1
    end
    return frequency
end

local distinct, sum = 0, 0
for _, length in ipairs {1, 2, 3, 4, 6, 8, 12, 18} do
    for piece, count in pairs(counts(length)) do
        distinct = distinct + 1
        sum = sum + count % 7 + piece:byte(1)
    end
end
return distinct + sum
