"""`shm` over the life of nginx: what a reload, a changed size and a new binary leave of zones and their pages."""
import contextlib
import os
import signal
import subprocess
import time

import pytest

from processes import children_of, pid_in_file, process_state, wait_until, wait_until_idle
from shared_zones import zone_of

# Only workers that start so long after nginx was first configured are known to be of another configuration.
KEPT_AFTER_MS = 1000
DOGS, KEYS = "lua_shared_dict dogs 3m;", 3000
STORE = f"for i = 1, {KEYS} do ngx.shared.dogs:set('key' .. i, i) end"
HELD = "location /held { content_by_lua_block { ngx.sleep(3600) } }"


@pytest.fixture
def filled(zoned, any_nginx):
    server = zoned(suite=any_nginx, http=DOGS + "lua_shared_dict cats 1m;", server=HELD)
    server.lua(STORE)
    return server


def reload_with(server, old="", new=""):
    """The worker that nginx starts with the changed configuration; the one before ends unless it has something to do."""
    path = server.server.prefix / "nginx.conf"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    (before,) = server.workers
    (counters,) = [zone for zone in server.look()["zones"] if zone["kind"] == "counters"]
    wait_until(lambda: time.time() * 1000 > counters["lineage"]["made_at_ms"] + 1.2 * KEPT_AFTER_MS, "it is another moment")
    server.close()
    os.kill(server.master, signal.SIGHUP)
    wait_until(lambda: [pid for pid in children_of(server.master) if pid != before], "there is a new worker")
    (after,) = [pid for pid in children_of(server.master) if pid != before]
    wait_until(lambda: b"nginx: worker" in cmdline(after), "it is a worker")
    server.server.workers = [after]
    return before, after


def cmdline(pid):
    with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()
    return b""


def wait_until_gone(pid):
    wait_until(lambda: process_state(pid) is None, f"process {pid} has ended")


def test_first_start(filled):
    """Zones of a first start were not kept over anything, and there are no others."""
    before_ms = time.time() * 1000
    zone = filled.zone("dogs")
    assert zone["lineage"]["kept_over_reload"] is False
    assert zone["lineage"]["other_generations"] == zone["lineage"]["other_generations_loaded_bytes"] == 0
    assert zone["lineage"]["processes"] == len(filled.processes())
    assert before_ms - 60000 < zone["lineage"]["made_at_ms"] < before_ms


def test_another_nginx(filled, zoned):
    """Zones of the same name in an nginx that has nothing to do with this one are no generation of its own."""
    other = zoned(http=DOGS)
    other.lua(STORE)
    for server in (filled, other):
        lineage = server.zone("dogs")["lineage"]
        assert (lineage["other_generations"], lineage["processes"]) == (0, 2)


def test_reload(filled):
    """A reload keeps zones, their entries and all their pages; the new worker has touched few of them."""
    before = filled.zone("dogs")
    old, _new = reload_with(filled)
    wait_until_gone(old)
    zone = filled.zone("dogs")
    assert zone["entries"] == filled.lua("return #ngx.shared.dogs:get_keys(0)") == KEYS
    assert zone["loaded_bytes"] == before["loaded_bytes"] > zone["own_bytes"]
    assert zone["address"] == before["address"]
    assert zone["lineage"]["kept_over_reload"] is True
    assert zone["lineage"]["before_process_ms"] > 0
    assert zone["lineage"]["made_at_ms"] == before["lineage"]["made_at_ms"]
    assert zone["lineage"]["other_generations"] == 0


def test_reload_with_another_size(filled):
    """A zone whose size has changed is made anew; the old one stays in memory as long as a worker has it."""
    before = filled.look()
    holding = filled.hold("/held")
    old, new = reload_with(filled, DOGS, DOGS.replace("3m", "4m"))
    wait_until(lambda: b"is shutting down" in cmdline(old), "the old worker has been told to end")
    answer = filled.look()
    dogs, cats = zone_of(answer, "dogs"), zone_of(answer, "cats")
    assert (dogs["size_bytes"], dogs["entries"]) == (4 * 2**20, 0)
    assert (dogs["lineage"]["kept_over_reload"], cats["lineage"]["kept_over_reload"]) == (False, True)
    assert dogs["lineage"]["other_generations"] == 1
    assert dogs["lineage"]["other_generations_loaded_bytes"] == zone_of(before, "dogs")["loaded_bytes"]
    assert cats["lineage"]["other_generations"] == 0
    assert (dogs["lineage"]["processes"], cats["lineage"]["processes"]) == (2, 3)
    of_old_worker = filled.zone("dogs", pid=old)
    assert (of_old_worker["size_bytes"], of_old_worker["entries"]) == (3 * 2**20, KEYS)
    assert of_old_worker["lineage"]["other_generations_loaded_bytes"] == dogs["loaded_bytes"]
    holding.close()
    os.kill(old, signal.SIGTERM)
    wait_until_gone(old)
    assert filled.zone("dogs", pid=new)["lineage"]["other_generations"] == 0


def test_reload_with_another_name(filled):
    """A zone that the configuration no longer has is gone with the last worker that knew it."""
    old, _new = reload_with(filled, "lua_shared_dict cats 1m;", "lua_shared_dict mice 1m;")
    wait_until_gone(old)
    assert [zone["name"] for zone in filled.look()["zones"] if zone["kind"] == "lua_shared_dict"] == ["dogs", "mice"]


@contextlib.contextmanager
def new_binary(server):
    """Inside, a second master runs beside the first one; gives its worker."""
    pid_file = server.server.prefix / "nginx.pid"
    # nginx ignores the signal as long as its parent is the one that has started it, which it takes for the old binary.
    subprocess.run(["gdb", "-nx", "-q", "-batch", "-p", str(server.master), "-ex", "set {int}&ngx_parent = 0"],
                   check=True, capture_output=True, timeout=50)
    os.kill(server.master, signal.SIGUSR2)
    master = wait_until(lambda: pid_file.with_suffix(".pid.oldbin").exists() and pid_in_file(pid_file),
                        "there is a new master")
    assert master != server.master
    try:
        (worker,) = wait_until(lambda: [pid for pid in children_of(master) if b"nginx: worker" in cmdline(pid)],
                               "it has a worker")
        yield worker
    finally:
        os.kill(master, signal.SIGTERM)
        wait_until_gone(master)


def test_new_binary(zoned):
    """A new binary makes all zones anew, and until the old one is gone there are two of each."""
    server = zoned(http=DOGS)
    server.lua(STORE)
    before = server.zone("dogs")
    with new_binary(server) as worker:
        wait_until_idle(worker)
        zone = server.zone("dogs", pid=worker)
        assert (zone["entries"], zone["lineage"]["kept_over_reload"]) == (0, False)
        assert zone["lineage"]["made_at_ms"] > before["lineage"]["made_at_ms"]
        assert zone["lineage"]["other_generations"] == 1
        assert zone["lineage"]["other_generations_loaded_bytes"] == before["loaded_bytes"]
        of_old_worker = server.zone("dogs")
        assert (of_old_worker["entries"], of_old_worker["lineage"]["other_generations"]) == (KEYS, 1)
        assert of_old_worker["lineage"]["other_generations_loaded_bytes"] == zone["loaded_bytes"]
        assert of_old_worker["lineage"]["made_at_ms"] == before["lineage"]["made_at_ms"]
    assert server.zone("dogs")["lineage"]["other_generations"] == 0
