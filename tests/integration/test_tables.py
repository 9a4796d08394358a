"""The table growth log: every growth of a big table is noted once, with the line that the script itself knows."""
import os
import re
import subprocess
import time

import pytest

from outcome import compile_host, luajit_flags

pytestmark = pytest.mark.preload

# Each way to grow a table: what it is asked for, in which line, and what LuaJIT makes of 10000 records.
WAYS = {
    "array": ("t[i] = i", [("array", 4096), ("array", 8192), ("array", 16384)]),
    "length": ("t[#t + 1] = i", [("array", 4096), ("array", 8192), ("array", 16384)]),
    "hash": ("t[i + 0.5] = i", [("hash", 4096), ("hash", 8192), ("hash", 16384)]),
    "names": ("t['k' .. i] = i", [("hash", 4096), ("hash", 8192), ("hash", 16384)]),
    # From the end to the start: a hash, until a rehash finds that half an array is full.
    "rehash": ("t[10001 - i] = i", [("hash", 4096), ("array", 16384)]),
}

SCRIPT = """
local respire = require "respire"
{mode}
local line
local function grow(n)
    local t = {{}}
    for i = 1, n do
        {body}
    end
    return t
end
local function call(n) local t = grow(n) return t end
call(100)
for _ = 1, {rounds} do
    collectgarbage()
    call(10000)
end
local coroutine_of = coroutine.wrap(function(n) local t = grow(n) return t end)
coroutine_of(10000)
local what = debug.getinfo(grow, "S")
print(what.short_src, what.linedefined, what.lastlinedefined, debug.getinfo(call, "S").linedefined)
for _, growth in ipairs(respire.tables()) do
    print(growth.kind, growth.records, growth.bytes, growth.time, growth.where)
end
"""

ROUNDS = 4


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    return {name: compile_host(name, folder, luajit_flags()) for name in ("script", "tables")}


@pytest.fixture
def lua(tmp_path, build):
    """lua(command, text, …): the fields of each line that the script prints."""
    def run_script(command, text, preload=None, options=None, environment=None):
        script = tmp_path / "script.lua"
        script.write_text(text, encoding="utf-8")
        settings = {**os.environ, "LUA_CPATH": f"{build}/?.so;;", **(environment or {})}
        for name, value in {"LD_PRELOAD": preload, "RESPIRE_OPTIONS": options}.items():
            settings.pop(name, None)
            if value is not None:
                settings[name] = str(value)
        done = subprocess.run([*map(str, command), "script.lua"], env=settings, capture_output=True, text=True, timeout=50,
                              check=False, cwd=tmp_path)
        assert done.returncode == 0 and done.stderr == "", done
        return [line.split("\t") for line in done.stdout.splitlines()]
    return run_script


def check(lines, way, compiled):
    """The log against what the script says of itself. Growths in compiled code name the function's lines."""
    (source, first, last, caller), growths = lines[0], lines[1:]
    assert source == "script.lua"
    body = f"{source}:{int(first) + 3}"
    if compiled:
        body = f"(?:{body}|{source}:{first}-{last})"
    expected = WAYS[way][1] * (ROUNDS + 1)
    assert [(kind, int(records)) for kind, records, *_ in reversed(growths)] == expected
    for kind, records, size, _, _ in growths:
        assert int(size) == (8 * (int(records) + 1) if kind == "array" else 24 * int(records))
    times = [float(growth[3]) for growth in growths]
    assert times == sorted(times, reverse=True) and time.time() - 60 < times[-1] <= times[0] < time.time() + 1
    places = [growth[4] for growth in reversed(growths)]
    per_call = len(WAYS[way][1])
    for place in places[:-per_call]:
        assert re.fullmatch(rf"{body} < script.lua:{caller} < script.lua:\d+( < \[C\])?", place), place
    for place in places[-per_call:]: # in the coroutine, which nobody called
        assert re.fullmatch(rf"{body} < script.lua:\d+", place), place
    assert any("-" in place for place in places) == compiled, places


@pytest.mark.parametrize("mode", ["jit.off()", "jit.on()"])
@pytest.mark.parametrize("way", WAYS)
def test_shared_luajit(lua, programs, runtime, way, mode):
    """Under a preload: every growth, interpreted and compiled, in the main thread and in a coroutine."""
    text = SCRIPT.format(mode=mode, body=WAYS[way][0], rounds=ROUNDS)
    check(lua([programs["script"]], text, preload=runtime), way, compiled=mode == "jit.on()")


@pytest.mark.parametrize("mode", ["jit.off()", "jit.on()"])
def test_static_luajit(lua, suite, mode):
    """In a state that was taken over, in every LuaJIT that the tests have."""
    text = SCRIPT.format(mode=mode, body=WAYS["hash"][0], rounds=ROUNDS)
    lines = lua(suite.command(suite.luajit), text, environment=suite.environment())
    check(lines, "hash", compiled=mode == "jit.on()")


def test_functions_of_c(lua, programs, runtime):
    """A function of C is [C]; the host's own work, outside of every Lua function, is nowhere, and so is what it does while the
    coroutine that ran last has yielded."""
    lines = lua([programs["tables"]], """
        local respire = require "respire"
        local list = {}
        local line = debug.getinfo(1, "l").currentline + 1
        for i = 1, 5000 do table.insert(list, i) end
        local idle = coroutine.create(function(a) coroutine.yield() end)
        coroutine.resume(idle)
        fill_from_c(idle, 5000)
        coroutine.wrap(function(main) fill_from_c(idle, 5000) end)()
        function yields() coroutine.yield() end
        function after()
            print(line)
            for _, growth in ipairs(respire.tables()) do print(growth.records, growth.where) end
        end
    """, preload=runtime, options="idle_gc_ms=0")
    line = int(lines[0][0])
    chains = [growth[1] for growth in reversed(lines[1:])]
    assert [int(growth[0]) for growth in reversed(lines[1:])] == [4096, 8192] * 4
    assert chains[0] in (f"[C] < script.lua:{line}", "script.lua:0-15") and chains[2:4] == [f"[C] < script.lua:{line + 3}"] * 2
    assert chains[4:6] == [f"[C] < script.lua:{line + 4}"] * 2 and chains[6:] == ["nil"] * 2


def test_deep_chains(lua, programs, runtime):
    """Outer functions that do not fit are left out, and dots say so."""
    lines = lua([programs["script"]], """
        local respire = require "respire"
        jit.off()
        local function grow(depth)
            if depth > 0 then return (grow(depth - 1)) end
            local t = {} for i = 1, 5000 do t[i] = i end
        end
        for _, depth in ipairs { 0, 3, 200 } do
            grow(depth)
            print(respire.tables()[1].where)
        end
    """, preload=runtime)
    shallow, deeper, deep = (line[0] for line in lines)
    assert re.fullmatch(r"script.lua:6 < script.lua:9( < \[C\])?", shallow)
    assert re.fullmatch(r"script.lua:6( < script.lua:5){3} < script.lua:9( < \[C\])?", deeper)
    assert re.fullmatch(r"script.lua:6( < script.lua:5)+ < \.\.\.", deep) and 100 < len(deep) < 160


def test_options(lua, programs, runtime):
    """Nothing below the limit, nothing when it is off; the limit can be changed at any time."""
    lines = lua([programs["script"]], """
        local respire = require "respire"
        local function grow(n) local t = {} for i = 1, n do t[i] = i end return #respire.tables() end
        print(respire.get("table_log"), grow(5000))
        print(respire.set("table_log", 8192), grow(5000), grow(9000))
        print(respire.set("table_log", 0), grow(100000))
        print(respire.set("table_log", 1), grow(500), grow(1000), grow(1500))
        print(respire.set("table_log", -1))
    """, preload=runtime, options="table_log=100000")
    assert lines[:4] == [["100000", "0"], ["true", "1", "3"], ["true", "3"], ["true", "3", "4", "6"]]
    assert lines[4][0] == "nil" and lines[4][1].startswith("table_log must be 0 to ")


LOAD = """
local respire = require "respire"
respire.set("table_log", 1)
local random, kept, sums = math.random, {}, {}
math.randomseed(7)
local makers = {
    function(n) local t = {} for i = 1, n do t[i] = i end return t end,
    function(n) local t = {} for i = n, 1, -1 do t[i] = i end return t end,
    function(n) local t = {} for i = 1, n do t["k" .. i] = i end return t end,
    function(n) local t = {} for i = 1, n do t[i * 0.5] = i end return t end,
    function(n) local t = {} for i = 1, n do table.insert(t, i) end return t end,
}
for i = 1, #makers do
    local make = makers[i]
    makers[#makers + 1] = function(n) return coroutine.wrap(function() return make(n) end)() end
end
-- Without a memory limit nothing fails; with a metamethod and a finalizer the collector calls Lua in between.
local function finalized() local p = newproxy(true) getmetatable(p).__gc = function() makers[1](3000) end return p end
local function whole(t, n) local sum = 0 for _, v in pairs(t) do sum = sum + v end return sum == n * (n + 1) / 2 end
local till, rounds = os.clock() + 3, 0
while os.clock() < till or rounds < 600 do
    local slot, n = random(20), random(500, 40000)
    if kept[slot] then assert(whole(kept[slot], sums[slot])) end
    kept[slot], sums[slot] = makers[random(#makers)](n), n
    finalized()
    rounds = rounds + 1
    if rounds % 50 == 0 then
        if rounds % 200 == 0 then jit.flush() end
        for _, growth in ipairs(respire.tables()) do
            assert((growth.where or ""):find("script.lua:%d"), growth.where)
        end
    end
end
for slot, t in pairs(kept) do assert(whole(t, sums[slot])) end
-- What grows while the log is read takes the place of what was there: no finalizer may run now.
collectgarbage()
collectgarbage("stop")
print(#respire.tables(), rounds >= 600)
"""


def test_under_load(lua, programs, runtime):
    """Growth upon growth, compiled and not, in coroutines and finalizers: tables stay whole, and every growth has a place."""
    assert lua([programs["script"]], LOAD, preload=runtime) == [["256", "true"]]
