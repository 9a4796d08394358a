"""What `respire heap` and `pools` cost: on a program with so much memory in blocks of one size, and on nginx with pools."""
import json
import subprocess
import sys
import time

import other_allocators
import pool_keeper
from processes import Nginx, public_directory

ROUNDS = 5
MIB = 1 << 20
HUNDRED_MB, FOUR_GB = 100 * 10**6, 4 * 10**9
LARGE_BYTES = 300_000
TARGETS = "stop <= 3 ms; <= 100 ms with 100 MB, <= 2 s with 4 GB"


class Program:
    """tests/fixtures/allocators.c with `total` bytes in blocks of `each`."""

    def __init__(self, life, build, total, each, busy):
        command = other_allocators.compile_for_glibc(build / "bench-allocators")
        process = life.start([*command, str(total // each), str(each), "0", "1", *(["busy"] if busy else [])],
                             stdout=subprocess.PIPE, text=True)
        self.pid = process.pid
        process.stdout.readline()


def look(respire, command, pid):
    """Milliseconds of ROUNDS runs, and of the stops."""
    times, pauses = [], []
    for _ in range(ROUNDS):
        start = time.monotonic()
        done = subprocess.run([respire, command, "--json", str(pid)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"bench: respire {command} {pid}: {done.stderr}")
        times.append((time.monotonic() - start) * 1000)
        pauses.append(json.loads(done.stdout)["look"]["pause_ms"])
    return sorted(times), sorted(pauses)


def row(name, respire, command, pid):
    times, pauses = look(respire, command, pid)
    print(f"  {name:<34} {times[ROUNDS // 2]:8.0f} ms {times[-1]:8.0f} ms {pauses[ROUNDS // 2]:8.1f} ms {pauses[-1]:8.1f} ms")


def bench_heap(lifetime, respire, build):
    for total, whole in ((HUNDRED_MB, "100 MB"), (FOUR_GB, "4 GB")):
        for each, blocks in ((100, "100 bytes"), (4000, "4 kB"), (MIB, "1 MiB")):
            for busy in (False, True):
                with lifetime() as life:
                    program = Program(life, build, total, each, busy)
                    row(f"heap, {whole} of {blocks}, {'busy' if busy else 'asleep'}", respire, "heap", program.pid)


def bench_pools(respire, build):
    module = pool_keeper.build(build / "foreign")
    for total, whole in ((HUNDRED_MB, "100 MB"), (FOUR_GB, "4 GB")):
        for order, blocks in (({"small": total // 10 // 4040, "small_bytes": 4000}, "blocks"),
                              ({"large": total // 10 // LARGE_BYTES, "large_bytes": LARGE_BYTES}, "large")):
            with public_directory() as directory:
                server = Nginx(directory, **pool_keeper.configuration(module, server="location /plain { return 204; }"))
                try:
                    pool_keeper.PoolKeeper(server).keep("main", 10, size=16384, **order)
                    server.wait_until_idle()
                    row(f"pools, {whole} in {blocks}, asleep", respire, "pools", server.worker)
                    with subprocess.Popen(["wrk", "-t1", "-c20", "-d600", f"http://127.0.0.1:{server.port}/plain"],
                                          stdout=subprocess.DEVNULL) as load:
                        row(f"pools, {whole} in {blocks}, busy", respire, "pools", server.worker)
                        load.kill()
                finally:
                    server.stop()


def bench_malloc(lifetime, respire, build):
    print(f"\nmalloc and pools\n  {'':<34} {'time':>11} {'worst':>11} {'stood still':>11} {'worst':>11}")
    bench_heap(lifetime, respire, build)
    bench_pools(respire, build)
    print(f"  targets: {TARGETS}")
