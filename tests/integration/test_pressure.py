"""Above a goal, memory is collected and given back at once, however lazy the other options are; below it they hold.

The control groups are real ones, made below the test's own, where the machine lets us; test_pressure.c writes its own everywhere.
"""
import contextlib
import os
import pathlib
import re
import subprocess

import pytest

from outcome import Outcome, compile_host, luajit_flags, run

pytestmark = pytest.mark.preload

LAZY = "decay_ms=600000,idle_gc_ms=600000,log=stderr,"
NO_GOAL = LAZY + "goal_bytes=0,goal_percent_of_cgroup=0"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return compile_host("pressure", tmp_path_factory.mktemp("hosts"), [*luajit_flags(), "-pthread"])


def test_without_a_goal_options_hold(runtime, program):
    free = run(program, "purge", preload=runtime, options=NO_GOAL)
    assert free["respire"] == 1
    assert free["rss_kib"] > 60_000
    garbage = run(program, "collect", preload=runtime, options=NO_GOAL)
    assert garbage["after_kib"] == garbage["before_kib"] > 25_000
    assert "eager" not in free.stderr + garbage.stderr


def test_above_a_size_memory_goes_back_at_once(runtime, program):
    free = run(program, "purge", preload=runtime, options=f"{LAZY}goal_bytes={40 * MIB}")
    assert free["peak_kib"] > 60_000
    assert free["rss_kib"] < 15_000
    assert "resident memory is above goal_bytes: eager" in free.stderr


def test_above_a_size_garbage_is_collected_at_once(runtime, program):
    garbage = run(program, "collect", preload=runtime, options=f"{LAZY}goal_bytes={40 * MIB}")
    assert garbage["before_kib"] > 25_000
    assert garbage["after_kib"] < 3_000


def test_eager_does_not_turn_collection_on(runtime, program):
    garbage = run(program, "collect", preload=runtime, options=f"idle_gc_ms=0,goal_bytes={40 * MIB}")
    assert garbage["after_kib"] == garbage["before_kib"] > 25_000


def test_lazy_again_below_the_goal(runtime, program):
    rested = run(program, "rest", preload=runtime, options=f"{LAZY}goal_bytes={40 * MIB}")
    assert rested["rss_kib"] < 15_000
    assert rested["after_kib"] == rested["before_kib"]
    assert re.search(r"eager\n(.*\n)*.*memory is below its goals again: lazy", rested.stderr)


def own_group():
    """The directory of this process's group in the hierarchy that has memory limits, and the name of the file for them."""
    groups = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text("utf-8").splitlines():
        _, controllers, name = line.split(":", 2)
        groups[controllers] = name
    for line in pathlib.Path("/proc/self/mountinfo").read_text("utf-8").splitlines():
        fields, _, tail = line.partition(" - ")
        root, mount_point = fields.split()[3:5]
        kind, _, options = tail.split()
        controllers = next((name for name in groups if name == "memory" or ",memory" in name or "memory," in name), None)
        if kind == "cgroup" and controllers and "memory" in options.split(","):
            return pathlib.Path(mount_point) / os.path.relpath(groups[controllers], root), "memory.limit_in_bytes"
        if kind == "cgroup2" and not controllers and "" in groups:
            return pathlib.Path(mount_point) / os.path.relpath(groups[""], root), "memory.max"
    return None, None


@contextlib.contextmanager
def group_with_limit(limit_bytes):
    """A fresh group inside our own; raises OSError where that is not allowed."""
    parent, limit_file = own_group()
    if parent is None:
        raise OSError("no control group can be seen")
    if limit_file == "memory.max":
        (parent / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
    group = parent / f"respire-test-{os.getpid()}"
    group.mkdir()
    try:
        (group / limit_file).write_text(str(limit_bytes), encoding="ascii")
        yield group
    finally:
        group.rmdir()


def groups_can_be_made():
    try:
        with group_with_limit(1024 * MIB):
            return True
    except OSError:
        return False


if groups_can_be_made():
    @pytest.mark.parametrize("options, back_at_once", [
        ("goal_percent_of_cgroup=25", True),
        ("goal_percent_of_cgroup=95", False),
        ("goal_percent_of_cgroup=0", False),
    ])
    def test_above_a_share_of_the_group_s_limit(runtime, program, options, back_at_once):
        """More than 60 MiB resident, in a group of 200."""
        with group_with_limit(200 * MIB) as group:
            child = subprocess.run([program, "purge"], capture_output=True, text=True, timeout=50, check=False,
                                   env={**os.environ, "LD_PRELOAD": str(runtime), "RESPIRE_OPTIONS": LAZY + options},
                                   preexec_fn=lambda: (group / "cgroup.procs").write_text("0", encoding="ascii"))
        outcome = Outcome(child)
        assert outcome["respire"] == 1
        assert outcome["peak_kib"] > 60_000
        assert (outcome["rss_kib"] < 15_000) == back_at_once
        assert ("above goal_percent_of_cgroup" in outcome.stderr) == back_at_once
