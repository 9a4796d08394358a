"""The C programs of the bench: compiled once, run by the hundred, and what they say of themselves."""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
RUN_SECONDS = 300
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wno-sign-conversion", "-Werror"]


class BenchError(Exception):
    """The bench can't go on; the message is one clear sentence for the user."""


def progress(text):
    """A line that the next one replaces; nothing where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def folder(build):
    """Where the bench keeps what it makes."""
    path = pathlib.Path(build) / "bench"
    path.mkdir(exist_ok=True)
    return path


def compile_program(build):
    """The bench's host, linked to the machine's LuaJIT dynamically as nginx is."""
    program = folder(build) / "host"
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "luajit"], capture_output=True, text=True, check=True)
    subprocess.run(["gcc", "-std=gnu17", "-O2", *WARNINGS, "-D_GNU_SOURCE", "-o", program, *(HERE / "host").glob("*.c"),
                    *flags.stdout.split()], check=True)
    return program


def command_of(peer, program, arguments):
    return [*peer.launcher, str(program), *peer.arguments, *map(str, arguments)]


def environment_of(peer, more):
    """Stock must be stock and respire its defaults, whatever this shell has set."""
    kept = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "RESPIRE_OPTIONS", "MALLOC_CONF")}
    return {**kept, **peer.environment, **more}


def start_program(peer, program, arguments, environment):
    """A program to talk to, by lines."""
    return subprocess.Popen(command_of(peer, program, arguments), env=environment_of(peer, environment),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run_program(peer, program, arguments, cpus=None, environment=None):
    """Runs to the end under a peer, on `cpus` alone when given; returns the JSON line that came out last."""
    command = command_of(peer, program, arguments)
    try:
        done = subprocess.run(command, env=environment_of(peer, environment or {}), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
                              preexec_fn=lambda: cpus and os.sched_setaffinity(0, cpus))
    except subprocess.TimeoutExpired as late:
        raise BenchError(f"`{' '.join(command)}` under {peer.name} took more than {RUN_SECONDS} s") from late
    if done.returncode != 0:
        raise BenchError(f"`{' '.join(command)}` under {peer.name} ended with status {done.returncode}: {done.stderr.strip()}")
    said = json.loads(done.stdout.splitlines()[-1])
    if not said["allocator"].startswith(peer.library):
        raise BenchError(f"{peer.name} was to be measured, but memory came from {said['allocator']}: `{' '.join(command)}`")
    return said
