"""`mem` on nginx: malloc's pages have owners, and a thousandth at most of private memory is unknown, whatever it does."""
import contextlib
import os
import pathlib
import signal
import subprocess

import pool_keeper
import pytest

from answers import owners_named, resident_sum
from ledger import assert_little_unknown, assert_reconciled
from processes import children_of, process_state, wait_until, wait_until_idle

MIB = 1 << 20
GIB = 1 << 30
LOOKS = 8

# Every request leaves something in the worker's malloc, and takes something away that an earlier one has left.
CHURN = """
    location /churn { content_by_lua_block {
        local ffi = require "ffi"
        if not blocks then
            ffi.cdef "void *malloc(size_t); void free(void *);"
            blocks, turn = {}, 0
        end
        for _ = 1, 50 do
            turn = turn + 1
            local place, bytes = turn % 3000, 16 + turn * 7919 % 3000
            if blocks[place] then ffi.C.free(blocks[place]) end
            blocks[place] = ffi.C.malloc(bytes)
            ffi.fill(blocks[place], bytes, 1)
        end
        ngx.say("churned")
    } }
"""

# Memory of malloc that nobody's pool has, in blocks of so many bytes.
TAKE = """
    location /take { content_by_lua_block {
        local ffi = require "ffi"
        pcall(ffi.cdef, "void *malloc(size_t); void free(void *);")
        local bytes, left = tonumber(ngx.var.arg_bytes), tonumber(ngx.var.arg_all)
        while left > 0 do
            ffi.fill(ffi.C.malloc(bytes), bytes, 1)
            left = left - bytes
        end
        ngx.say("taken")
    } }
"""


def look(respire, pid):
    """The owners of a process that may be busy: they sum to what is resident, and nearly all of it is known."""
    answer = respire("mem", pid, "--json")
    assert all(check["ok"] for check in answer["checks"])
    assert resident_sum(answer["owners"]) == answer["rss_bytes"]
    assert_little_unknown(answer)
    return answer


def look_at_idle(respire, pid):
    wait_until_idle(pid)
    answer = look(respire, pid)
    assert_reconciled(answer, pid)
    return answer


def resident(answer, prefix):
    return resident_sum(owners_named(answer, prefix))


def assert_nginx_is_named(answer):
    for name in ("glibc.used", "nginx.pools.cycle"):
        assert resident(answer, name) > 0, answer["owners"]


@contextlib.contextmanager
def load(server, path):
    with subprocess.Popen(["wrk", "-t1", "-c20", "-d60", f"http://127.0.0.1:{server.port}{path}"],
                          stdout=subprocess.DEVNULL) as client:
        try:
            server.get(path)
            yield
        finally:
            client.kill()


def helpers_of(master):
    """Processes of nginx that are no workers, by their title."""
    titles = {pid: pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children_of(master)}
    return {title.decode().strip("\0 "): pid for pid, title in titles.items() if b"worker" not in title}


def test_at_rest(nginx, respire):
    """A worker and its master, just started: nothing at all is unknown."""
    server = nginx(server=CHURN)
    for pid in (server.worker, server.master):
        answer = look_at_idle(respire, pid)
        assert answer["unknown_bytes"] == 0, answer["owners"]
        assert_nginx_is_named(answer)
    assert resident(look(respire, server.worker), "nginx.data") > 0


def test_under_load(nginx, respire):
    """A worker that serves as fast as it can, and takes and frees blocks."""
    server = nginx(server=CHURN)
    with load(server, "/churn"):
        for _ in range(LOOKS):
            assert_nginx_is_named(look(respire, server.worker))
    assert_nginx_is_named(look_at_idle(respire, server.worker))


def test_with_threads(nginx, respire):
    """Threads have stacks, and arenas of their own."""
    server = nginx(main="thread_pool default threads=8;", server="aio threads; " + CHURN)
    server.get("/churn")
    answer = look_at_idle(respire, server.worker)
    (stacks,) = owners_named(answer, "stack")
    assert stacks["virtual_bytes"] > 8 * 8 * MIB
    assert answer["unknown_bytes"] == 0, answer["owners"]


@pytest.mark.seconds(120)
def test_after_reloads(nginx, respire):
    """Master and worker after ten reloads, each with a new configuration in the master's heap and an old one freed."""
    server = nginx(http="lua_shared_dict zone 2m;", server=CHURN)
    for _ in range(10):
        old = set(children_of(server.master))
        os.kill(server.master, signal.SIGHUP)
        wait_until(lambda: len(children_of(server.master)) == 1 and not old & set(children_of(server.master)),
                   "a new worker has come and the old one has gone")
        server.get("/churn")
    (worker,) = children_of(server.master)
    for pid in (server.master, worker):
        assert_nginx_is_named(look_at_idle(respire, pid))


def test_cache_manager(nginx, respire):
    """Processes of nginx that serve nobody."""
    server = nginx(http="proxy_cache_path PREFIX/cache keys_zone=cached:1m;", server=CHURN)
    wait_until(lambda: any("cache manager" in title for title in helpers_of(server.master)), "the cache manager has its title")
    helpers = helpers_of(server.master)
    for pid in helpers.values():
        if process_state(pid) is not None:
            assert_nginx_is_named(look_at_idle(respire, pid))


@pytest.mark.seconds(120)
@pytest.mark.parametrize("bytes_each", [1000, 100000, 4 * MIB], ids=["small", "large", "mapped"])
def test_a_gigabyte_of_malloc(nginx, respire, bytes_each):
    """A gigabyte in blocks that nobody's pool has is malloc's, used, to the page."""
    server = nginx(server=TAKE)
    before = resident(look_at_idle(respire, server.worker), "glibc.used")
    server.get(f"/take?bytes={bytes_each}&all={GIB}")
    answer = look_at_idle(respire, server.worker)
    gained = resident(answer, "glibc.used") - before
    assert GIB <= gained <= GIB * 1.05, answer["owners"]
    text = respire("mem", server.worker)
    assert f"respire heap {server.worker}" in text


@pytest.mark.seconds(120)
@pytest.mark.parametrize("shape, large_bytes, owner", [
    ("main", 0, "nginx.pools.module"), ("main", 300000, "nginx.pools.module"),
    ("leaked", 0, "nginx.pools.unowned"), ("leaked", 300000, "nginx.pools.unowned"),
])
def test_a_gigabyte_of_pools(nginx, respire, build, shape, large_bytes, owner):
    """A gigabyte in pools is theirs, by kind: in blocks of the pools themselves, or in large blocks."""
    order = {"large": 350, "large_bytes": large_bytes} if large_bytes else {"small": 26000, "small_bytes": 4000}
    keeper = pool_keeper.PoolKeeper(nginx(**pool_keeper.configuration(pool_keeper.build(build / "foreign"))))
    with contextlib.closing(keeper):
        keeper.keep(shape, 10, size=4096 * 4, **order)
        kept = sum(pool.bytes for pool in keeper.pools())
        assert kept > 0.95 * GIB
        answer = look_at_idle(respire, keeper.worker)
        assert kept * 0.999 <= resident(answer, owner) <= kept * 1.02, answer["owners"]
        assert f"respire pools {keeper.worker}" in respire("mem", keeper.worker)
