"""Garbage is collected while an event loop is idle, and the program notices nothing else.

What is left is always told by the program's own collector; each effect is also looked for with idle_gc_ms=0, where it must
be missing.
"""
import pathlib
import re
import time

import pytest

from outcome import compile_host, luajit_flags, run
from processes import time_on_cpu, wait_until

pytestmark = pytest.mark.preload

WAITS = ["epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect"]
OFF = "idle_gc_ms=0"


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hosts")
    for name in ("idle", "idle_signals", "idle_threads", "idle_waits"):
        compile_host(name, folder, [*luajit_flags(), "-pthread"])
    return folder


def collections(text):
    """The lines of the log that tell of a whole collection."""
    return re.findall(r"heap 0x\w+ collected while idle: (\d+) slices, ([\d.]+) ms, longest ([\d.]+) ms, "
                      r"(\d+) KiB before, (\d+) KiB after, (\d+) errors in finalizers", text)


@pytest.mark.parametrize("wait", WAITS)
def test_one_long_wait(runtime, programs, wait):
    """What was garbage is gone, the memory too, and then the thread sleeps without a single wake-up."""
    idle = run(programs / "idle", "one_wait", wait, preload=runtime, options="log=stderr,decay_ms=500")
    assert idle["respire"] == 1
    assert idle["before_kib"] > 25_000
    assert idle["after_kib"] < 3_000
    assert idle["rss_kib"] < 10_000 < idle["peak_kib"] / 3
    # One sleep for each of the two waits that are looked at would be two; the second wait is the one that is counted.
    assert idle["idle_wakeups"] <= 1
    assert idle["late_ms"] < 100
    ((slices, _, longest_ms, before_kib, after_kib, errors),) = collections(idle.stderr)
    assert int(slices) > 5 and float(longest_ms) < 100 and errors == "0"
    assert int(before_kib) == idle["before_kib"] and int(after_kib) == idle["after_kib"]


@pytest.mark.parametrize("mode", ["one_wait", "short_waits"])
def test_off(runtime, programs, mode):
    idle = run(programs / "idle", mode, preload=runtime, options=OFF)
    assert idle["after_kib"] == idle["before_kib"] > 25_000


def test_many_short_waits(runtime, programs):
    """The timeouts of an event loop add up to idleness..."""
    idle = run(programs / "idle", "short_waits", preload=runtime)
    assert idle["before_kib"] > 25_000
    assert idle["after_kib"] < 3_000


def test_timers_are_no_idleness(runtime, programs):
    """... unless its timers call Lua."""
    idle = run(programs / "idle", "ticking", preload=runtime, options="log=stderr")
    assert idle["after_kib"] >= idle["before_kib"] > 25_000
    assert collections(idle.stderr) == []


def test_small_share_of_the_time(runtime, programs):
    """Little garbage beside much that lives: 20 times idle, and collecting 60 MiB takes 1 % of the time at most."""
    idle = run(programs / "idle", "little_garbage", preload=runtime, options="log=stderr")
    took_ms = [float(collection[1]) for collection in collections(idle.stderr)]
    assert took_ms and sum(took_ms[:-1]) * 100 <= idle["elapsed_ms"]


def test_finalizers(runtime, programs):
    """They fail, revive their objects, wait and leave garbage; the host sees nothing of it."""
    idle = run(programs / "idle", "finalizers", preload=runtime, options="log=stderr")
    assert [idle[name] for name in ("failed", "revived", "waited", "littered")] == [100] * 4
    assert idle["top"] == 0
    assert idle["closed"] == 1
    assert idle["after_kib"] < 3_000 < 25_000 < idle["before_kib"]
    off = run(programs / "idle", "finalizers", preload=runtime, options=OFF)
    assert [off[name] for name in ("failed", "revived", "waited", "littered")] == [0] * 4


def test_stopped_collector_stays_stopped(runtime, programs):
    idle = run(programs / "idle", "stopped", preload=runtime)
    assert idle["after_kib"] == idle["before_kib"] > 25_000
    assert idle["running"] == 0
    assert idle["restarted_kib"] < 3_000


def test_debug_hook_is_not_called(runtime, programs):
    idle = run(programs / "idle", "hooked", preload=runtime)
    assert idle["after_kib"] == idle["before_kib"] > 25_000
    assert idle["calls"] == 0
    assert idle["unhooked_kib"] < 3_000


def test_several_states_in_one_thread(runtime, programs):
    idle = run(programs / "idle", "several", preload=runtime)
    assert idle["before_kib"] > 125_000
    assert idle["after_kib"] < 15_000


def test_parent_and_child(runtime, programs):
    idle = run(programs / "idle", "forked", preload=runtime)
    assert idle["child_status"] == 0
    assert idle["before_kib"] == idle["child_before_kib"] > 25_000
    assert max(idle["after_kib"], idle["child_after_kib"]) < 3_000


@pytest.mark.parametrize("mode", ["interpreted", "compiled"])
def test_lua_that_waits_is_not_idle(runtime, programs, mode):
    """poll() through the FFI, in a coroutine: nothing is collected under its feet, and all of it afterwards."""
    idle = run(programs / "idle", mode, preload=runtime)
    assert idle["compiled"] == (mode == "compiled")
    assert idle["inside_kib"] >= idle["before_kib"] > 25_000
    assert idle["after_kib"] < 3_000
    assert run(programs / "idle", mode, preload=runtime, options=OFF)["after_kib"] > 25_000


def test_coroutines_left_behind(runtime, programs):
    """The last one to run has yielded, ended or failed: nobody is inside."""
    assert run(programs / "idle", "left_behind", preload=runtime)["collected"] == 3


@pytest.mark.seconds(120)
@pytest.mark.parametrize("mode", ["left_behind", "compiled", "finalizers"])
def test_other_luajits(suite, runtime, programs, mode):
    """Where LuaJIT notes who runs is found in each release."""
    *command, program = suite.command(programs / "idle")
    idle = run(*command, program, mode, preload=runtime, environment=suite.environment())
    if mode == "left_behind":
        assert idle["collected"] == 3
    else:
        assert idle["before_kib"] > 25_000
        assert idle.values.get("inside_kib", [25_001])[0] > 25_000
        assert idle["after_kib"] < 3_000


def test_threads_with_states_of_their_own(runtime, programs):
    idle = run(programs / "idle_threads", "own", preload=runtime)
    assert idle["shrunk"] == idle["threads"] == 4
    assert run(programs / "idle_threads", "own", preload=runtime, options=OFF)["shrunk"] == 0


@pytest.mark.parametrize("mode", ["handed_over", "handed_over_late"])
def test_state_handed_to_another_thread(runtime, programs, mode):
    """The first thread goes on waiting, and must leave the state alone."""
    idle = run(programs / "idle_threads", mode, preload=runtime, options="log=stderr")
    assert idle["respire"] == 1
    assert idle["rounds"] > 10
    assert idle["trespasses"] == 0
    assert collections(idle.stderr) == []


def test_state_shared_under_a_mutex(runtime, programs):
    """Nobody collects it as long as two threads use it; when one is left, that one does."""
    idle = run(programs / "idle_threads", "pool", preload=runtime, options="log=stderr")
    assert min(idle["rounds"], idle["rounds_of_other"]) > 5
    assert idle["trespasses"] == 0
    assert len(collections(idle.stderr)) == 1
    assert idle["after_kib"] < idle["before_kib"] / 4


@pytest.mark.parametrize("wait", WAITS)
def test_signal_ends_a_wait_during_collection(runtime, programs, wait):
    idle = run(programs / "idle_signals", "interrupted", wait, preload=runtime)
    assert (idle["wait_result"], idle["wait_interrupted"], idle["handled"]) == (-1, 1, 1)
    assert 100 <= idle["passed_ms"] < 200
    # It did come during the collection.
    assert 20_000 < idle["count_kib"] < idle["before_kib"]


@pytest.mark.parametrize("wait", ["epoll_pwait", "epoll_pwait2", "ppoll", "pselect"])
def test_signal_that_only_the_wait_lets_through(runtime, programs, wait):
    idle = run(programs / "idle_signals", "unblocked_by_wait", wait, preload=runtime)
    assert (idle["wait_result"], idle["wait_interrupted"], idle["handled"]) == (-1, 1, 1)
    assert 100 <= idle["passed_ms"] < 200
    assert 20_000 < idle["count_kib"] < idle["before_kib"]
    assert (idle["blocked_again"], idle["others_blocked"]) == (1, 0)


@pytest.mark.parametrize("wait", WAITS)
def test_blocked_signal_waits(runtime, programs, wait):
    idle = run(programs / "idle_signals", "blocked", wait, preload=runtime)
    assert (idle["wait_result"], idle["handled"], idle["pending"]) == (0, 0, 1)
    assert idle["passed_ms"] >= 1000
    assert idle["count_kib"] < 20_000 < idle["before_kib"]


def test_handler_that_waits(runtime, programs):
    """It has interrupted Lua anywhere: nothing may be collected in it."""
    idle = run(programs / "idle_signals", "in_handler", preload=runtime)
    assert idle["waits_in_handler"] > 15
    assert idle["shrunk_in_handler"] == 0
    assert idle["after_kib"] < idle["before_kib"]


@pytest.mark.seconds(120)
def test_waits_mean_what_they_mean(runtime, programs):
    """Results, errno, timeouts, arguments: case by case as without the runtime, though garbage is collected meanwhile."""
    stock = run(programs / "idle_waits")
    idle = run(programs / "idle_waits", preload=runtime)
    assert "respire 0" in stock.stderr and "collected 0" in stock.stderr
    assert "respire 1" in idle.stderr
    assert int(re.search(r"collected (\d+)", idle.stderr).group(1)) > 20
    assert list(idle.values) == list(stock.values)
    for name, values in stock.values.items():
        if name.endswith("_ms"):
            assert idle.values[name] == [pytest.approx(value, abs=60) for value in values], name
        else:
            assert idle.values[name] == values, name


SERVER = """
        location /burst { content_by_lua_block {
            local t = {}
            for i = 1, 200000 do t[i] = {id = i, name = "record " .. i, tags = {i}} end
            kept = kept or {}
            for i = 1, 5000 do kept[i] = {i, "kept " .. i} end
            ngx.say(collectgarbage("count"))
        } }
        location /fail { content_by_lua_block {
            local t = {}
            for i = 1, 200000 do t[i] = {i, tostring(i)} end
            error("after " .. collectgarbage("count"))
        } }
        location /count { content_by_lua_block { ngx.say(collectgarbage("count")) } }
        location /check { content_by_lua_block {
            for i = 1, 5000 do assert(kept[i][1] == i and kept[i][2] == "kept " .. i) end
            ngx.say("whole")
        } }
"""


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text("ascii")).group(1))


def sleeps(pid):
    """How often the first thread went to sleep."""
    status = pathlib.Path(f"/proc/{pid}/task/{pid}/status").read_text("ascii")
    return int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", status).group(1))


def test_nginx_after_a_burst(nginx, runtime):
    """Nobody asks for anything: the worker shrinks by itself, sleeps on, and has lost nothing."""
    server = nginx(server=SERVER, preload=runtime)
    worker = server.worker
    for _ in range(3):
        assert float(server.get("/burst")) > 50_000
    wait_until(lambda: resident_kib(worker) < 25_000, "the worker has shrunk", seconds=10)
    before = sleeps(worker), time_on_cpu(worker)
    time.sleep(2)
    assert (sleeps(worker), time_on_cpu(worker)) == before
    assert float(server.get("/count")) < 5_000
    assert server.get("/check") == "whole\n"
    # A request that fails leaves a dead coroutine as the last one that ran.
    with pytest.raises(AssertionError, match="500"):
        server.get("/fail")
    time.sleep(3)
    assert float(server.get("/count")) < 5_000
    assert server.get("/check") == "whole\n"


def test_nginx_with_idle_collection_off(nginx, runtime, monkeypatch):
    monkeypatch.setenv("RESPIRE_OPTIONS", OFF)
    server = nginx(server=SERVER, preload=runtime)
    for _ in range(3):
        server.get("/burst")
    time.sleep(4)
    assert resident_kib(server.worker) > 50_000
    assert float(server.get("/count")) > 40_000
