-- 200 tables, each of a size of its own, in all places where a Lua program keeps tables. At its end it writes down where
-- each one is and what it weighs, so that an analysis from outside can be held against it: the path, as this program would
-- call it; how many entries it has, by pairs; and by how much it made the collector's count grow.

jit.off()
collectgarbage("stop")

-- Make the stack grow now, and not while something is weighed.
local function deep(n) return n > 0 and 1 + deep(n - 1) or 0 end
deep(200)

local planted = {}

local function weigh(path, make)
    local before = collectgarbage("count")
    local made = make()
    local bytes = (collectgarbage("count") - before) * 1024
    local row = { path = path, bytes = bytes, table = made }
    planted[#planted + 1] = row
    return made, row
end

-- A table with `fields`, which may get other values later without weighing more; and its row, for what is known later.
local function plant(path, ...)
    local size, fields = 1000 + 13 * #planted, { ... }
    return weigh(path, function()
        local made = {}
        for i = 1, size do made[i] = i end
        for i = 1, #fields do made[fields[i]] = true end
        return made
    end)
end

local function compile(name, first_line, text)
    return assert(loadstring(("\n"):rep(first_line - 1) .. text, name))
end

local function place(f)
    local info = debug.getinfo(f, "S")
    return info.source:sub(2) .. ":" .. info.linedefined
end

-- Modules, and the keys that a path can write.
for _, name in ipairs { "sessions", "_internal", "my.cache", "app-config", "app/db", "resty.core.x", "socket:tcp", "9p" } do
    local path = "package.loaded" .. (name:find("^[%a_][%w_]*$") and "." .. name or '["' .. name .. '"]')
    local module = plant(path, "items", "index")
    module.items, module.index = plant(path .. ".items"), plant(path .. ".index", "by.name")
    module.index["by.name"] = plant(path .. '.index["by.name"]')
    package.loaded[name] = module
end

-- Keys that a path can not tell, or must not; and a reserved word.
keys = { ["end"] = plant '_G.keys["end"]' }
secrets = { ["the password is 12345"] = plant '_G.secrets["..."]' }
halves = { [0.5] = plant "_G.halves[?]" }
answers = { [true] = plant "_G.answers[?]" }
negative = { [-1] = plant "_G.negative[?]" }

-- 12 levels deep, by names and by numbers.
named, numbered = plant("_G.named", "child"), plant "_G.numbered"
local node, path = named, "_G.named"
for level = 1, 12 do
    path = path .. ".child"
    node.child = plant(path, level < 12 and "child" or nil)
    node = node.child
end
node, path = numbered, "_G.numbered"
for _ = 1, 12 do
    path = path .. "[7]"
    node[7] = plant(path)
    node = node[7]
end

slots = {}
for i = 1, 20 do slots[i] = plant("_G.slots[" .. i .. "]") end

-- Upvalues of functions that are known by a field, by a variable of their chunk, or not at all.
router, hooks, anonymous = {}, {}, {}
for i = 1, 10 do
    local cache, row = plant(nil, "items")
    local items, items_row = plant()
    cache.items = items
    local handler = compile("@app/router.lua", 40 + i, "local cache = ... return function() return cache end")(cache)
    router["handler_" .. i] = handler
    row.path = ("upvalue cache of handler_%d (%s)"):format(i, place(handler))
    items_row.path = row.path .. ".items"
end
for i = 1, 5 do
    local list, row = plant()
    hooks[i] = compile("=hook_by_lua(nginx.conf:" .. i .. ")", 1, [[
        local list = ...
        local function notify() return list end
        return function() return notify() end]])(list)
    row.path = ("upvalue list of notify (%s)"):format(place(select(2, debug.getupvalue(hooks[i], 1))))
end
for i = 1, 3 do
    anonymous[i] = compile("local t = 'a text that must stay hidden'", i,
        "local t = ... return function() return t end")(plant("upvalue t of function ([string]:" .. i .. ")"))
end

-- Coroutines. A job gets its table in a box and leaves it there no longer, so that only its own variables hold it.
jobs = {}

local function waits_at(thread)
    for level = 0, 20 do
        local info = debug.getinfo(thread, level, "Sl")
        if info.currentline > 0 then return info.source:sub(2) .. ":" .. info.currentline end
    end
end

local function start(line, held_as, text)
    local job = compile("@app/job.lua", line, [[
        local function take(box) local t = box[1] box[1] = nil return t end
        return function(box)
]] .. text .. " end")()
    local made, row = plant(nil, "items")
    local items, items_row = plant()
    made.items = items
    local thread = coroutine.create(job)
    jobs[#jobs + 1] = thread
    assert(coroutine.resume(thread, { made }))
    row.path = ("coroutine at %s, %s"):format(waits_at(thread), held_as)
    items_row.path = row.path .. ".items"
end

start(10, "local rows", "local a, b, rows = 1, 2, take(box) coroutine.yield() return a, b, rows")
start(20, "local rows", [[
    local rows = take(box)
    local function wait(x)
        local y = x
        coroutine.yield(y)
        return y
    end
    wait(1)
    return rows]])
start(30, "local inner", [[
    local function wait(inner) coroutine.yield() return inner end
    return (wait(take(box)))]])
start(40, "(for state)", "for k in pairs(take(box)) do coroutine.yield(k) end")
start(50, "(for state)", "for i, v in ipairs(take(box)) do if i > 3 then coroutine.yield(v) end end")
start(60, "(vararg)", "local function wait(...) coroutine.yield() return ... end return (wait(1, take(box)))")
start(70, "temporary", "local function both(x) return x end return (both(take(box), coroutine.yield()))")
start(80, "local rows", "local rows = take(box) local ok = pcall(coroutine.yield, 1) return rows, ok")
start(90, "local rows", [[
    local proxy = setmetatable({}, { __index = function(t, k) local deep = k coroutine.yield() return deep end })
    local rows = take(box)
    local x = proxy.x
    return x, rows]])
start(100, "local rows", [[
    local ok = pcall(function() local rows = take(box) coroutine.yield() return rows end)
    return ok]])
start(110, "local rows", ("local used = 1\n"):rep(150) .. "local rows = take(box)" .. ("\n"):rep(300)
    .. "do local gone = 1 end do local short = 2 coroutine.yield(short) end return rows")
start(120, "local rows", ("\n"):rep(70000) .. "local rows = take(box) coroutine.yield() return rows")

-- A cache under an upvalue under a coroutine.
for i = 1, 6 do
    local cache, row = plant(nil, "items")
    local items, items_row = plant()
    cache.items = items
    local refresh = compile("@app/worker.lua", 20 + i, "local cache = ... return function() return cache end")(cache)
    jobs[i] = { task = jobs[i] }
    jobs[i].resume = coroutine.wrap(function(task) coroutine.yield() return task end)
    jobs[i].resume(refresh)
    row.path = ("upvalue cache of task (%s)"):format(place(refresh))
    items_row.path = row.path .. ".items"
end

-- Metatables, environments, the registry, tables as keys.
objects, sandboxes, by_table, as_keys = {}, {}, {}, {}
for i = 1, 4 do
    local metatable = plant(("metatable of _G.objects[%d]"):format(i), "methods")
    metatable.methods = plant(("(metatable of _G.objects[%d]).methods"):format(i))
    objects[i] = setmetatable({}, metatable)
    sandboxes["run_" .. i] = compile("@app/sandbox.lua", 60 + i, "return function() end")()
    local environment, row = plant(nil, "settings")
    row.path = ("environment of run_%d (%s)"):format(i, place(sandboxes["run_" .. i]))
    environment.settings = plant(row.path .. ".settings")
    setfenv(sandboxes["run_" .. i], environment)
    debug.getregistry()["my.registry." .. i] = plant(('registry["my.registry.%d"]'):format(i), "next")
    debug.getregistry()["my.registry." .. i].next = plant(('registry["my.registry.%d"].next'):format(i))
    by_table[i] = { [objects[i]] = plant(("_G.by_table[%d][key: table]"):format(i)) }
    as_keys[i] = { [plant(("key of _G.as_keys[%d]"):format(i))] = true }
end
debug.setmetatable(0, plant "metatable of number")
debug.setmetatable(true, plant "metatable of boolean")
proxies = { newproxy(true), newproxy() }
getmetatable(proxies[1]).__index = plant "(metatable of _G.proxies[1]).__index"
debug.setfenv(proxies[2], plant "environment of _G.proxies[2]")

-- Cycles; tables with holes; tables made to measure; tables that are held weakly elsewhere.
cycle = plant("_G.cycle", "itself", "other")
cycle.itself, cycle.other = cycle, plant("_G.cycle.other", "back")
cycle.other.back = cycle
holes = {}
for i = 1, 4 do
    holes[i] = weigh(("_G.holes[%d]"):format(i), function()
        local made = {}
        for slot = 1, 100000 + i do made[slot] = slot end
        for slot = 1, 100000, i + 1 do made[slot] = nil end
        return made
    end)
end
local new = require "table.new"
measured = {}
for i = 1, 4 do
    local array, hash = 5000 + i, 2 ^ (10 + i)
    local row
    measured[i], row = weigh(("_G.measured[%d]"):format(i), function() return new(array, hash) end)
    measured[i][1], measured[i].one = 1, 1
    row.array_slots, row.hash_slots = array + 1, hash
end
weak_keys, weak_values = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "v" })
for i = 1, 2 do
    weak_values[i] = plant(("_G.zz_strong_%d"):format(i))
    _G["zz_strong_" .. i] = weak_values[i]
end
lost = setmetatable({}, { __mode = "v" })
lost[1] = {}
for i = 1, 5555 do lost[1][i] = i end

-- The rest up to 200.
rest = {}
while #planted < 200 do rest[#rest + 1] = plant(("_G.rest[%d]"):format(#rest + 1)) end
assert(#planted == 200)

local function entries(of)
    local count = 0
    for _ in next, of do count = count + 1 end
    return count
end

local rows = {}
for _, row in ipairs(planted) do
    rows[#rows + 1] = table.concat({ row.path, entries(row.table), row.bytes, row.array_slots or "", row.hash_slots or "" },
        "\t")
end
local file = assert(io.open("@OUTPUT@", "w"))
file:write(table.concat(rows, "\n"))
file:close()
