"""Debian's `luajit` command, which has LuaJIT linked in statically: out of a preload's reach, but not of require's."""
import pathlib

import pytest

from answers import assert_checked, only_state
from hosts.evidence import assert_heap_in_use

pytestmark = pytest.mark.preload

SCRIPT = pathlib.Path(__file__).resolve().parent / "hosts" / "command_script.lua"


def test_preload_is_inert(bookworm, native, respire, runtime):
    """Under a preload the command works as ever, on its own allocator, and `doctor` says what is missing."""
    command = native(bookworm.luajit, SCRIPT, preload=[runtime])
    count_bytes = command.told()["count_bytes"]
    answer = respire("lua", command.pid, "--json")
    assert_checked(answer)
    state = only_state(answer)
    assert state["allocator"]["kind"] == "stock"
    assert state["gc_count_bytes"] == pytest.approx(count_bytes, abs=64 * 1024)
    (finding,) = [found for found in respire("doctor", command.pid, "--json")["findings"] if found["subject"] == "runtime"]
    assert finding["level"] == "missing"
    assert "no Lua state uses it" in finding["detail"]
    command.go_on()
    command.told()
    command.go_on()
    assert command.finish() == {}


def test_require_takes_over(bookworm, native, respire, build):
    """`require "respire"`: what comes later is on a respire heap, and goes back to the system."""
    command = native(bookworm.luajit, SCRIPT, "respire", preload=[], environment={"LUA_CPATH": f"{build}/?.so"})
    full = command.told()
    (state,) = assert_heap_in_use(respire, command.pid, full["count_bytes"])
    assert state["allocator"]["live_bytes"] > 0.9 * full["count_bytes"]
    command.go_on()
    empty = command.told()
    assert_heap_in_use(respire, command.pid, empty["count_bytes"])
    assert empty["rss_kib"] < full["rss_kib"] / 2
    command.go_on()
    assert command.finish() == {}
