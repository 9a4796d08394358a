"""The small C hosts beside this file: compiled when first asked for, run under the runtime, and listened to.

A host prints `name value` lines and now and then "ready"; then it waits, and the test may look at it.
"""
import contextlib
import functools
import os
import pathlib
import select
import shlex
import signal
import subprocess
import tempfile
import time

from processes import end, end_with_parent, environment_with

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parents[2] / "include"
ANSWER_SECONDS = 60


def luajit_flags():
    found = subprocess.run(["pkg-config", "--cflags", "--libs", "luajit"], check=True, capture_output=True, text=True)
    return shlex.split(found.stdout)


class Workshop:
    """Compiles a host once for all tests."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="respire-test-")

    @functools.lru_cache
    def program(self, name):
        return self._compile(name, name, [*luajit_flags(), "-pthread", "-ldl"])

    @functools.lru_cache
    def library(self, name):
        """A library to preload."""
        return self._compile(name, f"{name}.so", ["-shared", "-fPIC", "-ldl"])

    def _compile(self, source, target, flags):
        path = pathlib.Path(self._folder.name) / target
        subprocess.run(["gcc", "-std=gnu17", "-O1", "-g", "-Wall", "-Wextra", "-Werror", f"-I{INCLUDE}",
                        str(HERE / f"{source}.c"), "-o", str(path), *flags], check=True, timeout=ANSWER_SECONDS)
        return path

    def close(self):
        self._folder.cleanup()


class Native:
    """One running host. `preload` is a list of libraries; `before` is called in the process before it becomes the host."""

    def __init__(self, program, *arguments, preload, options=None, environment=None, before=None):
        changes = dict(environment or {}, LD_PRELOAD=":".join(map(str, preload)))
        if options:
            changes["RESPIRE_OPTIONS"] = options

        def prepare():
            end_with_parent()
            if before:
                before()
        self.process = subprocess.Popen([str(program), *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment_with(changes), preexec_fn=prepare)
        self.pid = self.process.pid
        self._pending = b""

    def told(self, seconds=ANSWER_SECONDS):
        """What the host says until its next pause, by name: a number or a text, or a list where a name comes again."""
        values = self._values(seconds)
        assert values.pop("ready", False), f"the host ended early: {values}\n{self._complaint()}"
        return values

    def go_on(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def finish(self, seconds=ANSWER_SECONDS):
        """What the host says until it ends well."""
        values = self._values(seconds)
        assert "ready" not in values, "the host waits"
        status = self.process.wait(ANSWER_SECONDS)
        assert status == 0, f"{values}\n{self._complaint()}"
        return values

    def stop(self):
        if self.process.stdin.closed:
            return
        end(self.process, signal.SIGKILL)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def _complaint(self):
        """How it ended, and what it said about that."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        end(self.process, signal.SIGKILL)
        return f"status {self.process.returncode}: {self.process.stderr.read().decode(errors='replace')}"

    def _values(self, seconds):
        values, deadline = {}, time.monotonic() + seconds
        for line in iter(lambda: self._line(deadline), None):
            if line == "ready":
                return {**values, "ready": True}
            name, _, text = line.partition(" ")
            value = int(text) if text.lstrip("-").isdigit() else text
            before = values.get(name)
            values[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
        return values

    def _line(self, deadline):
        """None at the end of all."""
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.process.stdout], [], [], left)[0], "the host takes too long"
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return None
            self._pending += more
        line, self._pending = self._pending.split(b"\n", 1)
        return line.decode()
