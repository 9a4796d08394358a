"""What the analyzer costs and how much it explains, measured on this machine.

    large heap   `respire lua` and `mem` on about 1 GB of Lua objects: time, the analyzer's own memory, and how long a
                 busy target stands still
    nginx        the share of private resident memory that has no known owner, before and after a burst
    zones        `respire shm` on 100 MB with 300,000 keys and 8 GB with 20 million, asleep and busy: time and memory
    malloc       `respire heap` and `pools` on 100 MB and 4 GB, asleep and busy: time, and how long the target stands still

Times are medians of ROUNDS runs, with the slowest beside.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / folder) for folder in ("demo", "tests/fixtures", "tests/integration")]

from lifetime import Lifetime  # noqa: E402
from load import run_burst  # noqa: E402
from malloc_looks import bench_malloc  # noqa: E402
from worker import Worker  # noqa: E402
from zone_looks import bench_zones  # noqa: E402

TITLE = "Analyzer"
RECORDS = 2_000_000
ROUNDS = 5
BURST_REQUESTS = 600
MIB = 1 << 20


class Host:
    """The tests' embedding program (tests/fixtures/host.c) with one Lua state that runs `script`."""

    def __init__(self, life, build, script, environment):
        program = build / "bench-host"
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "luajit"], capture_output=True, text=True, check=True)
        subprocess.run(["gcc", "-O2", "-o", program, HERE.parent / "tests/fixtures/host.c", *flags.stdout.split(), "-lpthread"],
                       check=True)
        self._process = life.start([str(program), "--script", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, env={**os.environ, **environment})
        self.pid = self._process.pid
        self._process.stdout.readline()

    def begin(self, command):
        """Send a command without waiting for its answer."""
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()


class Look:
    """ROUNDS runs of `respire COMMAND --json PID`, with more options behind."""

    PARTS = {"capture_ms": "copy", "walk_ms": "understand", "analysis_ms": "follow references"}

    def __init__(self, respire, command, pid, *options):
        self.seconds, self.pauses_ms, self.peak_bytes = [], [], 0
        self.parts = {part: [] for part in self.PARTS}
        for _ in range(ROUNDS):
            self._run(respire, command, pid, options)

    def _run(self, respire, command, pid, options):
        start = time.monotonic()
        child = subprocess.Popen([respire, command, "--json", *options, str(pid)], stdout=subprocess.PIPE)
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            sys.exit(f"bench: respire {command} {pid} ended with status {os.waitstatus_to_exitcode(status)}")
        self.seconds.append(time.monotonic() - start)
        self.document = json.loads(output)
        self.pauses_ms.append(self.document["look"]["pause_ms"])
        for part, times in self.parts.items():
            times.append(self.document["look"][part])
        self.peak_bytes = max(self.peak_bytes, usage.ru_maxrss * 1024)

    def row(self, name):
        print(f"  {name:<22} {statistics.median(self.seconds):8.2f} s {max(self.seconds):8.2f} s"
              f" {statistics.median(self.pauses_ms):9.1f} ms {max(self.pauses_ms):9.1f} ms {self.peak_bytes / MIB:9.0f} MiB")


def bench_large_heap(life, respire, build):
    host = Host(life, build, HERE / "scenarios/large_heap.lua", {"RECORDS": str(RECORDS)})
    idle = Look(respire, "lua", host.pid)
    state = idle.document["states"][0]
    objects = sum(row["count"] for row in state["objects"])
    print(f"\nLarge heap: {state['allocator']['held_bytes'] / MIB:,.0f} MiB held, {objects:,} objects")
    print(f"  {'':<22} {'time':>10} {'worst':>10} {'stood still':>12} {'worst':>12} {'own memory':>13}")
    idle.row("lua, target asleep")
    print("    of this: " + ", ".join(f"{name} {statistics.median(idle.parts[part]) / 1000:.2f} s"
                                      for part, name in Look.PARTS.items()))
    Look(respire, "lua", host.pid, "--refs", "--garbage", "--strings", "--objects", "--pins").row("lua, all there is")
    Look(respire, "mem", host.pid).row("mem, target asleep")
    host.begin("repeat 0 work")
    Look(respire, "lua", host.pid).row("lua, target busy")
    Look(respire, "mem", host.pid).row("mem, target busy")
    print("  targets: lua on 1 GB with 10 M objects <= 5 s and <= 1.5 times the heap of own memory; stop <= 250 ms for each GB")


def unknown_share(respire, worker, moment):
    document = Look(respire, "mem", worker.pid).document
    private, unknown = document["private_resident_bytes"], document["unknown_bytes"]
    print(f"  {moment:<22} {private / MIB:10.1f} MiB {unknown / MIB:10.2f} MiB {unknown / private:10.2%}")


def bench_nginx(life, respire):
    print(f"\nnginx worker\n  {'':<22} {'private':>14} {'unknown':>14} {'share':>10}")
    for name, launcher in (("stock", []), ("respire", [respire, "run", "--"])):
        worker = Worker(life, name, launcher)
        worker.start()
        unknown_share(respire, worker, f"{name}, just started")
        run_burst(life, worker, BURST_REQUESTS, lambda: time.sleep(0.1))
        unknown_share(respire, worker, f"{name}, after a burst")
    print("  target: <= 0.1 %")


def run(options):
    respire = str(options.build / "respire")
    with Lifetime() as life:
        bench_large_heap(life, respire, options.build)
    with Lifetime() as life:
        bench_nginx(life, respire)
    bench_zones(respire)
    bench_malloc(Lifetime, respire, options.build)
