"""`shm` in other forms: of a core, of a snapshot, as text; without rights; and the sentences where there is no answer."""
import contextlib
import random
import shutil
import subprocess
import time

import pytest

from analyzer import Respire
from answers import failed_checks
from core_files import write_core
from dict_entries import Entry, of_every_type, store, that_expire_at_once
from processes import end, end_with_parent, process_state, public_directory, wait_until
from shared_zones import zone_mappings, zone_of
from snapshots import contents

KILLS = 30
SECRET = "a-key-that-nobody-may-see"
ZONES = "lua_shared_dict dogs 3m; lua_shared_dict cats 1m; limit_req_zone $arg_key zone=requests:1m rate=1r/m;"
INSIDE = ("name", "module", "kind", "address", "size_bytes", "slabs", "pages", "header_bytes", "largest_allocation_bytes",
          "entries", "expired", "tree_height", "dict", "damage")
WITHOUT_RIGHT = ["setpriv", "--bounding-set", "-sys_admin,-checkpoint_restore"]


@pytest.fixture
def filled(zoned):
    server = zoned(http=ZONES)
    expired = that_expire_at_once(20)
    store(server, "dogs", [*of_every_type(), Entry(SECRET, "string", 9000), *expired])
    wait_until(lambda: server.lua(f"return ngx.shared.dogs:get('{expired[-1].key}') == nil"), "entries expire")
    return server


def inside(zone):
    """What is in a zone, and neither how much of it is in memory nor what time it is."""
    return without(("free_loaded", "left_ms", "age_ms"), {key: zone[key] for key in INSIDE if key in zone})


def without(keys, told):
    if isinstance(told, dict):
        return {key: without(keys, value) for key, value in told.items() if key not in keys}
    return [without(keys, value) for value in told] if isinstance(told, list) else told


def test_core(filled, respire, tmp_path):
    """A core tells what the process told; what is in memory it can't know."""
    live = filled.look()
    answer = respire("shm", "--core", write_core(filled.worker, tmp_path), "--json")
    assert failed_checks(answer) == []
    assert [inside(zone) for zone in by_name(answer)] == [inside(zone) for zone in by_name(live)]
    for zone in answer["zones"]:
        assert zone["loaded_bytes"] is zone["own_bytes"] is zone["unloaded_bytes"] is None
    assert answer["forecast"]["fits"] is None


def by_name(answer):
    return sorted(answer["zones"], key=lambda zone: zone["name"])


def test_snapshot(filled, respire, tmp_path):
    """A snapshot keeps everything that was told, and no key."""
    live = filled.look()
    path = tmp_path / "moment.snap"
    before = zone_mappings(filled.worker)
    respire("snapshot", filled.worker, "-o", path)
    assert zone_mappings(filled.worker) == before
    answer = respire("shm", "--snapshot", path, "--json")
    assert failed_checks(answer) == []
    changing = ("attempts", "changes", "left_ms")
    assert without(changing, by_name(answer)) == without(changing, by_name(live))
    assert {key: answer["forecast"][key] for key in ("zones_rss_bytes", "rss_grows_by_bytes", "memory_needed_bytes")} == {
        key: live["forecast"][key] for key in ("zones_rss_bytes", "rss_grows_by_bytes", "memory_needed_bytes")}
    assert SECRET.encode() not in contents(path)


def test_names_of_keys(filled, respire):
    """Keys are shown by --show-strings alone, in both forms."""
    for form in ((), ("--json",)):
        for words in ((filled.worker,), (filled.worker, "dogs")):
            outcome = respire.attempt("shm", *words, *form)
            assert outcome.status == 0 and SECRET not in outcome.stdout + outcome.stderr
        assert SECRET in respire.attempt("shm", filled.worker, "dogs", "--show-strings", *form).stdout


def test_text(filled, respire):
    """The text names each zone, and tells the numbers of the document."""
    zone = filled.zone("dogs")
    text = respire("shm", filled.worker)
    for name in ("dogs", "cats", "requests"):
        assert name in text
    assert f"{zone['entries']:,}" in text
    one = respire("shm", filled.worker, "dogs")
    for number in (zone["entries"], zone["expired"], zone["slabs"]["used"]["count"], zone["slabs"]["statistics_used"],
                   zone["dict"]["largest_value_bytes"]):
        assert f"{number:,}" in one
    # Only the first line of each has names of any length.
    assert max(len(line) for part in (text, one) for line in part.splitlines()[1:]) <= 100


def test_text_of_a_refusal(zoned, respire):
    """A zone that could not give memory is in the text of all zones, with the number of refusals."""
    server = zoned(http="lua_shared_dict cats 64k;")
    refusals = 17
    server.lua("while ngx.shared.cats:safe_set(#ngx.shared.cats:get_keys(0), 'v') do end")
    server.lua(f"for i = 1, {refusals - 1} do assert(not ngx.shared.cats:safe_set('more', i)) end")
    (row,) = [row for row in server.zone("cats")["slabs"]["sizes"] if row["fails"]]
    assert row["fails"] == refusals
    assert str(refusals) in next(line for line in respire("shm", server.worker).splitlines() if line.split()[:1] == ["cats"])


def test_is_not_stopped(filled):
    """A look needs no hold of the process: it succeeds where a debugger has it, and where it stands still."""
    before = {zone["name"]: inside(zone) for zone in filled.look()["zones"]}
    with debugger_of(filled.worker):
        assert {zone["name"]: inside(zone) for zone in filled.look(idle=False)["zones"]} == before
        assert process_state(filled.worker) == "t"


@contextlib.contextmanager
def debugger_of(pid):
    """Inside, gdb traces the process, which stands still."""
    debugger = subprocess.Popen(["gdb", "-nx", "-q", "-p", str(pid), "-ex", "python import time; time.sleep(1000)"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                preexec_fn=end_with_parent)
    try:
        wait_until(lambda: process_state(pid) == "t", "the debugger holds it")
        yield
    finally:
        end(debugger)


@contextlib.contextmanager
def without_the_right(respire):
    with public_directory() as directory:
        yield Respire(shutil.copy(respire.program, directory / "respire"), prefix=WITHOUT_RIGHT)


def test_without_the_right_to_map_files(filled, respire):
    """Without CAP_SYS_ADMIN and CAP_CHECKPOINT_RESTORE: a sentence that names what is missing, and no number made up."""
    with without_the_right(respire) as limited:
        sentence = limited("shm", filled.worker, "--json", expect=3)
    assert "CAP_CHECKPOINT_RESTORE" in sentence


def test_no_nginx(host, respire):
    """A process without zones says so."""
    assert "nginx" in respire("shm", host().pid, "--json", expect=4)


def test_killed_at_any_instant(filled, respire):
    """Whenever a look is killed, no page of a zone has come or gone, and nginx serves."""
    started = time.monotonic()
    respire("shm", filled.worker, "--json")
    whole_look = time.monotonic() - started
    before = {pid: zone_mappings(pid) for pid in filled.processes()}
    chance = random.Random(6)
    for _ in range(KILLS):
        looking = respire.start("shm", filled.worker, "--json")
        time.sleep(chance.uniform(0, whole_look))
        looking.kill()
        looking.communicate(timeout=20)
        assert {pid: zone_mappings(pid) for pid in filled.processes()} == before
    assert filled.lua("return 1") == 1
