"""`shm`: what is inside a lua_shared_dict, as the target's own Lua tells it, and as it was put in."""
import collections
import math

from dict_entries import Entry, of_every_type, store, sum_by, that_expire_at_once, with_lives
from processes import wait_until
from shared_zones import PAGE_BYTES, slab_of, used_by_size

DICT = "lua_shared_dict dogs 8m;"
LARGEST_SLAB = 2048
# What a dict has before its first entry: its own record, and the words that nginx's log adds.
RECORD_BYTES, LOG_WORDS_BYTES = 80, 27


def fixed_allocations(name):
    return [RECORD_BYTES, LOG_WORDS_BYTES + len(name)]


def expected_slabs(entries, name="dogs"):
    """How many slabs of each size these entries take, and how many whole pages in how many allocations."""
    sizes = fixed_allocations(name) + [size for entry in entries for size in entry.allocations]
    slabs = collections.Counter(slab_of(size) for size in sizes if size <= LARGEST_SLAB)
    whole = [slab_of(size) // PAGE_BYTES for size in sizes if size > LARGEST_SLAB]
    return dict(slabs), sum(whole), len(whole)


def assert_takes(zone, entries):
    slabs, pages, allocations = expected_slabs(entries)
    assert used_by_size(zone) == slabs
    assert (zone["pages"]["whole"], zone["pages"]["whole_allocations"]) == (pages, allocations)


def assert_tree(zone):
    """A red-black tree of so many nodes is not higher, and none is lower."""
    nodes = zone["entries"]
    assert math.log2(nodes + 1) <= zone["tree_height"] <= 2 * math.log2(nodes + 1)


def assert_sums(zone):
    """Each list of the dict tells all its entries."""
    inside = zone["dict"]
    everything = (zone["entries"], sum(row["bytes"] for row in inside["by_type"]))
    assert sum(row["count"] for row in inside["by_type"]) == zone["entries"]
    assert (sum(row["count"] for row in inside["sizes"]), sum(row["bytes"] for row in inside["sizes"])) == everything
    living = sum(row["count"] for row in inside["ttl"]) + inside["never"]["count"]
    assert living == zone["entries"] - zone["expired"]


def living_keys(server, name="dogs"):
    return server.lua(f"return #ngx.shared.{name}:get_keys(0)")


def wait_until_expired(server, entry, name="dogs"):
    wait_until(lambda: server.lua(f"return ngx.shared.{name}:get('{entry.key}') == nil"), "an entry expires")


def test_contents(zoned, any_nginx):
    """Types, lengths, lists, slabs and whole pages are what was put in; free space is what the dict says."""
    server = zoned(suite=any_nginx, http=DICT)
    entries = of_every_type()
    store(server, "dogs", entries)
    zone = server.zone("dogs")
    assert zone["entries"] == living_keys(server) == len(entries)
    assert zone["expired"] == 0
    assert {row["type"]: (row["count"], row["bytes"]) for row in zone["dict"]["by_type"]
            if row["count"]} == sum_by(entries, lambda entry: entry.kind)
    lists = [entry for entry in entries if entry.kind == "list"]
    assert zone["dict"]["lists"] == {"count": len(lists), "items": sum(len(entry.items) for entry in lists),
                                     "bytes": sum(entry.value_bytes for entry in lists)}
    assert_takes(zone, entries)
    assert_tree(zone)
    assert_sums(zone)
    if server.lua("return ngx.shared.dogs.free_space ~= nil"):
        assert server.lua("return ngx.shared.dogs:free_space(), ngx.shared.dogs:capacity()") == (
            zone["pages"]["free"] * PAGE_BYTES, zone["size_bytes"])


def test_contents_that_go(zoned, any_nginx):
    """Entries that are deleted, replaced and popped are gone from every number."""
    server = zoned(suite=any_nginx, http=DICT)
    entries = of_every_type()
    store(server, "dogs", entries)
    kept = entries[::3]
    for entry in set_apart(entries, kept):
        server.lua(f"ngx.shared.dogs:delete('{entry.key}')")
    replaced = [Entry(entry.key, "string", 500) for entry in kept if entry.kind == "boolean"]
    store(server, "dogs", replaced)
    for entry in kept:
        if entry.kind == "list" and len(entry.items) > 1:
            server.lua(f"assert(ngx.shared.dogs:lpop('{entry.key}'))")
            entry.items = entry.items[1:]
    expected = [entry for entry in kept if entry.kind != "boolean"] + replaced
    zone = server.zone("dogs")
    assert zone["entries"] == living_keys(server) == len(expected)
    assert {row["type"]: (row["count"], row["bytes"]) for row in zone["dict"]["by_type"]
            if row["count"]} == sum_by(expected, lambda entry: entry.kind)
    assert_takes(zone, expected)
    assert_tree(zone)
    server.lua("ngx.shared.dogs:flush_all() ngx.shared.dogs:flush_expired()")
    zone = server.zone("dogs")
    assert zone["entries"] == zone["tree_height"] == 0
    assert_takes(zone, [])


def set_apart(entries, kept):
    names = {entry.key for entry in kept}
    return [entry for entry in entries if entry.key not in names]


def test_lives(zoned, any_nginx):
    """Entries by the time that they have left; those that have expired are what flush_expired() then removes."""
    server = zoned(suite=any_nginx, http=DICT)
    never = [Entry(f"never:{number}", "number") for number in range(40)]
    lives = with_lives()
    expired = that_expire_at_once(60)
    store(server, "dogs", [*never, *lives, *expired])
    wait_until_expired(server, expired[-1])
    zone = server.zone("dogs")
    assert zone["entries"] == len(never) + len(lives) + len(expired)
    assert zone["expired"] == len(expired)
    assert zone["entries"] - zone["expired"] == living_keys(server)
    rows = {row["below_ms"]: (row["count"], row["bytes"]) for row in zone["dict"]["ttl"] if row["count"]}
    assert rows == sum_by(lives, lambda entry: row_of(zone, entry))
    assert (zone["dict"]["never"]["count"], zone["dict"]["never"]["bytes"]) == (
        len(never), sum(entry.content_bytes for entry in never))
    assert_sums(zone)
    assert server.lua("return ngx.shared.dogs:flush_expired()") == len(expired)
    zone = server.zone("dogs")
    assert (zone["entries"], zone["expired"]) == (len(never) + len(lives), 0)


def row_of(zone, entry):
    """The row in which its time to live lies; far enough from the bounds for the slowest machine."""
    return next(row["below_ms"] for row in zone["dict"]["ttl"]
                if row["below_ms"] is None or entry.ttl * 1000 < row["below_ms"])


def test_ends_of_the_queue(zoned):
    """The newest is what was used last, the oldest what will be evicted next; their names are told only when asked for."""
    server = zoned(http=DICT)
    store(server, "dogs", [Entry("first-in", "string", 11), Entry("second-in", "number"), Entry("third-in", "string", 33, 900)])
    inside = server.zone("dogs")["dict"]
    assert (inside["oldest"]["key_bytes"], inside["oldest"]["value_bytes"], inside["oldest"]["type"]) == (8, 11, "string")
    assert (inside["newest"]["key_bytes"], inside["newest"]["value_bytes"]) == (8, 33)
    assert 0 < inside["newest"]["left_ms"] <= 900000
    assert server.lua("return ngx.shared.dogs:get('first-in')") == "v" * 11
    inside = server.zone("dogs", "--show-strings")["dict"]
    assert (inside["newest"]["key"], inside["oldest"]["key"]) == ("first-in", "second-in")


def test_time_left_is_what_the_dict_says(zoned):
    """ttl() of the target before and after the look has what the look tells between."""
    server = zoned(http=DICT)
    store(server, "dogs", [Entry("only", "string", 5, 3600)])
    before = server.lua("return ngx.shared.dogs:ttl('only')")
    left = server.zone("dogs")["dict"]["newest"]["left_ms"]
    after = server.lua("ngx.update_time() return ngx.shared.dogs:ttl('only')")
    # Times of nginx are of the last turn of its loop: the first may be a little old.
    assert after * 1000 - 1 <= left <= before * 1000 + 1


def test_largest_entries(zoned):
    """The largest entries come first, by key and value together; a list counts with its items."""
    server = zoned(http=DICT)
    small = [Entry(f"small:{number}", "string", number) for number in range(100)]
    large = [Entry("largest", "string", 30000), Entry("list", "list", items=(1000,) * 20), Entry("third", "string", 15000)]
    store(server, "dogs", small + large)
    rows = server.zone("dogs", "--show-strings")["dict"]["largest"]
    assert [row["key"] for row in rows[:3]] == ["largest", "list", "third"]
    assert [row["key_bytes"] + row["value_bytes"] for row in rows[:3]] == [entry.content_bytes for entry in large]
