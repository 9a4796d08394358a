"""The runtime in real programs: what LD_PRELOAD=librespire.so does to them, and what it must not do."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

from outcome import INCLUDE, compile_host, luajit_flags, run

pytestmark = pytest.mark.preload

MODULES = pathlib.Path("/usr/lib/nginx/modules")


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The hosts beside this file, compiled."""
    folder = tmp_path_factory.mktemp("hosts")
    for name, flags in {"inert": [], "loader": ["-ldl"], "states": [*luajit_flags(), "-pthread"]}.items():
        compile_host(name, folder, flags)
    return folder


@pytest.fixture(scope="module")
def luajit_path(programs):
    """The library that `states` is linked with."""
    listed = subprocess.run(["ldd", str(programs / "states")], check=True, capture_output=True, text=True).stdout
    return pathlib.Path(re.search(r"libluajit\S+ => (\S+)", listed).group(1)).resolve()


def test_exports_nothing_but_its_interface(runtime):
    listed = subprocess.run(["nm", "-D", "--defined-only", str(runtime)], check=True, capture_output=True,
                            text=True).stdout
    names = {line.split()[-1] for line in listed.splitlines()}
    waits = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "__poll_chk", "__ppoll_chk", "select", "pselect"}
    interposed, module = {"lua_newstate", "lua_close"}, {"luaopen_respire", "respire_open_module"}
    assert names == interposed | waits | module | set(re.findall(r"\b(respire_\w+)\(", (INCLUDE / "respire.h").read_text()))


def test_needs_libc_alone_and_stays_loaded(runtime):
    dynamic = subprocess.run(["readelf", "--dynamic", str(runtime)], check=True, capture_output=True, text=True).stdout
    assert re.findall(r"NEEDED.*\[(.*)\]", dynamic) == ["libc.so.6"]
    assert "NODELETE" in dynamic


def test_inert_without_lua(runtime, programs):
    stock = run(programs / "inert")
    # A wrong option would be a line on stderr, if options were looked at.
    loaded = run(programs / "inert", preload=runtime, options="nonsense=1,log=stderr")
    assert loaded.stderr == ""
    assert loaded["threads"] == 1
    # The loader maps one anonymous piece for a library's zeroed data at most.
    assert loaded["anonymous_mappings"] <= stock["anonymous_mappings"] + 1
    assert loaded["data_kib"] <= stock["data_kib"] + 64


def test_burst_goes_back(runtime, programs):
    stock = run(programs / "states", "burst")
    loaded = run(programs / "states", "burst", preload=runtime)
    assert stock["respire"] == 0
    assert loaded["respire"] == 1
    assert loaded["peak_kib"] > 60_000
    assert loaded["after_kib"] < 12_000
    assert loaded["after_kib"] < stock["after_kib"]
    assert loaded["closed_kib"] < 8_000


def test_background_off_waits_for_a_trim(runtime, programs):
    assert run(programs / "states", "burst", preload=runtime, options="background=off")["after_kib"] > 60_000
    trimmed = run(programs / "states", "trim", preload=runtime, options="background=off")
    assert trimmed["returned_kib"] > 50_000


def test_trim_and_stats(runtime, programs):
    trimmed = run(programs / "states", "trim", preload=runtime)
    assert trimmed["fallen_kib"] == pytest.approx(trimmed["returned_kib"], abs=2048)
    assert trimmed["returned_kib"] > 50_000
    assert trimmed["held_kib"] < 12_000
    assert trimmed["sum_is_held"] == 1
    # Lua's own count and ours differ by rounding each object up to 16 bytes.
    assert trimmed["count_bytes"] <= trimmed["live_bytes"] <= trimmed["count_bytes"] * 1.3


def test_state_from_c(runtime, programs):
    assert run(programs / "states", "new_state", preload=runtime)["respire"] == 1


def test_out_of_memory_is_a_lua_error(runtime, programs):
    outcome = run(programs / "states", "out_of_memory", preload=runtime)
    assert outcome["respire"] == 1
    assert outcome["refused"] == 15
    assert outcome["goes_on"] == 7


def test_many_states_leave_nothing(runtime, programs):
    outcome = run(programs / "states", "many", preload=runtime)
    assert outcome["more_mappings"] <= 1
    assert outcome["more_kib"] < 1024


def test_forked_children_breathe(runtime, programs):
    outcome = run(programs / "states", "forks", preload=runtime)
    assert outcome.all("child_status") == [0, 0, 0]
    assert outcome.all("child_respire") == [1, 1, 1]
    assert all(kib > 40_000 for kib in outcome.all("child_fallen_kib"))
    assert outcome.all("child_threads") == [2, 2, 2]


def test_threads_have_their_own_heaps(runtime, programs):
    assert run(programs / "states", "threads", preload=runtime)["done"] == 1


def test_own_allocator_is_left_alone(runtime, programs):
    outcome = run(programs / "states", "own", preload=runtime)
    assert (outcome["respire"], outcome["own_used"], outcome["own_kept"], outcome["own_left"]) == (0, 1, 1, 0)


def test_close_from_a_coroutine_with_finalizers(runtime, programs):
    outcome = run(programs / "states", "closing", preload=runtime)
    assert outcome["coroutine_respire"] == 1
    assert outcome["finalized"] == 100_000
    assert outcome["closed"] == 1


@pytest.mark.parametrize("flags", [[], ["deep"], ["again"]])
def test_library_loaded_locally(runtime, programs, luajit_path, flags):
    outcome = run(programs / "loader", *flags, luajit_path, preload=runtime)
    # RTLD_DEEPBIND binds LuaJIT's inner calls past every preloaded library: such a host is left as it is.
    assert set(outcome.all("respire")) == ({0} if flags == ["deep"] else {1})
    assert outcome["anonymous_kib"] < 12_000


def test_two_libraries_in_one_process(runtime, programs, luajit_path, tmp_path):
    other = tmp_path / "libluajit-other.so"
    shutil.copy(luajit_path, other)
    outcome = run(programs / "loader", luajit_path, other, preload=runtime)
    assert outcome.all("respire") == [1, 1]
    assert outcome["anonymous_kib"] < 12_000


def test_two_libraries_one_of_them_global(runtime, programs, luajit_path, tmp_path):
    other = tmp_path / "libluajit-other.so"
    shutil.copy(luajit_path, other)
    assert run(programs / "loader", other, preload=f"{runtime}:{luajit_path}")["respire"] == 1


PUC_LUAS = sorted(pathlib.Path("/usr/lib/x86_64-linux-gnu").glob("liblua5.[1-4].so.0"))


@pytest.mark.parametrize("library", PUC_LUAS, ids=lambda path: path.name)
def test_other_luas_are_left_alone(runtime, programs, library):
    """PUC Lua calls lua_newstate with an allocator of its own."""
    assert run(programs / "loader", library, preload=runtime)["respire"] == 0


@pytest.mark.parametrize("options, sentence", [
    ("decay=5", 'RESPIRE_OPTIONS: there is no option "decay"; the options are'),
    ("decay_ms=5", 'RESPIRE_OPTIONS: decay_ms must be 500 to 3600000, not "5"; it stays 1000'),
    ("background=maybe", 'RESPIRE_OPTIONS: background must be on or off, not "maybe"; it stays on'),
])
def test_wrong_options_are_one_line(runtime, programs, options, sentence):
    outcome = run(programs / "states", "new_state", preload=runtime, options=options)
    (line,) = outcome.stderr.splitlines()
    assert re.match(r"respire\[\d+\]: ", line)
    assert sentence in line


def test_log(runtime, programs, tmp_path):
    log = tmp_path / "respire.log"
    outcome = run(programs / "states", "trim", preload=runtime, options=f"log={log},decay_ms=500")
    assert outcome.stderr == ""
    assert log.stat().st_mode & 0o777 == 0o600
    text = log.read_text()
    for event in (r"heap 0x\w+ created", r"heap 0x\w+ trimmed: \d+ KiB in \d+ calls",
                  r"heap 0x\w+ closed: held \d+ KiB"):
        assert re.search(event, text), text
    refused = run(programs / "states", "new_state", preload=runtime, options="log=/nonexistent/file")
    assert "log can't be written to /nonexistent/file: No such file or directory; it stays off" in refused.stderr


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx:
    CONFIGURATION = """
daemon off;
master_process on;
worker_processes 1;
pid nginx.pid;
error_log error.log notice;
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    lua_shared_dict shared 1m;
    init_by_lua_block {{
        words = {{}}
        for i = 1, 20000 do words[i] = 'word ' .. i end
    }}
    server {{
        listen 127.0.0.1:{port};
        location /work {{ content_by_lua_block {{
            local n = tonumber(ngx.var.arg_n)
            local t = {{}}
            for i = 1, n do t[i] = {{ id = i, name = words[i % 20000 + 1], tags = {{ tostring(i) }} }} end
            local sum = 0
            for i = 1, n do sum = sum + t[i].id + #t[i].tags[1] end
            ngx.say(sum)
        }} }}
        location /collect {{ content_by_lua_block {{
            collectgarbage() collectgarbage()
            ngx.say(ngx.worker.pid())
        }} }}
    }}
}}
"""

    def __init__(self, folder, runtime):
        self.folder = folder
        self.port = free_port()
        (folder / "nginx.conf").write_text(self.CONFIGURATION.format(modules=MODULES, port=self.port))
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"],
                                        env={**os.environ, "LD_PRELOAD": str(runtime),
                                             "RESPIRE_OPTIONS": "log=respire.log"}, cwd=folder)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.get("/work?n=1")
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.errors()
                time.sleep(0.05)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return answer.read().decode().strip()

    def errors(self):
        return (self.folder / "error.log").read_text()

    def send(self, name):
        os.kill(self.process.pid, signal.Signals[f"SIG{name}"])

    def workers(self):
        listed = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in listed.split()}

    def stop(self):
        if self.process.poll() is None:
            self.send("QUIT")
        return self.process.wait(timeout=30)


@pytest.fixture()
def nginx(tmp_path, runtime):
    if not (MODULES / "ngx_http_lua_module.so").exists():
        pytest.skip("nginx with ngx_lua is not installed")
    tmp_path.chmod(0o755)
    server = Nginx(tmp_path, runtime)
    yield server
    if server.process.poll() is None:
        server.process.terminate()
        server.process.wait(timeout=30)


def expected_sum(n):
    return n * (n + 1) // 2 + sum(len(str(i)) for i in range(1, n + 1))


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


@contextlib.contextmanager
def load(nginx, sums):
    """Three clients that ask without a pause; gives the list of answers that were wrong."""
    wrong = []
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            for n, text in sums.items():
                try:
                    answer = nginx.get(f"/work?n={n}")
                except OSError as error:
                    answer = repr(error)
                if answer != text:
                    wrong.append((n, answer))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def reload(nginx):
    """HUP, and all workers are new."""
    before = nginx.workers()
    nginx.send("HUP")
    deadline = time.monotonic() + 20
    while nginx.workers() & before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not nginx.workers() & before


def test_nginx_breathes_and_reloads_under_load(nginx):
    sums = {n: str(expected_sum(n)) for n in (1, 100, 5_000, 50_000)}
    for n, text in sums.items():
        assert nginx.get(f"/work?n={n}") == text

    # A burst, then quiet: the worker's resident size falls.
    assert nginx.get("/work?n=400000") == str(expected_sum(400_000))
    worker = int(nginx.get("/collect"))
    assert "librespire.so" in pathlib.Path(f"/proc/{worker}/maps").read_text()
    peak_kib = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{worker}/status").read_text()).group(1))
    time.sleep(2.2)
    assert peak_kib > 60_000
    assert rss_kib(worker) < 30_000
    names = {(task / "comm").read_text().strip() for task in pathlib.Path(f"/proc/{worker}/task").iterdir()}
    assert names == {"nginx", "respire"}

    # HUP under load: old states close, new ones open, every answer stays right.
    with load(nginx, sums) as wrong:
        for _ in range(4):
            reload(nginx)
    # A connection that a closing worker had accepted and not read is reset, with or without respire.
    assert [one for one in wrong if "reset" not in one[1] and "disconnected" not in one[1]] == []

    assert nginx.stop() == 0
    errors = nginx.errors()
    assert "signal 11" not in errors and "signal 6" not in errors and "[alert]" not in errors
    log = (nginx.folder / "respire.log").read_text()
    assert re.search(r"heap 0x\w+ created", log) and re.search(r"purged \d+ KiB", log)
