"""What the demo starts and must stop: child processes, the temporary folder, and the signals that end it early.

Every child gets a process group of its own, so that stopping reaches an nginx master and its worker and nothing
else, and a Ctrl-C at the terminal reaches the demo alone. A child is told by the kernel (setpriv --pdeathsig) when
the demo dies without a chance to clean up.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time

STOP_SECONDS = 5
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DemoError(Exception):
    """The demo cannot go on; the message is one clear sentence for the user."""


class Interrupted(Exception):
    """A signal asked the demo to end."""

    def __init__(self, number):
        super().__init__(signal.Signals(number).name)
        self.number = number


class Lifetime:
    """Use as `with Lifetime() as life:`; whatever happens inside, nothing it started outlives the block."""

    def __init__(self):
        self._children = []
        self._folders = []
        self._holding_signals = False
        self._pending = None

    def __enter__(self):
        for number in ENDING_SIGNALS:
            signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_):
        self._holding_signals = True
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(self._children):
            self.stop(child)
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_DFL)

    def _on_signal(self, number, _frame):
        """Only the first signal raises: a second must not break the cleaning up that the first began."""
        first = self._pending is None
        self._pending = self._pending or number
        if first and not self._holding_signals:
            raise Interrupted(number)

    def start(self, command, **options):
        """Popen in a process group of its own. A signal that comes meanwhile waits until the child is on the list."""
        self._holding_signals = True
        try:
            child = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--"] + command,
                                     start_new_session=True, **{"stdin": subprocess.DEVNULL, **options})
            self._children.append(child)
        finally:
            self._holding_signals = False
        if self._pending is not None:
            raise Interrupted(self._pending)
        return child

    def folder(self):
        """A temporary folder, readable by the user that nginx's workers run as."""
        path = tempfile.mkdtemp(prefix="respire-demo-")
        self._folders.append(path)
        os.chmod(path, 0o755)
        return path

    def stop(self, child):
        """Ends a child and the rest of its group. The group's number is safe to use until the child is reaped."""
        if child.returncode is not None:
            return
        deadline = time.monotonic() + STOP_SECONDS
        child.send_signal(signal.SIGTERM)
        while not has_exited(child) and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()


def has_exited(child):
    """Whether a child has ended, without reaping it (its pid stays its own)."""
    if child.returncode is not None:
        return True
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
