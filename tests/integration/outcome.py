"""The small C hosts of tests/integration/runtime: compiled, run to their end, and their `name value` lines read."""
import os
import pathlib
import subprocess

SOURCES = pathlib.Path(__file__).resolve().parent / "runtime"
INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include"


def luajit_flags():
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "luajit"], check=True, capture_output=True, text=True)
    return flags.stdout.split()


def compile_host(name, folder, flags):
    program = folder / name
    subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror", f"-I{INCLUDE}",
                    str(SOURCES / f"{name}.c"), "-o", str(program), *flags], check=True, timeout=60)
    return program


class Outcome:
    def __init__(self, process):
        assert process.returncode == 0, f"status {process.returncode}: {process.stdout}{process.stderr}"
        self.stderr = process.stderr
        self.text = process.stdout
        self.values = {}
        for line in process.stdout.splitlines():
            name, value = line.split()
            self.values.setdefault(name, []).append(int(value))

    def __getitem__(self, name):
        (value,) = self.values[name]
        return value

    def all(self, name):
        return self.values[name]


def run(*command, preload=None, options=None, environment=None, timeout=50):
    environment = {**os.environ, **(environment or {})}
    for name in ("LD_PRELOAD", "RESPIRE_OPTIONS"):
        environment.pop(name, None)
    if preload:
        environment["LD_PRELOAD"] = str(preload)
    if options is not None:
        environment["RESPIRE_OPTIONS"] = options
    return Outcome(subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True,
                                  timeout=timeout, check=False))
