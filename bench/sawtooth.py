"""What giving memory back costs a program that needs it again: a sawtooth of 60 MB, against never giving back.

Both sides are respire, in turns: with its default decay, and with background=off. Each run is held against the other
of its round. `CPU` is the cost, and has the noise of this machine in it; `system` is the part of it that the kernel
spent, as a share of all CPU time: page faults and giving back are there, and it is far steadier.
"""
import statistics

import peers
from figures import print_table, quartiles
from program import HERE, compile_program, progress, run_program

TITLE = "Sawtooth"
PERIODS_MS = (300, 1000, 3000)
TARGET = 0.01


def percent(values):
    """Median and quartiles of shares."""
    low, high = quartiles(values)
    return f"{statistics.median(values):+.1%} ({low:+.1%} to {high:+.1%})"


def row(period_ms, name, pairs):
    """`pairs` are (giving back, keeping) of each round."""
    gains = [giving["minor_faults"] - keeping["minor_faults"] for giving, keeping in pairs]
    cpu = [giving["cpu_seconds"] / keeping["cpu_seconds"] - 1 for giving, keeping in pairs]
    system = [(giving["system_seconds"] - keeping["system_seconds"]) / keeping["cpu_seconds"] for giving, keeping in pairs]
    return [f"{period_ms / 1000} s", name, f"{statistics.median(keeping['cpu_seconds'] for _, keeping in pairs):.2f} s",
            percent(cpu), percent(system), f"{statistics.median(gains):,.0f}"]


def measure(name, path, period_ms, program, options):
    sides = [peers.respire(name, path), peers.respire(name, path, "background=off")]
    pairs = []
    for number in range(options.rounds):
        progress(f"teeth of {period_ms} ms, {name}, round {number + 1} of {options.rounds}")
        answers = {}
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            answers[side] = run_program(sides[side], program, [HERE / "scenarios/sawtooth.lua", options.scale], options.cpus,
                                        {"PERIOD_MS": str(period_ms)})
        pairs.append((answers[0], answers[1]))
    return row(period_ms, name, pairs)


def run(options):
    program = compile_program(options.build)
    rows = [measure(name, path, period_ms, program, options)
            for period_ms in PERIODS_MS for name, path in options.libraries.items()]
    progress("")
    print("\nGiving back against never giving back: median, quartiles")
    print_table(["a tooth", "", "CPU, keeping", "CPU", "system", "more faults"], rows)
    print(f"\n  target: CPU <= {TARGET:+.0%}")
