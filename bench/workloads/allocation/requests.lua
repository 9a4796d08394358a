-- A web application: each request makes nested tables and strings, drops nearly all, and leaves one record in a
-- cache. A request is held until IN_FLIGHT others have come, as while it waits for a backend.
local scale = ...
local REQUESTS, ROWS, IN_FLIGHT, CACHE_SLOTS = 2500 * scale, 300, 50, 2000
local CITIES = {"Aachen", "Bergen", "Cork", "Delft", "Evora", "Ghent", "Lyon", "Turku"}

local function read_row(request, number)
    local id = request * ROWS + number
    return {
        id = id, name = "order-" .. id, city = CITIES[id % #CITIES + 1], cents = id * 7919 % 100000,
        items = {id % 17, id % 31, id % 57, "sku-" .. id % 5000},
        owner = {first = "first" .. id % 100, last = "last" .. id % 1000},
    }
end

local function answer(request)
    local headers = {["content-type"] = "text/plain", ["x-request-id"] = "request-" .. request, host = "localhost"}
    local rows, by_city, parts = {}, {}, {}
    for number = 1, ROWS do rows[number] = read_row(request, number) end
    for _, row in ipairs(rows) do
        local group = by_city[row.city]
        if not group then
            group = {}
            by_city[row.city] = group
        end
        group[#group + 1] = row
    end
    for city, group in pairs(by_city) do parts[#parts + 1] = city .. ": " .. #group end
    table.sort(parts)
    return headers, rows, table.concat(parts, ", ")
end

local cache, in_flight, answered_bytes = {}, {}, 0
for request = 1, REQUESTS do
    local headers, rows, body = answer(request)
    in_flight[request % IN_FLIGHT + 1] = rows
    cache[request % CACHE_SLOTS + 1] = rows[request % ROWS + 1]
    answered_bytes = answered_bytes + #body + #headers["x-request-id"]
end
return answered_bytes
