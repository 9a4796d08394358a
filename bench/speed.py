"""CPU time, time on the clock and peak memory of the workloads, under every peer in turns.

A round runs a workload once under each peer, one after the other, and each run is held against the stock run of its own
round, so what disturbs the machine for a while disturbs both sides of a ratio. The order turns from round to round.
What is printed is the median over the rounds, with the quartiles beside; and for each group of workloads the geometric
mean of the medians, and of the ratios of best run to best run, which other programs on the machine distort least.
"""
import json
import statistics

import peers
from figures import geometric_mean, median_and_spread, print_table
from program import HERE, BenchError, compile_program, folder, progress, run_program

TITLE = "Speed"
MIB = 1 << 20
GROUPS = ("allocation", "classic")
ARGUMENTS = {"many_states": lambda scale: ["--states", max(1, round(3000 * scale))]}
CPU_TARGET = 0.78
PEAK_TARGET = 1.05


class Workload:
    """One Lua file and what its runs said: `runs[peer]` is a list with one answer a round."""

    def __init__(self, path):
        self.path, self.name, self.group = path, path.stem, path.parent.name
        self.runs = {}

    def run(self, peer, program, options):
        arguments = [*ARGUMENTS.get(self.name, lambda _: [])(options.scale), self.path, options.scale]
        return run_program(peer, program, arguments, options.cpus)

    def round(self, number, contestants, program, options):
        turn = number % len(contestants)
        results = {}
        for peer in contestants[turn:] + contestants[:turn]:
            answer = self.run(peer, program, options)
            self.runs.setdefault(peer.name, []).append(answer)
            results[peer.name] = answer["result"]
        if len(set(results.values())) != 1:
            raise BenchError(f"{self.name} came to different results: {results}")

    def ratios(self, peer, figure):
        """Of each round: the peer's figure to stock's of that round."""
        return [run[figure] / stock[figure] for run, stock in zip(self.runs[peer.name], self.runs[peers.STOCK])]

    def median(self, peer, figure):
        return statistics.median(self.ratios(peer, figure))

    def best(self, peer, figure):
        """The peer's best run to stock's best: what a disturbed machine distorts least."""
        best, stock = (min(run[figure] for run in self.runs[name]) for name in (peer.name, peers.STOCK))
        return best / stock


def workloads(only):
    found = [Workload(path) for group in GROUPS for path in sorted((HERE / "workloads" / group).glob("*.lua"))]
    names = [workload.name for workload in found]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise BenchError(f"no workload named '{unknown[0]}' ({', '.join(names)})")
    return [workload for workload in found if not only or workload.name in only]


def show(title, figure, chosen, contestants, unit):
    """One table of ratios; `unit` shows stock's own figure."""
    others = contestants[1:]
    rows = [[workload.name, unit(statistics.median(run[figure] for run in workload.runs[peers.STOCK]))]
            + [median_and_spread(workload.ratios(peer, figure)) for peer in others] for workload in chosen]
    means = []
    for group in GROUPS:
        members = [workload for workload in chosen if workload.group == group]
        for words, ratio in (("mean of", Workload.median), ("best runs of", Workload.best)) if members else ():
            means.append([f"{words} {group}", ""] + [f"{geometric_mean([ratio(member, peer, figure) for member in members]):.3f}"
                                                     for peer in others])
    print(f"\n{title}, as a share of stock's: median, quartiles")
    print_table(["", peers.STOCK] + [peer.name for peer in others], rows, means)


def save(build, chosen):
    path = folder(build) / "speed.json"
    path.write_text(json.dumps({"schema": "respire.bench.speed/1", "workloads": [
        {"name": workload.name, "group": workload.group, "runs": workload.runs} for workload in chosen]}, indent=1) + "\n")
    print(f"\n  All runs: {path}")


def run(options):
    program = compile_program(options.build)
    contestants = peers.choose(options.peers, options.build, options.libraries)
    chosen = workloads(options.only)
    for workload in chosen:
        for number in range(options.rounds):
            progress(f"{workload.name}, round {number + 1} of {options.rounds}")
            workload.round(number, contestants, program, options)
    progress("")
    show("CPU time", "cpu_seconds", chosen, contestants, lambda seconds: f"{seconds:.2f} s")
    show("Time on the clock", "wall_seconds", chosen, contestants, lambda seconds: f"{seconds:.2f} s")
    show("Peak RSS", "peak_bytes", chosen, contestants, lambda count: f"{count / MIB:.0f} MiB")
    print(f"\n  targets: mean CPU of the allocation workloads <= {CPU_TARGET} and below every peer's; no workload above 1.00"
          f" beyond noise\n           (the noise is what `again` shows); no peak above {PEAK_TARGET}")
    save(options.build, chosen)
