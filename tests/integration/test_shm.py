"""`shm`: zones, pages and slabs of real nginx, of several releases, as the target itself and the kernel tell them."""
import contextlib
import pathlib

from answers import assert_checked, owners_named
from dict_entries import Entry, store
from machine import memory_cgroup
from memory import status_bytes
from shared_zones import PAGE_BYTES, address_of, zone_mappings, zone_of

KIBIBYTE, MEGABYTE = 2**10, 2**20
SMALL_KEYS = 300000
WALK_THROUGH = "lua_shared_dict dogs 100m;"


def fill(count):
    """The walk-through's own way: key1, key2, …, each with its number."""
    return f"local dogs = ngx.shared.dogs for i = 1, {count} do assert(dogs:safe_set('key' .. i, i)) end"


def test_empty_dict_of_the_walk_through(zoned, any_nginx):
    """An empty dict of 100 MB: 608 KiB are loaded; 3 slabs are used and 157 free, and nginx itself counts 2."""
    answer = zoned(suite=any_nginx, http=WALK_THROUGH).look()
    zone = zone_of(answer, "dogs")
    assert (zone["module"], zone["kind"]) == ("ngx_http_lua_module", "lua_shared_dict")
    assert zone["size_bytes"] == 100 * MEGABYTE
    assert zone["loaded_bytes"] == 608 * KIBIBYTE
    assert (zone["slabs"]["used"]["count"], zone["slabs"]["free"]["count"]) == (3, 157)
    assert zone["slabs"]["statistics_used"] == 2
    assert zone["entries"] == zone["expired"] == zone["tree_height"] == 0
    # Beside it there is nginx's own page of counters, and nothing else.
    assert [other["kind"] for other in answer["zones"]] == ["lua_shared_dict", "counters"]
    assert sum(other["loaded_bytes"] for other in answer["zones"]) == (608 + 4) * KIBIBYTE


def test_filled_dict_of_the_walk_through(zoned, any_nginx):
    """300,000 small keys are so many used slabs more, and as many free as before; RSS grows by the pages that they are on."""
    server = zoned(suite=any_nginx, http=WALK_THROUGH)
    empty, empty_rss = server.zone("dogs"), status_bytes(server.worker)["RssShmem"]
    server.lua(fill(SMALL_KEYS))
    answer = server.look()
    zone = zone_of(answer, "dogs")
    assert zone["entries"] == server.lua("return #ngx.shared.dogs:get_keys(0)") == SMALL_KEYS
    assert zone["slabs"]["used"]["count"] == empty["slabs"]["used"]["count"] + SMALL_KEYS
    assert zone["slabs"]["free"]["count"] == empty["slabs"]["free"]["count"]
    assert zone["slabs"]["statistics_used"] == empty["slabs"]["statistics_used"] + SMALL_KEYS
    pages = SMALL_KEYS * 128 // PAGE_BYTES
    assert zone["loaded_bytes"] - empty["loaded_bytes"] == pages * PAGE_BYTES
    # The worker has touched all of those, and of the pool's books as much as it needed.
    assert pages * PAGE_BYTES <= status_bytes(server.worker)["RssShmem"] - empty_rss < (pages + 608 // 4) * PAGE_BYTES
    assert answer["forecast"]["zones_share"] > 0.75


def test_two_workers(zoned, any_nginx):
    """What is loaded is of both; each has its own part, which is less, and the master has none of what they stored."""
    server = zoned(suite=any_nginx, http="lua_shared_dict dogs 20m;", workers=2)
    empty = server.zone("dogs")
    first, second = server.workers
    value_pages = 3
    turns = [(first, 300), (second, 500), (first, 200)]
    for turn, (worker, count) in enumerate(turns):
        entries = [Entry(f"turn {turn}:{number}", "string", value_pages * PAGE_BYTES - 100) for number in range(count)]
        store(server, "dogs", entries, worker)
    # The kernel maps what lies around a page that is touched, if it is there: so a part may be larger than what was touched,
    # but has nothing of what came later.
    for pid, least, later in ((first, 500, 0), (second, 500, 200), (server.master, 0, 1000)):
        zone = server.zone("dogs", pid=pid)
        assert zone["loaded_bytes"] - empty["loaded_bytes"] == 1000 * value_pages * PAGE_BYTES
        assert (zone["entries"], zone["pages"]["whole"]) == (1000, 1000 * value_pages)
        assert least * value_pages * PAGE_BYTES <= zone["own_bytes"]
        assert zone["own_bytes"] <= zone["loaded_bytes"] - later * value_pages * PAGE_BYTES


def test_many_zones(zoned):
    """Zones of every size and name come with what is loaded most first; those without an inside of interest too."""
    sizes = {"a": "12k", "odd-size": "123457", "of_a_name_that_is_rather_long_for_a_zone_of_shared_memory": "64k", "dogs": "3m"}
    server = zoned(http="".join(f"lua_shared_dict {name} {size};" for name, size in sizes.items())
                   + "lua_shared_dict cats 2m;")
    server.lua("for i = 1, 5000 do ngx.shared.cats:set(i, i) end")
    answer = server.look()
    assert answer["zones"][0]["name"] == "cats"
    assert [zone["loaded_bytes"] for zone in answer["zones"]] == sorted(
        (zone["loaded_bytes"] for zone in answer["zones"]), reverse=True)
    assert {zone["name"]: zone["size_bytes"] for zone in answer["zones"] if zone["kind"] == "lua_shared_dict"} == {
        "a": 12 * KIBIBYTE, "odd-size": 123457, "of_a_name_that_is_rather_long_for_a_zone_of_shared_memory": 64 * KIBIBYTE,
        "dogs": 3 * MEGABYTE, "cats": 2 * MEGABYTE}


def test_one_zone(zoned):
    """With the name of a zone, that zone has an inside; an unknown name is refused in a sentence that tells the known ones."""
    server = zoned(http="lua_shared_dict dogs 1m; lua_shared_dict cats 1m;")
    server.lua("for i = 1, 9 do ngx.shared.cats:set(i, i) end")
    whole, answer = server.look(), server.look("cats")
    assert [(zone["name"], zone["entries"]) for zone in answer["zones"]] == [("cats", 9)]
    assert answer["forecast"]["rss_grows_by_bytes"] == whole["forecast"]["rss_grows_by_bytes"]
    sentence = server.respire("shm", server.worker, "mice", "--json", expect=2)
    assert "mice" in sentence and "cats" in sentence and "dogs" in sentence


def test_nginx_without_zones(zoned):
    """nginx's own counters are all there is."""
    answer = zoned().look()
    assert [zone["kind"] for zone in answer["zones"]] == ["counters"]


def test_ledger_names_zones(zoned, any_nginx):
    """In `mem`, each zone is an owner with what this worker has of it."""
    server = zoned(suite=any_nginx, http="lua_shared_dict dogs 20m; lua_shared_dict cats 1m;")
    server.lua("for i = 1, 5000 do ngx.shared.dogs:set(i, i) end")
    server.server.wait_until_idle()
    answer = server.respire("mem", server.worker, "--json")
    assert_checked(answer)
    told = {owner["name"]: (owner["virtual_bytes"], owner["resident_bytes"]) for owner in owners_named(answer, "nginx.shm.")}
    zones = server.look()["zones"]
    mappings = zone_mappings(server.worker)
    assert told == {f"nginx.shm.{zone['name']}": (mappings[address_of(zone)]["bytes"], mappings[address_of(zone)]["Rss"])
                    for zone in zones}


def test_forecast_within_a_limit(zoned):
    """A control group that has less than the zones may take: it is told by its name and numbers, and that they do not fit."""
    server = zoned(http=WALK_THROUGH)
    for limit, fits in ((64 * MEGABYTE, False), (400 * MEGABYTE, True)):
        with memory_cgroup(limit) as folder, moved_into(folder, server.processes()):
            forecast = server.look()["forecast"]
            assert forecast["limit_bytes"] == limit
            assert folder.name in forecast["limit_group"]
            assert 0 <= forecast["limit_used_bytes"] <= limit
            assert forecast["fits"] is (fits and forecast["available_bytes"] > forecast["memory_needed_bytes"])


@contextlib.contextmanager
def moved_into(folder, pids):
    """Inside, these processes are in the control group."""
    before = {pid: group_of(folder, pid) for pid in pids}
    try:
        for pid in pids:
            (folder / "cgroup.procs").write_text(str(pid), encoding="ascii")
        yield
    finally:
        for pid, group in before.items():
            (group / "cgroup.procs").write_text(str(pid), encoding="ascii")


def group_of(folder, pid):
    """Where the process is now, in the hierarchy that the folder is of."""
    controller = "memory" if (folder / "memory.limit_in_bytes").exists() else ""
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines():
        _number, controllers, path = line.split(":", 2)
        if controllers == controller:
            return pathlib.Path(f"{folder.parent}{path}")
    raise AssertionError(f"process {pid} is in no control group")
