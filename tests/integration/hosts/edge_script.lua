--[[
The Traffic Server test's script. Each request gets a sum of tables that Lua made as a header for the origin, and each response a
header made of what Lua remembers; /lua is answered by Lua alone, and with X-N: 0 after a full collection.
]]
local kept, served = {}, 0

local function records_sum(n)
    local records, sum = {}, 0
    for i = 1, n do records[i] = { id = i, name = "record " .. i } end
    for i = 1, n do sum = sum + records[i].id + #records[i].name end
    served = served + 1
    kept[served % 100 + 1] = { records[1], records[n] }
    return sum
end

local function count_bytes()
    return ("%d"):format(collectgarbage("count") * 1024)
end

local function add_headers()
    ts.client_response.header["X-Words"] = table.concat(ts.ctx.words, "+")
    ts.client_response.header["X-Count"] = count_bytes()
end

function do_remap()
    local n = tonumber(ts.client_request.header["X-N"] or 10)
    local sum = records_sum(n)
    if ts.client_request.get_uri() == "/lua" then
        if n == 0 then collectgarbage() end
        ts.http.set_resp(200, ("%d %s\n"):format(sum, count_bytes()))
        return 0
    end
    ts.ctx.words = {}
    for word in (ts.client_request.get_uri_args() or ""):gmatch("[^&]+") do table.insert(ts.ctx.words, 1, word) end
    ts.client_request.header["X-Sum"] = sum
    ts.hook(TS_LUA_HOOK_SEND_RESPONSE_HDR, add_headers)
    return 0
end
