"""When a floor is flat.

The floor of a rest is the lowest RSS in it. Of all rests but the first tenth, and at least three, which warm up until the
application's cache is full, the first quarter's middle floor is held against the last quarter's: it may have grown by 1 MiB or by
5 %, whichever is more. A leak of a page a request is far more.
"""
import dataclasses
import statistics

MIB = 2**20
WARM_UP_SHARE, WARM_UP_RESTS_MIN = 0.1, 3
RESTS_MIN = 6
GROWTH_BYTES, GROWTH_SHARE = MIB, 0.05


@dataclasses.dataclass
class Rest:
    """The lowest moment between two bursts."""

    seconds: float
    rss_bytes: int
    live_bytes: int


@dataclasses.dataclass
class Judgement:
    good: bool
    sentence: str
    first_bytes: float
    last_bytes: float


def judge(rests, failed_requests):
    """Both quarters' floors, and one sentence."""
    warm = rests[max(WARM_UP_RESTS_MIN, round(len(rests) * WARM_UP_SHARE)):]
    if len(rests) < RESTS_MIN:
        return Judgement(False, f"{len(rests)} rests are too few for a verdict: {RESTS_MIN} are needed", 0, 0)
    quarter = max(1, len(warm) // 4)
    first_bytes = statistics.median(rest.rss_bytes for rest in warm[:quarter])
    last_bytes = statistics.median(rest.rss_bytes for rest in warm[-quarter:])
    growth_bytes = last_bytes - first_bytes
    flat = growth_bytes <= max(GROWTH_BYTES, GROWTH_SHARE * first_bytes)
    floors = f"floor {first_bytes / MIB:.1f} MiB in the first quarter, {last_bytes / MIB:.1f} MiB in the last"
    if failed_requests:
        return Judgement(False, f"FAILED: {failed_requests} requests failed; {floors}", first_bytes, last_bytes)
    if not flat:
        return Judgement(False, f"FAILED: the floor is not flat: {floors}", first_bytes, last_bytes)
    return Judgement(True, f"The floor is flat: {floors}.", first_bytes, last_bytes)
