"""The picture of both RSS curves: rss.svg, drawn by gnuplot from rss-NAME.dat beside it."""

import pathlib
import subprocess

from lifetime import DemoError
from screen import MIB
from trial import IDLE_SECONDS, LEAD_SECONDS

HERE = pathlib.Path(__file__).resolve().parent


def draw(folder, trials):
    """Both curves on one clock, 0 being the end of each worker's own collection. Returns the picture's path."""
    longest_seconds = max(trial.collected - trial.began for trial in trials)
    values = {
        "busy_seconds": longest_seconds,
        "first": -longest_seconds - LEAD_SECONDS,
        "last": IDLE_SECONDS,
        "requests": trials[0].load.requests,
    }
    for trial in trials:
        write_curve(folder / f"rss-{trial.name}.dat", trial, values["first"])
        values[f"{trial.name}_mib"] = trial.rss_after_bytes(10) / MIB
        values[f"{trial.name}_gc_mib"] = trial.gc_after_bytes / MIB
    settings = "; ".join(f"{name} = {value}" for name, value in values.items())
    drawn = subprocess.run(["gnuplot", "-e", settings, str(HERE / "curve.gnuplot")],
                           cwd=folder, capture_output=True, text=True, check=False, start_new_session=True)
    if drawn.returncode != 0:
        raise DemoError(f"gnuplot could not draw the picture; it said:\n{drawn.stderr.strip()}")
    return folder / "rss.svg"


def write_curve(path, trial, first_seconds):
    with path.open("w") as data:
        data.write("# seconds after the collection, RSS in MiB\n")
        for moment, rss in trial.curve:
            seconds = moment - trial.collected
            if first_seconds <= seconds <= IDLE_SECONDS:
                data.write(f"{seconds:.3f} {rss / MIB:.3f}\n")
