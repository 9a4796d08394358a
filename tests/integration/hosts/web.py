"""nginx as it lives in production: it is reloaded, replaced by a new binary, and told to end, all under load.

nginx refuses a binary upgrade while it is in the foreground. So it is a daemon here, which the test runner adopts, and every
master and worker is ended by its pid.
"""
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.request

from processes import (SYSTEM_MODULES, SYSTEM_NGINX, children_of, environment_with, free_port, pid_in_file, process_state,
                       wait_until)

HERE = pathlib.Path(__file__).resolve().parent
PR_SET_CHILD_SUBREAPER = 36
ANSWER_SECONDS = 30

# `deferred`: a connection reaches a worker together with its request. A worker that ends then never has a connection without one,
# and a reload fails no request.
CONFIGURATION = """
{main}
user www-data www-data;
worker_processes {workers};
pid nginx.pid;
error_log error.log notice;
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    lua_package_path "{here}/?.lua;;";
    lua_shared_dict counts 1m;
    init_by_lua_block {{ {init} application = require "web_application" application.load() }}
    server {{
        listen 127.0.0.1:{port} deferred;
        location ~ ^/(\\w+)$ {{ content_by_lua_block {{ application[ngx.var[1]]() }} }}
    }}
}}
"""

class Answer:
    """The words of an answer, and what the worker said about itself."""

    def __init__(self, text):
        *self.words, pid, count = text.split()
        self.pid, self.count_bytes = int(pid), float(count)


class WebServer:
    def __init__(self, prefix, *, preload=None, main="", init="", workers=1, options=None):
        self.prefix, self.port = prefix, free_port()
        (prefix / "web_application.lua").write_text((HERE / "web_application.lua").read_text("utf-8"), encoding="utf-8")
        (prefix / "nginx.conf").write_text(CONFIGURATION.format(
            main=main, init=init, workers=workers, here=prefix, modules=SYSTEM_MODULES, port=self.port), encoding="utf-8")
        changes = {name: str(value) for name, value in (("LD_PRELOAD", preload), ("RESPIRE_OPTIONS", options)) if value}
        (prefix / "nginx.pid").unlink(missing_ok=True)
        subprocess.run([SYSTEM_NGINX, "-p", str(prefix), "-c", "nginx.conf", "-e", "error.log"], env=environment_with(changes),
                       check=True, timeout=20)
        self.masters = [wait_until(self._pid_in_file, "nginx has written its pid")]
        self.statuses = {}
        try:
            wait_until(lambda: len(self.workers()) == workers and self._answers(), "nginx serves")
        except BaseException:
            self.stop()
            raise

    @property
    def master(self):
        return self.masters[-1]

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=ANSWER_SECONDS) as response:
            return Answer(response.read().decode())

    def workers(self, master=None):
        return {pid for pid in children_of(master or self.master) if pid not in self.masters and is_worker(pid)}

    def answer_of(self, worker, path):
        """What this worker answers; another may come first."""
        def asked():
            answer = self.get(path)
            return answer if answer.pid == worker else None
        return wait_until(asked, f"worker {worker} answers")

    def send(self, name, master=None):
        os.kill(master or self.master, signal.Signals[f"SIG{name}"])

    def reload(self):
        """HUP: the old workers end, and as many new ones serve."""
        before = self.workers()
        self.send("HUP")
        wait_until(lambda: not any(map(process_state, before)), "all old workers have ended")
        wait_until(lambda: len(self.workers()) == len(before), "there are as many new workers")

    def upgrade(self):
        """USR2, then WINCH and QUIT for the old master: a new binary serves, and the old one has ended well."""
        old, count = self.master, len(self.workers())
        self.send("USR2")
        self.masters.append(wait_until(lambda: self._pid_in_file(other_than=old), "there is a new master"))
        wait_until(lambda: len(self.workers()) == count, "the new master has workers")
        self.send("WINCH", old)
        wait_until(lambda: not self.workers(old), "the old workers have ended")
        self.send("QUIT", old)
        assert self.wait(old) == 0, self.errors()

    def wait(self, master):
        """The exit status of a master that is about to end."""
        def ended():
            pid, status = os.waitpid(master, os.WNOHANG)
            if pid:
                self.statuses[master] = os.waitstatus_to_exitcode(status)
            return pid
        if master not in self.statuses:
            wait_until(ended, f"master {master} ends", seconds=30)
        return self.statuses[master]

    def errors(self):
        log = self.prefix / "error.log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def assert_no_crash(self):
        errors = self.errors()
        assert "exited on signal" not in errors and "[alert]" not in errors and "[emerg]" not in errors, errors

    def stop(self):
        for master in self.masters:
            left = [master, *self.workers(master)] if master not in self.statuses else []
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for pid in left:
                with contextlib.suppress(ChildProcessError):
                    wait_until(lambda pid=pid: os.waitpid(pid, os.WNOHANG)[0], f"process {pid} ends")

    def _pid_in_file(self, other_than=None):
        file = self.prefix / "nginx.pid"
        pid = pid_in_file(file)
        return pid if pid != other_than else None

    def _answers(self):
        try:
            return self.get("/inherited")
        except OSError:
            assert process_state(self.master) not in (None, "Z"), self.errors()
            return None


def is_worker(pid):
    try:
        return b"nginx: worker" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def adopting_orphans():
    """Inside, a process whose parent ended becomes ours, to be waited for."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0)


class Load:
    """Clients that ask without a pause, each request on a connection of its own; every answer is judged."""

    CLIENTS = 3

    def __init__(self, server, expected):
        self.server, self.expected = server, expected
        self.wrong, self.right, self._stop = [], 0, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(self.CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_failure):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self):
        while not self._stop.is_set():
            for path, words in self.expected.items():
                try:
                    answer = self.server.get(path).words
                except (OSError, ValueError) as error:
                    answer = [repr(error)]
                if answer == words:
                    self.right += 1
                else:
                    self.wrong.append((path, answer))
                time.sleep(0.002)
