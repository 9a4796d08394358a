"""What respire prints: one JSON document, or text for people."""
import contextlib
import os
import pty
import re
import subprocess

import pytest

from answers import parse_document
from programs import MIXED_HEAP, REQUEST_HEAP

PER_PROCESS = ["lua", "mem", "heap", "doctor"]
LISTS_OF_LUA = ["--refs", "--garbage", "--strings", "--objects", "--pins"]
OVERALL = ["ps", "doctor"]
NONSENSE = re.compile(r"\bnan\b|\binf\b|\(null\)|(?<![\w.:/-])-\d|18446744073|\x1b", re.IGNORECASE)
KEYS = {
    "mem": {"pid", "rss_bytes", "pss_bytes", "vsz_bytes", "swap_bytes", "system", "owners", "unknown_bytes", "checks"},
    "lua": {"states", "checks"},
    "heap": {"pid", "arenas", "used_bytes", "free_bytes", "mmapped_bytes", "histogram", "checks"},
}
STATE_KEYS = {"address", "layout", "gc_count_bytes", "gc_state", "allocator", "objects", "strings", "live", "garbage", "tables"}
ALLOCATOR_KEYS = {"kind", "held_bytes", "live_bytes", "free_bytes", "free_resident_bytes", "reclaimable_bytes", "segments",
                  "direct_maps", "histogram", "meta_bytes"}


def numbers(value, path=""):
    """Every number of a document with the way to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from numbers(inner, f"{path}[{index}]")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, value


@pytest.fixture
def targets(host, nginx):
    server = nginx(http=f"lua_shared_dict zone 10m; init_worker_by_lua_block {{ {REQUEST_HEAP} handle_request() }}")
    server.wait_until_idle()
    return [host(script=MIXED_HEAP).pid, host(states=3, allocator="malloc").pid, server.worker, server.master]


@pytest.mark.parametrize("command", PER_PROCESS)
def test_json_of_a_process(targets, respire, command):
    """--json is one document with its schema first; bytes are whole numbers and none is negative."""
    for pid in targets:
        document = respire(command, pid, "--json")
        assert KEYS.get(command, set()) <= document.keys()
        for path, number in numbers(document):
            assert number >= 0, path
            assert isinstance(number, int) or not path.endswith("_bytes"), path


@pytest.mark.parametrize("command", OVERALL)
def test_json_of_the_machine(targets, respire, command):
    """So it is for the commands about the whole machine."""
    assert targets
    for path, number in numbers(respire(command, "--json")):
        assert number >= 0, path


def test_keys_of_a_state(targets, respire):
    """A state has every key of the contract, and each check says what it expected and what it found."""
    for pid in targets:
        document = respire("lua", pid, "--json")
        for state in document["states"]:
            assert STATE_KEYS <= state.keys()
            assert ALLOCATOR_KEYS <= state["allocator"].keys() or state["allocator"]["kind"] == "other"
            assert all({"type", "count", "bytes"} <= row.keys() for row in state["objects"])
        for check in document["checks"]:
            assert {"name", "ok", "expected", "actual"} <= check.keys()


def test_option_before_and_behind_the_pid(targets, respire):
    """--json may stand on either side of the pid."""
    pid = targets[0]
    assert respire("lua", "--json", pid)["states"] == respire("lua", pid, "--json")["states"]


@pytest.mark.parametrize("command", PER_PROCESS)
def test_text_of_a_process(targets, respire, command):
    """Text has no nonsense and no colour in a pipe; sizes have units."""
    for pid in targets:
        text = respire(command, pid)
        assert text.strip()
        assert not NONSENSE.search(text), text
        if command != "doctor":
            assert re.search(r"\d (KiB|MiB|GiB)", text), text


@pytest.mark.parametrize("option", LISTS_OF_LUA)
def test_text_of_each_list(targets, respire, option):
    """So it is for each list about a Lua state."""
    for pid in targets:
        text = respire("lua", option, pid)
        assert re.search(r"\d (KiB|MiB|GiB)", text), text
        assert not NONSENSE.search(text), text


@pytest.mark.parametrize("command", OVERALL)
def test_text_of_the_machine(targets, respire, command):
    """So it is for the commands about the whole machine."""
    assert targets
    assert not NONSENSE.search(respire(command))


@pytest.mark.parametrize("command", PER_PROCESS)
def test_no_colour_when_unwanted(targets, respire, command):
    """On a terminal, NO_COLOR=1 is obeyed."""
    assert "\x1b" not in on_terminal([str(respire.program), command, str(targets[0])], NO_COLOR="1")


def on_terminal(command, **environment):
    """What a command prints on a terminal of its own."""
    reader, terminal = pty.openpty()
    with os.fdopen(reader, "rb", buffering=0) as printed:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=terminal, stderr=subprocess.STDOUT,
                                   env={**os.environ, "TERM": "xterm", **environment})
        os.close(terminal)
        text = b"".join(until_hung_up(printed))
        assert process.wait(10) == 0, text
    return text.decode()


def until_hung_up(terminal):
    """Reading a terminal ends with an error, once nobody writes to it any more."""
    with contextlib.suppress(OSError):
        while True:
            yield terminal.read(65536)


def test_no_string_of_the_target_is_shown(host, respire):
    """Contents of strings may be secrets: none is in an answer that wasn't asked for them."""
    secret = "hunter2-is-a-bad-password"
    target = host(script=f"secret = '{secret}'; keep = {{ ['{secret}-key with blanks'] = secret }}")
    commands = [[command] for command in PER_PROCESS] + [["lua", option] for option in LISTS_OF_LUA]
    for command in [*commands, *([*command, "--json"] for command in commands), ["lua", "--refs=folded"], ["lua", "--refs=svg"]]:
        outcome = respire.attempt(*command, target.pid)
        assert secret not in outcome.stdout + outcome.stderr


def test_documents_parse_alone(respire, targets):
    """Standard output has the document and nothing else, also when progress is written."""
    outcome = respire.attempt("lua", targets[0], "--json")
    assert parse_document(outcome.stdout)["schema"] == "respire.lua/1"
