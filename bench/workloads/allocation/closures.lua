-- Closures with upvalues of their own, and coroutines that are made, resumed a few times and dropped.
local scale = ...
local ROUNDS, CLOSURES, COROUTINES = 2500 * scale, 3000, 250

local function counter(start)
    local value = start
    return function(step)
        value = value + step
        return value
    end, function() return value end
end

local function producer(first)
    return coroutine.wrap(function(last)
        for value = first, last do coroutine.yield(value) end
        return last + 1
    end)
end

local sum = 0
for round = 1, ROUNDS do
    local kept = {}
    for i = 1, CLOSURES do
        local add, read = counter(i)
        add(round)
        kept[i % 100 + 1] = read
        sum = sum + read()
    end
    for i = 1, COROUTINES do
        local take = producer(i)
        sum = sum + take(i + 2) + take() + take()
    end
    sum = sum + kept[1]()
end
return sum
