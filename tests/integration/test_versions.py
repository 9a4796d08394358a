"""Older, newer and other LuaJITs: the libraries and nginx of other Debian releases, under their own loaders."""
import struct
import subprocess

import pytest

from answers import (CDATA, FUNCTION, STRING, TABLE, THREAD, UPVALUE, USERDATA, assert_checked, assert_conserved,
                     counted, gained, only_state)
from core_files import write_core
from counting_worker import recorded, serve_and_settle, start_counting
from ledger import assert_reconciled
from processes import end, end_with_parent, environment_with, process_state, wait_until
from programs import FACTORY, MIXED_HEAP

EVERYTHING_MADE = {TABLE: 1000, FUNCTION: 500, UPVALUE: 500, THREAD: 200, CDATA: 300, USERDATA: 50, STRING: 700}


def test_library(host, respire, any_suite):
    """With that release's library the host is counted to the byte, at every point of its life."""
    target = host(script=MIXED_HEAP, suite=any_suite, states=3)
    for command in ["eval * return 1", "eval 1 for i = 1, 50 do collectgarbage('step', 1) end return 1", "gc"]:
        target.ask(command)
        expected = target.counts()
        answer = respire("lua", target.pid, "--json")
        assert_checked(answer)
        assert counted(answer) == sorted(expected)
        for state in answer["states"]:
            assert state["allocator"]["kind"] == "stock"
            assert_conserved(state["allocator"])


def test_library_objects(host, respire, any_suite):
    """With that release's library the objects by type are what the program made."""
    target = host(script=FACTORY, suite=any_suite)
    before = only_state(respire("lua", target.pid, "--json"))
    for maker in ("tables", "closures", "coroutines", "cdata", "userdata", "strings"):
        target.call(f"make_{maker}")
    after = only_state(respire("lua", target.pid, "--json"))
    assert gained(before, after) == EVERYTHING_MADE


def test_library_foreign_allocator(host, respire, suite):
    """With that release's library a state in the host's own allocator has its objects."""
    target = host(script=MIXED_HEAP, suite=suite, allocator="malloc")
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    assert only_state(answer)["allocator"]["kind"] == "other"
    assert counted(answer) == [target.count()]


def test_library_core(host, respire, any_suite, tmp_path):
    """With that release's library a core file tells what the live process told."""
    target = host(script=MIXED_HEAP, suite=any_suite)
    live = only_state(respire("lua", target.pid, "--json"))
    answer = respire("lua", "--core", write_core(target.pid, tmp_path), "--json")
    assert_checked(answer)
    state = only_state(answer)
    for key in ("layout", "gc_count_bytes", "objects", "strings"):
        assert state[key] == live[key], key


def test_doctor_names_the_checks(host, respire, any_suite):
    """`doctor` tells the layout of that release's library, and each of its checks, which hold."""
    target = host(script=MIXED_HEAP, suite=any_suite)
    layout = only_state(respire("lua", target.pid, "--json"))["layout"]
    findings = respire("doctor", target.pid, "--json")["findings"]
    assert [found for found in findings if found["subject"] == "Lua state" and f"layout {layout}," in found["detail"]]
    checks = [found for found in findings if "layout check: " in found["detail"]]
    assert {found["level"] for found in checks} == {"ok"}
    assert any(found["detail"].endswith("dispatch table") for found in checks)


def test_layout_by_references(host, respire, narrow_suite, bookworm):
    """Narrow and wide references are told apart."""
    for suite, coding in ((narrow_suite, "gc32"), (bookworm, "gc64")):
        target = host(script=MIXED_HEAP, suite=suite)
        assert only_state(respire("lua", target.pid, "--json"))["layout"].endswith(coding)


def test_library_ledger(host, respire, any_suite):
    """With that release's library, and its loader as the executable, the ledger sums to the kernel's numbers."""
    target = host(script=MIXED_HEAP, suite=any_suite)
    assert_reconciled(respire("mem", target.pid, "--json"), target.pid)


COUNT_AND_WAIT = MIXED_HEAP + """
local ffi = require "ffi"
ffi.cdef "int write(int, const void *, unsigned long); int pause(void);"
local record, count, write, pause = ffi.new("double[1]"), collectgarbage, ffi.C.write, ffi.C.pause
jit.off()
write(1, record, 0)
record[0] = count("count") * 1024
write(1, record, 8)
pause()
"""


def test_luajit_command(respire, any_suite, tmp_path):
    """The release's luajit command, which has LuaJIT linked in statically, is counted to the byte."""
    script = tmp_path / "script.lua"
    script.write_text(COUNT_AND_WAIT, encoding="utf-8")
    process = subprocess.Popen([*any_suite.command(any_suite.luajit), str(script)], stdout=subprocess.PIPE,
                               env=environment_with(any_suite.environment()), preexec_fn=end_with_parent)
    try:
        (said,) = struct.unpack("d", process.stdout.read(8))
        wait_until(lambda: process_state(process.pid) == "S", "luajit waits")
        answer = respire("lua", process.pid, "--json")
        assert_checked(answer)
        assert counted(answer) == [int(said)]
        assert only_state(answer)["allocator"]["kind"] == "stock"
    finally:
        end(process)


@pytest.fixture
def foreign_server(nginx, nginx_suite):
    server = start_counting(nginx, suite=nginx_suite, http="lua_shared_dict large 50m;")
    serve_and_settle(server)
    return server


def test_nginx(foreign_server, respire):
    """An idle worker of that release's nginx is counted to the byte."""
    answer = respire("lua", foreign_server.worker, "--json")
    assert_checked(answer)
    assert counted(answer) == [recorded(foreign_server).count]


def test_nginx_ledger(foreign_server, respire):
    """The ledger of that worker sums to the kernel's numbers and has its zone."""
    answer = respire("mem", foreign_server.worker, "--json")
    assert_reconciled(answer, foreign_server.worker)
    assert [owner for owner in answer["owners"]
            if owner["name"].startswith("nginx.shm.") and owner["virtual_bytes"] == 50 * 2**20]
