"""Looking at a process changes nothing in it, whatever happens to the one who looks."""
import os
import pathlib
import random
import signal
import time

import pytest

from answers import assert_checked
from memory import footprint, status_bytes
from processes import process_state, wait_until
from programs import MIXED_HEAP, REQUEST_HEAP

KILLS = 30


def untouched_zone_resident(pid, size):
    """Rss of the shared mapping of that size."""
    shared = {}
    for line, resident in footprint(pid)["mappings"].items():
        start, end = (int(word, 16) for word in line.split()[0].split("-"))
        if end - start == size and line.split()[1].endswith("s"):
            shared[line] = resident
    (resident,) = shared.values()
    return resident


@pytest.mark.parametrize("command", ["lua", "mem", "heap"])
def test_host_keeps_its_pages(host, respire, command):
    """Reading an embedding program adds no page to any of its mappings, and takes none away."""
    target = host(script=MIXED_HEAP, threads=3)
    respire(command, target.pid, "--json")
    before = footprint(target.pid)
    for _ in range(5):
        respire(command, target.pid, "--json")
    assert footprint(target.pid) == before


@pytest.mark.parametrize("command", ["lua", "mem", "heap", "pools", "shm"])
def test_untouched_shared_zone_stays_untouched(nginx, respire, command):
    """The pages of a 100 MB zone that nobody has touched are still not there after reading the worker."""
    zone = 100 * 2**20
    server = nginx(http="lua_shared_dict large 100m;",
                   server="location / { content_by_lua_block { ngx.shared.large:set('key', 1) ngx.say('ok') } }")
    server.get()
    server.wait_until_idle()
    before = footprint(server.worker)
    assert untouched_zone_resident(server.worker, zone) < 5 * 2**20
    for _ in range(5):
        respire(command, server.worker, "--json")
    assert footprint(server.worker) == before


def test_ps_disturbs_nobody(host, nginx, respire):
    """Neither does a look at all processes at once."""
    target = host(script=MIXED_HEAP)
    server = nginx(http=f"lua_shared_dict large 100m; init_worker_by_lua_block {{ {REQUEST_HEAP} handle_request() }}")
    server.wait_until_idle()
    before = [footprint(pid) for pid in (target.pid, server.worker, server.master)]
    respire("ps", "--json")
    assert [footprint(pid) for pid in (target.pid, server.worker, server.master)] == before


@pytest.mark.parametrize("command", ["lua", "mem", "heap"])
def test_respire_killed_at_any_instant(host, respire, command):
    """SIGKILL at random instants of a look leaves the target running, untraced, answering, and unchanged."""
    target = host(script=MIXED_HEAP + "for i = 1, 300000 do kept[i] = { i } end", threads=4)
    expected = target.count()
    started = time.monotonic()
    respire(command, target.pid, "--json")
    whole_look = time.monotonic() - started
    chance = random.Random(2)
    for _ in range(KILLS):
        looking = respire.start(command, target.pid, "--json")
        time.sleep(chance.uniform(0, whole_look))
        looking.kill()
        looking.communicate(timeout=20)
        wait_until(lambda: tracers(target.pid) == {0}, "nobody traces the target")
        assert target.count() == expected
        assert stopped_threads(target.pid) == []
    assert_checked(respire(command, target.pid, "--json"))


def test_respire_interrupted(host, respire):
    """SIGINT and SIGTERM during a look leave the target as well as SIGKILL does."""
    target = host(script=MIXED_HEAP + "for i = 1, 300000 do kept[i] = { i } end", threads=4)
    expected = target.count()
    chance = random.Random(3)
    for number in [signal.SIGINT, signal.SIGTERM] * 5:
        looking = respire.start("lua", target.pid, "--json")
        time.sleep(chance.uniform(0, 0.2))
        looking.send_signal(number)
        looking.communicate(timeout=20)
        wait_until(lambda: tracers(target.pid) == {0}, "nobody traces the target")
        assert target.count() == expected
        assert stopped_threads(target.pid) == []


def test_stopped_target_stays_stopped(host, respire):
    """A target that somebody has stopped (SIGSTOP) can be read, is still stopped afterwards, and goes on when told."""
    target = host(script=MIXED_HEAP)
    expected = target.count()
    os.kill(target.pid, signal.SIGSTOP)
    wait_until(lambda: process_state(target.pid) == "T", "the target is stopped")
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    assert [state["gc_count_bytes"] for state in answer["states"]] == [expected]
    assert process_state(target.pid) == "T"
    os.kill(target.pid, signal.SIGCONT)
    assert target.count() == expected


def test_two_at_the_same_time(host, respire):
    """Two looks at one target: each answers, or says that the target is being traced."""
    target = host(script=MIXED_HEAP + "for i = 1, 300000 do kept[i] = { i } end")
    expected = target.count()
    for _ in range(5):
        both = [respire.start("lua", target.pid, "--json") for _ in range(2)]
        for looking in both:
            _, complaint = looking.communicate(timeout=40)
            assert looking.returncode in (0, 3), complaint
    assert target.count() == expected
    assert status_bytes(target.pid)["VmRSS"] > 0


def threads_of(pid):
    return [int(entry.name) for entry in pathlib.Path(f"/proc/{pid}/task").iterdir()]


def tracers(pid):
    """Who traces the threads of the process; {0} for nobody."""
    found = set()
    for thread in threads_of(pid):
        status = pathlib.Path(f"/proc/{pid}/task/{thread}/status").read_text(encoding="ascii", errors="replace")
        found |= {int(line.split()[1]) for line in status.splitlines() if line.startswith("TracerPid:")}
    return found


def stopped_threads(pid):
    return [thread for thread in threads_of(pid)
            if pathlib.Path(f"/proc/{pid}/task/{thread}/stat").read_text("ascii").rpartition(")")[2].split()[0] in "tT"]
