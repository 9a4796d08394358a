-- A heap of about 1 GB in 10 million objects: records with a name, a list and a closure, as a cache would keep them.
-- RECORDS makes five objects each.
local records = tonumber(os.getenv("RECORDS"))
collectgarbage("stop")
kept = {}
for i = 1, records do
    kept[i] = {id = i, name = "record number " .. i, list = {i, i + 1, i + 2}, read = function() return i end, field = "x"}
end

-- Keeps the program busy without changing the heap's size much.
function work()
    local sum = 0
    for i = 1, 20000 do sum = sum + kept[i % records + 1].id end
    return sum
end
