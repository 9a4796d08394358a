"""The memory curves of the workers, read from /proc every PERIOD_SECONDS while the demo waits for something."""

import os
import time

from lifetime import DemoError

PERIOD_SECONDS = 0.1
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Sampler:
    """curves[name] is a list of (time.monotonic(), RSS in bytes); on_sample(latest) gets {name: bytes} each time."""

    def __init__(self, workers, on_sample):
        self.curves = {worker.name: [] for worker in workers}
        self._workers = workers
        self._on_sample = on_sample
        self._due = time.monotonic()

    def tick(self):
        """Waits until the next sample is due and takes it, in all workers at once."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        now = time.monotonic()
        self._due = max(self._due + PERIOD_SECONDS, now)
        latest = {}
        for worker in self._workers:
            latest[worker.name] = rss_bytes(worker)
            self.curves[worker.name].append((now, latest[worker.name]))
        self._on_sample(latest)

    def until(self, moment):
        """Keeps sampling until time.monotonic() has passed the moment."""
        while time.monotonic() <= moment:
            self.tick()


def rss_bytes(worker):
    """VmRSS of a worker."""
    for line in _read(worker, "status").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise DemoError(f"the {worker.name} worker (pid {worker.pid}) died; its log says:\n{worker.log()}")


def cpu_seconds(worker):
    """User and system time of a worker so far, all threads."""
    fields = _read(worker, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def machine_busy_seconds():
    """CPU time that all processors together have been busy, or lost to other guests of the same host."""
    with open("/proc/stat", encoding="ascii") as text:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, text.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND


def _read(worker, file):
    try:
        with open(f"/proc/{worker.pid}/{file}", encoding="ascii", errors="replace") as text:
            return text.read()
    except OSError as error:
        raise DemoError(f"the {worker.name} worker (pid {worker.pid}) is gone ({error.strerror}); "
                        f"its log says:\n{worker.log()}") from error
