"""What can't be looked at is refused in one sentence, with the exit status of its kind."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from analyzer import Respire, error_sentence
from answers import assert_checked
from processes import end, end_with_parent, process_state, public_directory, wait_until
from programs import MIXED_HEAP

COMMANDS = ["lua", "mem", "heap", "pools", "shm"]
PF_KTHREAD = 0x00200000
NOBODY = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--inh-caps=-all"]


@contextlib.contextmanager
def running(*command, **options):
    process = subprocess.Popen(command, preexec_fn=end_with_parent, **options)
    try:
        yield process
    finally:
        end(process, signal.SIGKILL)


@pytest.fixture(scope="module")
def sleeping():
    with running("sleep", "1000") as process:
        wait_until(lambda: process_state(process.pid) == "S", "sleep sleeps")
        yield process.pid


@pytest.fixture
def as_nobody(respire):
    """respire, run by an ordinary user who has no capability."""
    with public_directory() as directory:
        yield Respire(shutil.copy(respire.program, directory / "respire"), prefix=NOBODY)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_permission(host, as_nobody, command):
    """As an ordinary user: exit status 3, and the sentence names the capability that is missing."""
    target = host(script=MIXED_HEAP)
    assert "CAP_SYS_PTRACE" in as_nobody(command, target.pid, "--json", expect=3)


@pytest.mark.parametrize("command", ["lua", "mem", "heap"])
def test_own_process_needs_no_capability(host_program, as_nobody, command):
    """An ordinary user may look at a process of their own, and gets the whole answer."""
    with public_directory() as directory:
        program = shutil.copy(host_program, directory / "host")
        with running(*NOBODY, program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as target:
            assert target.stdout.readline() == f"ready {target.pid}\n"
            assert_checked(as_nobody(command, target.pid, "--json"))


@pytest.mark.parametrize("command", ["ps", "doctor"])
def test_overview_needs_no_capability(host, as_nobody, command):
    """An ordinary user gets an overview of what they may see, among processes that they may not look at."""
    host(script=MIXED_HEAP)
    assert as_nobody(command, "--json")
    assert as_nobody(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_thread(host, respire, command):
    """The id of a thread is none of a process: exit status 3, and the sentence names the process."""
    target = host()
    thread = int(target.ask("threads 1"))
    sentence = respire(command, thread, "--json", expect=3)
    assert "thread" in sentence
    assert str(target.pid) in sentence


@pytest.mark.parametrize("command", COMMANDS)
def test_zombie(respire, command):
    """A process that has ended and waits for its parent: exit status 3, and the sentence says so."""
    with running("true") as child:
        wait_until(lambda: process_state(child.pid) == "Z", "the child is a zombie")
        assert "zombie" in respire(command, child.pid, "--json", expect=3)


def kernel_thread():
    """Some thread of the kernel; there is one on every machine that isn't a container with its own pids."""
    for entry in sorted(pathlib.Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        with contextlib.suppress(OSError):
            flags = int((entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[6])
            if flags & PF_KTHREAD:
                return int(entry.name)
    return None


@pytest.mark.parametrize("command", COMMANDS)
def test_kernel_thread(respire, command):
    """A thread of the kernel has no memory of its own: exit status 3, and the sentence says so."""
    pid = kernel_thread()
    if pid is None:
        pytest.skip("no kernel thread is visible here")
    assert "kernel" in respire(command, pid, "--json", expect=3)


def test_no_luajit(respire, sleeping):
    """A process without LuaJIT: `lua` has nothing to say and says so."""
    sentence = respire("lua", sleeping, "--json", expect=4)
    assert "Lua" in sentence


def test_memory_without_luajit(respire, sleeping):
    """`mem` works on every process."""
    answer = respire("mem", sleeping, "--json")
    assert_checked(answer)
    assert answer["pid"] == sleeping


def test_respire_itself_is_no_target(respire):
    """The shell that runs the tests isn't LuaJIT either; what its answer is has to be a sentence."""
    assert "Lua" in respire("lua", os.getpid(), expect=4)


@pytest.mark.parametrize("arguments", [
    (), ("no-such-command",), ("lua",), ("mem",), ("lua", "not-a-pid"), ("lua", "-1"), ("lua", "0"), ("lua", "1", "2"),
    ("lua", "99999999999999999999"), ("lua", "--no-such-option", "1"), ("mem", "--core"), ("lua", "12abc"), ("lua", ""),
    ("run",), ("run", "--"), ("--no-such-option",),
], ids=lambda arguments: " ".join(arguments) or "nothing")
def test_wrong_usage(respire, arguments):
    """A command line that means nothing: exit status 2, something on standard error, nothing on standard output."""
    outcome = respire.attempt(*arguments)
    assert outcome.status == 2, outcome
    assert outcome.stderr.strip(), outcome
    assert outcome.stdout == "", outcome


def test_pid_that_no_process_has(respire):
    """The largest number that a pid can't reach: exit status 3."""
    limit = int(pathlib.Path("/proc/sys/kernel/pid_max").read_text("ascii"))
    assert str(limit) in respire("lua", limit, "--json", expect=3)


def test_help(respire):
    """Help of the program and of each command is on standard output with exit status 0."""
    overview = respire("--help")
    for command in ("ps", "mem", "lua", "heap", "pools", "shm", "run", "doctor"):
        assert command in overview
        assert command in respire(command, "-h")


def test_tracer_already_there(host, respire):
    """A target that a debugger holds: a checked answer without a stop, or exit status 3 naming the tracer."""
    target = host(script=MIXED_HEAP)
    with running("gdb", "-nx", "-q", "-p", str(target.pid), "-ex", "python import time; time.sleep(1000)",
                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as debugger:
        wait_until(lambda: process_state(target.pid) == "t", "the debugger holds the target")
        outcome = respire.attempt("lua", target.pid, "--json")
        if outcome.status == 0:
            assert_checked(outcome.document)
        else:
            assert outcome.status == 3, outcome
            assert str(debugger.pid) in error_sentence(outcome)
