"""What stays resident after a burst: RSS of an idle program two and five seconds later, beside the least that is possible.

The program makes 1.5 million records (scenarios/burst.lua), keeps one of so many, drops the rest, collects twice and
sleeps. RSS is read from outside, from smaps_rollup: the kernel walks the page tables for it, where VmRSS may be off by a
few hundred KiB. `floor` is the pages that hold at least one byte of a live block, counted apart from the allocator by watching
every call of lua_Alloc in another run of the same program (live_pages.h). It is a floor for that allocator: another that
puts things of one time together has a lower one. The program itself (code, libc, an empty Lua state) is `base`: the
RSS before the burst.
"""
import dataclasses
import time

import peers
from figures import print_table
from program import HERE, compile_program, progress, run_program, start_program

TITLE = "Memory after a burst"
SHARES = {0: "none", 2000: "1/2000", 200: "1/200", 20: "1/20"}
MOMENTS_SECONDS = (2, 5)
PEERS = ("stock", "sid", "glibc", "jemalloc", "mimalloc", "respire")
MB = 1_000_000
TARGET_BYTES = 3 * MB


@dataclasses.dataclass
class Trial:
    """One burst under one peer; bytes throughout."""

    base: int
    peak: int
    live: int
    floor: int
    after: dict


def rss_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as text:
        return next(int(line.split()[1]) * 1024 for line in text if line.startswith("Rss:"))


def go_on(process):
    process.stdin.write("\n")
    process.stdin.flush()


def reach(process, moment):
    """Waits until the program says that it is there; returns its own count of live bytes."""
    said, count = process.stdout.readline().split()
    assert said == moment, (said, moment)
    return int(count)


def measure(peer, program, every, scale):
    environment = {"SURVIVOR_EVERY": str(every)}
    if peer.name == "glibc":
        environment["MALLOC_TRIM"] = "1"
    watched = run_program(peer, program, ["--live-pages", HERE / "scenarios/burst.lua", scale], environment=environment)
    process = start_program(peer, program, [HERE / "scenarios/burst.lua", scale], environment)
    with process:
        reach(process, "base")
        base = rss_bytes(process.pid)
        go_on(process)
        reach(process, "peak")
        peak = rss_bytes(process.pid)
        go_on(process)
        live = reach(process, "idle")
        after, begun = {}, time.monotonic()
        for seconds in MOMENTS_SECONDS:
            time.sleep(max(0.0, begun + seconds - time.monotonic()))
            after[seconds] = rss_bytes(process.pid)
        process.stdin.close()
        process.stdout.read()
    return Trial(base, peak, live, watched["live_pages_bytes"], after)


def mb(count):
    return f"{count / MB:.1f}"


def row(name, trial):
    first = trial.after[MOMENTS_SECONDS[0]]
    return ([name] + [mb(count) for count in (trial.peak, trial.live, trial.base, trial.floor, *trial.after.values())]
            + [mb(first - trial.floor), mb(first - trial.base - trial.floor)])


def run(options):
    program = compile_program(options.build)
    contestants = peers.choose([name for name in options.peers if name in PEERS], options.build, options.libraries)
    for every, share in SHARES.items():
        rows = []
        for peer in contestants:
            progress(f"survivors {share}, {peer.name}")
            rows.append(row("glibc + malloc_trim" if peer.name == "glibc" else peer.name,
                            measure(peer, program, every, options.scale)))
        progress("")
        print(f"\nSurvivors {share}, in MB")
        print_table(["", "peak", "live", "base", "floor", *(f"RSS at {seconds} s" for seconds in MOMENTS_SECONDS),
                     "RSS - floor", "RSS - base - floor"], rows)
    print(f"\n  targets, for respire: RSS at {MOMENTS_SECONDS[0]} s <= floor + {TARGET_BYTES // MB} MB; and its floor"
          "\n  no higher than stock's, for a higher one means that what was allocated together did not stay together")
