"""gc_count_bytes is what the target's own collectgarbage("count") says at the same moment."""
import pytest

from answers import assert_checked, counted, only_state
from counting_worker import recorded, serve_and_settle, start_counting
from programs import MIXED_HEAP


@pytest.mark.parametrize("allocator", ["stock", "malloc"])
def test_fresh_state(host, respire, allocator):
    """A state that has run nothing is counted to the byte."""
    target = host(allocator=allocator)
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    assert only_state(answer)["gc_count_bytes"] == target.count()


@pytest.mark.parametrize("allocator", ["stock", "malloc"])
def test_through_a_life(host, respire, allocator):
    """After a burst, in the middle of a collection, and after a full one the count is the target's own."""
    target = host(script=MIXED_HEAP, allocator=allocator)
    for command in ["eval 0 return #kept", "eval 0 for i = 1, 50 do collectgarbage('step', 1) end return 1",
                    "eval 0 local t = {} for i = 1, 30000 do t[i] = {i} end return #t", "gc", "gc"]:
        target.ask(command)
        expected = target.count()
        answer = respire("lua", target.pid, "--json")
        assert_checked(answer)
        assert only_state(answer)["gc_count_bytes"] == expected, command
        assert target.count() == expected, "the target allocated in between"


def test_every_phase_of_a_collection(host, respire):
    """Wherever in its cycle the collector stands, the count is the target's own."""
    target = host(script=MIXED_HEAP + """
        collectgarbage("stop")
        local step = collectgarbage
        function step_once() step("step", 0) end
    """)
    phases = set()
    for _ in range(60):
        for _ in range(12):
            target.call("step_once")
        expected = target.count()
        answer = respire("lua", target.pid, "--json")
        assert_checked(answer)
        assert only_state(answer)["gc_count_bytes"] == expected
        phases.add(only_state(answer)["gc_state"])
    assert len(phases) >= 3, phases


def test_large_heap(host, respire):
    """A heap of some hundred megabytes is counted to the byte."""
    target = host(script="""
        keep = {}
        for i = 1, 800000 do keep[i] = { i, name = "n" .. i } end
        for i = 1, 800000, 3 do keep[i] = false end
    """)
    expected = target.count()
    assert expected > 100 * 2**20
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    assert only_state(answer)["gc_count_bytes"] == expected


def test_nginx_worker(nginx, respire):
    """An idle worker of Debian's nginx is counted to the byte as its last request's log phase said."""
    server = start_counting(nginx)
    for _ in range(3):
        serve_and_settle(server)
        answer = respire("lua", server.worker, "--json")
        assert_checked(answer)
        assert counted(answer) == [recorded(server).count]
