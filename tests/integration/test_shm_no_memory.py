""""no memory" of a lua_shared_dict, explained: full, fragmented on purpose, expired; each time the dict itself is the judge."""
import pytest

from dict_entries import NODE_BYTES, Entry, store, that_expire_at_once
from processes import wait_until
from shared_zones import PAGE_BYTES

CATS = "lua_shared_dict cats 1m;"
FREE_SPACE = "return ngx.shared.cats:free_space()"

# Puts in entries of so many bytes in value until there is no room; how many came in, and what the next one was told.
FILL = """
local cats, count = ngx.shared.cats, 0
while true do
    local ok, why = cats:safe_set("%s:" .. count, string.rep("v", %d), %s)
    if not ok then return count, why end
    count = count + 1
end
"""
DELETE_BUT = """
local cats, deleted = ngx.shared.cats, 0
for number = 0, %d - 1 do
    if number %% %d ~= 0 then cats:delete("%s:" .. number) deleted = deleted + 1 end
end
return deleted
"""


@pytest.fixture
def cats(zoned):
    return zoned(http=CATS)


@pytest.fixture
def any_cats(zoned, any_nginx):
    return zoned(suite=any_nginx, http=CATS)


def fill(server, name, size, ttl=0):
    count, why = server.lua(FILL % (name, size, ttl))
    assert why == "no memory" and count > 0
    return count


def delete_but(server, name, count, each):
    """Keep the first of so many, delete the others."""
    return server.lua(DELETE_BUT % (count, each, name))


def has_free_space(server):
    return server.lua("return ngx.shared.cats.free_space ~= nil")


def assert_free_space(server, zone):
    if has_free_space(server):
        assert server.lua(FREE_SPACE) == zone["pages"]["free"] * PAGE_BYTES


def assert_largest(server, zone):
    """An entry of just the size that is told to fit does, and one byte more does not."""
    largest = zone["dict"]["largest_value_bytes"]
    assert largest + NODE_BYTES <= max(zone["largest_allocation_bytes"], NODE_BYTES)
    assert safe_set(server, "k", largest) == (False, "no memory")
    if largest > 0:
        assert safe_set(server, "k", largest - 1)[0] is True


def safe_set(server, key, size):
    """What the target says to an entry of such a key and so long a value."""
    return server.lua(f"return ngx.shared.cats:safe_set('{key}', string.rep('v', {size}))")[:2]


def size_row(zone, slab_bytes):
    (row,) = [row for row in zone["slabs"]["sizes"] if row["slab_bytes"] == slab_bytes]
    return row


def test_empty(cats):
    """Of an empty dict, one value can have all pages."""
    zone = cats.zone("cats")
    assert zone["pages"]["free_runs"] == 1
    assert zone["dict"]["largest_value_bytes"] == zone["pages"]["free"] * PAGE_BYTES - NODE_BYTES
    assert_free_space(cats, zone)
    assert_largest(cats, zone)


def test_full_of_small_entries(any_cats):
    """No page is left, every slab of the size is used, and nginx has counted one refusal."""
    count = fill(any_cats, "full", 20)
    zone = any_cats.zone("cats")
    row = size_row(zone, 128)
    assert zone["entries"] == count
    assert zone["pages"]["free"] == zone["pages"]["largest_free_run"] == 0
    assert zone["loaded_bytes"] == zone["size_bytes"]
    assert (row["free"], row["fails"]) == (0, 1)
    assert row["used"] == count + 1  # the dict's own record
    assert row["requests"] == row["used"] + row["fails"]
    assert_free_space(any_cats, zone)
    assert_largest(any_cats, zone)


def test_full_of_pages(cats):
    """Where values took whole pages, small ones may still fit among slabs."""
    count = fill(cats, "full", 3000)
    zone = cats.zone("cats")
    assert zone["pages"]["whole"] == zone["pages"]["whole_allocations"] == count
    assert zone["pages"]["free"] == 0
    assert size_row(zone, 128)["free"] == 31
    assert zone["dict"]["largest_value_bytes"] == 128 - NODE_BYTES
    assert_largest(cats, zone)


@pytest.mark.parametrize("each", [2, 3, 5])
def test_pages_with_holes(cats, each):
    """Of values of a page, one in so many stays: there is much free space, and no value fits that is larger than a hole."""
    count = fill(cats, "hole", 3000)
    deleted = delete_but(cats, "hole", count, each)
    zone = cats.zone("cats")
    assert zone["pages"]["free"] == deleted
    assert zone["pages"]["largest_free_run"] == each - 1
    assert zone["pages"]["free_runs"] == -(-deleted // (each - 1))
    assert zone["pages"]["free_loaded"] == deleted
    assert zone["dict"]["largest_value_bytes"] == (each - 1) * PAGE_BYTES - NODE_BYTES
    assert_free_space(cats, zone)
    assert_largest(cats, zone)


@pytest.mark.parametrize("size, slab_bytes", [(20, 128), (400, 512), (1800, 2048)])
def test_pages_that_are_pinned(cats, size, slab_bytes):
    """One entry in each page stays: no page is free, and the size that pins them is told, with what is used there."""
    per_page = PAGE_BYTES // slab_bytes
    count = fill(cats, "pin", size)
    deleted = delete_but(cats, "pin", count, per_page)
    zone = cats.zone("cats")
    row = size_row(zone, slab_bytes)
    assert zone["entries"] == count - deleted
    assert zone["pages"]["free"] <= 1  # the dict's record shares a page with entries of its size
    assert row["free"] >= deleted - per_page
    if per_page >= 4:
        assert row["sparse_pages"] >= row["pages"] - 1
        assert row["sparse_used"] <= row["pages"] * per_page // 4
    assert_free_space(cats, zone)
    assert_largest(cats, zone)


def test_sizes_in_turn(any_cats):
    """Small and large values in turn, and all large ones deleted: what is free lies in runs between slabs."""
    sizes = (100, 5000, 900, 9000, 40)
    entries = [Entry(f"turn:{number}", "string", sizes[number % len(sizes)]) for number in range(180)]
    store(any_cats, "cats", entries)
    for entry in entries:
        if entry.size >= 5000:
            any_cats.lua(f"ngx.shared.cats:delete('{entry.key}')")
    zone = any_cats.zone("cats")
    assert zone["pages"]["free_runs"] > 5
    assert zone["pages"]["whole"] == 0
    assert_free_space(any_cats, zone)
    assert_largest(any_cats, zone)


def expire_and_measure(server, last):
    """How many pages are said to become free when expired entries go, and how many do."""
    wait_until(lambda: server.lua(f"return ngx.shared.cats:get('{last}') == nil"), "entries expire")
    zone = server.zone("cats")
    assert_free_space(server, zone)
    expired = server.lua("return ngx.shared.cats:flush_expired()")
    assert zone["expired"] == expired > 0
    after = server.zone("cats")
    assert (after["entries"], after["expired"]) == (zone["entries"] - expired, 0)
    assert_free_space(server, after)
    return zone["dict"]["pages_if_expired_went"], after["pages"]["free"] - zone["pages"]["free"]


def test_expired_pages(cats):
    """Values of whole pages, every second of which has expired."""
    cats.lua("assert(ngx.shared.cats:safe_set('stays', 1))")
    entries = [Entry(f"{number}", "string", 3000 * (number % 3 + 1), 0 if number % 2 else 0.001) for number in range(60)]
    store(cats, "cats", entries)
    told, became_free = expire_and_measure(cats, entries[-2].key)
    assert told == became_free > 30


def test_expired_slabs(any_cats):
    """Pages of slabs become free only where every entry has expired."""
    any_cats.lua("assert(ngx.shared.cats:safe_set('stays', 1))")
    alone = that_expire_at_once(500, "alone", size=300)
    shared = [Entry(f"shared:{number}", "string", 700, 0 if number % 4 == 0 else 0.001) for number in range(100)]
    store(any_cats, "cats", [*alone, *shared])
    told, became_free = expire_and_measure(any_cats, shared[-1].key)
    assert told == became_free == -(-500 // 8)


def test_expired_lists(cats):
    """A list takes its items with it."""
    cats.lua("assert(ngx.shared.cats:safe_set('stays', 1))")
    stays = [Entry(f"stays:{number}", "list", items=(200,) * 5) for number in range(3)]
    goes = [Entry(f"goes:{number}", "list", items=(400,) * 40 + (5000,) * 2) for number in range(10)]
    store(cats, "cats", stays + goes)
    for entry in goes:
        cats.lua(f"assert(ngx.shared.cats:expire('{entry.key}', 0.001))")
    told, became_free = expire_and_measure(cats, goes[-1].key)
    assert told == became_free >= 10 * (40 // 8 - 1 + 2 * 2)


def test_nothing_expired(cats):
    """Where nothing has expired, no page would become free."""
    store(cats, "cats", [Entry(f"{number}", "string", 3000, 3600) for number in range(20)])
    zone = cats.zone("cats")
    assert (zone["expired"], zone["dict"]["pages_if_expired_went"]) == (0, 0)
