"""The bench measures what it says it measures: its programs at a small scale, against what is known of them."""
import json
import pathlib
import subprocess
import sys

import pytest

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"
SPEED = ["speed", "--peers", "stock,respire", "--scale", "0.01", "--rounds", "1"]
PAGE_BYTES = 4096


@pytest.fixture
def bench(build):
    def run(*arguments):
        return subprocess.run([sys.executable, BENCH / "bench.py", "--build", build, *arguments],
                              capture_output=True, text=True, check=False)
    return run


@pytest.fixture
def bench_host(bench, build, tmp_path):
    """Runs a piece of Lua in the bench's host and returns what the host says of it."""
    assert bench(*SPEED, "--only", "nbody", "--peers", "stock").returncode == 0

    def run(script, option):
        path = tmp_path / "script.lua"
        path.write_text(script, encoding="utf-8")
        said = subprocess.run([build / "bench/host", option, path, "1"], capture_output=True, text=True, check=True).stdout
        return json.loads(said)
    return run


@pytest.mark.preload
def test_every_workload_runs_under_the_allocator_it_is_said_to(bench, build):
    """Each workload comes to one result under stock and respire, and the program itself names its allocator."""
    done = bench(*SPEED)
    assert done.returncode == 0, done.stderr
    workloads = json.loads((build / "bench/speed.json").read_text())["workloads"]
    assert {path.stem for path in BENCH.glob("workloads/*/*.lua")} == {workload["name"] for workload in workloads}
    for workload in workloads:
        (stock,), (respire,) = workload["runs"]["stock"], workload["runs"]["respire"]
        assert stock["result"] == respire["result"] != "nil"
        assert respire["allocator"] == "librespire.so"
        assert stock["allocator"].startswith("libluajit")


def test_a_library_that_does_not_take_over_is_not_measured(bench):
    """A preloaded library that leaves LuaJIT its own allocator ends the bench."""
    done = bench(*SPEED, "--only", "nbody", "--library", "/usr/lib/x86_64-linux-gnu/libm.so.6")
    assert done.returncode == 1
    assert "respire was to be measured, but memory came from libluajit" in done.stderr


def test_live_pages(bench_host):
    """An array of 300 pages adds just the pages it lies on; a dropped one none."""
    script = "kept = require 'table.new'({}, 0); if {} then kept = nil; collectgarbage() end"
    slots = 300 * PAGE_BYTES // 8
    pages = [bench_host(script.format(count, dropped), "--live-pages")["live_pages_bytes"] // PAGE_BYTES
             for count, dropped in ((1, "false"), (slots, "false"), (slots, "true"))]
    assert 299 <= pages[1] - pages[0] <= 303
    assert abs(pages[2] - pages[0]) <= 3


def test_every_call_is_timed(bench_host):
    """A hundred thousand tables are as many calls of the allocator, and those that grow the list."""
    script = "collectgarbage('stop'); local all = {{}}; for i = 1, {} do all[i] = {{}} end"
    calls = []
    for tables in (0, 100_000):
        times = bench_host(script.format(tables), "--call-times")["call_times"]
        calls.append(sum(count for _, count in times["histogram"]))
        slowest = [call["nanoseconds"] for call in times["worst"]]
        assert slowest == sorted(slowest, reverse=True)
    assert 100_000 <= calls[1] - calls[0] <= 100_200
