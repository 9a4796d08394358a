"""What the user sees: headings, the live line with both workers side by side, and tables."""

import os
import shutil
import sys
import time

MIB = 1024 * 1024
PLAIN_PERIOD_SECONDS = 2
FIRST_SCALE_BYTES = 256 * MIB
LIVE_TEXT_COLUMNS = 66
LARGEST_BAR_COLUMNS = 32


class Screen:
    """`phase` is the word at the end of the live line; live() and end_live() enclose the time it is shown."""

    def __init__(self, stream=sys.stdout):
        self.phase = ""
        self._stream = stream
        self._terminal = stream.isatty()
        self._colour = self._terminal and not os.environ.get("NO_COLOR")
        self._block = "█" if "utf" in (stream.encoding or "").lower() else "#"
        self._scale_bytes = FIRST_SCALE_BYTES
        self._live_since = None
        self._plain_due = 0.0

    def say(self, text=""):
        print(text, file=self._stream, flush=True)

    def heading(self, text):
        self.say(f"\n\033[1m{text}\033[0m" if self._colour else f"\n{text}")

    def live(self):
        self._live_since = time.monotonic()
        self._plain_due = 0.0

    def end_live(self):
        if self._live_since is not None and self._terminal:
            self.say()
        self._live_since = None

    def show(self, latest):
        """One sample, {worker name: RSS in bytes}."""
        if self._live_since is None:
            return
        seconds = time.monotonic() - self._live_since
        if not self._terminal and seconds < self._plain_due:
            return
        self._plain_due = seconds + PLAIN_PERIOD_SECONDS
        self._scale_bytes = max(self._scale_bytes, *latest.values())
        columns = shutil.get_terminal_size().columns if self._terminal else 100
        bar_columns = min(LARGEST_BAR_COLUMNS, max(0, (columns - LIVE_TEXT_COLUMNS) // 2))
        parts = [f"{seconds:6.1f} s"]
        for name, rss in latest.items():
            bar = self._block * round(rss * bar_columns / self._scale_bytes)
            parts.append(f"{name} {rss / MIB:6.1f} MiB {bar:<{bar_columns}}")
        line = (" | ".join(parts) + f" | {self.phase}")[:columns - 1]
        if self._terminal:
            print(f"\r\033[K{line}", end="", file=self._stream, flush=True)
        else:
            self.say(line.rstrip())

    def table(self, head, rows):
        """First column to the left, the others to the right, as wide as their longest cell."""
        lines = [head] + rows
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        for line in lines:
            cells = [f"{line[0]:<{widths[0]}}"]
            cells += [f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:])]
            self.say("  " + "   ".join(cells).rstrip())


def mib(size_bytes):
    return f"{size_bytes / MIB:.1f} MiB"
