"""Objects by type are what the Lua program made: between two looks exactly as many more as it says."""
import pytest

from answers import (CDATA, FUNCTION, PROTO, STRING, TABLE, THREAD, TRACE, UPVALUE, USERDATA, assert_checked, gained,
                     object_bytes, object_counts, only_state)
from programs import FACTORY, MIXED_HEAP

# What each function of the factory makes. A closure has an upvalue of its own: the loop's variable.
MADE = {
    "make_tables": {TABLE: 1000},
    "make_closures": {FUNCTION: 500, UPVALUE: 500},
    "make_coroutines": {THREAD: 200},
    "make_cdata": {CDATA: 300},
    "make_userdata": {USERDATA: 50},
    "make_strings": {STRING: 700},
}


def look(respire, target):
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    return only_state(answer)


@pytest.mark.parametrize("allocator", ["stock", "malloc"])
@pytest.mark.parametrize("maker", MADE)
def test_made_objects(host, respire, maker, allocator):
    """With the collector stopped, N more objects of one type are N more in the answer and none of another."""
    target = host(script=FACTORY, allocator=allocator)
    before = look(respire, target)
    target.call(maker)
    after = look(respire, target)
    assert gained(before, after) == MADE[maker]


@pytest.mark.parametrize("maker", [maker for maker in MADE if maker != "make_strings"])
def test_bytes_of_made_objects(host, respire, maker):
    """What the new objects weigh is what the count has grown by; only strings also grow their table, which is none."""
    target = host(script=FACTORY)
    before, count_before = look(respire, target), target.count()
    target.call(maker)
    after, count_after = look(respire, target), target.count()
    assert object_bytes(after) - object_bytes(before) == count_after - count_before


def test_collected_objects_disappear(host, respire):
    """What a full collection frees is gone from the answer."""
    target = host(script=FACTORY)
    target.ask("gc")
    before = look(respire, target)
    for maker in MADE:
        target.call(maker)
    target.evaluate("""for i = 1, 8 do for slot = 1, 2000 do keep[i][slot] = false end end""")
    target.ask("gc")
    target.ask("gc")
    after = gained(before, look(respire, target))
    # The line of code above leaves names behind, in the string table.
    assert set(after) <= {STRING}
    assert 0 <= after.get(STRING, 0) < 10


def test_userdata_that_waits_for_its_finalizer(host, respire):
    """Userdata on their way through the finalizer belong to the heap until the next cycle takes them."""
    target = host(script="""
        jit.off()
        collectgarbage() collectgarbage()
        collectgarbage("stop")
        finalized = 0
        local base = newproxy(true)
        getmetatable(base).__gc = function() finalized = finalized + 1 end
        keep = {}
        for i = 1, 3000 do keep[i] = newproxy(base) end
        function drop() keep = false end
        local step = collectgarbage
        function step_once() step("step", 0) end
    """)
    all_of_them = object_counts(look(respire, target))[USERDATA]
    target.call("drop")
    finalized = 0
    looks_between_finalizers = 0
    while finalized < 3000:
        if finalized > 0:
            looks_between_finalizers += 1
            assert object_counts(look(respire, target))[USERDATA] == all_of_them
        for _ in range(25):
            target.call("step_once")
        finalized = int(target.evaluate("return finalized"))
    assert looks_between_finalizers > 0


def test_string_buffers(host, respire):
    """A string buffer owns what it has written, and weighs it."""
    target = host(script="""
        local buffer = require "string.buffer"
        local to, text = buffer.new(), string.rep("x", 100000)
        collectgarbage("stop")
        function write() to:put(text) to:put(text) to:put(text) end
    """)
    before, count_before = look(respire, target), target.count()
    target.call("write")
    after, count_after = look(respire, target), target.count()
    assert count_after - count_before >= 300000
    assert object_bytes(after) - object_bytes(before) == count_after - count_before
    assert gained(before, after) == {}


def test_compiled_traces(host, respire):
    """Each trace that the JIT compiler keeps is an object of its own."""
    target = host(script="""
        local traceinfo = require("jit.util").traceinfo
        local sum = 0
        for i = 1, 10000 do sum = sum + i % 3 end
        for i = 1, 10000 do sum = sum + (i % 5 == 0 and 1 or 2) end
        for i = 1, 1000 do for j = 1, 100 do sum = sum + j end end
        jit.off()
        traces = 0
        for number = 1, 1000 do if traceinfo(number) then traces = traces + 1 end end
    """)
    traces = int(target.evaluate("return traces"))
    assert traces >= 3
    assert object_counts(look(respire, target))[TRACE] == traces


def test_everything_at_once(host, respire):
    """A heap with something of every type names every type, and each weighs something."""
    target = host(script=MIXED_HEAP)
    rows = {row["type"]: row for row in look(respire, target)["objects"]}
    for name in (TABLE, STRING, FUNCTION, UPVALUE, PROTO, THREAD, CDATA, USERDATA):
        assert rows[name]["count"] > 0 and rows[name]["bytes"] > 0, name
    assert rows[THREAD]["count"] >= 201
    assert rows[STRING]["bytes"] >= 640000
