"""make demo: the same burst of requests on two nginx workers, stock and under respire, and what memory is left.

This file owns the course of the demo and its words. The two bursts run one after the other, so that neither takes
CPU from the other, and each is the same number of requests, so that both workers do the same work.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

import analysis
import picture
from lifetime import DemoError, Interrupted, Lifetime
from load import CAP_SECONDS, CONNECTIONS
from sampler import Sampler
from screen import Screen, mib
from trial import IDLE_SECONDS, MOMENTS_SECONDS, run_trial
from worker import Worker

REQUESTS = 1500
QUIET_CPUS = 0.2
MEMORY_NEEDED_BYTES = 1536 * 1024 * 1024


def main():
    parser = argparse.ArgumentParser(prog="demo.py", description="The same burst of requests on nginx, stock and "
                                     "under respire, side by side.")
    parser.add_argument("--build", default="build", metavar="FOLDER", help="where `make build` put respire")
    parser.add_argument("--requests", type=int, default=REQUESTS, metavar="N", help=f"default {REQUESTS}")
    options = parser.parse_args()
    if options.requests < CONNECTIONS:
        parser.error(f"--requests must be at least {CONNECTIONS}, the number of connections")
    screen = Screen()
    try:
        with Lifetime() as life:
            run(life, screen, pathlib.Path(options.build), options.requests)
        return 0
    except DemoError as error:
        screen.end_live()
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except Interrupted as signal:
        screen.end_live()
        print(f"demo: ended by {signal}; everything it started is stopped", file=sys.stderr)
        return 128 + signal.number
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())   # or Python complains once more at its end
        return 1


def run(life, screen, build, requests):
    check_machine(build)
    respire = str(build / "respire")
    stock = Worker(life, "stock", [])
    breathing = Worker(life, "respire", [os.path.abspath(respire), "run", "--"])
    workers = [stock, breathing]
    for worker in workers:
        worker.start()
    status = stock.get("/status")
    introduce(screen, respire, workers, requests, status)

    sampler = Sampler(workers, screen.show)
    trials = []
    for worker in workers:
        screen.heading(f"Burst on the {worker.name} worker, then {IDLE_SECONDS} s of nothing")
        screen.live()
        trials.append(run_trial(life, worker, requests, sampler, screen))
        screen.end_live()
        requests = trials[0].load.requests   # fewer than asked for when a slow machine met the cap

    folder = build / "demo"
    folder.mkdir(exist_ok=True)
    screen.heading("Measured")
    show_numbers(screen, trials)
    screen.say(f"\n  Picture of both curves: {picture.draw(folder, trials)}")

    for command in ("mem", "lua"):
        for worker in workers:
            analysis.show(life, screen, respire, worker, command)
    splits = [analysis.split(life, respire, worker) for worker in workers]
    screen.heading("What LuaJIT holds, has in use, and could give back now (respire lua)")
    show_splits(screen, splits)

    write_result(folder / "result.json", status["luajit"], trials, splits)
    screen.heading("Verdict")
    for line in verdict(*trials):
        screen.say(f"  {line}")
    screen.say(f"\n  All numbers: {folder / 'result.json'}")


def check_machine(build):
    for tool in ("/usr/sbin/nginx", "wrk", "gnuplot", "setpriv"):
        if not shutil.which(tool):
            raise DemoError(f"{tool} is not installed; `make setup` installs what the demo needs")
    for file in ("respire", "librespire.so"):
        if not (build / file).exists():
            raise DemoError(f"{build / file} is not there; `make build` makes it")
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        available = next(int(line.split()[1]) * 1024 for line in meminfo if line.startswith("MemAvailable:"))
    if available < MEMORY_NEEDED_BYTES:
        raise DemoError(f"the two workers need up to {mib(MEMORY_NEEDED_BYTES)}; "
                        f"this machine has {mib(available)} left")


def introduce(screen, respire, workers, requests, status):
    screen.say(f"""\
Two nginx, one worker each, with the same Lua application ({status["luajit"]}):

  stock    pid {workers[0].pid:<8} started by  nginx
  respire  pid {workers[1].pid:<8} started by  {respire} run -- nginx

Each gets the same {requests} requests over {CONNECTIONS} connections, one worker after the other. A request
builds {status["rows"]} records, waits {status["wait_seconds"]} s for a backend while holding them, writes them out as
JSON, and leaves one record in a cache. After its burst each worker is asked for full collections,
collectgarbage(), until its count no longer falls, because LuaJIT collects only while it allocates; then
it has nothing to do.""")


def show_numbers(screen, trials):
    def row(label, show):
        return [label] + [show(trial) for trial in trials]

    rows = [
        row("RSS before the burst", lambda trial: mib(trial.rss_before_bytes())),
        row("RSS while busy, peak", lambda trial: mib(trial.rss_peak_bytes())),
    ]
    for seconds in MOMENTS_SECONDS:
        rows.append(row(f"RSS {seconds} s after burst and collection",
                        lambda trial, seconds=seconds: mib(trial.rss_after_bytes(seconds))))
    rows += [
        row("GC count at the burst's end", lambda trial: mib(trial.gc_before_bytes)),
        row("GC count after the collection", lambda trial: mib(trial.gc_after_bytes)),
        row("requests answered", lambda trial: f"{trial.load.requests}"),
        row("requests per second", lambda trial: f"{trial.load.requests_per_second():.0f}"),
        row("latency, median", lambda trial: f"{trial.load.p50_ms:.0f} ms"),
        row("latency, 99th percentile", lambda trial: f"{trial.load.p99_ms:.0f} ms"),
        row("CPU time per 1000 requests", lambda trial: f"{trial.cpu_seconds_per_1000():.2f} s"),
        row("CPUs busy with other work", lambda trial: f"{trial.others_cpus:.1f}"),
    ]
    screen.table([""] + [trial.name for trial in trials], rows)
    screen.say(f"""
  RSS is VmRSS of /proc/PID/status; GC count is what the worker's own collectgarbage("count") says.
  CPU time is the worker's, in burst, collection and {IDLE_SECONDS} s of idling together. Speed and latency are of
  one run each: a few percent are noise, and more where the CPUs were busy with other work.""")
    if trials[0].load.seconds >= CAP_SECONDS:
        screen.say(f"  The bursts were cut off after {CAP_SECONDS} s: this machine is slow.")


def show_splits(screen, splits):
    labels = {
        "held_bytes": "held (taken from the system)",
        "live_bytes": "live (objects)",
        "free_bytes": "free (held, but holding nothing)",
        "free_resident_bytes": "  of it resident",
        "reclaimable_bytes": "  of it whole pages, reclaimable",
    }
    screen.table(["", "stock", "respire"],
                 [[label] + [mib(split[key]) for split in splits] for key, label in labels.items()])


def verdict(stock, respire):
    """Two lines, from measured numbers alone, whichever way they point."""
    before, after = stock.rss_after_bytes(3), respire.rss_after_bytes(3)
    sizes = f"3 s after burst and collection the stock worker keeps {mib(before)}, the respire worker {mib(after)}"
    if after < before:
        memory = f"{sizes}: {before / after:.1f} times less."
    else:
        memory = f"{sizes}: respire is not better here."
    change = respire.cpu_seconds_per_1000() / stock.cpu_seconds_per_1000() - 1
    direction = "more" if change > 0 else "less"
    speed = (f"1000 requests took {respire.cpu_seconds_per_1000():.2f} s of CPU time under respire, "
             f"{stock.cpu_seconds_per_1000():.2f} s in stock: {abs(change) * 100:.0f} % {direction}")
    if max(stock.others_cpus, respire.others_cpus) > QUIET_CPUS:
        speed += " (other work disturbed both)"
    return memory, speed + "."


def write_result(path, luajit, trials, splits):
    nginx = subprocess.run(["/usr/sbin/nginx", "-v"], capture_output=True, text=True, check=True).stderr
    result = {
        "schema": "respire.demo/1",
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "nginx": nginx.partition("nginx/")[2].strip(),
        "luajit": luajit,
        "connections": CONNECTIONS,
        "workers": [trial.numbers() | {"lua": split} for trial, split in zip(trials, splits)],
    }
    path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
