--[[
The configuration of the knot-resolver test: no upstream, all answers are made here, in Lua.

N.work.test TXT makes N tables and answers with a sum that the test knows, and with collectgarbage("count") in bytes. The
address of N.host.test is 10.0.N/256.N%256. When N is 0, the answer comes after a full collection.
]]
local ffi = require "ffi"

net.listen("127.0.0.1", tonumber(os.getenv("RESPIRE_TEST_PORT")), { kind = "dns" })
cache.size = 10 * MB
modules.unload("ta_update")
modules.unload("ta_signal_query")
modules.unload("priming")
modules.unload("detect_time_skew")
trust_anchors.remove(".")

local kept, answered = {}, 0

-- Until nothing more goes: each collection halves the table of strings.
local function collect()
    local before
    repeat
        before = collectgarbage("count")
        collectgarbage()
    until collectgarbage("count") > before * 0.99
end

local function text(n)
    if n == 0 then collect() end
    local records, sum = {}, 0
    for i = 1, n do records[i] = { id = i, name = "record " .. i } end
    for i = 1, n do sum = sum + records[i].id + #records[i].name end
    answered = answered + 1
    kept[answered % 500 + 1] = { records[1], records[n], at = answered }
    return ("%d %d"):format(sum, collectgarbage("count") * 1024)
end

local function answer(_, request)
    local query = request:current()
    local number, kind = kres.dname2str(query.sname):match("^(%d+)%.(%a+)%.test%.$")
    local data
    if kind == "work" and query.stype == kres.type.TXT then
        local said = text(tonumber(number))
        data = string.char(#said) .. said
    elseif kind == "host" and query.stype == kres.type.A then
        data = string.char(10, 0, math.floor(number / 256), number % 256)
    else
        return policy.DENY(_, request)
    end
    local packet = request:ensure_answer()
    ffi.C.kr_pkt_make_auth_header(packet)
    packet:rcode(kres.rcode.NOERROR)
    packet:begin(kres.section.ANSWER)
    packet:put(query.sname, 1, query.sclass, query.stype, data)
    return kres.DONE
end

policy.add(policy.all(answer))
