"""One nginx with one worker, on a free loopback port, with every file it writes under a prefix of its own."""

import http.client
import json
import os
import pathlib
import select
import socket
import time

from lifetime import DemoError, has_exited

HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS = 10
START_ATTEMPTS = 5
ANSWER_SECONDS = 30
# Stock must be stock and respire must be its defaults; NGINX would hand the new nginx another one's sockets.
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if name not in ("LD_PRELOAD", "RESPIRE_OPTIONS", "NGINX")}


class Worker:
    """`name` is how the output calls it; `launcher` is what stands before `nginx` on its command line."""

    def __init__(self, life, name, launcher):
        self.name = name
        self.pid = None
        self.port = None
        self._life = life
        self._launcher = launcher
        self._master = None
        self._prefix = None

    def start(self):
        for _ in range(START_ATTEMPTS):
            self._prefix = self._life.folder()
            self.port = free_port()
            self._launch()
            if self._answers():
                return
            self._life.stop(self._master)
            if "Address already in use" not in self.log():
                break
        raise DemoError(f"the {self.name} nginx did not start; it said:\n{self.log() or '(nothing)'}")

    def _launch(self):
        configuration = (HERE / "nginx.conf").read_text()
        for key, value in {
            "@user@": "user nobody nogroup;" if os.geteuid() == 0 else "",
            "@prefix@": self._prefix,
            "@demo@": str(HERE),
            "@port@": str(self.port),
        }.items():
            configuration = configuration.replace(key, value)
        path = pathlib.Path(self._prefix, "nginx.conf")
        path.write_text(configuration)
        with open(self._log_path(), "ab") as log:
            self._master = self._life.start(
                self._launcher + ["/usr/sbin/nginx", "-p", self._prefix, "-e", self._log_path(), "-c", str(path)],
                stdout=log, stderr=log, env=ENVIRONMENT)

    def _answers(self):
        """Waits for the first answer. Only one from our own process group counts: somebody else may own the port."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and not has_exited(self._master):
            try:
                pid = self.get("/status")["pid"]
                if os.getpgid(pid) == self._master.pid:
                    self.pid = pid
                    return True
            except (OSError, http.client.HTTPException, ValueError, LookupError, DemoError):
                pass
            time.sleep(0.05)
        return False

    def get(self, path, tick=None):
        """GET as JSON. With tick, calls it again and again until the answer begins; tick() does the waiting."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", path)
            deadline = time.monotonic() + ANSWER_SECONDS
            while tick and time.monotonic() < deadline and not select.select([connection.sock], [], [], 0)[0]:
                tick()
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise DemoError(f"the {self.name} worker answered {path} with status {response.status}; "
                            f"its log says:\n{self.log()}")
        return json.loads(body)

    def log(self):
        """What nginx has written so far, its last lines."""
        try:
            return "\n".join(pathlib.Path(self._log_path()).read_text(errors="replace").splitlines()[-8:])
        except OSError:
            return ""

    def _log_path(self):
        return os.path.join(self._prefix, "error.log")


def free_port():
    """A loopback port that nobody listens on now; start() tries another when it was taken in between."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
