"""Allocators other than glibc's: recognised, and what they have has their name in the ledger."""
import contextlib
import subprocess

import other_allocators
import pytest

from answers import assert_checked, owners_named, resident_sum
from core_files import write_core
from ledger import assert_reconciled
from processes import end, end_with_parent, environment_with, wait_until_idle

SMALL, SMALL_BYTES, LARGE, LARGE_BYTES = 20000, 1000, 5, 4 << 20
TAKEN_BYTES = SMALL * SMALL_BYTES + LARGE * LARGE_BYTES
LOADED_BYTES_MAX = 16 << 20  # what an allocator may have beyond what was taken from it
NAMES = sorted(other_allocators.PACKAGES)


@pytest.fixture(scope="session")
def allocators(build):
    return other_allocators.bring(build / "foreign")


@pytest.fixture
def taker():
    """taker(command, preload=): a program that has taken TAKEN_BYTES, ended after the test."""
    with contextlib.ExitStack() as started:
        def start(command, preload=None):
            process = subprocess.Popen([*command, *map(str, (SMALL, SMALL_BYTES, LARGE, LARGE_BYTES))],
                                       env=environment_with({"LD_PRELOAD": str(preload)} if preload else None),
                                       stdout=subprocess.PIPE, preexec_fn=end_with_parent)
            started.callback(end, process)
            assert process.stdout.readline() == b"ready\n"
            process.stdout.close()
            wait_until_idle(process.pid)
            return process.pid
        yield start


def others(answer):
    """The allocators that have a row."""
    rows = {owner["name"] for owner in answer["owners"]}
    return [name for name in [*NAMES, "musl"] if f"other.{name}" in rows]


def assert_owned(answer, name):
    """The allocator has what was taken from it and a little more; nobody is unknown but what is never there."""
    (owner,) = owners_named(answer, f"other.{name}")
    assert TAKEN_BYTES <= owner["resident_bytes"] <= TAKEN_BYTES + LOADED_BYTES_MAX, answer["owners"]
    assert owner["private"]
    assert others(answer) == [name]
    assert answer["unknown_bytes"] <= 0.001 * answer["private_resident_bytes"], answer["owners"]


@pytest.mark.parametrize("name", NAMES)
def test_preloaded(allocators, taker, respire, tmp_path, name):
    """A program under an allocator that was preloaded."""
    pid = taker(other_allocators.compile_for_glibc(tmp_path / "program"), other_allocators.library(allocators, name))
    answer = respire("mem", pid, "--json")
    assert_reconciled(answer, pid)
    assert_owned(answer, name)
    assert f"{name} " in respire("mem", pid).splitlines()[-3]


def test_musl(allocators, taker, respire, tmp_path):
    """A program on another C library."""
    pid = taker(other_allocators.compile_for_musl(allocators, tmp_path / "program"))
    answer = respire("mem", pid, "--json")
    assert_reconciled(answer, pid)
    assert_owned(answer, "musl")


@pytest.mark.parametrize("name", NAMES)
def test_heap_names_it(allocators, taker, respire, tmp_path, name):
    """`heap` says whose malloc it is instead of looking inside, of a snapshot, too."""
    pid = taker(other_allocators.compile_for_glibc(tmp_path / "program"), other_allocators.library(allocators, name))
    assert f"its malloc is that of {name}," in respire("heap", pid, "--json", expect=4)
    respire("snapshot", pid, "-o", tmp_path / "a.respire")
    assert f"its malloc is that of {name}," in respire("heap", "--snapshot", tmp_path / "a.respire", expect=4)


def test_heap_names_musl(allocators, taker, respire, tmp_path):
    """The same of another C library's."""
    pid = taker(other_allocators.compile_for_musl(allocators, tmp_path / "program"))
    assert "its malloc is that of musl," in respire("heap", pid, "--json", expect=4)


def test_heap_beside_another(allocators, malloc, respire):
    """Where a program uses glibc's malloc beside another one, numbers are glibc's alone, and the other is named."""
    target = malloc(environment={"LD_PRELOAD": str(other_allocators.library(allocators, "jemalloc"))})
    target.ask("blocks 100 100000", "own 50 1000")
    document = respire("heap", target.pid, "--json")
    assert_checked(document)
    assert document["other_allocators"] == ["jemalloc"]
    assert {"size_bytes": 1008, "count": 50, "bytes": 50 * 1008} in document["sizes"]["used"]
    assert document["used_bytes"] < 100 * 1000
    assert "also jemalloc," in respire("heap", target.pid)


def test_glibc_has_no_other(taker, respire, tmp_path):
    """The same program under glibc's own malloc names none of them."""
    pid = taker(other_allocators.compile_for_glibc(tmp_path / "program"))
    answer = respire("mem", pid, "--json")
    assert_reconciled(answer, pid)
    assert others(answer) == []


# Blocks through the C library that nginx runs on, written to and kept.
TAKE = f"""location /take {{ content_by_lua_block {{
    local ffi = require "ffi"
    ffi.cdef "void *malloc(size_t);"
    for i = 1, {SMALL} do ffi.fill(ffi.C.malloc({SMALL_BYTES}), {SMALL_BYTES}, 1) end
    for i = 1, {LARGE} do ffi.fill(ffi.C.malloc({LARGE_BYTES}), {LARGE_BYTES}, 1) end
    ngx.say("taken")
}} }}"""


@pytest.mark.parametrize("name", NAMES)
def test_nginx_worker(allocators, nginx, respire, name):
    """A worker with all of its pools in another allocator; its Lua heap and its zones keep their owners."""
    server = nginx(http="lua_shared_dict zone 3m;", server=TAKE, preload=other_allocators.library(allocators, name))
    server.get("/take")
    server.wait_until_idle()
    answer = respire("mem", server.worker, "--json")
    assert_reconciled(answer, server.worker)
    assert_owned(answer, name)
    assert resident_sum(owners_named(answer, "luajit.")) > 0
    assert owners_named(answer, "nginx.shm.zone")


@pytest.mark.parametrize("name", NAMES)
def test_core(allocators, taker, respire, tmp_path, name):
    """A core file tells the same name."""
    pid = taker(other_allocators.compile_for_glibc(tmp_path / "program"), other_allocators.library(allocators, name))
    answer = respire("mem", "--core", write_core(pid, tmp_path), "--json")
    assert_checked(answer)
    assert others(answer) == [name]
    (owner,) = owners_named(answer, f"other.{name}")
    assert owner["virtual_bytes"] >= TAKEN_BYTES
