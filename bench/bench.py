"""make bench: what the runtime and the analyzer cost and bring, measured on this machine against named peers.

Nothing is asserted: figures are for reading, and each part ends with the targets that they are held against.
"""
import argparse
import importlib
import os
import pathlib
import platform
import sys

import peers
from program import BenchError

PARTS = {
    "speed": "CPU, wall and peak memory of workloads, under respire and every peer",
    "memory": "RSS of an idle program after a burst, beside the pages that hold something live",
    "pauses": "how long each call of the allocator takes while memory goes back",
    "sawtooth": "what giving back costs a program whose memory grows and shrinks all the time",
    "nginx": "CPU of a request, latency and RSS of a worker under load from wrk",
    "analyzer": "what a look at a process costs, and how much it explains",
}
ROUNDS, ROUNDS_QUICK = 5, 3
PEERS_QUICK = ["stock", "respire"]


def named_path(text):
    name, equals, path = text.rpartition("=")
    return (name if equals else "respire", path)


def arguments():
    parser = argparse.ArgumentParser(prog="bench.py", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description=__doc__.splitlines()[0], epilog="parts:\n" + "\n".join(
                                         f"  {name:<10} {text}" for name, text in PARTS.items()))
    parser.add_argument("parts", nargs="*", metavar="PART", help="what to measure (default: all parts)")
    parser.add_argument("--build", default="build", type=pathlib.Path, metavar="FOLDER", help="where `make build` put respire")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"runs of each kind (default {ROUNDS})")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], metavar="NAMES", help="these workloads alone")
    parser.add_argument("--peers", type=lambda text: text.split(","), metavar="NAMES",
                        help=f"these peers alone, of {','.join(peers.NAMES)}")
    parser.add_argument("--library", type=named_path, action="append", default=[], metavar="[NAME=]PATH",
                        help="measure this librespire.so instead of the build's; may be given more than once")
    parser.add_argument("--scale", type=float, default=1, metavar="FACTOR", help="size of the workloads (default 1)")
    parser.add_argument("--cpus", type=lambda text: {int(cpu) for cpu in text.split(",")}, metavar="LIST",
                        help="run measured programs on these processors alone")
    parser.add_argument("--quick", action="store_true",
                        help=f"{ROUNDS_QUICK} rounds of {' and '.join(PEERS_QUICK)}, for a first look")
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part named '{unknown[0]}' ({', '.join(PARTS)})")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if options.scale <= 0:
        parser.error("--scale must be more than 0")
    return options


def complete(options):
    """Defaults that depend on other options."""
    options.build = options.build.resolve()
    options.parts = options.parts or list(PARTS)
    options.rounds = options.rounds or (ROUNDS_QUICK if options.quick else ROUNDS)
    options.peers = options.peers or (PEERS_QUICK if options.quick else peers.NAMES)
    options.libraries = dict(options.library) or {"respire": options.build / "librespire.so"}
    return options


def main():
    options = complete(arguments())
    print(f"kernel {platform.release()}, {os.cpu_count()} processors, {options.rounds} rounds")
    try:
        for part in options.parts:
            module = importlib.import_module(part)
            print(f"\n== {module.TITLE}")
            module.run(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
