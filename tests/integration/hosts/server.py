"""A server of a Debian package as a plain process: in a folder of its own, on free ports of 127.0.0.1, ended by its pid."""
import http.client
import os
import signal
import subprocess

from processes import children_of, end, end_with_parent, environment_with, process_state, wait_until

START_SECONDS, ANSWER_SECONDS = 30, 30


class Server:
    def __init__(self, command, folder, *, preload, serves, environment=None):
        """`serves` is asked until it says yes; OSError is a no."""
        self.folder, self.log = folder, folder / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, preexec_fn=end_with_parent,
                                            env=environment_with({**(environment or {}), "LD_PRELOAD": str(preload)}))
        self.pid = self.process.pid
        try:
            wait_until(lambda: self._tries(serves), f"{command[0]} serves", seconds=START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def children(self, title):
        """Child processes whose title holds this text."""
        def titled(pid):
            try:
                with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as words:
                    return title in words.read()
            except (FileNotFoundError, ProcessLookupError):
                return False
        return [child for child in children_of(self.pid) if titled(child)]

    def stop(self):
        """Ask it to end, and end what it left behind; gives its exit status."""
        program, children = program_of(self.pid), children_of(self.pid)
        end(self.process)
        for child in children:
            if program and program_of(child) == program:
                os.kill(child, signal.SIGKILL)
        return self.process.returncode

    def _tries(self, serves):
        assert process_state(self.pid) not in (None, "Z"), f"the server is gone:\n{self.log.read_text(errors='replace')}"
        try:
            return serves()
        except OSError:
            return False


def program_of(pid):
    """The file that the process runs, or None when it is gone."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except (FileNotFoundError, ProcessLookupError):
        return None


def ask_http(port, path, *, method="GET", body=None, headers=None):
    """(status, headers, body) over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request(method, path, body=body, headers={"Connection": "close", **(headers or {})})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()
