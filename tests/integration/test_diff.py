"""What grew between two moments: by path, records, type and size, as the target knows it of itself."""
import re
import subprocess
import time

import pytest

from answers import assert_checked, parse_document

# A cache below a module that grows by records of two objects, and nothing else: no JIT, no collector.
CACHE = """
jit.off()
package.loaded["my.cache"] = { items = {}, hits = 0 }
local items, n = package.loaded["my.cache"].items, 0
function grow()
    for i = 1, 1000 do n = n + 1 items[n] = { id = n, name = "record " .. n } end
end
local function each(value) return value end
sessions = {}
for i = 1, 50 do sessions[i] = { user = i, history = { { i } } } end
function remember()
    for i = 1, 50 do
        for entry = 1, 40 do sessions[i].history[#sessions[i].history + 1] = { entry } end
    end
end
fields = { alpha = {}, beta = {}, gamma = {} }
function become_map() for i = 1, 500 do fields["key" .. i] = { i } end end
function shrink() for i = n / 2 + 1, n do items[i] = nil end n = n / 2 collectgarbage() collectgarbage() end
grow() grow()
collectgarbage() collectgarbage() collectgarbage("stop")
"""
ITEMS = 'package.loaded["my.cache"].items'


@pytest.fixture
def cache(host):
    return host(script=CACHE)


def take(respire, target, path):
    respire("snapshot", target.pid, "-o", path)
    return path


def growth(respire, *operands):
    document = respire("diff", *operands, "--json")
    assert_checked(document)
    return document


def by_path(document):
    return {row["path"]: row for row in document["growth"]["paths"]}


def test_a_table_that_grows(cache, respire, tmp_path):
    """The first path is the table that grew: its records, objects and bytes are what the target made and counted."""
    before, counted = take(respire, cache, tmp_path / "a"), cache.count()
    cache.call("grow")
    made = cache.count() - counted
    document = growth(respire, before, take(respire, cache, tmp_path / "b"))
    first = document["growth"]["paths"][0]
    assert (first["path"], first["objects"], first["bytes"]) == (ITEMS, 2000, made)
    assert first["after_bytes"] - first["before_bytes"] == made
    assert document["growth"]["live_bytes"] == made
    (table,) = document["growth"]["tables"]
    assert (table["path"], table["records_before"], table["records_after"]) == (ITEMS, 2000, 3000)
    types = {row["type"]: row["objects"] for row in document["growth"]["types"]}
    assert types == {"table": 1000, "string": 1000}
    assert sum(row["objects"] for row in document["growth"]["sizes"]) == 2000
    assert sum(row["bytes"] for row in document["growth"]["sizes"]) == made
    assert document["b"]["gc_count_bytes"] - document["a"]["gc_count_bytes"] == made
    assert document["a"]["snapshot"] == str(before) and document["a"]["pid"] == cache.pid


def test_the_verdict(cache, respire, tmp_path):
    """The first line says by how much, in what time, and where."""
    before, counted = take(respire, cache, tmp_path / "a"), cache.count()
    cache.call("grow")
    made = f"{(cache.count() - counted) / 1024:.0f} KiB"
    first = respire("diff", before, cache.pid).splitlines()[0]
    assert f" -> {cache.pid} host: live objects grew by {made} in " in first
    assert first.endswith(f" s; {made} of it in {ITEMS}")


def test_nothing_grew(cache, respire, tmp_path):
    """A process that did nothing did not grow; its snapshot equals it."""
    document = growth(respire, take(respire, cache, tmp_path / "a"), cache.pid)
    assert document["growth"]["live_bytes"] == 0
    assert [document["growth"][of] for of in ("paths", "types", "sizes", "tables")] == [[], [], [], []]
    assert "did not grow" in respire("diff", tmp_path / "a", cache.pid).splitlines()[0]


def test_a_table_that_shrinks(cache, respire, tmp_path):
    """What went is told with a minus, last among the paths."""
    before = take(respire, cache, tmp_path / "a")
    cache.call("shrink")
    document = growth(respire, before, cache.pid)
    last = document["growth"]["paths"][-1]
    assert last["path"] == ITEMS and last["objects"] == -2000
    (table,) = [row for row in document["growth"]["tables"] if row["path"] == ITEMS]
    assert (table["records_before"], table["records_after"]) == (2000, 1000)
    assert "shrank by" in respire("diff", before, cache.pid).splitlines()[0]


def test_elements_that_grow(cache, respire, tmp_path):
    """When elements stay as many and become bigger, the path leads on, below them."""
    before = take(respire, cache, tmp_path / "a")
    cache.call("remember")
    document = growth(respire, before, cache.pid)
    first = document["growth"]["paths"][0]
    assert (first["path"], first["objects"]) == ("_G.sessions[*].history", 2000)
    table = document["growth"]["tables"][0]
    assert (table["path"], table["tables_after"]) == ("_G.sessions[*].history", 50)
    assert table["records_after"] - table["records_before"] == 2000


def test_a_record_that_became_a_map(cache, respire, tmp_path):
    """A table whose fields were names and are many keys now is still told as itself."""
    before = take(respire, cache, tmp_path / "a")
    cache.call("become_map")
    document = growth(respire, before, cache.pid)
    row = by_path(document)["_G.fields"]
    assert (row["before_objects"], row["after_objects"]) == (7, 1007)  # the table, keys and values
    assert document["growth"]["tables"][0]["path"] == "_G.fields"


def test_two_workers(host, respire):
    """Two processes are compared by name, whatever their addresses: one has served more than the other."""
    idle, busy = host(script=CACHE), host(script=CACHE)
    for _ in range(3):
        busy.call("grow")
    assert idle.addresses() != busy.addresses()
    document = growth(respire, idle.pid, busy.pid)
    assert (document["a"]["pid"], document["b"]["pid"]) == (idle.pid, busy.pid)
    first = document["growth"]["paths"][0]
    assert (first["path"], first["objects"]) == (ITEMS, 6000)
    assert sum(row["bytes"] for row in document["growth"]["paths"]) == document["growth"]["live_bytes"]
    assert re.search(r": the second has \d+ KiB more in live objects; ", respire("diff", idle.pid, busy.pid))
    assert re.search(r": the second has \d+ KiB less in live objects; ", respire("diff", busy.pid, idle.pid))


def test_across_a_restart(host, respire, tmp_path):
    """A snapshot of a process that is gone is compared with the one that took its place."""
    old = host(script=CACHE)
    before = take(respire, old, tmp_path / "a")
    old.stop()
    new = host(script=CACHE)
    new.call("grow")
    first = growth(respire, before, new.pid)["growth"]["paths"][0]
    assert (first["path"], first["objects"]) == (ITEMS, 2000)


def test_one_process_twice(cache, respire):
    """`--seconds` looks at one process twice and tells what grew in between."""
    running = respire.start("diff", cache.pid, "--seconds", 4, "--json")
    time.sleep(2)
    cache.call("grow")
    stdout, stderr = running.communicate(timeout=30)
    assert running.returncode == 0, stderr
    document = parse_document(stdout)
    first = document["growth"]["paths"][0]
    assert (first["path"], first["objects"]) == (ITEMS, 2000)
    assert 3.9 < document["seconds"] < 6


def test_all_states_count(host, respire, tmp_path):
    """States of one process are summed."""
    target = host(script=CACHE, states=3)
    before = take(respire, target, tmp_path / "a")
    target.call("grow", state="1")
    target.call("grow", state="2")
    first = growth(respire, before, target.pid)["growth"]["paths"][0]
    assert (first["path"], first["objects"]) == (ITEMS, 4000)


def test_top_limits_the_lists(cache, respire, tmp_path):
    """`--top` keeps the rows that grew most."""
    before = take(respire, cache, tmp_path / "a")
    for function in ("grow", "remember", "become_map"):
        cache.call(function)
    whole = growth(respire, before, cache.pid)["growth"]["paths"]
    assert len(whole) >= 3
    assert growth(respire, before, cache.pid, "--top", 1)["growth"]["paths"] == [whole[0], whole[-1]]


@pytest.mark.parametrize("operands, sentence", [
    ([], "which two"), (["1"], "which two"), (["1", "2", "3"], "one too many"), (["1", "2", "--seconds", "3"], "--seconds"),
    (["a.respire", "--seconds", "3"], "--seconds"), (["1", "--seconds", "0"], "--seconds takes")], ids=str)
def test_wrong_usage(respire, operands, sentence):
    """Anything but two moments, or one process and seconds, is wrong usage."""
    assert sentence in respire("diff", *operands, expect=2)


def test_a_moment_that_cannot_be_had(cache, respire, tmp_path):
    """A file that is not there, a process that is gone: exit status 3. One that is no snapshot, one without Lua: 4."""
    assert "nowhere" in respire("diff", tmp_path / "nowhere", cache.pid, expect=3)
    (tmp_path / "text").write_text("not a snapshot at all, whatever its length may be")
    assert "no snapshot" in respire("diff", cache.pid, tmp_path / "text", expect=4)
    with subprocess.Popen(["sleep", "60"]) as other:
        assert "no LuaJIT state" in respire("diff", other.pid, cache.pid, expect=4)
        other.kill()
