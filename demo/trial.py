"""One worker's part of the comparison: burst, one full collection, idle; and the numbers that come out of it."""

import dataclasses
import resource
import time

from load import Load, run_burst
from sampler import cpu_seconds, machine_busy_seconds

LEAD_SECONDS = 1
IDLE_SECONDS = 12
MOMENTS_SECONDS = (1, 3, 10)


@dataclasses.dataclass
class Trial:
    """Measured on one worker. Times are time.monotonic(), curve is that of the whole demo, and others_cpus is how
    many processors were busy during the burst with something other than this demo."""
    name: str
    pid: int
    began: float
    ended: float
    collected: float
    load: Load
    served: int
    gc_before_bytes: int
    gc_after_bytes: int
    cpu_seconds: float
    others_cpus: float
    curve: list

    def rss_before_bytes(self):
        return [rss for moment, rss in self.curve if moment <= self.began][-1]

    def rss_peak_bytes(self):
        return max(rss for moment, rss in self.curve if self.began <= moment <= self.collected)

    def rss_after_bytes(self, seconds):
        """RSS so many seconds after the collection that follows the burst: the first sample from then on."""
        return next(rss for moment, rss in self.curve if moment >= self.collected + seconds)

    def cpu_seconds_per_1000(self):
        return self.cpu_seconds * 1000 / self.served

    def numbers(self):
        """For result.json: plain names, bytes as integers."""
        return {
            "name": self.name,
            "pid": self.pid,
            "rss_before_bytes": self.rss_before_bytes(),
            "rss_peak_bytes": self.rss_peak_bytes(),
            "rss_after_bytes": {f"{seconds}_seconds": self.rss_after_bytes(seconds) for seconds in MOMENTS_SECONDS},
            "gc_count_burst_end_bytes": self.gc_before_bytes,
            "gc_count_collected_bytes": self.gc_after_bytes,
            "collection_seconds": self.collected - self.ended,
            "requests": self.load.requests,
            "burst_seconds": self.load.seconds,
            "requests_per_second": self.load.requests_per_second(),
            "latency_p50_ms": self.load.p50_ms,
            "latency_p99_ms": self.load.p99_ms,
            "cpu_seconds": self.cpu_seconds,
            "cpu_seconds_per_1000_requests": self.cpu_seconds_per_1000(),
            "cpus_busy_with_other_work": self.others_cpus,
        }


def run_trial(life, worker, requests, sampler, screen):
    """CPU time is counted from the first request to the end of the idle phase, so it has the collection and the
    work of giving memory back in it."""
    screen.phase = "waiting"
    sampler.until(time.monotonic() + LEAD_SECONDS)
    cpu_before = cpu_seconds(worker)
    others_before = others_busy_seconds(worker)
    began = time.monotonic()
    screen.phase = "burst"
    load = run_burst(life, worker, requests, sampler.tick)
    status = worker.get("/status", sampler.tick)
    while status["busy"]:
        status = worker.get("/status", sampler.tick)
    ended = time.monotonic()
    others_cpus = max(0.0, others_busy_seconds(worker) - others_before) / (ended - began)
    screen.phase = "collection"
    gc_after_bytes = worker.get("/collect", sampler.tick)["gc_count_bytes"]
    collected = time.monotonic()
    screen.phase = "idle"
    sampler.until(collected + IDLE_SECONDS)
    return Trial(worker.name, worker.pid, began, ended, collected, load, status["served"],
                 status["gc_count_bytes"], gc_after_bytes, cpu_seconds(worker) - cpu_before, others_cpus,
                 sampler.curves[worker.name])


def others_busy_seconds(worker):
    """CPU time that this machine spent so far on all but the worker, the demo itself and its ended children (wrk)."""
    ours = cpu_seconds(worker)
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        ours += usage.ru_utime + usage.ru_stime
    return machine_busy_seconds() - ours
