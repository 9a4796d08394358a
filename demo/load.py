"""The burst: wrk with load.lua, a fixed number of requests to one worker."""

import dataclasses
import json
import pathlib
import subprocess

from lifetime import DemoError, has_exited

HERE = pathlib.Path(__file__).resolve().parent
CONNECTIONS = 250
CAP_SECONDS = 45


@dataclasses.dataclass
class Load:
    """What wrk says about a burst."""
    requests: int
    seconds: float
    failed: int
    p50_ms: float
    p99_ms: float

    def requests_per_second(self):
        return self.requests / self.seconds


def run_burst(life, worker, requests, tick):
    """Sends so many requests, or as many as CAP_SECONDS allow; calls tick() again and again meanwhile."""
    wrk = life.start(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{CAP_SECONDS}s", "--timeout", f"{2 * CAP_SECONDS}s",
         "-s", str(HERE / "load.lua"), f"http://127.0.0.1:{worker.port}/report", "--", str(requests)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while not has_exited(wrk):
        tick()
    output = wrk.communicate()[0]
    for line in output.splitlines():
        if line.startswith("result "):
            load = Load(**json.loads(line.removeprefix("result ")))
            break
    else:
        raise DemoError(f"wrk gave no result; it said:\n{output}")
    if load.failed:
        raise DemoError(f"{load.failed} of {load.requests} requests to the {worker.name} worker failed, so the two "
                        f"did not do the same work; the worker's log says:\n{worker.log() or '(nothing)'}")
    return load
