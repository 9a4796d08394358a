"""The rules of the house that a machine can watch: CONTRIBUTING.md says why."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS_MAX = {".c": 120, ".h": 120, ".py": 130, ".lua": 130}
SOURCE_LINES_MAX = 400
# Rooms of the analyzer from left to right; base is for all.
ROOMS = ["target", "symbols", "layouts", "model", "locate", "walk", "snapshot", "analyze", "render", "cli"]


def tracked(*patterns):
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", *patterns], capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_lines_and_files_are_short():
    """No line is wider than its language allows, no source file longer than 400 lines."""
    long = []
    for path in tracked("*.c", "*.h", "*.py", "*.lua"):
        lines = path.read_text().splitlines()
        long += [f"{path}:{number}" for number, line in enumerate(lines, 1) if len(line) > COLUMNS_MAX[path.suffix]]
        if "tests" not in path.parts and len(lines) > SOURCE_LINES_MAX:
            long.append(str(path))
    assert long == []


def test_nothing_is_left_for_later():
    """No marks of unfinished work, no tabs in C."""
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = [str(path) for path in tracked("*.c", "*.h", "*.sh", "*.lua", "Makefile")
             if marks.search(path.read_text()) or (path.suffix in (".c", ".h") and "\t" in path.read_text())]
    assert found == []


def test_rooms_look_to_the_left():
    """A room of the analyzer includes headers of itself, of rooms to its left and of base alone."""
    wrong = []
    for path in tracked("analyzer/*/*.c", "analyzer/*/*.h"):
        room = path.parent.name
        for used in re.findall(r'#include "(\w+)/', path.read_text()):
            if used != "base" and (room == "base" or ROOMS.index(used) > ROOMS.index(room)):
                wrong.append(f"{path.relative_to(ROOT)} includes {used}/")
    assert wrong == []


def test_only_one_file_of_the_runtime_maps_memory():
    """mmap and its siblings are called in os_memory.c alone."""
    calls = re.compile(r"(?<!\w)(mmap|munmap|mremap|madvise)\s*\(")
    without_comments = lambda text: re.sub(r"/\*.*?\*/|//[^\n]*|\"[^\"\n]*\"", "", text, flags=re.S)
    found = [path.name for path in tracked("runtime/*.c", "runtime/*.h") if calls.search(without_comments(path.read_text()))]
    assert found == ["os_memory.c"]


@pytest.mark.parametrize("page, table, pattern", [
    ("respire.1", "analyzer/cli/commands.c", r'\.name = "(\w+)"'),
    ("respire.1", "analyzer/cli/options.c", r'\{OPTION_\w+, "([\w-]+)"'),
    ("librespire.3", "abi/options_table.h", r"^    OPTION\((\w+), [A-Z]+,"),
], ids=["commands", "options", "runtime options"])
def test_manual_pages_know_every_row(page, table, pattern):
    """What a table has, its manual page describes."""
    text = (ROOT / "docs/man" / page).read_text().replace("\\-", "-")
    names = re.findall(pattern, (ROOT / table).read_text(), flags=re.M)
    assert names
    assert [name for name in names if name not in text] == []
