"""`heap` and `pools` copy only what they need while a process stands still, and answer what a whole copy answers."""
import contextlib
import subprocess

import other_allocators
import pool_keeper
import pytest

from answers import parse_document
from core_files import write_core
from processes import end, end_with_parent, process_state, wait_until

LOOKS = 8
MIB = 1 << 20


@pytest.fixture
def taker(tmp_path):
    """taker(blocks, bytes, "busy"): a program that has taken so much memory, ended after the test."""
    with contextlib.ExitStack() as started:
        def start(blocks, block_bytes, *busy):
            command = other_allocators.compile_for_glibc(tmp_path / "program")
            process = subprocess.Popen([*command, "0", "1", str(blocks), str(block_bytes), *busy], stdout=subprocess.PIPE,
                                       preexec_fn=end_with_parent)
            started.callback(end, process)
            assert process.stdout.readline() == b"ready\n"
            process.stdout.close()
            wait_until(lambda: process_state(process.pid) == ("R" if busy else "S"), "the program has got there")
            return process.pid
        yield start


def without_moment(answer):
    """Of a core file nothing tells what was resident."""
    return {key: answer[key] for key in ("layout", "used_bytes", "free_bytes", "meta_bytes", "mmapped_bytes", "histogram",
                                         "sizes", "checks")}


@pytest.mark.parametrize("blocks, block_bytes", [(100, MIB), (1000, 100_000), (20, 5 * MIB)])
@pytest.mark.parametrize("busy", [[], ["busy"]], ids=["asleep", "busy"])
def test_large_blocks_are_not_copied(taker, respire, tmp_path, blocks, block_bytes, busy):
    """Of 100 MB in large blocks a twentieth at most is copied; the answer is that of a core file, where all is there."""
    pid = taker(blocks, block_bytes, *busy)
    answer = respire("heap", pid, "--json")
    assert answer["look"]["copied_bytes"] < blocks * block_bytes / 20
    assert answer["look"]["stopped"] == bool(busy)
    assert answer["used_bytes"] > blocks * block_bytes
    assert without_moment(answer) == without_moment(respire("heap", "--core", write_core(pid, tmp_path), "--json"))


def test_pools_under_load(nginx, respire, build):
    """A worker with 300 MB in large blocks of pools, at work: the same pools in each look, none without an owner."""
    server = nginx(**pool_keeper.configuration(pool_keeper.build(build / "foreign"), server="location /plain { return 204; }"))
    keeper = pool_keeper.PoolKeeper(server)
    with contextlib.closing(keeper):
        keeper.keep("main", 10, size=4096, large=100, large_bytes=300_000)
        keeper.keep("hash", 10, size=4096, large=1, large_bytes=1000)
        kept = {pool.address: pool.bytes for pool in keeper.pools()}
        with subprocess.Popen(["wrk", "-t1", "-c20", "-d40", f"http://127.0.0.1:{server.port}/plain"],
                              stdout=subprocess.DEVNULL) as load:
            try:
                for _ in range(LOOKS):
                    answer = parse_document(respire.attempt("pools", server.worker, "--list", "--json").stdout)
                    seen = {int(pool["address"], 16): pool["bytes"] for pool in answer["list"] if pool["kind"] == "module"}
                    assert kept.items() <= seen.items()
                    assert not [pool for pool in answer["list"] if pool["kind"] == "unowned"]
            finally:
                load.kill()
