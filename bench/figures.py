"""Medians, spreads and tables: how the bench turns many runs into a few figures."""
import math
import statistics


def quartiles(values):
    """Lower and upper quartile; of fewer than three values the smallest and the largest."""
    if len(values) < 3:
        return min(values), max(values)
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def median_and_spread(values):
    """For a table: 0.78 .76-.81."""
    low, high = quartiles(values)
    return f"{statistics.median(values):.2f} {short(low)}-{short(high)}"


def short(ratio):
    """A ratio without its leading zero."""
    return f"{ratio:.2f}".removeprefix("0")


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def print_table(header, rows, footers=(), left=()):
    """Columns stand to the right, but the first and those numbered in `left`. Footers are rows below a line."""
    rows, footers = [list(row) for row in rows], [list(row) for row in footers]
    everything = [header, *rows, *footers]
    widths = [max(len(row[column]) for row in everything) for column in range(len(header))]

    def line(cells):
        placed = (cell.ljust(width) if column == 0 or column in left else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(cells, widths)))
        return ("  " + "  ".join(placed)).rstrip()

    print(line(header))
    for row in rows:
        print(line(row))
    if footers:
        print("  " + "-" * (sum(widths) + 2 * len(widths) - 2))
    for row in footers:
        print(line(row))
