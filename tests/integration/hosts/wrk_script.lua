--[[
wrk's script: each thread makes its requests from tables, keeps the answers, and knows at the end what it counts.

done() runs when the load is over, in one more state: it tells what each thread told, and waits for a line on standard input,
with all states still there.
]]
local thread_number = 0
local threads = {}

function setup(thread)
    thread_number = thread_number + 1
    thread:set("number", thread_number)
    threads[thread_number] = thread
end

function init()
    asked, answered, wrong, kept = 0, 0, 0, {}
    -- done() asks for it when the thread is at rest.
    setmetatable(_G, { __index = function(_, name)
        if name ~= "count_bytes" then return nil end
        collectgarbage()
        return collectgarbage("count") * 1024
    end })
end

function request()
    asked = asked + 1
    local parts = {}
    for i = 1, 200 do parts[i] = { name = "x" .. i, value = asked * 1000 + i } end
    return wrk.format("GET", ("/echo?thread=%d&asked=%d"):format(number, asked), { ["X-Sum"] = parts[200].value })
end

function response(status, headers, body)
    answered = answered + 1
    local asked_before = tonumber(body:match("^thread=" .. number .. "&asked=(%d+)\n$"))
    if status ~= 200 or not asked_before or asked_before > asked then wrong = wrong + 1 end
    kept[answered % 2000 + 1] = { status = status, body = body, headers = headers }
end

function done(summary)
    for _, thread in ipairs(threads) do
        io.write(("thread %d %d %d\n"):format(thread:get("answered"), thread:get("wrong"), thread:get("count_bytes")))
    end
    local errors = summary.errors
    io.write(("failed %d\n"):format(errors.connect + errors.read + errors.write + errors.status + errors.timeout))
    collectgarbage()
    io.write(("main %d\n"):format(collectgarbage("count") * 1024))
    io.flush()
    io.read("*l")
end
