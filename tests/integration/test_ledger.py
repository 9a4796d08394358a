"""`mem`: every resident byte has one owner, and the sums are the kernel's."""
import pytest

from answers import owners_named
from ledger import assert_little_unknown, assert_reconciled
from memory import rollup_bytes, status_bytes
from programs import MIXED_HEAP, REQUEST_HEAP


@pytest.mark.parametrize("options", [{}, {"states": 5}, {"threads": 8}, {"allocator": "malloc"}],
                         ids=["plain", "states", "threads", "malloc"])
def test_host_reconciles(host, respire, options):
    """The owners of an embedding program sum to what the kernel counts, with one state and with several."""
    target = host(script=MIXED_HEAP, **options)
    assert_reconciled(respire("mem", target.pid, "--json"), target.pid)


def targets(host, nginx):
    server = nginx(http=f"lua_shared_dict zone 10m; init_worker_by_lua_block {{ {REQUEST_HEAP} handle_request() }}")
    server.wait_until_idle()
    return [host(script=MIXED_HEAP).pid, server.worker, server.master]


def test_address_space(host, nginx, respire):
    """vsz_bytes is the kernel's VmSize, and the rows of the system level sum to it."""
    for pid in targets(host, nginx):
        answer = respire("mem", pid, "--json")
        assert answer["vsz_bytes"] == status_bytes(pid)["VmSize"]
        assert sum(row["virtual_bytes"] for row in answer["system"]) == answer["vsz_bytes"]


def test_nothing_is_more_resident_than_it_is_large(host, nginx, respire):
    """In no row are there more resident bytes than bytes."""
    for pid in targets(host, nginx):
        answer = respire("mem", pid, "--json")
        for row in answer["system"] + answer["owners"]:
            assert 0 <= row["resident_bytes"] <= row["virtual_bytes"], row


def test_proportional_size(host, respire):
    """pss_bytes is the kernel's Pss (which changes with others who share a page, so not to the byte)."""
    target = host(script=MIXED_HEAP)
    answer = respire("mem", target.pid, "--json")
    assert abs(answer["pss_bytes"] - rollup_bytes(target.pid)["Pss"]) < 0.05 * rollup_bytes(target.pid)["Pss"]


def test_large_heap_is_luajits(host, respire):
    """Most of a large heap's pages are said to be LuaJIT's, those that hold nothing apart from those that do."""
    target = host(script="""
        keep = {}
        for i = 1, 400000 do keep[i] = { i, i } end
        for i = 1, 200000 do keep[i] = false end
        collectgarbage() collectgarbage()
    """)
    answer = respire("mem", target.pid, "--json")
    assert_reconciled(answer, target.pid)
    assert_little_unknown(answer)
    luajit = {owner["name"]: owner["resident_bytes"] for owner in owners_named(answer, "luajit.")}
    count = target.count()
    assert abs(luajit["luajit.live"] - count) < 0.2 * count
    assert luajit["luajit.free"] > 8 * 2**20
    assert sum(luajit.values()) > 0.8 * answer["rss_bytes"]


def test_idle_worker_reconciles(nginx, respire):
    """So do the owners of an idle nginx worker with some 60 MB of Lua, of which little is unknown."""
    server = nginx(http=f"""init_worker_by_lua_block {{
                       {REQUEST_HEAP}
                       _G.handle, _G.kept = handle_request, {{}}
                       for i = 1, 500000 do kept[i] = {{ i, tostring(i) }} end
                   }}""",
                   server="location / { content_by_lua_block { ngx.say(handle()) } }")
    for _ in range(100):
        server.get()
    server.wait_until_idle()
    answer = respire("mem", server.worker, "--json")
    assert_reconciled(answer, server.worker)
    assert answer["rss_bytes"] > 50 * 2**20
    assert_little_unknown(answer)


def test_shared_zone(nginx, respire):
    """A zone is a row of its own, with its whole size, what of it is there, and not private."""
    server = nginx(http="lua_shared_dict large 100m;",
                   server="""location / { content_by_lua_block {
                       for i = 1, 2000 do ngx.shared.large:set('key ' .. i, string.rep('v', 500)) end
                       ngx.say('set')
                   } }""")
    server.get()
    server.wait_until_idle()
    answer = respire("mem", server.worker, "--json")
    assert_reconciled(answer, server.worker)
    (zone,) = [owner for owner in owners_named(answer, "nginx.shm.") if owner["virtual_bytes"] == 100 * 2**20]
    assert 2**20 < zone["resident_bytes"] < 50 * 2**20
    assert not zone["private"]


def test_two_zones_are_two_rows(nginx, respire):
    """Each zone has its own row."""
    server = nginx(http="lua_shared_dict first 3m; lua_shared_dict second 7m;")
    server.wait_until_idle()
    answer = respire("mem", server.worker, "--json")
    assert_reconciled(answer, server.worker)
    zones = [owner for owner in owners_named(answer, "nginx.shm.") if owner["virtual_bytes"] in (3 * 2**20, 7 * 2**20)]
    assert len(zones) == 2
    assert len({zone["name"] for zone in zones}) == 2


def test_master_reconciles(nginx, respire):
    """The master holds a Lua state too; its ledger sums up as well."""
    server = nginx(http="init_by_lua_block { table_of_master = { 1 } }")
    server.wait_until_idle()
    assert_reconciled(respire("mem", server.master, "--json"), server.master)


# Mappings of every kind, made through FFI. Each is touched in part.
ZOO = """
    local ffi = require "ffi"
    ffi.cdef[[
        void *mmap(void *, size_t, int, int, int, long);
        int open(const char *, int, int);
        int unlink(const char *);
        int memfd_create(const char *, unsigned int);
        int ftruncate(int, long);
        int mprotect(void *, size_t, int);
        int madvise(void *, size_t, int);
    ]]
    local C = ffi.C
    local NONE, READ, WRITE = 0, 1, 3
    local SHARED, PRIVATE, ANONYMOUS, NO_RESERVE = 1, 2, 32, 0x4000
    local MEGABYTE = 2^20
    local function map(bytes, protection, flags, file)
        return ffi.cast("char *", C.mmap(nil, bytes, protection, flags, file or -1, 0))
    end
    local function touch(bytes, memory) ffi.fill(memory, bytes, 1) return memory end
    local function file(name)
        local handle = C.open(name, 66, 384)
        assert(handle >= 0 and C.ftruncate(handle, MEGABYTE) == 0)
        return handle
    end

    map(2^40, NONE, PRIVATE + ANONYMOUS + NO_RESERVE)
    touch(MEGABYTE, map(2^36, WRITE, PRIVATE + ANONYMOUS + NO_RESERVE))
    touch(300000, map(3 * MEGABYTE, WRITE, SHARED + ANONYMOUS))
    touch(5 * MEGABYTE, map(64 * MEGABYTE, WRITE, PRIVATE + ANONYMOUS))
    local read_only = touch(50000, map(MEGABYTE, WRITE, PRIVATE + ANONYMOUS))
    C.mprotect(read_only, MEGABYTE, READ)
    local secret = touch(50000, map(MEGABYTE, WRITE, PRIVATE + ANONYMOUS))
    C.mprotect(secret, MEGABYTE, NONE)
    local huge = map(8 * MEGABYTE, WRITE, PRIVATE + ANONYMOUS)
    C.madvise(huge, 8 * MEGABYTE, 14)
    touch(5 * MEGABYTE, huge)
    local memory_file = C.memfd_create("anonymous file", 0)
    C.ftruncate(memory_file, MEGABYTE)
    touch(200000, map(MEGABYTE, WRITE, SHARED, memory_file))
    touch(100000, map(MEGABYTE, WRITE, PRIVATE, memory_file))
    for _, name in ipairs { "plain", "two words", "new\\nline", "gone (deleted)", "[heap]", "\\255\\254" } do
        local path = "DIRECTORY/" .. name
        local handle = file(path)
        touch(8192, map(MEGABYTE, WRITE, SHARED, handle))
        touch(8192, map(MEGABYTE, WRITE, PRIVATE, handle))
        assert(map(MEGABYTE, READ, PRIVATE, handle)[4096] == 1)
    end
    C.unlink("DIRECTORY/plain")
"""


def test_zoo_reconciles(host, respire, tmp_path):
    """Reserved, shared, read-only, unreadable, huge, deleted and strangely named mappings are all accounted for."""
    directory = tmp_path / "files"
    directory.mkdir()
    target = host(script=ZOO.replace("DIRECTORY", str(directory)))
    answer = respire("mem", target.pid, "--json")
    assert_reconciled(answer, target.pid)
    assert answer["vsz_bytes"] > 2**40
    lua = respire("lua", target.pid, "--json")
    assert lua["states"][0]["gc_count_bytes"] == target.count()
