"""Programs that a test starts, talks to and ends: the embedding host, nginx, and anything else by its command line.

Every wait has a limit. Every program is ended by its own pid, and ends by itself should the test runner be killed.
"""
import contextlib
import ctypes
import http.client
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ANSWER_SECONDS = 60
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent():
    """Run in a child before it executes: the kernel terminates it when the test runner is gone."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_until(condition, what, seconds=20):
    """Poll until condition() holds something true and return that."""
    deadline = time.monotonic() + seconds
    while True:
        outcome = condition()
        if outcome:
            return outcome
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.005)


def environment_with(changes):
    return {**os.environ, "LC_ALL": "C.UTF-8", **(changes or {})}


def pid_in_file(file):
    """The process id that nginx left in `file`; None while there is none. A new binary moves the file any time."""
    with contextlib.suppress(FileNotFoundError):
        return int(file.read_text("ascii").strip() or 0) or None
    return None


def process_state(pid):
    """The state letter of /proc/PID/stat, or None when there is no such process."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()[0]


def time_on_cpu(pid):
    return pathlib.Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]


def wait_until_idle(pid, quiet_seconds=0.1):
    """Wait until the process sleeps and has not run for a while."""
    def sleeps():
        before = time_on_cpu(pid)
        time.sleep(quiet_seconds)
        return process_state(pid) == "S" and time_on_cpu(pid) == before
    wait_until(sleeps, f"process {pid} is idle")


def children_of(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def end(process, soft=signal.SIGTERM):
    """End a child of ours, softly first, and collect it."""
    if process.poll() is None:
        process.send_signal(soft)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait(10)


@contextlib.contextmanager
def public_directory():
    """A temporary directory that every user may enter, for programs that drop root."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="respire-test-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Host:
    """tests/fixtures/host.c as a running process. See there for its commands."""

    def __init__(self, program, *, states=1, threads=0, allocator="stock", script=None, command=None, environment=None):
        """`command` starts a program given behind it: a loader with a library path, or `respire run --`."""
        arguments = [*(command or []), str(program), "--states", str(states), "--threads", str(threads),
                     "--allocator", allocator]
        if script:
            arguments += ["--script", str(script)]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=environment_with(environment), preexec_fn=end_with_parent)
        self._pending = b""
        self.pid = self.process.pid
        try:
            ready = self._line()
            assert ready == f"ready {self.pid}", f"the host said: {ready}"
            self._settle()
        except BaseException:
            self.stop()
            raise

    def send(self, command):
        """Send a command without waiting for its answer."""
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, command):
        """The answer to a command, once the host waits for the next one."""
        self.send(command)
        answer = self._line()
        assert answer.split(" ")[0] == "ok", f"the host was asked '{command}' and said: {answer}"
        self._settle()
        return answer[3:]

    def evaluate(self, code, state="*"):
        return self.ask(f"eval {state} " + " ".join(line.strip() for line in code.splitlines()))

    def call(self, name, state="*"):
        self.ask(f"call {state} {name}")

    @contextlib.contextmanager
    def busy(self, name, state=0):
        """Inside, the host calls a global function again and again."""
        self.send(f"repeat {state} {name}")
        wait_until(lambda: process_state(self.pid) == "R", "the host is busy")
        yield
        self.send("count")
        repeated, counted = self._line(), self._line()
        assert repeated.startswith("ok ") and counted.startswith("ok "), repeated
        self._settle()

    def counts(self):
        """What the collector of each state counts, in bytes."""
        return [int(word) for word in self.ask("count").split()]

    def count(self):
        (only,) = self.counts()
        return only

    def addresses(self):
        return [int(word, 16) for word in self.ask("states").split()]

    def stop(self):
        end(self.process, signal.SIGKILL)
        self.process.stdin.close()
        self.process.stdout.close()

    def _settle(self):
        """After its answer the host still has to go back to sleep."""
        wait_until(lambda: process_state(self.pid) in ("S", "Z", None), "the host waits for a command")

    def _line(self):
        deadline = time.monotonic() + ANSWER_SECONDS
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.process.stdout], [], [], left)[0], "the host did not answer in time"
            more = os.read(self.process.stdout.fileno(), 65536)
            assert more, f"the host is gone, exit status {self.process.wait(10)}"
            self._pending += more
        line, self._pending = self._pending.split(b"\n", 1)
        return line.decode()


NGINX_CONFIGURATION = """
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
daemon off;
user www-data www-data;
worker_processes {workers};
pid {prefix}/nginx.pid;
lock_file {prefix}/nginx.lock;
{main}
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {prefix}/body;
    proxy_temp_path {prefix}/proxy;
    fastcgi_temp_path {prefix}/fastcgi;
    uwsgi_temp_path {prefix}/uwsgi;
    scgi_temp_path {prefix}/scgi;
    {lua_path}
    {http}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        {server}
    }}
}}
"""

SYSTEM_NGINX = "/usr/sbin/nginx"
SYSTEM_MODULES = "/usr/lib/nginx/modules"


class Nginx:
    """A real nginx with ngx_lua that serves on a free loopback port from a directory of its own."""

    def __init__(self, prefix, *, http="", server="", main="", workers=1, preload=None, suite=None):
        """
        http, server and main are text for those blocks of the configuration, where PREFIX is nginx's directory and
        PORT its port. Without workers, with `master_process off;` in main, the master serves.
        `suite` is a release from foreign_suite to take nginx from instead of the machine's own.
        """
        self.prefix = prefix
        self.port = free_port()
        http, server, main = (text.replace("PREFIX", str(prefix)).replace("PORT", str(self.port))
                              for text in (http, server, main))
        configuration = prefix / "nginx.conf"
        configuration.write_text(NGINX_CONFIGURATION.format(
            modules=suite.nginx_modules if suite else SYSTEM_MODULES, prefix=prefix, workers=workers, main=main,
            lua_path=f'lua_package_path "{suite.lua_path};;";' if suite else "",
            http=http, server=server, port=self.port), encoding="utf-8")
        command = suite.command(suite.nginx) if suite else [SYSTEM_NGINX]
        self.log = prefix / "error.log"
        self.process = subprocess.Popen(
            [*command, "-p", f"{prefix}/", *log_option(self.log, suite), "-c", str(configuration)],
            env=environment_with({"LD_PRELOAD": str(preload)} if preload else None),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent)
        self.master = self.process.pid
        self.workers = []
        try:
            wait_until(lambda: self._serves(workers), "nginx serves")
            self.workers = self._children()
        except BaseException:
            self.stop()
            raise

    @property
    def worker(self):
        (only,) = self.workers
        return only

    def get(self, path="/"):
        """The body of a response that must have status 200, over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            body = response.read().decode()
        finally:
            connection.close()
        assert response.status == 200, f"{path}: {response.status}\n{self.errors()}"
        return body

    def errors(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def wait_until_idle(self):
        for worker in self.workers:
            wait_until_idle(worker)

    def stop(self):
        workers = children_of(self.master)
        end(self.process)
        for worker in workers:
            if process_state(worker) is not None and is_nginx(worker):
                os.kill(worker, signal.SIGKILL)

    def _serves(self, workers):
        assert self.process.poll() is None, f"nginx ended with {self.process.returncode}:\n{self.errors()}"
        return len(self._children()) == workers and self._accepts()

    def _children(self):
        return [child for child in children_of(self.master) if is_nginx(child)]

    def _accepts(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def log_option(log, suite):
    """Where to write errors, from the first one on if this nginx has an option for that (1.19.5)."""
    is_old = suite and suite.versions["nginx"] < "1.19"
    return ["-g", f"error_log {log};"] if is_old else ["-e", str(log)]


def is_nginx(pid):
    """The process has given itself an nginx worker's title."""
    try:
        return b"nginx: worker" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
