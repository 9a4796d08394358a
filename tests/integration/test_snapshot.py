"""A snapshot tells what the living process told, holds no secrets, and appears whole or not at all."""
import os
import signal
import stat
import subprocess
import time

import pytest

from analyzer import Respire, error_sentence
from answers import assert_checked
from core_files import write_core
from programs import MIXED_HEAP
from snapshots import checksum, contents, sections, without_look

# Everything that the analyses tell apart, and contents that nobody else should see.
TELLING = MIXED_HEAP + """
package.loaded["my.cache"] = { items = kept, [1] = "secret-value of a field", ["secret key, with spaces"] = {} }
local held = {}
function handler() return held end
held.handler, held["secret-looking.but.identifier"] = handler, {}
vault = { "secret-value in an array", ffi.new("char[32]", "secret-value in cdata"), 20061019.5 }
for i = 1, 500 do dropped = { i, function() return i end } end
point = ffi.new("struct { int x, y; }")
waiting = coroutine.wrap(function(rows) local own_rows = { rows } coroutine.yield() end)
waiting({})
collectgarbage("stop")
"""
SECRETS = [b"secret-value", b"secret key", b"20061019"]
LISTS = [[], ["--refs"], ["--garbage"], ["--strings"], ["--objects"], ["--pins"], ["--refs=folded"], ["--top", "50"]]

NO_UNNAMED_FILES = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    int mode = va_arg(arguments, int);
    va_end(arguments);
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return errno = EOPNOTSUPP, -1;
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64"))(path, flags, mode);
}
int open(const char *path, int flags, ...) __attribute__((alias("open64")));
"""


@pytest.fixture
def telling(host):
    return host(script=TELLING.replace("local ffi", "ffi"))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 32 KiB."""
    directory = tmp_path / "disk"
    directory.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "none", directory], check=False).returncode:
        pytest.skip("tmpfs can't be mounted here")
    yield directory
    subprocess.run(["umount", "-l", directory], check=True)


def without_look_json(document):
    return {key: value for key, value in document.items() if key != "look"}


def take(respire, target, path, *options):
    respire("snapshot", target.pid, "-o", path, *options)
    return path


@pytest.mark.parametrize("options", LISTS, ids=" ".join)
def test_lua_tells_the_same(telling, respire, tmp_path, options):
    """`lua --snapshot` prints what `lua PID` prints, to the byte but for the look itself."""
    path = take(respire, telling, tmp_path / "a.respire")
    live, kept = respire("lua", telling.pid, *options), respire("lua", "--snapshot", path, *options)
    assert without_look(kept) == without_look(live)


def test_documents_tell_the_same(telling, respire, tmp_path):
    """The JSON documents are equal, residency included; only what the kernel shares between processes may move."""
    path = take(respire, telling, tmp_path / "a.respire")
    options = ["--json", "--refs", "--garbage", "--strings", "--objects", "--pins"]
    assert without_look_json(respire("lua", "--snapshot", path, *options)) == \
        without_look_json(respire("lua", telling.pid, *options))
    live, kept = respire("mem", telling.pid, "--json"), respire("mem", "--snapshot", path, "--json")
    for key in ("rss_bytes", "vsz_bytes", "owners", "unknown_bytes", "checks"):
        assert kept[key] == live[key], key
    assert_checked(kept)


@pytest.mark.preload
def test_under_the_runtime(host, respire, runtime, tmp_path):
    """The heap of the runtime is kept like LuaJIT's own."""
    target = host(script=MIXED_HEAP, environment={"LD_PRELOAD": str(runtime)})
    target.ask("count")
    time.sleep(2)
    path = take(respire, target, tmp_path / "a.respire")
    live, kept = (respire("lua", *of, "--json") for of in ([target.pid], ["--snapshot", path]))
    for key in ("gc_count_bytes", "objects", "tables"):
        assert kept["states"][0][key] == live["states"][0][key], key
    assert kept["states"][0]["allocator"]["kind"] == "respire"


def test_of_a_worker(nginx, respire, tmp_path):
    """All that is told of a worker of nginx is told of its snapshot, path by path."""
    server = nginx(http="lua_shared_dict d 1m; init_worker_by_lua_block { require 'resty.core' }",
                   server="location / { content_by_lua_block { served = (served or 0) + 1 ngx.say(ngx.var.uri) } }")
    for number in range(20):
        server.get(f"/{number}")
    server.wait_until_idle()
    respire("snapshot", server.worker, "-o", tmp_path / "a.respire")
    options = ["--json", "--refs", "--garbage", "--strings", "--objects", "--pins", "--top", "1000"]
    live, kept = (respire("lua", *of, *options) for of in ([server.worker], ["--snapshot", tmp_path / "a.respire"]))
    assert without_look_json(kept) == without_look_json(live)


@pytest.mark.parametrize("command", [["heap"], ["pools", "--list"]], ids=" ".join)
def test_malloc_of_nginx(nginx, respire, tmp_path, command):
    """What malloc and nginx's pools have in a worker and in its master is in their snapshots, to the byte."""
    server = nginx(server="location / { content_by_lua_block { ngx.say(ngx.var.uri) } }")
    server.get("/some/where")
    server.wait_until_idle()
    for pid in (server.worker, server.master):
        respire("snapshot", pid, "-o", tmp_path / "a.respire")
        live, kept = (respire(*command, *of, "--json") for of in ([pid], ["--snapshot", tmp_path / "a.respire"]))
        assert without_look_json(kept) == without_look_json(live)


def test_of_a_core_file(telling, respire, tmp_path):
    """A snapshot of a core file tells what the core file tells."""
    core = write_core(telling.pid, tmp_path)
    respire("snapshot", "--core", core, "-o", tmp_path / "a.respire")
    told = [without_look(respire("lua", *of, "--refs")) for of in (["--core", core], ["--snapshot", tmp_path / "a.respire"])]
    assert told[0] == told[1]


def test_no_contents_of_memory(telling, respire, tmp_path):
    """No contents of strings, cdata and numbers are in the file, unless they were asked for; names for paths are."""
    path = take(respire, telling, tmp_path / "a.respire")
    text = contents(path)
    assert [secret for secret in SECRETS if secret in text] == []
    assert b"my.cache" in text and b"handler" in text
    take(respire, telling, path, "--show-strings")
    assert b"secret-value in an array" in contents(path)


def test_contents_are_shown_when_kept_and_asked_for(telling, respire, tmp_path):
    """A snapshot with contents shows them by --show-strings alone; one without says that it has none."""
    bare, full = take(respire, telling, tmp_path / "a"), take(respire, telling, tmp_path / "b", "--show-strings")
    shown = respire("lua", "--snapshot", full, "--strings", "--show-strings")
    assert without_look(shown) == without_look(respire("lua", telling.pid, "--strings", "--show-strings"))
    assert "--show-strings" in respire("lua", "--snapshot", full, "--strings", expect=2)
    assert "without" in respire("lua", "--snapshot", bare, "--strings", "--show-strings", expect=2)


def test_the_document_of_what_was_written(telling, respire, tmp_path):
    """`snapshot --json` tells size and objects as they are; the sections are those that the format names."""
    path = tmp_path / "a.respire"
    written = respire("snapshot", telling.pid, "-o", path, "--json")
    assert written["bytes"] == path.stat().st_size and written["path"] == str(path)
    counted = respire("lua", telling.pid, "--json")["states"][0]["objects"]
    assert written["objects"] == sum(row["count"] for row in counted)
    names = [name for name, _version, _raw in sections(path.read_bytes())]
    assert names[:7] == ["look", "map", "malloc", "state", "objects", "links", "names"] and names[-1] == "end"


def test_for_its_owner_alone(telling, respire, tmp_path):
    """The file has mode 0600 whatever the umask and whatever was there before, and nothing else is left beside it."""
    path = tmp_path / "to" / "a.respire"
    path.parent.mkdir()
    path.write_text("what was there before")
    path.chmod(0o644)
    before = os.umask(0)
    try:
        take(respire, telling, path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["a.respire"]
    assert_checked(respire("lua", "--snapshot", path, "--json"))


def test_where_files_need_names(telling, build, respire, tmp_path):
    """A file system that has no unnamed files gets a temporary name, of which nothing is left."""
    shim = tmp_path / "shim.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", shim], input=NO_UNNAMED_FILES, text=True,
                   check=True, timeout=30)
    directory = tmp_path / "to"
    directory.mkdir()
    done = Respire(build / "respire").attempt("snapshot", telling.pid, "-o", directory / "a.respire",
                                              environment={"LD_PRELOAD": str(shim),
                                                           "ASAN_OPTIONS": "verify_asan_link_order=0"})
    assert done.status == 0, done
    assert os.listdir(directory) == ["a.respire"]
    assert stat.S_IMODE((directory / "a.respire").stat().st_mode) == 0o600
    assert_checked(respire("lua", "--snapshot", directory / "a.respire", "--json"))


def test_full_disk(host, respire, small_disk):
    """When the disk is full, one sentence says what to do, what was there stays, and nothing else is left."""
    target = host(script="kept = {} for i = 1, 200000 do kept[i] = { math.random(), tostring(math.random()) } end")
    path = small_disk / "a.respire"
    path.write_text("what was there before")
    sentence = respire("snapshot", target.pid, "-o", path, expect=1)
    assert str(path) in sentence and "No space left" in sentence
    assert os.listdir(small_disk) == ["a.respire"] and path.read_text() == "what was there before"


def test_killed_while_writing(host, respire, tmp_path):
    """Killed at any moment, it leaves the whole file or none, and nothing beside it."""
    target = host(script="kept = {} for i = 1, 300000 do kept[i] = { math.random(), tostring(math.random()) } end")
    directory = tmp_path / "to"
    directory.mkdir()
    begun = time.monotonic()
    take(respire, target, directory / "a.respire")
    whole = time.monotonic() - begun
    (directory / "a.respire").unlink()
    for part in range(1, 13):
        running = respire.start("snapshot", target.pid, "-o", directory / "a.respire")
        time.sleep(whole * part / 12)
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=20)
        assert os.listdir(directory) in ([], ["a.respire"])
        if os.listdir(directory):
            assert_checked(respire("lua", "--snapshot", directory / "a.respire", "--json"))
            (directory / "a.respire").unlink()


@pytest.mark.parametrize("path, reason", [
    ("/nowhere/at/all/a.respire", "No such file"), ("/proc/a.respire", "cannot"), ("/", "no regular file"),
    ("/dev/null", "no regular file"), ("a" * 5000, "too long")], ids=["no directory", "proc", "directory", "device", "long"])
def test_where_it_cannot_be(telling, respire, path, reason):
    """A place that can't be written to is one sentence and exit status 1."""
    assert reason in respire("snapshot", telling.pid, "-o", path, expect=1)


def test_a_file_is_needed(telling, respire):
    """Without -o it is wrong usage."""
    assert "-o FILE" in respire("snapshot", telling.pid, expect=2)


@pytest.mark.parametrize("command", ["lua", "mem", "heap"])
def test_damaged(telling, respire, tmp_path, command):
    """Cut short, changed, foreign or newer: one sentence and exit status 4; not there at all: 3."""
    path = take(respire, telling, tmp_path / "a.respire")
    data, damaged = path.read_bytes(), tmp_path / "damaged"

    def refused(changed, status=4):
        damaged.write_bytes(changed)
        done = respire.attempt(command, "--snapshot", damaged)
        assert done.status == status, done
        assert str(damaged) in error_sentence(done)
        return error_sentence(done)

    assert "cut short" in refused(data[:-1])
    assert "cut short" in refused(data[:len(data) // 2])
    assert "no snapshot" in refused(b"")
    assert "no snapshot" in refused(open("/bin/true", "rb").read())
    newer = data[:8] + b"\2\0\0\0"
    assert "format 2" in refused(newer + checksum(newer).to_bytes(4, "little") + data[16:])
    changed = bytearray(data)
    changed[100] ^= 0x20
    refused(bytes(changed))
    assert "No such file" in respire(command, "--snapshot", tmp_path / "missing", expect=3)
    os.mkfifo(tmp_path / "pipe")
    assert "regular file" in respire(command, "--snapshot", tmp_path / "pipe", expect=3)
    assert "regular file" in respire(command, "--snapshot", tmp_path, expect=3)
