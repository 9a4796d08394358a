"""One nginx worker with an allocating application under a burst from wrk, then nothing: stock and respire in turns.

The application and the burst are those of the demo (demo/burst.lua, demo/load.py). Each round starts a fresh nginx for
each side. CPU is the worker's from the first request until IDLE_SECONDS after the last, so what is done in the
background is in it. RSS is read IDLE_SECONDS after the burst as the worker is then, and once more that long after it
was asked for a full collection. Latency is what wrk saw with all connections busy.
"""
import statistics
import sys
import time

import peers
from figures import median_and_spread, print_table
from program import HERE, BenchError, progress

sys.path.insert(0, str(HERE.parent / "demo"))

from lifetime import DemoError, Lifetime  # noqa: E402
from load import run_burst  # noqa: E402
from sampler import cpu_seconds, rss_bytes  # noqa: E402
from worker import Worker  # noqa: E402

TITLE = "nginx"
REQUESTS = 1000
IDLE_SECONDS = 3
MIB = 1 << 20
CPU_TARGET, RSS_TARGET, LATENCY_TARGET = 0.75, 5, 1.00
ROWS = {   # figure: how it is called, how it is shown
    "cpu_ms": ("CPU of a request", lambda value: f"{value:.2f} ms"),
    "p50_ms": ("latency, median", lambda value: f"{value:.0f} ms"),
    "p99_ms": ("latency, 99th percentile", lambda value: f"{value:.0f} ms"),
    "peak": ("RSS, peak", lambda value: f"{value / MIB:.1f} MiB"),
    "idle": (f"RSS {IDLE_SECONDS} s after the burst", lambda value: f"{value / MIB:.1f} MiB"),
    "collected": (f"RSS {IDLE_SECONDS} s after a collection", lambda value: f"{value / MIB:.1f} MiB"),
}


def in_use(worker, library):
    """Whether the worker has the library mapped."""
    with open(f"/proc/{worker.pid}/maps", encoding="ascii", errors="replace") as maps:
        return str(library) in maps.read()


def trial(name, launcher, library, requests):
    with Lifetime() as life:
        worker = Worker(life, name, launcher)
        worker.start()
        if library and not in_use(worker, library):
            raise BenchError(f"the {name} worker runs without {library}")
        peak = 0

        def watch():
            nonlocal peak
            peak = max(peak, rss_bytes(worker))
            time.sleep(0.05)

        cpu_before = cpu_seconds(worker)
        load = run_burst(life, worker, requests, watch)
        time.sleep(IDLE_SECONDS)
        idle, cpu = rss_bytes(worker), cpu_seconds(worker) - cpu_before
        worker.get("/collect")
        time.sleep(IDLE_SECONDS)
        return {"cpu_ms": cpu * 1000 / load.requests, "p50_ms": load.p50_ms, "p99_ms": load.p99_ms, "peak": peak,
                "idle": idle, "collected": rss_bytes(worker)}


def sides(options):
    """Name: (what stands before nginx on the command line, the library that the worker must have)."""
    found = {peers.STOCK: ([], None)}
    for name, path in options.libraries.items():
        path = peers.respire(name, path).environment["LD_PRELOAD"]
        found[name] = (["env", f"LD_PRELOAD={path}"], path)
    return found


def show(measured):
    others = [name for name in measured if name != peers.STOCK]
    rows = []
    for figure, (label, unit) in ROWS.items():
        def values(name):
            return [answer[figure] for answer in measured[name]]
        row = [label, unit(statistics.median(values(peers.STOCK)))]
        for name in others:
            ratios = [value / stock for value, stock in zip(values(name), values(peers.STOCK))]
            row += [unit(statistics.median(values(name))), median_and_spread(ratios)]
        rows.append(row)
    header = ["", peers.STOCK] + [cell for name in others for cell in (name, "of stock's")]
    print()
    print_table(header, rows)
    print(f"\n  targets: CPU of a request <= {CPU_TARGET}; RSS {IDLE_SECONDS} s after the burst <= {1 / RSS_TARGET:.2f}"
          f" of stock's; 99th percentile <= {LATENCY_TARGET:.2f} beyond noise")


def run(options):
    contestants = sides(options)
    measured = {name: [] for name in contestants}
    requests = max(1, round(REQUESTS * options.scale))
    try:
        for number in range(options.rounds):
            names = list(contestants) if number % 2 == 0 else list(reversed(contestants))
            for name in names:
                progress(f"{name}, round {number + 1} of {options.rounds}")
                launcher, library = contestants[name]
                measured[name].append(trial(name, launcher, library, requests))
    except DemoError as error:
        raise BenchError(str(error)) from error
    progress("")
    show(measured)
