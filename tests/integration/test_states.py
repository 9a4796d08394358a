"""Several Lua states in one process."""
import pytest

from answers import assert_checked, counted
from programs import MIXED_HEAP


@pytest.mark.parametrize("allocator", ["stock", "malloc"])
def test_thirty_two_states(host, respire, allocator):
    """All of 32 states are found, each with its own count."""
    target = host(states=32, allocator=allocator, script="kept = {} for i = 1, 300 do kept[i] = { i } end")
    for index in range(32):
        target.evaluate(f"for i = 1, {(index + 1) * 50} do kept[#kept + 1] = {{ i }} end return #kept", index)
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    assert counted(answer) == sorted(target.counts())
    assert len({state["address"] for state in answer["states"]}) == 32


def test_closed_states_are_no_states(host, respire):
    """A state that was closed isn't found any more, although its bytes may still lie about."""
    target = host(states=4, script=MIXED_HEAP)
    target.ask("close 1")
    target.ask("close 3")
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    assert counted(answer) == sorted(count for count in target.counts() if count)
    assert len(answer["states"]) == 2


def test_coroutines_are_no_states(host, respire):
    """Coroutines look like a state's main thread, and are none."""
    target = host(script="threads = {} for i = 1, 5000 do threads[i] = coroutine.create(print) end")
    assert counted(respire("lua", target.pid, "--json")) == [target.count()]


def test_copied_bytes_are_no_state(host, respire):
    """A byte-for-byte copy of a main thread inside a string is not taken for a state."""
    target = host(script="""
        local ffi = require "ffi"
        function copy(address) return ffi.string(ffi.cast("char *", address), 8192) end
    """)
    (address,) = target.addresses()
    target.evaluate(f"copies = {{}} for i = 1, 8 do copies[i] = copy({address}ull) .. i end return #copies")
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    assert counted(answer) == [target.count()]


def test_many_threads(host, respire):
    """A process with many threads is stopped and read like one with a single thread."""
    target = host(states=2, threads=20, script=MIXED_HEAP)
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    assert counted(answer) == sorted(target.counts())
