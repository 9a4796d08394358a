-- The web application that both workers of the demo run: an order report.
--
-- One request reads ROWS records from a make-believe backend, waits for a second backend while it holds them,
-- then groups them by city and writes them out as JSON. Nearly everything it made is garbage after the
-- answer; what stays is one order per request in a small cache of the latest CACHE_SLOTS. That is the
-- shape of real traffic: many short-lived tables and strings, with a few survivors scattered among them.

local burst = {}

local ROWS = 1500
local BACKEND_WAIT_SECONDS = 0.2
local CACHE_SLOTS = 2000

local CITIES = { "Aachen", "Bergen", "Cork", "Delft", "Evora", "Ghent", "Lyon", "Turku" }
local STATES = { "open", "paid", "packed", "sent", "returned" }

local cache = {}
local served = 0
local busy = 0

local function make_row(request_number, row_number)
    local id = request_number * ROWS + row_number
    return {
        id = id,
        name = "order-" .. id,
        city = CITIES[id % #CITIES + 1],
        state = STATES[id % #STATES + 1],
        cents = (id * 7919) % 100000,
        items = { id % 17, id % 31, id % 57, "sku-" .. id * 3 },
    }
end

local function encode_row(row)
    return '{"id":' .. row.id .. ',"name":"' .. row.name .. '","city":"' .. row.city
        .. '","state":"' .. row.state .. '","cents":' .. row.cents
        .. ',"items":[' .. table.concat(row.items, ",", 1, 3) .. ']}'
end

-- GET /report: the burst is made of these.
function burst.report()
    busy = busy + 1
    served = served + 1
    local request_number = served
    local rows = {}
    for row_number = 1, ROWS do
        rows[row_number] = make_row(request_number, row_number)
    end

    ngx.sleep(BACKEND_WAIT_SECONDS)

    local by_city = {}
    for _, row in ipairs(rows) do
        local group = by_city[row.city]
        if not group then
            group = {}
            by_city[row.city] = group
        end
        group[#group + 1] = row
    end
    local parts = {}
    for _, city in ipairs(CITIES) do
        local group = by_city[city]
        for _, row in ipairs(group) do
            parts[#parts + 1] = encode_row(row)
        end
    end
    local body = "[" .. table.concat(parts, ",\n") .. "]\n"

    cache[request_number % CACHE_SLOTS + 1] = rows[request_number % ROWS + 1]
    busy = busy - 1
    ngx.print(body)
end

-- GET /collect: full collections until the count no longer falls. The first frees the garbage; each one then halves
-- LuaJIT's table of strings, whose size would otherwise be a matter of chance.
function burst.collect()
    local before
    repeat
        before = collectgarbage("count")
        collectgarbage()
    until collectgarbage("count") > before * 0.99
    burst.status()
end

-- GET /status: what the worker itself knows, one JSON object.
function burst.status()
    ngx.say(string.format('{"pid":%d,"gc_count_bytes":%d,"served":%d,"busy":%d,'
        .. '"luajit":"%s","rows":%d,"wait_seconds":%g}',
        ngx.worker.pid(), collectgarbage("count") * 1024, served, busy, jit.version, ROWS, BACKEND_WAIT_SECONDS))
end

return burst
