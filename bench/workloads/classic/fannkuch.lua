-- Pancake flips over all permutations of a short array of integers.
local scale = ...
local SIZE = scale >= 1 and 10 or 9

local function next_permutation(order, counters)
    for r = 2, SIZE do
        local first = order[1]
        for i = 1, r - 1 do order[i] = order[i + 1] end
        order[r] = first
        counters[r] = counters[r] - 1
        if counters[r] > 0 then return true end
        counters[r] = r
    end
    return false
end

local function flips(order, work)
    for i = 1, SIZE do work[i] = order[i] end
    local count, first = 0, work[1]
    while first ~= 1 do
        local low, high = 1, first
        while low < high do
            work[low], work[high] = work[high], work[low]
            low, high = low + 1, high - 1
        end
        count, first = count + 1, work[1]
    end
    return count
end

local order, counters, work = {}, {}, {}
for i = 1, SIZE do order[i], counters[i], work[i] = i, i, i end
local most, sum, number = 0, 0, 0
repeat
    local count = flips(order, work)
    most = math.max(most, count)
    sum = sum + (number % 2 == 0 and count or -count)
    number = number + 1
until not next_permutation(order, counters)
return most * 1000000 + sum
