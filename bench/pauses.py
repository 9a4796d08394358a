"""How long one call of the allocator takes, while the background gives memory back.

The program has bursts and calm in turns (scenarios/calm_and_bursts.lua); each call of lua_Alloc is timed from inside the process
(host/call_times.h), so a call has all in it that the program would notice, and the clock's own 20 to 30 ns.
"""
import bisect

import peers
from figures import print_table
from program import HERE, BenchError, compile_program, progress, run_program

TITLE = "Time of each call of the allocator"
PEERS = ("stock", "jemalloc", "mimalloc", "respire")
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "p99.99": 0.9999}
BOUNDS_NS = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
TARGET_NS = 100_000


def span(nanoseconds):
    """With the unit that suits it."""
    for unit, size in (("ms", 1_000_000), ("us", 1_000)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"


def percentile(histogram, share):
    """The lowest value of the bucket in which that share of all calls is reached."""
    wanted, seen = share * sum(calls for _, calls in histogram), 0
    for lowest, calls in histogram:
        seen += calls
        if seen >= wanted:
            return lowest
    raise AssertionError("the shares of a histogram sum to one")


def show_percentiles(measured):
    rows = []
    for name, answer in measured.items():
        times = answer["call_times"]
        histogram = times["histogram"]
        rows.append([name, f"{sum(calls for _, calls in histogram):,}",
                     *(span(percentile(histogram, share)) for share in SHARES.values()), span(times["worst"][0]["nanoseconds"]),
                     str(times["preempted_calls"]), span(times["worst_preempted"]["nanoseconds"]),
                     f"{int(answer['result']) / 1e6:.0f} MB"])
    print()
    print_table(["", "calls", *SHARES, "slowest", "preempted", "slowest", "given back"], rows)


def show_histogram(measured):
    columns = []
    for answer in measured.values():
        counts = [0] * (len(BOUNDS_NS) + 1)
        for lowest, calls in answer["call_times"]["histogram"]:
            counts[bisect.bisect_right(BOUNDS_NS, lowest)] += calls
        columns.append([f"{count:,}" if count else "" for count in counts])
    labels = [f"below {span(bound)}" for bound in BOUNDS_NS] + [f"{span(BOUNDS_NS[-1])} and more"]
    print("\nCalls by time")
    print_table(["", *measured], zip(labels, *columns))


def kind_of(call):
    old, new = call["old_bytes"], call["new_bytes"]
    if new == 0:
        return f"free {old:,}"
    return f"new {new:,}" if old == 0 else f"resize {old:,} to {new:,}"


def cause_of(call):
    """What the thread's counters tell; they cover the call and at most 64 calls before it."""
    causes = [f"{call[counter]} {words}" for counter, words in
              (("waits", "waits"), ("minor_faults", "minor faults"), ("major_faults", "major faults")) if call[counter]]
    return ", ".join(causes) or "no fault, no wait: its own work, an interrupt or the hypervisor"


def show_worst(name, answer):
    print(f"\nThe slowest calls under {name} in which no other thread took the processor")
    rows = [[span(call["nanoseconds"]), f"at {call['at_seconds']:.2f} s", kind_of(call), cause_of(call)]
            for call in answer["call_times"]["worst"]]
    print_table(["time", "when", "call", "what happened"], rows, left=(2, 3))


def run(options):
    program = compile_program(options.build)
    contestants = peers.choose([name for name in options.peers if name in PEERS], options.build, options.libraries)
    measured = {}
    for peer in contestants:
        progress(peer.name)
        measured[peer.name] = run_program(peer, program, ["--call-times", HERE / "scenarios/calm_and_bursts.lua", options.scale])
    progress("")
    for name in options.libraries:
        if name in measured and int(measured[name]["result"]) <= 0:
            raise BenchError(f"{name} gave nothing back while it was measured, so its pauses say nothing")
    show_percentiles(measured)
    show_histogram(measured)
    for name in options.libraries:
        if name in measured:
            show_worst(name, measured[name])
    print(f"\n  target: p99.9 <= {span(TARGET_NS)} beyond the allocation's own work"
          "\n  `given back` is by how much RSS fell in the calm after a burst, `preempted` the slow calls in which another thread"
          "\n  of any program took the processor")
