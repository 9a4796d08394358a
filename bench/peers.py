"""Whom the runtime is measured against: each peer is one way to start the same program.

    stock       LuaJIT's own allocator, as Debian ships it
    again       the same once more: what it differs from stock is the noise of the measurement
    sid         LuaJIT of Debian sid under its own C library, with the fix of 2024 by which free segments are unmapped.
                It is another LuaJIT besides, so its ratio mixes both
    glibc, jemalloc, mimalloc, tcmalloc
                a lua_Alloc upon that library's realloc and free
    respire     librespire.so preloaded
"""
import dataclasses
import pathlib
import subprocess
import sys

from program import BenchError

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures"))

import foreign_suite  # noqa: E402

LIBRARIES = pathlib.Path("/usr/lib/x86_64-linux-gnu")
STOCK = "stock"
NAMES = [STOCK, "again", "sid", "glibc", "jemalloc", "mimalloc", "tcmalloc", "respire"]


@dataclasses.dataclass(frozen=True)
class Peer:
    """`library` is how the name of the library that gives the memory must begin."""

    name: str
    library: str
    launcher: tuple = ()
    arguments: tuple = ()
    environment: dict = dataclasses.field(default_factory=dict)


def on_malloc(name, file=None, **environment):
    """A lua_Alloc upon a malloc: glibc's, or the one in `file`."""
    if file is None:
        return Peer(name, "libc.so", arguments=("--malloc",))
    path = LIBRARIES / file
    if not path.exists():
        raise BenchError(f"{path} is not there; `packaging/setup.sh bench` installs it")
    return Peer(name, file.split(".so")[0], arguments=("--malloc",), environment={"LD_PRELOAD": str(path), **environment})


def respire(name, path, options=""):
    """A librespire.so; `options` as in RESPIRE_OPTIONS."""
    if not pathlib.Path(path).exists():
        raise BenchError(f"{path} is not there; `make build` makes it")
    file = pathlib.Path(path).resolve()
    environment = {"LD_PRELOAD": str(file)}
    if options:
        environment["RESPIRE_OPTIONS"] = options
    return Peer(name, file.name, environment=environment)


def stock(name=STOCK):
    return Peer(name, "libluajit")


def sid(build):
    """None where sid can't be had here and now."""
    try:
        suite = foreign_suite.bring("sid", pathlib.Path(build) / "foreign")
    except (foreign_suite.Unavailable, subprocess.SubprocessError) as error:
        print(f"bench: without Debian sid's LuaJIT: {error}", file=sys.stderr)
        return None
    # The loader takes a program's path last: command() ends with it.
    return Peer("sid", "libluajit", launcher=tuple(suite.command("")[:-1]), environment=suite.environment())


def choose(names, build, libraries):
    """The peers with these names, stock first; `libraries` is {name: path} of the builds of respire to measure."""
    makers = {
        STOCK: stock,
        "again": lambda: stock("again"),
        "sid": lambda: sid(build),
        "glibc": lambda: on_malloc("glibc"),
        "jemalloc": lambda: on_malloc("jemalloc", "libjemalloc.so.2", MALLOC_CONF="background_thread:true,dirty_decay_ms:1000"),
        "mimalloc": lambda: on_malloc("mimalloc", "libmimalloc.so.2"),
        "tcmalloc": lambda: on_malloc("tcmalloc", "libtcmalloc_minimal.so.4"),
    }
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise BenchError(f"no peer named '{unknown[0]}' ({', '.join(NAMES)})")
    chosen = [makers[name]() for name in NAMES if name in makers and (name in names or name == STOCK)]
    if "respire" in names:
        chosen += [respire(name, path) for name, path in libraries.items()]
    return [peer for peer in chosen if peer]
