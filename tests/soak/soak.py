#!/usr/bin/python3
"""A soak: nginx under the runtime for half an hour of bursts and rests, and whether the floor of its memory stays flat.

    tests/soak/soak.py [--build DIR] [--output DIR] [--seconds N] [--period N] [--requests N] [--collect] [--picture FILE]

The application is the demo's. Each period begins with a burst of requests, the rest of it is quiet; the worker's RSS, and what
the analyzer says its Lua holds and has live, are sampled each second. The exit status is 0 when no request failed and the floor
is flat (verdict.py says what that is). The output, by default in soak/ of the build, is samples.csv, rests.csv and soak.svg.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "demo"
sys.path.insert(0, str(DEMO))

from lifetime import DemoError, Interrupted, Lifetime, has_exited  # noqa: E402  (found through the line above)
from sampler import cpu_seconds, rss_bytes  # noqa: E402
from verdict import MIB, Rest, judge  # noqa: E402
from worker import Worker  # noqa: E402

CONNECTIONS = 48
SAMPLE_SECONDS = 1.0
LOOK_SECONDS = 30
# After a burst its pages need a moment to go back; the floor is looked for in the rest behind that.
SETTLE_SECONDS = 3.0


@dataclasses.dataclass
class Sample:
    seconds: float
    rss_bytes: int
    held_bytes: int
    live_bytes: int


class Soak:
    """One worker under bursts and rests, and all that was seen of it."""

    def __init__(self, life, build, options):
        self._life, self._options = life, options
        self._respire = os.path.abspath(build / "respire")
        self.worker = Worker(life, "respire", [self._respire, "run", "--"])
        self.worker.start()
        self.began = time.monotonic()
        self.samples, self.rests, self.requests, self.failed, self.left_out = [], [], 0, 0, 0
        self._due = self.began

    def run(self):
        periods = max(1, round(self._options.seconds / self._options.period))
        for number in range(periods):
            self._burst()
            rested_from = self._now()
            if self._options.collect:
                self.worker.get("/collect")
            end = self.began + (number + 1) * self._options.period
            while time.monotonic() < end:
                self._sample()
            self._rest_ends(number + 1, periods, rested_from)

    def _now(self):
        return time.monotonic() - self.began

    def _burst(self):
        wrk = self._life.start(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{self._options.period}s", "--timeout", f"{self._options.period}s", "-s",
             str(DEMO / "load.lua"), f"http://127.0.0.1:{self.worker.port}/report", "--", str(self._options.requests)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        while not has_exited(wrk):
            self._sample()
        output = wrk.communicate()[0]
        result = next((line for line in output.splitlines() if line.startswith("result ")), None)
        if result is None:
            raise DemoError(f"wrk gave no result; it said:\n{output}")
        load = json.loads(result.removeprefix("result "))
        self.requests += load["requests"]
        self.failed += load["failed"]

    def _sample(self):
        """Waits until the next sample is due and takes it. A look that fails leaves one out."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = max(self._due + SAMPLE_SECONDS, time.monotonic())
        now, resident_bytes = self._now(), rss_bytes(self.worker)
        look = subprocess.run([self._respire, "lua", "--json", str(self.worker.pid)], capture_output=True, text=True,
                              timeout=LOOK_SECONDS, check=False)
        if look.returncode != 0:
            self.left_out += 1
            return
        (state,) = json.loads(look.stdout)["states"]
        allocator = state["allocator"]
        if allocator["kind"] != "respire":
            raise DemoError(f"the worker's Lua is not on a respire heap but on the {allocator['kind']} allocator")
        self.samples.append(Sample(now, resident_bytes, allocator["held_bytes"], allocator["live_bytes"]))

    def _rest_ends(self, number, periods, rested_from):
        resting = [sample for sample in self.samples if sample.seconds >= rested_from + SETTLE_SECONDS]
        if not resting:
            print(f"{self._now():6.0f} s  period {number:3} of {periods}: the burst left no time to rest", flush=True)
            return
        lowest = min(resting, key=lambda sample: sample.rss_bytes)
        peak_bytes = max(sample.rss_bytes for sample in self.samples if sample.seconds > (number - 1) * self._options.period)
        self.rests.append(Rest(lowest.seconds, lowest.rss_bytes, lowest.live_bytes))
        print(f"{self._now():6.0f} s  period {number:3} of {periods}: peak {peak_bytes / MIB:6.1f} MiB, "
              f"floor {lowest.rss_bytes / MIB:5.1f} MiB, live {lowest.live_bytes / MIB:5.1f} MiB, "
              f"{self.requests} requests, {self.failed} failed", flush=True)


def write_samples(folder, soak):
    with (folder / "samples.csv").open("w", encoding="ascii") as file:
        file.write("seconds,rss_bytes,held_bytes,live_bytes\n")
        for sample in soak.samples:
            file.write(f"{sample.seconds:.2f},{sample.rss_bytes},{sample.held_bytes},{sample.live_bytes}\n")
    with (folder / "rests.csv").open("w", encoding="ascii") as file:
        file.write("seconds,rss_bytes,live_bytes\n")
        for rest in soak.rests:
            file.write(f"{rest.seconds:.2f},{rest.rss_bytes},{rest.live_bytes}\n")


def draw(folder, soak, judgement):
    values = {"minutes": soak.rests[-1].seconds / 60, "requests": soak.requests,
              "first_mib": judgement.first_bytes / MIB, "last_mib": judgement.last_bytes / MIB}
    settings = "; ".join(f"{name} = {value}" for name, value in values.items())
    drawn = subprocess.run(["gnuplot", "-e", settings, str(HERE / "soak.gnuplot")], cwd=folder, capture_output=True, text=True,
                           check=False)
    if drawn.returncode != 0:
        raise DemoError(f"gnuplot could not draw the curve; it said:\n{drawn.stderr.strip()}")
    return folder / "soak.svg"


def run(life, options):
    soak = Soak(life, pathlib.Path(options.build), options)
    soak.run()
    if not soak.rests:
        raise DemoError("no burst left time to rest; choose fewer requests or a longer period")
    busy_cpus = cpu_seconds(soak.worker) / (time.monotonic() - soak.began)
    judgement = judge(soak.rests, soak.failed)
    folder = pathlib.Path(options.output or f"{options.build}/soak")
    folder.mkdir(exist_ok=True)
    write_samples(folder, soak)
    drawing = draw(folder, soak, judgement)
    if options.picture:
        shutil.copy(drawing, options.picture)
    print(f"\n{soak.requests} requests, {soak.failed} failed; the worker used {busy_cpus:.2f} of a processor; "
          f"{len(soak.samples)} samples, {soak.left_out} looks failed")
    print(judgement.sentence)
    print(f"Samples and curve: {folder}")
    return 0 if judgement.good else 1


def main():
    parser = argparse.ArgumentParser(prog="soak.py", description="nginx under the runtime, bursts and rests: is the floor flat?")
    parser.add_argument("--build", default="build", metavar="DIR", help="where `make build` put respire")
    parser.add_argument("--output", metavar="DIR", help="where samples and curve go (soak/ of the build)")
    parser.add_argument("--seconds", type=int, default=1800, metavar="N", help="how long in all (1800)")
    parser.add_argument("--period", type=int, default=20, metavar="N", help="from one burst to the next, in seconds (20)")
    parser.add_argument("--requests", type=int, default=900, metavar="N", help="in each burst (900)")
    parser.add_argument("--collect", action="store_true", help="ask for a full collection after each burst")
    parser.add_argument("--picture", metavar="FILE", help="also put the curve there")
    try:
        with Lifetime() as life:
            return run(life, parser.parse_args())
    except DemoError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1
    except Interrupted as signal:
        print(f"soak: ended by {signal}; everything it started is stopped", file=sys.stderr)
        return 128 + signal.number


if __name__ == "__main__":
    sys.exit(main())
