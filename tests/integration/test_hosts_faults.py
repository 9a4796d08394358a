"""Hosts on a system that is against them: a kernel that refuses, huge pages everywhere, a storm of signals."""
import pytest

from hosts.evidence import assert_heap_in_use

pytestmark = pytest.mark.preload

KIB = 1024
MAPPINGS_MAX = 200
# What new_states.c says of a state.
NO_STATE, OUT_OF_MEMORY, WORKS = 21, 22, 23


@pytest.mark.parametrize("kind", ["map", "resize", "unmap", "discard", "advise", "thread"])
def test_kernel_refuses(workshop, native, respire, runtime, kind):
    """Whatever the runtime is refused, Lua says "not enough memory" or nothing, keeps its data, and all is well afterwards."""
    host = native(workshop.program("faults"), kind, preload=[workshop.library("refusing"), runtime], options="decay_ms=500")
    assert_heap_in_use(respire, host.pid, host.told()["count_bytes"])
    host.go_on()
    told = host.told()
    assert "other_error" not in told
    assert told["refused"] > 0
    assert (told["out_of_memory"] > 0) == (kind == "map"), told
    assert_heap_in_use(respire, host.pid, told["count_bytes"])
    assert told["peak_kib"] > 48 * KIB
    assert told["idle_kib"] < 24 * KIB
    assert told["mappings"] < MAPPINGS_MAX
    host.go_on()
    host.finish()


def test_huge_pages_everywhere(workshop, native, respire, runtime):
    """Where every mapping would get huge pages, small blocks get none, and the process is no larger than without them."""
    resident_kib = {}
    for mode in ("never", "always"):
        host = native(workshop.program("huge_pages"), mode, preload=[workshop.library("refusing"), runtime],
                      options="decay_ms=500")
        told = host.told()
        if told["control_kib"] < 2 * KIB:
            pytest.skip("this kernel gives no huge pages, not even when asked")
        assert_heap_in_use(respire, host.pid, told["count_bytes"])
        assert (told["advised"] > 0) == (mode == "always")
        assert told["huge_kib"] == 0
        resident_kib[mode] = told["rss_kib"]
        host.go_on()
        assert host.finish()["idle_kib"] < 16 * KIB
    assert 48 * KIB < resident_kib["always"] < 1.05 * resident_kib["never"] + 2 * KIB


def test_storm_of_signals(workshop, native, respire, runtime):
    """A signal each millisecond: data are right, and no handler ever runs on the runtime's own thread."""
    host = native(workshop.program("signals"), preload=[runtime], options="decay_ms=500")
    told = host.told()
    assert told["signals"] > 1000
    assert told["on_foreign_thread"] == 0
    assert_heap_in_use(respire, host.pid, told["count_bytes"])
    host.go_on()
    host.finish()


def test_new_states_without_memory(workshop, native, respire, runtime):
    """Wherever memory ends while a state is made: there is none, or it runs out of memory later, or it works; nothing else."""
    host = native(workshop.program("new_states"), preload=[workshop.library("refusing"), runtime])
    assert_heap_in_use(respire, host.pid, host.told()["count_bytes"])
    host.go_on()
    statuses = host.finish()["status"]
    assert set(statuses) == {NO_STATE, OUT_OF_MEMORY, WORKS}, statuses
    assert statuses[0] == NO_STATE and statuses[-1] == WORKS
