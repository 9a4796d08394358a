"""Who keeps pages from going back: survivors of a burst, planted at a path, on pages that the program itself counts."""
import pytest

from answers import assert_checked, only_state
from core_files import write_core

PAGE = 4096
SURVIVORS = 96

# Survivors of 48 bytes (a block of 64 with its header) among dead of the same make, so that they lie far apart on any
# heap. A survivor knows its address, and so the program its pages. The tables around them do not grow meanwhile.
PLANT = """
local ffi = require "ffi"
local new_table = require "table.new"
jit.off()
collectgarbage("stop")
local box = ffi.typeof("uint8_t[48]")
local pages = {}
local function note_pages(kept)
    local at = tonumber(ffi.cast("uintptr_t", ffi.cast("void *", kept)))
    for byte = at - 16, at + 47, 63 do pages[math.floor(byte / 4096)] = true end
end
for page = 1, 1000 do pages[-page] = true end
for page = 1, 1000 do pages[-page] = nil end
function plant(store, count, spacing)
    local dead = new_table(count * spacing, 0)
    for i = 1, count * spacing do
        local made = box()
        if i % spacing == 0 then store[i / spacing] = made else dead[i] = made end
    end
    for i = 1, count do note_pages(store[i]) end
end
function count_pages()
    local count = 0
    for _ in pairs(pages) do count = count + 1 end
    return count
end
"""

HOLDERS = {
    "package.loaded.session.store": "package.loaded.session = { store = new_table(96, 0) } "
                                    "local store = package.loaded.session.store",
    "_G.caches[*]": "caches = { new_table(96, 0), {}, {} } local store = caches[1]",
    'package.loaded["my.cache"].items': 'package.loaded["my.cache"] = { items = new_table(96, 0) } '
                                        'local store = package.loaded["my.cache"].items',
}


def planted(host, holder, spacing=256, **options):
    """A host whose survivors lie so many objects apart. What is left of the burst is collected."""
    return host(script=f'{PLANT}\n{holder}\nplant(store, {SURVIVORS}, {spacing})\n'
                       'collectgarbage() collectgarbage() collectgarbage("stop")', **options)


def pins(respire, *target):
    answer = respire("lua", *target, "--pins", "--json")
    assert_checked(answer)
    found = only_state(answer)["pins"]
    assert found["pinned_bytes"] == found["pages"] * PAGE
    rows = found["rows"]
    assert sum(row["pinned_bytes"] for row in rows) <= found["pinned_bytes"]
    assert sum(row["free_bytes"] for row in rows) <= found["free_bytes"]
    for row in rows:
        assert row["pinned_bytes"] / 2 < row["free_bytes"] < row["pinned_bytes"], row
        assert row["bytes"] <= row["pinned_bytes"] - row["free_bytes"], row
    return found


def row_of(found, path):
    (row,) = [row for row in found["rows"] if row["path"] == path]
    return row


def pages_of(target):
    return int(target.evaluate("return count_pages()"))


def assert_planted(rows, survivors, pages):
    """One of them may have a page in common with what is larger, or with the place of the next allocation."""
    objects = sum(row["objects"] for row in rows)
    missing = len(rows) * survivors - objects
    assert 0 <= missing <= len(rows)
    assert sum(row["bytes"] for row in rows) == pytest.approx(objects * 64, abs=missing * 64)
    pinned_pages = sum(row["pinned_bytes"] for row in rows) // PAGE
    assert pages - 2 * missing <= pinned_pages <= pages
    assert all(row["free_bytes"] > row["pinned_bytes"] * 0.9 for row in rows)


@pytest.mark.parametrize("runtime_heap", [pytest.param(False, id="stock"),
                                          pytest.param(True, id="respire", marks=pytest.mark.preload)])
@pytest.mark.parametrize("path", HOLDERS)
def test_survivors(host, respire, runtime, path, runtime_heap):
    """One survivor a page: all of them at their path, and just the pages on which the program knows them."""
    command = ["env", f"LD_PRELOAD={runtime}"] if runtime_heap else None
    target = planted(host, HOLDERS[path], command=command)
    allocator = only_state(respire("lua", target.pid, "--json"))["allocator"]
    assert allocator["kind"] == ("respire" if runtime_heap else "stock")
    found = pins(respire, target.pid)
    row = row_of(found, path)
    assert row == found["rows"][0]
    assert_planted([row], SURVIVORS, pages_of(target))


@pytest.mark.preload
def test_survivors_of_both_heaps(host, respire, build):
    """A state that the runtime took over has survivors where it was, and others where it is now."""
    target = host(script=f"""{PLANT}
        local store, later = new_table(96, 0), new_table(96, 0)
        package.loaded.session = {{ store = store, later = later }}
        plant(store, {SURVIVORS}, 256)
        package.cpath = "{build}/?.so"
        require "respire"
        plant(later, {SURVIVORS}, 256)
        collectgarbage() collectgarbage() collectgarbage("stop")
    """)
    assert only_state(respire("lua", target.pid, "--json"))["allocator"]["kind"] == "respire"
    found = pins(respire, target.pid)
    rows = [row_of(found, "package.loaded.session.store"), row_of(found, "package.loaded.session.later")]
    assert_planted(rows, SURVIVORS, pages_of(target))


def test_survivors_that_lie_together(host, respire):
    """Where all are kept, no page is sparse on their account but the last."""
    target = planted(host, HOLDERS["package.loaded.session.store"], spacing=1)
    found = pins(respire, target.pid)
    assert sum(row["objects"] for row in found["rows"] if "session" in row["path"]) < SURVIVORS // 2


def test_garbage_keeps_pages_until_it_is_collected(host, respire):
    """Dropped survivors keep the same pages without a path; a collection frees them."""
    target = planted(host, HOLDERS["package.loaded.session.store"])
    kept = row_of(pins(respire, target.pid), "package.loaded.session.store")
    target.evaluate("package.loaded.session = nil")
    garbage = row_of(pins(respire, target.pid), "(garbage, not collected yet)")
    assert SURVIVORS <= garbage["objects"] < SURVIVORS + 50
    assert kept["pinned_bytes"] <= garbage["pinned_bytes"] < kept["pinned_bytes"] + 20 * PAGE
    target.ask("gc")
    assert pins(respire, target.pid)["pages"] < 30


def test_core(host, respire, tmp_path):
    """A core file tells the same of its pages, all of which count as resident."""
    target = planted(host, HOLDERS["package.loaded.session.store"])
    live = row_of(pins(respire, target.pid), "package.loaded.session.store")
    core = write_core(target.pid, tmp_path)
    assert row_of(pins(respire, "--core", core), "package.loaded.session.store") == live


def test_rows_are_not_told_unasked(host, respire):
    target = host(script=PLANT)
    assert "pins" not in only_state(respire("lua", target.pid, "--json"))
