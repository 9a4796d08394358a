"""make soak: its verdict on curves that are known, and a minute of it on a real nginx."""
import pathlib
import re
import subprocess
import sys

import pytest

SOAK = pathlib.Path(__file__).resolve().parents[1] / "soak"
sys.path.insert(0, str(SOAK))

from verdict import MIB, Rest, judge  # noqa: E402  (found through the line above)

SECONDS, PERIOD, REQUESTS = 56, 7, 40


def rests(floors_mib):
    return [Rest(20.0 * number, round(floor * MIB), MIB) for number, floor in enumerate(floors_mib)]


@pytest.mark.parametrize("floors_mib, failed, good", [
    ([20, 15] + [16, 15.5] * 40, 0, True),
    ([8, 16] + [16] * 80, 0, True),
    ([16 + 0.02 * number for number in range(80)], 0, False),
    ([60 + 0.02 * number for number in range(80)], 0, True),
    ([16] * 40 + [18] * 40, 0, False),
    ([16] * 80, 1, False),
    ([16] * 3, 0, False),
], ids=["noise", "warming up", "leak", "within 5 %", "step", "failed request", "too short"])
def test_verdict(floors_mib, failed, good):
    """Noise and warming up are no growth; a slow leak, a step and a failed request are told apart from them."""
    assert judge(rests(floors_mib), failed).good == good


@pytest.mark.preload
@pytest.mark.seconds(120)
def test_short_soak(build, tmp_path):
    """Bursts and rests on a real worker: all requests are answered, and a verdict and a curve come out."""
    done = subprocess.run([sys.executable, "-B", str(SOAK / "soak.py"), "--build", str(build), "--output", str(tmp_path),
                           "--seconds", str(SECONDS), "--period", str(PERIOD), "--requests", str(REQUESTS), "--collect",
                           "--picture", str(tmp_path / "copy.svg")], capture_output=True, text=True, timeout=100, check=False)
    # A minute is too short for the application's cache to be full, so either verdict will do.
    assert re.search(r"floor \d+\.\d MiB in the first quarter, \d+\.\d MiB in the last", done.stdout), done
    assert done.returncode == (0 if "The floor is flat" in done.stdout else 1)
    assert f"{SECONDS // PERIOD * REQUESTS} requests, 0 failed" in done.stdout
    assert len((tmp_path / "samples.csv").read_text().splitlines()) > SECONDS / 2
    assert (tmp_path / "copy.svg").read_text() == (tmp_path / "soak.svg").read_text()
