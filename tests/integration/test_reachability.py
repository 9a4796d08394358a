"""What is live and what is garbage: LuaJIT itself says how much it frees, and that it frees nothing more."""
import pytest

from answers import assert_checked, only_state

# Makers of things that nobody holds afterwards. The JIT is off, so that nothing is left out, and the collector stops,
# so that nothing is freed before it is looked at.
MAKERS = """
local ffi = require "ffi"
jit.off()
collectgarbage("stop")
local vector, create, rep, proxy = ffi.typeof("int[4]"), coroutine.create, string.rep, newproxy
local yield, resume, wrap, format = coroutine.yield, coroutine.resume, coroutine.wrap, string.format
local weak_keys = setmetatable({[0] = 1}, {__mode = "k"})
local weak_values = setmetatable({}, {__mode = "v"})
local weak_both = setmetatable({}, {__mode = "kv"})
kept = {}
for i = 1, 4000 do kept[i] = false weak_values[i] = kept end
local function counter(n) return function() n = n + 1 return n end end
local function sleeper(n) local t = {n} yield(t) return t end
for i = 1, 300 do weak_keys[i] = i weak_both[i] = i end
function tables() for i = 1, 500 do local t = {i, i + 1} end end
function cycles() for i = 1, 500 do local a, b = {}, {} a[1], b[1] = b, a end end
function deep() local t = {} for i = 1, 500 do t = {t} end end
function closures() for i = 1, 500 do local f = counter(i) end end
function coroutines() for i = 1, 100 do local c = create(sleeper) resume(c, i) end end
function wrapped() for i = 1, 100 do wrap(sleeper)(i) end end
function cdata() for i = 1, 500 do local v = vector() end end
function userdata() for i = 1, 100 do local p = proxy() end end
function with_metatables() for i = 1, 100 do local p = proxy(true) end end
function weakly_held() for i = 1, 300 do weak_values[i] = {i} end end
function weakly_keyed() for i = 1, 3 do local t = {} for k = 1, 100 do t[k] = {} end weak_both[i] = t end end
function large_arrays() for i = 1, 3 do local t = {} for k = 1, 5000 do t[k] = k end end end
collectgarbage() collectgarbage() collectgarbage()
"""

GARBAGE = ["tables", "cycles", "deep", "closures", "coroutines", "wrapped", "cdata", "userdata", "large_arrays"]
# These also change what is live: LuaJIT keeps a weak table of newproxy's metatables, and weak tables are filled.
GARBAGE_AND_MORE = ["with_metatables", "weakly_held", "weakly_keyed"]

# Something that is held in each way that LuaJIT knows.
HELD = """
local ffi = require "ffi"
local buffer_exists, buffer = pcall(require, "string.buffer")
ffi.cdef "struct held_point { double x, y; }; typedef int (*held_callback)(int);"
local point = ffi.metatype("struct held_point", {__index = {name = {"of a method"}}})
by_callback = ffi.cast("held_callback", function(x) return x + #tostring({}) end)
by_finalizer = ffi.gc(ffi.new("int[8]"), (function() local t = {} return function() return t end end)())
by_metatype = point(1, 2)
local upvalue = {"closed"}
function by_upvalue() return upvalue end
by_open_upvalue = coroutine.create(function()
    local open = {"open"}
    local function show() return open end
    coroutine.yield(show)
end)
local _, show = coroutine.resume(by_open_upvalue)
_, by_dead_thread = coroutine.resume(coroutine.create(function() local x = {} coroutine.yield(function() return x end) end))
by_environment = setfenv(function() return marker end, {marker = {"in an environment"}})
debug.getregistry().held = {"in the registry"}
debug.setmetatable(0, {__index = {"of numbers"}})
debug.setmetatable(print, {__index = {"of functions"}})
by_userdata = newproxy(true)
getmetatable(by_userdata).__index = {"of userdata"}
debug.setfenv(by_userdata, {"environment of userdata"})
by_weak_key = setmetatable({}, {__mode = "k"})
by_weak_key[by_weak_key] = {"value of a live key"}
by_table_key = {[{}] = 1, [function() end] = 2, [1.5] = {}, [true] = {}, [-1] = {}}
by_vararg = coroutine.wrap(function(...) coroutine.yield(...) end)
by_vararg({1}, {2}, {3})
by_nested = coroutine.wrap(function()
    local inner = coroutine.wrap(function() local deep = {"two down"} coroutine.yield(deep) end)
    inner()
    pcall(function() local t = {"in pcall"} coroutine.yield(t, inner) end)
end)
by_nested()
by_load = loadstring("local t = {{}, 'constant'} return function() return t, 12345678901, 'another' end")()
jit.opt.start("hotloop=2", "hotexit=2")
local hot = {}
for i = 1, 300 do
    hot[i % 7 + 1] = {i, point(i, i), tostring(i), 7LL * i}
    if i % 3 == 0 then hot[i % 5 + 1] = function() return hot end end
end
by_traces = hot
if buffer_exists then
    by_buffer = buffer.new {dict = {"a", "b"}, metatable = {{}}}
    by_buffer:put("some text"):set(string.rep("copied", 30))
end
io.output():write("")
"""


def look(respire, target):
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    return only_state(answer)


@pytest.mark.parametrize("maker", GARBAGE)
def test_garbage_is_what_is_new_and_not_held(host, respire, maker):
    """What a function made and let go is garbage, to the byte of what the count has grown by; live is what was."""
    target = host(script=MAKERS)
    before, count_before = look(respire, target), target.count()
    target.call(maker)
    after, count_after = look(respire, target), target.count()
    assert after["garbage"]["bytes"] - before["garbage"]["bytes"] == count_after - count_before > 0
    assert after["live"] == before["live"]


@pytest.mark.parametrize("maker", GARBAGE + GARBAGE_AND_MORE)
def test_a_collection_frees_the_garbage(host, respire, maker):
    """A full collection frees what was called garbage, to the byte; nothing of it is left, and what was live is."""
    target = host(script=MAKERS)
    target.call(maker)
    before, count_before = look(respire, target), target.count()
    target.ask("gc")
    after, count_after = look(respire, target), target.count()
    assert before["garbage"]["objects"] > 0
    assert before["garbage"]["bytes"] == count_before - count_after
    assert after["garbage"] == {**after["garbage"], "objects": 0, "bytes": 0}
    assert after["live"] == before["live"]


@pytest.mark.parametrize("preload", [False, pytest.param(True, marks=pytest.mark.preload)], ids=["stock", "respire"])
def test_whatever_is_held_is_live(host, respire, preload, runtime):
    """After the collector took what it could, nothing is left that respire would call garbage."""
    target = host(script=HELD, environment={"LD_PRELOAD": str(runtime)} if preload else None)
    for _ in range(4):
        target.ask("gc")
    state = look(respire, target)
    assert state["garbage"]["objects"] == 0
    assert state["garbage"]["awaiting_finalizers"]["objects"] == 0
    assert state["live"]["objects"] == sum(row["count"] for row in state["objects"])


def test_objects_that_await_their_finalizer(host, respire):
    """A finalizer is still to be called: the object and all it refers to live through the next collection."""
    target = host(script="""
        local ffi = require "ffi"
        jit.off()
        collectgarbage("stop")
        function userdata()
            for i = 1, 70 do
                local meta = getmetatable(newproxy(true))
                meta.__gc = function() end
            end
        end
        function cdata() for i = 1, 30 do ffi.gc(ffi.new("int[4]"), tostring) end end
        collectgarbage() collectgarbage() collectgarbage()
    """)
    assert look(respire, target)["garbage"]["awaiting_finalizers"]["objects"] == 0
    target.call("cdata")
    assert look(respire, target)["garbage"]["awaiting_finalizers"]["objects"] == 30
    target.call("userdata")
    # The userdata, its metatable, the finalizer.
    state = look(respire, target)
    assert state["garbage"]["awaiting_finalizers"]["objects"] == 30 + 3 * 70
    count_before = target.count()
    target.ask("gc")
    assert count_before - target.count() <= state["garbage"]["bytes"]
    target.ask("gc")
    target.ask("gc")
    assert look(respire, target)["garbage"] == {
        "objects": 0, "bytes": 0, "awaiting_finalizers": {"objects": 0, "bytes": 0}}
