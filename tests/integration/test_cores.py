"""A core file tells what the live process told; a damaged one is refused."""
import pathlib
import random
import re
import shutil
import subprocess

import pytest

from analyzer import error_sentence
from answers import assert_checked, counted, only_state
from core_files import write_core
from processes import Host
from programs import MIXED_HEAP


@pytest.fixture(scope="module")
def dead(host_program, respire, tmp_path_factory):
    """A core of a host, and what respire said of it while it was alive."""
    directory = tmp_path_factory.mktemp("core")
    script = directory / "script.lua"
    script.write_text(MIXED_HEAP, encoding="utf-8")
    target = Host(host_program, script=script, states=2)
    try:
        core = write_core(target.pid, directory)
        return core, respire("lua", target.pid, "--json")
    finally:
        target.stop()


def test_core_equals_live(respire, dead):
    """`lua --core` gives the same counts, objects and allocator sums as the live process did."""
    core, live = dead
    answer = respire("lua", "--core", core, "--json")
    assert_checked(answer)
    by_address = {state["address"]: state for state in answer["states"]}
    assert by_address.keys() == {state["address"] for state in live["states"]}
    for expected in live["states"]:
        state = by_address[expected["address"]]
        for key in ("layout", "gc_count_bytes", "gc_state", "objects", "strings"):
            assert state[key] == expected[key], key
        for key in ("kind", "held_bytes", "live_bytes", "free_bytes", "segments", "direct_maps", "histogram"):
            assert state["allocator"][key] == expected["allocator"][key], key


def test_memory_of_core(respire, dead):
    """`mem --core` answers too: a ledger whose equations hold."""
    core, _ = dead
    assert_checked(respire("mem", "--core", core, "--json"))


def test_core_written_by_the_kernel_layout(host, respire, tmp_path):
    """A core without the pages of files (as the kernel writes by default) is completed from the files."""
    target = host(script=MIXED_HEAP)
    expected = target.count()
    with open(f"/proc/{target.pid}/coredump_filter", "w", encoding="ascii") as wanted:
        wanted.write("0x33")
    core = write_core(target.pid, tmp_path)
    answer = respire("lua", "--core", core, "--json")
    assert_checked(answer)
    assert counted(answer) == [expected]


GRAPH_PARTS = ("live", "garbage", "tables", "references", "cdata", "userdata", "protos", "traces", "coroutines")


def test_core_names_the_same_holders(host, respire, tmp_path):
    """Who holds the memory, by path, is the same in the core as in the living process."""
    target = host(script=MIXED_HEAP)
    arguments = ("--json", "--refs", "--objects", "--garbage", "--strings")
    live = only_state(respire("lua", target.pid, *arguments))
    dead = only_state(respire("lua", "--core", write_core(target.pid, tmp_path), *arguments))
    for part in (*GRAPH_PARTS, "strings"):
        assert dead[part] == live[part], part


@pytest.fixture
def emigrant(tmp_path, host_program):
    """A core without the pages of files, of a program that is gone, and a copy of that program elsewhere."""
    program, copy = tmp_path / "here/gone", tmp_path / "copy"
    program.parent.mkdir()
    shutil.copy(host_program, program)
    script = tmp_path / "script.lua"
    script.write_text(MIXED_HEAP, encoding="utf-8")
    library = next(line.split()[2] for line in subprocess.run(
        ["ldd", str(program)], capture_output=True, text=True, check=True).stdout.splitlines() if "luajit" in line)
    private = tmp_path / "here" / pathlib.Path(library).name
    shutil.copy(library, private)
    target = Host(program, script=script, environment={"LD_LIBRARY_PATH": str(private.parent)})
    try:
        count = target.count()
        pathlib.Path(f"/proc/{target.pid}/coredump_filter").write_text("0x33", encoding="ascii")
        core = write_core(target.pid, tmp_path)
    finally:
        target.stop()
    copy.mkdir()
    return core, count, program, private, copy


def test_core_from_another_machine(respire, emigrant):
    """Without the program's files there is no answer; with a copy of them below --sysroot there is."""
    core, count, program, library, copy = emigrant
    for file in (program, library):
        place = copy / str(file).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, place)
    outcome = respire.attempt("lua", "--core", core)
    assert outcome.status == 4
    error_sentence(outcome)
    answer = respire("lua", "--core", core, "--sysroot", copy, "--json")
    assert_checked(answer)
    assert counted(answer) == [count]


def test_core_with_programs_by_build_id(respire, emigrant):
    """A sysroot may keep files by their build ids alone."""
    core, count, program, library, copy = emigrant
    for file in (program, library):
        notes = subprocess.run(["readelf", "-n", str(file)], capture_output=True, text=True, check=True).stdout
        build_id = re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)
        place = copy / ".build-id" / build_id[:2] / build_id[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, place)
    assert counted(respire("lua", "--core", core, "--sysroot", copy, "--json")) == [count]


def test_core_with_programs_beside_it(respire, emigrant):
    """Files that lie in the core's own directory are found without being asked for; wrong ones are not taken."""
    core, count, program, library, copy = emigrant
    shutil.move(program, core.parent / program.name)
    shutil.copy("/bin/true", core.parent / library.name)
    assert respire.attempt("lua", "--core", core).status in (0, 4)
    shutil.move(library, core.parent / library.name)
    assert counted(respire("lua", "--core", core, "--json")) == [count]


def test_core_of_foreign_allocator(host, respire, tmp_path):
    """The objects of a state with the host's own allocator are in the core as in the process."""
    target = host(script=MIXED_HEAP, allocator="malloc")
    live = only_state(respire("lua", target.pid, "--json"))
    state = only_state(respire("lua", "--core", write_core(target.pid, tmp_path), "--json"))
    assert state["objects"] == live["objects"]
    assert state["gc_count_bytes"] == live["gc_count_bytes"] == target.count()


def refused(respire, core):
    """Exit status 3 or 4 with one sentence; nobody is told a number."""
    for command in ("lua", "mem", "heap"):
        outcome = respire.attempt(command, "--core", core, "--json")
        assert outcome.status in (3, 4), outcome
        error_sentence(outcome)


def refused_or_checked(respire, core):
    """Damage that isn't noticed must not have mattered: the equations hold."""
    outcome = respire.attempt("lua", "--core", core, "--json")
    assert outcome.status in (0, 3, 4), outcome
    if outcome.status == 0:
        assert_checked(outcome.document)
    else:
        error_sentence(outcome)


@pytest.mark.parametrize("keep", [0, 1, 4, 16, 63, 64, 65, 200, 1000, 4096, 10000])
def test_core_cut_off_early(respire, dead, tmp_path, keep):
    """A core that ends in its headers is refused."""
    damaged = tmp_path / "core"
    damaged.write_bytes(dead[0].read_bytes()[:keep])
    refused(respire, damaged)


@pytest.mark.parametrize("part", [0.05, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999])
def test_core_cut_off_late(respire, dead, tmp_path, part):
    """A core that ends in its memory is refused, or what is missing isn't needed."""
    whole = dead[0].read_bytes()
    damaged = tmp_path / "core"
    damaged.write_bytes(whole[:int(len(whole) * part)])
    refused_or_checked(respire, damaged)


@pytest.mark.seconds(180)
@pytest.mark.parametrize("where, flips", [("headers", 1), ("headers", 20), ("anywhere", 50), ("anywhere", 5000)])
def test_core_with_flipped_bits(respire, dead, tmp_path, where, flips):
    """Bits that fell over: refused, or they didn't matter."""
    chance = random.Random(flips)
    whole = dead[0].read_bytes()
    damaged = tmp_path / "core"
    for _ in range(25):
        content = bytearray(whole)
        limit = 8192 if where == "headers" else len(content)
        for _ in range(flips):
            content[chance.randrange(limit)] ^= 1 << chance.randrange(8)
        damaged.write_bytes(content)
        refused_or_checked(respire, damaged)


@pytest.mark.seconds(180)
def test_core_with_random_stretches(respire, dead, tmp_path):
    """Whole pages of noise in the middle: refused, or they didn't matter."""
    chance = random.Random(11)
    whole = dead[0].read_bytes()
    damaged = tmp_path / "core"
    for _ in range(25):
        content = bytearray(whole)
        for _ in range(8):
            start = chance.randrange(8192, len(content) - 4096)
            content[start:start + 4096] = chance.randbytes(4096)
        damaged.write_bytes(content)
        refused_or_checked(respire, damaged)


@pytest.mark.parametrize("content", [
    b"", b"\n", b"no core at all\n" * 1000, bytes(100000), random.Random(1).randbytes(1 << 20),
    b"\x7fELF" + random.Random(2).randbytes(1 << 16), b"\x7fELF\x02\x01\x01" + bytes(1 << 16),
], ids=["empty", "newline", "text", "zeros", "noise", "elf-noise", "elf-zeros"])
def test_no_core(respire, tmp_path, content):
    """A file that is something else is refused."""
    impostor = tmp_path / "core"
    impostor.write_bytes(content)
    refused(respire, impostor)


@pytest.mark.parametrize("path", ["/bin/ls", "/no/such/file", "/", "/dev/null"])
def test_no_core_path(respire, path):
    """A program, nothing, a directory and a device are refused."""
    refused(respire, path)


def test_core_of_another_program(respire, tmp_path):
    """A good core without LuaJIT in it: exit status 4, as for the process."""
    sleeping = subprocess.Popen(["sleep", "1000"])
    try:
        core = write_core(sleeping.pid, tmp_path)
    finally:
        sleeping.kill()
        sleeping.wait(10)
    assert "Lua" in respire("lua", "--core", core, "--json", expect=4)
    assert_checked(respire("mem", "--core", core, "--json"))
