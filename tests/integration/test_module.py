"""require "respire": in Debian's luajit, which LuaJIT is linked into statically, and in hosts of the shared library."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from answers import assert_checked, assert_conserved, only_state, owners_named, resident_sum
from outcome import compile_host, luajit_flags

pytestmark = pytest.mark.preload

# What each script may use.
PRELUDE = """
local function rss_bytes()
    for line in io.lines("/proc/self/status") do
        local kib = line:match("^VmRSS:%s+(%d+)")
        if kib then return tonumber(kib) * 1024 end
    end
end
local function burst(n) local t = {} for i = 1, n do t[i] = { i, tostring(i) } end return #t end
local function copies()
    local seen, count = {}, 0
    for line in io.lines("/proc/self/maps") do
        local path = line:match("%s(/.*respire.*%.so)$")
        if path and not seen[path] then seen[path], count = true, count + 1 end
    end
    return count
end
local function tell(...)
    local texts = {}
    for i = 1, select("#", ...) do texts[i] = tostring((select(i, ...))) end
    print(table.concat(texts, "|"))
end
"""

BREATHES = """
local old = {}
for i = 1, 50000 do old[i] = { i, "old " .. i } end
local respire = require "respire"
respire.set("decay_ms", 500)
burst(400000)
local peak = rss_bytes()
collectgarbage() collectgarbage()
os.execute("sleep 2.5")
for i = 1, 50000 do assert(old[i][2] == "old " .. i) end
tell(peak > 60e6, peak - rss_bytes() > 40e6, respire.stats().purged_bytes > 40e6)
"""


@pytest.fixture(scope="module")
def script_host(tmp_path_factory):
    return compile_host("script", tmp_path_factory.mktemp("script"), luajit_flags())


@pytest.fixture
def lua(tmp_path, build):
    """lua(command, text, …): what the script prints, line by line."""
    def run_script(command, text, preload=None, options=None, environment=None, log_is_stderr=False):
        script = tmp_path / "script.lua"
        script.write_text(PRELUDE + text, encoding="utf-8")
        settings = {**os.environ, "LUA_CPATH": f"{build}/?.so;;", **(environment or {})}
        for name, value in {"LD_PRELOAD": preload, "RESPIRE_OPTIONS": options}.items():
            settings.pop(name, None)
            if value is not None:
                settings[name] = str(value)
        done = subprocess.run([*map(str, command), str(script)], env=settings, capture_output=True, text=True, timeout=50,
                              check=False)
        assert done.returncode == 0 and (log_is_stderr or done.stderr == ""), done
        return done.stdout.splitlines()
    return run_script


@pytest.fixture
def copy(tmp_path, runtime):
    """Another copy of the runtime."""
    return shutil.copy(runtime, tmp_path / "another-librespire.so")


def luajit_of(suite):
    return {"command": suite.command(suite.luajit), "environment": suite.environment()}


def test_static_luajit_breathes(lua, suite):
    """What was allocated before stays; a burst after require goes back to the system by itself."""
    assert lua(**luajit_of(suite), text=BREATHES) == ["true|true|true"]


def test_shared_luajit_breathes(lua, script_host):
    assert lua([script_host], BREATHES) == ["true|true|true"]


def test_preloaded_and_required_are_one(lua, script_host, runtime):
    """Under a preload the module is that of the preloaded library, whose heap the state has been on from the start."""
    text = """
        local respire = require "respire"
        burst(10000)
        tell(copies(), math.abs(respire.stats().live_bytes / 1024 - collectgarbage("count")) < 500)
    """
    assert lua([script_host], text, preload=runtime) == ["1|true"]


def test_functions(lua, suite):
    """The whole interface, as lua/README.md describes it."""
    lines = lua(**luajit_of(suite), text="""
        local respire = require "respire"
        tell(respire.get("decay_ms"), respire.get("background"), respire.get("log"))
        tell(respire.set("decay_ms", 2000), respire.set("background", false), respire.set("log", "stderr"))
        tell(respire.set("log", "off"))
        tell(respire.get("decay_ms"), respire.get("background"), respire.stats().decay_ms)
        tell(respire.set("decay_ms", "700"), respire.set("background", "on"), respire.get("decay_ms"))
        tell(respire.set("decay_ms", 5))
        tell(respire.set("background", 1))
        tell(respire.set("pace", 5))
        tell(respire.get("pace"))
        for _, call in ipairs { { respire.set }, { respire.set, "decay_ms" }, { respire.set, 1, 2 },
                                { respire.set, "log", {} }, { respire.get } } do
            tell(pcall(unpack(call)))
        end
        burst(100000)
        collectgarbage() collectgarbage()
        local before = rss_bytes()
        local returned = respire.trim()
        tell(type(returned), returned > 5e6, math.abs(before - rss_bytes() - returned) < 2e6)
        local stats = respire.stats()
        tell(stats.held_bytes == stats.live_bytes + stats.free_bytes + stats.meta_bytes, stats.purged_bytes >= returned)
        tell(coroutine.wrap(function() return require("respire") == respire, respire.stats().held_bytes > 0 end)())
    """, log_is_stderr=True)
    usage = "false|usage: respire.set(name, value), with a number, a boolean or a string"
    assert lines == [
        "1000|true|off",
        "true|true|true",
        "true",
        "2000|false|2000",
        "true|true|700",
        "nil|decay_ms must be 500 to 3600000, not \"5\"; it stays 700",
        "nil|background must be on or off, not \"1\"; it stays on",
        "nil|there is no option \"pace\"; the options are " + " ".join(option_names()),
        "nil|there is no option \"pace\"; the options are " + " ".join(option_names()),
        usage, usage, usage, usage, "false|usage: respire.get(name)",
        "number|true|true",
        "true|true",
        "true|true",
    ]


def option_names():
    table = pathlib.Path(__file__).resolve().parents[2] / "abi/options_table.h"
    return re.findall(r"^    OPTION\((\w+),", table.read_text(encoding="utf-8"), flags=re.M)


TWO_COPIES = """
local one = require "respire"
local other = assert(package.loadlib(os.getenv("ANOTHER"), "luaopen_respire"))()
burst(50000)
tell(copies(), one.stats().held_bytes == other.stats().held_bytes, other.set("decay_ms", 777), one.get("decay_ms"))
"""


@pytest.mark.parametrize("preloaded", ["none", "one", "other", "both"])
def test_two_copies_are_harmless(lua, script_host, runtime, copy, preloaded):
    """Whichever comes first serves the state, and the other one hands over to it."""
    preload = {"none": None, "one": runtime, "other": copy, "both": f"{copy}:{runtime}"}[preloaded]
    assert lua([script_host], TWO_COPIES, preload=preload, environment={"ANOTHER": str(copy)}) == ["2|true|true|777"]


def test_two_copies_in_static_luajit(lua, suite, copy):
    command = luajit_of(suite)
    command["environment"]["ANOTHER"] = str(copy)
    assert lua(**command, text=TWO_COPIES) == ["2|true|true|777"]


def test_without_gc64(lua, narrow_suite):
    """Refused by an error that says why; the program goes on."""
    lines = lua(**luajit_of(narrow_suite), text="""
        tell(pcall(require, "respire"))
        tell(burst(100000))
    """)
    assert lines[0].startswith("false|respire can't take over this state: this LuaJIT was built without GC64")
    assert lines[1:] == ["100000"]


# Old and new of every size, and some of the old freed again.
TAKEN_OVER = """
    kept = {{}}
    for i = 1, 30000 do kept[i] = {{ i, tostring(i) }} end
    old_text = ("y"):rep(400000)
    package.cpath = "{build}/?.so"
    respire = require "respire"
    for i = 1, 30000 do kept[i % 5 == 0 and i or #kept + 1] = {{ i, tostring(i) .. "new" }} end
    new_text = ("x"):rep(500000)
    collectgarbage()
"""


def test_seen_from_outside(respire, host, build):
    """`lua` and `mem` find both heaps of a state that was taken over; together they hold all that the collector counts."""
    target = host(script=TAKEN_OVER.format(build=build))
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    state = only_state(answer)
    assert state["gc_count_bytes"] == target.count()
    new, old = state["allocator"], state["former_allocator"]
    assert (new["kind"], old["kind"]) == ("respire", "stock")
    assert new["live_bytes"] > 2 * 2**20 and old["live_bytes"] > 2 * 2**20
    assert new["live_bytes"] + old["live_bytes"] == pytest.approx(state["gc_count_bytes"], rel=0.3)
    for heap in (new, old):
        assert_conserved(heap)
    owners = respire("mem", target.pid, "--json")
    assert_checked(owners)
    for name in ("respire.live", "luajit.live"):
        assert resident_sum(owners_named(owners, name)) > 2 * 2**20
    assert "taken over" in respire("lua", target.pid)


def test_hosts_allocator_seen_from_outside(respire, host, build):
    """The blocks that a host's allocator keeps are not looked into; the heap is checked all the same."""
    target = host(script=TAKEN_OVER.format(build=build), allocator="malloc")
    state = only_state(respire("lua", target.pid, "--json"))
    assert (state["allocator"]["kind"], state["former_allocator"]["kind"]) == ("respire", "other")
    assert state["gc_count_bytes"] == target.count()
    assert_conserved(state["allocator"])
    assert state["allocator"]["live_bytes"] > 2 * 2**20


def test_doctor_of_a_state_taken_over(respire, host, build):
    """`doctor` says that the runtime is in use, and how it came there."""
    target = host(script=TAKEN_OVER.format(build=build))
    (found,) = [found for found in respire("doctor", target.pid, "--json")["findings"] if found["subject"] == "runtime"]
    assert (found["level"], found["remedy"]) == ("ok", None)
    assert "took over a living state" in found["detail"]


@pytest.mark.parametrize("way", ["preload", "require"])
def test_doctor_of_nginx(respire, nginx, runtime, build, way):
    """`doctor` tells what the next binary upgrade needs: `env LD_PRELOAD;` after a preload, nothing after a require."""
    if way == "preload":
        server = nginx(preload=runtime)
    else:
        server = nginx(http=f"""init_by_lua_block {{ package.cpath = "{build}/?.so" require "respire" }}""")
    found = {finding["subject"]: finding for finding in respire("doctor", server.worker, "--json")["findings"]}
    assert found["runtime"]["level"] == "ok"
    upgrade = found["binary upgrade (USR2)"]
    if way == "preload":
        assert upgrade["level"] == "note" and "env LD_PRELOAD;" in upgrade["remedy"]
    else:
        assert (upgrade["level"], upgrade["remedy"]) == ("ok", None)
