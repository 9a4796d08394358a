"""`pools`: who holds each pool, held against a module that keeps pools in known places and says where."""
import collections
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading

import pool_keeper
from answers import assert_checked
from core_files import write_core
from processes import children_of, wait_until, wait_until_idle

MODULE = pool_keeper.MODULE
OWNERS = {
    "main": f"{MODULE}.main_conf",
    "server": f"{MODULE}.srv_conf",
    "location": f"{MODULE}.loc_conf",
    "hash": f"{MODULE} global",
    "array": f"{MODULE} global ngx_http_pool_keeper_array",
    "context": f"{MODULE} request context",
    "chained": f"{MODULE}.main_conf",
    "leaked": "unowned, 4096-byte blocks",
    "ring": "unowned, 4096-byte blocks",
}
EACH = 20
ORDER = {"size": 4096, "small": 20, "small_bytes": 300, "large": 2, "large_bytes": 10000, "cleanups": 3}


def keep_every_shape(pools):
    for shape in OWNERS:
        pools.keep(shape, EACH, **ORDER)


def rows_by_address(answer):
    return {int(row["address"], 16): row for row in answer["list"]}


def assert_as_told(answer, kept):
    """Each pool has the holder that its shape means, and the size that the module says."""
    assert_checked(answer)
    rows = rows_by_address(answer)
    assert answer["pools"] == len(rows)
    for pool in kept:
        row = rows[pool.address]
        owner = OWNERS[pool.shape]
        assert row["owner"] == owner, pool
        assert row["kind"] == ("unowned" if owner.startswith("unowned") else "module"), pool
        unused_bytes = row["spare_bytes"] + row["wasted_bytes"]
        assert (row["blocks"], row["block_bytes"], unused_bytes) == (pool.blocks, pool.block_bytes, pool.unused_bytes)
        assert (row["large"], row["large_bytes"], row["bytes"]) == (pool.large, pool.large_bytes, pool.bytes)
        assert sum(cleanup["count"] for cleanup in row["cleanups"]) == pool.cleanups


def owners_of(answer):
    return {owner["owner"]: owner for owner in answer["owners"]}


def assert_nothing_else_is_the_modules(answer, kept):
    """Row by row the module holds as many pools, and as many bytes, as it says."""
    expected, expected_bytes = collections.Counter(), collections.Counter()
    for pool in kept:
        expected[OWNERS[pool.shape]] += 1
        expected_bytes[OWNERS[pool.shape]] += pool.bytes
    owners = {name: owner for name, owner in owners_of(answer).items() if owner["kind"] in ("module", "unowned")}
    assert {name: owner["pools"] for name, owner in owners.items()} == expected
    assert {name: owner["bytes"] for name, owner in owners.items()} == expected_bytes


def test_every_shape(keeper, respire):
    """Pools in configurations of each level, in variables, in a request's context, in other pools, and in none of these."""
    pools = keeper()
    keep_every_shape(pools)
    kept = pools.pools()
    assert len(kept) == EACH * len(OWNERS)
    pools.server.wait_until_idle()
    answer = respire("pools", pools.worker, "--json", "--list")
    assert_as_told(answer, kept)
    assert_nothing_else_is_the_modules(answer, kept)


def test_every_shape_from_files(keeper, respire, tmp_path):
    """The same from a core file and from a snapshot."""
    pools = keeper()
    keep_every_shape(pools)
    kept = pools.pools()
    core, snapshot = write_core(pools.worker, tmp_path), tmp_path / "snapshot"
    assert_as_told(respire("pools", "--core", core, "--json", "--list"), kept)
    respire("snapshot", pools.worker, "-o", snapshot)
    assert_as_told(respire("pools", "--snapshot", snapshot, "--json", "--list"), kept)


@contextlib.contextmanager
def traffic(server):
    """Inside, requests come and go, with connections and Lua of their own."""
    done = threading.Event()
    served = []

    def ask():
        while not done.is_set():
            server.get("/lua")
            served.append(1)
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert len(served) > 20


def test_every_shape_under_traffic(keeper, respire):
    """The same while requests are served."""
    pools = keeper(server="location /lua { content_by_lua_block { ngx.sleep(0.001) ngx.say(('x'):rep(20000)) } }")
    keep_every_shape(pools)
    kept = pools.pools()
    with traffic(pools.server):
        for _ in range(10):
            assert_as_told(respire("pools", pools.worker, "--json", "--list"), kept)


def test_every_shape_elsewhere(keeper, respire, nginx_suite):
    """The same in nginx of other Debian releases."""
    pools = keeper(suite=nginx_suite)
    keep_every_shape(pools)
    kept = pools.pools()
    answer = respire("pools", pools.worker, "--json", "--list")
    assert_as_told(answer, kept)
    assert_nothing_else_is_the_modules(answer, kept)


def test_pools_go_with_their_holder(keeper, respire):
    """When requests end whose contexts held pools, there is no such row any more."""
    pools = keeper()
    pools.keep("context", EACH)
    assert owners_of(respire("pools", pools.worker, "--json"))[OWNERS["context"]]["pools"] == EACH
    pools.release()
    assert OWNERS["context"] not in owners_of(respire("pools", pools.worker, "--json"))


def function_starts(symbols):
    """Where functions start in the module's file, from the build with symbols."""
    listing = subprocess.run(["nm", symbols], check=True, capture_output=True, text=True).stdout
    return {name: int(value, 16) for value, name in re.findall(r"^(\w+) [tT] (\w+)$", listing, flags=re.M)}


def test_suspects_come_first(keeper, respire, build):
    """
    What nobody holds comes first, in a row for each size of blocks, with the functions that it points to by the places
    where they start, and how long its first text is, but never the text.
    """
    pools = keeper()
    pools.keep("leaked", 30, size=1024, cleanups=2)
    pools.keep("leaked", 10, size=4096)
    pools.keep("main", 200, size=4096, large=2)
    answer = respire("pools", pools.worker, "--json")
    small, large, *others = sorted(answer["owners"][:2], key=lambda row: row["first_block_bytes"]) + answer["owners"][2:]
    assert all(row["kind"] != "unowned" for row in others)
    assert (small["owner"], small["pools"]) == ("unowned, 1024-byte blocks", 30)
    assert (large["owner"], large["pools"]) == ("unowned, 4096-byte blocks", 10)
    addresses = [pool.address for pool in pools.pools() if pool.shape == "leaked" and pool.block_bytes == 1024]
    assert [int(small[end], 16) for end in ("lowest", "highest")] == [min(addresses), max(addresses)]

    starts = function_starts(pool_keeper.build(build).with_suffix(".debug"))
    name = {function: f"{MODULE}.so`fn_{start:x}" for function, start in starts.items()}
    label = len("kept_000000")
    assert small["contents"] == (f"points to {name['keeper_handle']}; cleanup by {name['keeper_cleanup']}; "
                                 f"text of {label} bytes")
    assert large["contents"] == f"points to {name['keeper_handle']}; text of {label} bytes"
    text = respire("pools", pools.worker)
    assert small["contents"] in text
    assert "kept_0" not in text


def test_hooks_are_named(keeper, respire):
    """A static function that nginx knows by a table of the module is named by its place there."""
    pools = keeper()
    pools.keep("leaked", 5, hook=1)
    (suspects,) = [row for row in respire("pools", pools.worker, "--json")["owners"] if row["kind"] == "unowned"]
    assert suspects["contents"].startswith(f"points to {MODULE} create_main_conf;")


def test_worker_that_shuts_down(keeper, respire):
    """A worker of an old configuration that still has requests, and the new worker beside it."""
    pools = keeper(server="location /hold { content_by_lua_block { ngx.sleep(300) } }")
    keep_every_shape(pools)
    kept = pools.pools()
    old = pools.worker
    with socket.create_connection(("127.0.0.1", pools.server.port)) as held:
        held.sendall(b"GET /hold HTTP/1.1\r\nHost: keeper\r\n\r\n")
        wait_until(lambda: row_of(respire("pools", old, "--json"), "requests") >= 2, "the request is held")
        os.kill(pools.server.master, signal.SIGHUP)
        (new,) = wait_until(lambda: set(children_of(pools.server.master)) - {old}, "there is a new worker")
        wait_until(lambda: b"shutting down" in command_line(old), "the old worker shuts down")
        assert_as_told(respire("pools", old, "--json", "--list"), kept)
        wait_until_idle(new)
        kinds = {row["kind"] for row in respire("pools", new, "--json")["owners"]}
        assert kinds.isdisjoint({"module", "unowned"})


def row_of(answer, owner):
    return owners_of(answer).get(owner, {"pools": 0})["pools"]


def command_line(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()


def test_leaks_into_memory_of_the_configuration(keeper, respire):
    """
    Where nginx had what it needed to read its configuration, malloc puts new pools; pointers to what was there before
    hold none of them.
    """
    http = "".join(f"server {{ listen 127.0.0.1:65535; server_name {' '.join(f'h{i}-{k}.net *.w{i}-{k}.net' for k in range(9))};"
                   f" gzip_types a/b{i}; }}" for i in range(5))
    pools = keeper(http="server_names_hash_bucket_size 128;" + http.replace("127.0.0.1:65535", "unix:PREFIX/socket"))
    pools.keep("leaked", 1000, size=4096)
    answer = respire("pools", pools.worker, "--json")
    assert owners_of(answer)["unowned, 4096-byte blocks"]["pools"] == 1000
    assert [row["owner"] for row in answer["owners"] if row["kind"] == "module"] == []


LUA_POOLS = """
    init_by_lua_block {
        ffi = require "ffi"
        ffi.cdef [[
            typedef struct { void *conf_ctx, *pool, *log; } respire_cycle;
            extern volatile respire_cycle *ngx_cycle;
            void *ngx_create_pool(size_t bytes, void *log);
        ]]
        kept = {}
        function make(count)
            for i = 1, count do kept[#kept + 1] = ffi.C.ngx_create_pool(4096, ffi.C.ngx_cycle.log) end
        end
        function drop()
            for i = 1, #kept do kept[i] = nil end
            collectgarbage()
            collectgarbage()
        end
    }
"""


def test_lua_holds_pools(nginx, respire):
    """A pool that Lua made through the FFI is Lua's as long as Lua has it; what was collected holds nothing."""
    server = nginx(http=LUA_POOLS, server="""
        location /make { content_by_lua_block { make(50) ngx.say("made") } }
        location /drop { content_by_lua_block { drop() ngx.say("dropped") } }
    """)
    server.get("/make")
    assert owners_of(respire("pools", server.worker, "--json"))["lua"]["pools"] == 50
    server.get("/drop")
    owners = owners_of(respire("pools", server.worker, "--json"))
    assert "lua" not in owners
    assert owners["unowned, 4096-byte blocks"]["pools"] == 50
