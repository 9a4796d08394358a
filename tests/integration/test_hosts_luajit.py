"""Debian's `luajit` command, which has LuaJIT linked in statically."""
import pathlib

import pytest

from answers import assert_checked, only_state

pytestmark = pytest.mark.preload

SCRIPT = pathlib.Path(__file__).resolve().parent / "hosts" / "command_script.lua"


def test_preload_is_inert(bookworm, native, respire, runtime):
    """A preload can't reach LuaJIT in there: the command works as ever on its own allocator, and `doctor` says what is missing."""
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
