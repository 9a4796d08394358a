"""Hosts under the system's limits: an address space that ends, a cgroup with little memory, memory that is locked."""
import os

import pytest

from hosts.evidence import assert_heap_in_use
from machine import memory_cgroup

pytestmark = pytest.mark.preload

KIB, MIB = 1024, 2**20
LUA_EATERS = 12
ROOM_KIB = 96 * KIB
CGROUP_BYTES = 96 * MIB


@pytest.mark.parametrize("mode", ["address_space", "address_space_first"])
def test_address_space_ends(workshop, native, respire, runtime, mode):
    """RLIMIT_AS: Lua's own error, nothing else, with the room well used; data are intact, and a raised limit is used at once."""
    host = native(workshop.program("limits"), mode, preload=[runtime])
    told = host.told()
    assert "other_error" not in told, told
    assert sum(told["refused"]) == LUA_EATERS
    # A string that doubles and a table that grows need the old and the new at once; small objects can have nearly all.
    assert max(told["held_when_refused_kib"]) > 0.7 * ROOM_KIB
    assert_heap_in_use(respire, host.pid, told["count_bytes"])
    host.go_on()
    assert host.finish()["raised_peak_kib"] > 1.2 * ROOM_KIB


def charged_bytes(folder):
    return int(next(path for path in (folder / "memory.usage_in_bytes", folder / "memory.current") if path.exists()).read_text())


def test_cgroup_limit(workshop, native, respire, runtime):
    """States that are large in turn, together three times the cgroup's limit, fit, because what is free goes back."""
    with memory_cgroup(CGROUP_BYTES) as folder:
        host = native(workshop.program("limits"), "cgroup", preload=[runtime], options="decay_ms=500",
                      before=lambda: (folder / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii"))
        try:
            first_count_bytes = host.told()["count_bytes"]
            assert_heap_in_use(respire, host.pid, first_count_bytes)
            host.go_on()
            told = host.told()
            assert_heap_in_use(respire, host.pid, first_count_bytes, *told["count_bytes"])
            assert charged_bytes(folder) < CGROUP_BYTES / 2
            assert max(told["rss_kib"]) < 32 * KIB
            host.go_on()
            host.finish()
        finally:
            host.stop()


def test_locked_memory(workshop, native, respire, runtime):
    """mlockall: what can't go back is neither counted as gone nor tried without end; it is used again, and goes once unlocked."""
    host = native(workshop.program("limits"), "locked", preload=[runtime], options="decay_ms=500")
    assert_heap_in_use(respire, host.pid, host.told()["count_bytes"])
    host.go_on()
    told = host.finish()
    assert told["peak_kib"] > 48 * KIB
    assert told["said_to_be_purged_kib"] <= told["fallen_kib"] + 2 * KIB
    assert told["idle_cpu_us"] < 50_000
    assert max(told["next_peak_kib"]) < 1.15 * told["peak_kib"] + 4 * KIB
    assert told["unlocked_kib"] < 24 * KIB
