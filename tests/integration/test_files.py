"""The files behind a target's mappings may be replaced, damaged, or in another mount namespace than respire's."""
import pathlib
import random
import shutil
import struct
import subprocess

import pytest

from answers import assert_checked, counted
from ledger import assert_reconciled
from processes import Host
from programs import MIXED_HEAP

# Start the program given behind this in a mount namespace in which alone its file and its library can be found.
IN_A_CONTAINER = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                  'mount -t tmpfs none /mnt && cp "$1" /mnt/program && cp -L "$LIBRARY" /mnt/ && shift'
                  ' && LD_LIBRARY_PATH=/mnt exec /mnt/program "$@"', "sh"]


@pytest.fixture(scope="module")
def library(host_program):
    """The LuaJIT library that the host program uses."""
    used = subprocess.run(["ldd", str(host_program)], check=True, capture_output=True, text=True, timeout=10).stdout
    (line,) = [line for line in used.splitlines() if "libluajit" in line]
    return pathlib.Path(line.split(" => ")[1].split()[0])


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.lua"
    path.write_text(MIXED_HEAP, encoding="utf-8")
    return path


def assert_understood(respire, target):
    expected = target.count()
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    assert counted(answer) == [expected]
    assert_reconciled(respire("mem", target.pid, "--json"), target.pid)


def test_container(host_program, respire, library, script):
    """A target whose files exist in its own mount namespace alone is understood."""
    target = Host(host_program, script=script, command=IN_A_CONTAINER, environment={"LIBRARY": str(library)})
    try:
        assert "/mnt/program" in pathlib.Path(f"/proc/{target.pid}/maps").read_text("utf-8")
        assert not pathlib.Path("/mnt/program").exists()
        assert_understood(respire, target)
    finally:
        target.stop()


@pytest.mark.parametrize("replacement", [None, b"", b"\x7fELF", random.Random(3).randbytes(1 << 16)],
                         ids=["deleted", "empty", "magic", "noise"])
def test_replaced_library(host_program, respire, library, script, tmp_path, replacement):
    """A target whose LuaJIT was upgraded or removed under it is understood."""
    folder = tmp_path / "library"
    folder.mkdir()
    copy = pathlib.Path(shutil.copy(library, folder / "libluajit-5.1.so.2"))
    target = Host(host_program, script=script, environment={"LD_LIBRARY_PATH": str(folder)})
    try:
        copy.unlink()
        if replacement is not None:
            copy.write_bytes(replacement)
        assert f"{copy} (deleted)" in pathlib.Path(f"/proc/{target.pid}/maps").read_text("utf-8")
        assert_understood(respire, target)
    finally:
        target.stop()


def damaged_programs(whole):
    """A program file whose headers lie, one field at a time."""
    offset_fields = {"section headers": 0x28, "program headers": 0x20}
    for name, field in offset_fields.items():
        for value in (1, len(whole) - 1, len(whole) + 4096, 2**63, 2**64 - 1):
            yield f"{name} at {value}", whole[:field] + struct.pack("<Q", value) + whole[field + 8:]
    for name, field in {"program header size": 0x36, "program headers": 0x38, "section header size": 0x3a,
                        "sections": 0x3c, "section of names": 0x3e}.items():
        for value in (0, 1, 0xffff):
            yield f"{name} = {value}", whole[:field] + struct.pack("<H", value) + whole[field + 2:]
    chance = random.Random(4)
    for number in range(20):
        noisy = bytearray(whole)
        for _ in range(64):
            noisy[chance.randrange(4, 2048)] = chance.randrange(256)
        yield f"noise {number}", bytes(noisy)


def test_damaged_program_files(host, respire, library, tmp_path):
    """Executable mappings of program files whose headers lie hurt nobody and are still accounted for."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for number, (_, content) in enumerate(damaged_programs(library.read_bytes())):
        (folder / f"{number:03}.so").write_bytes(content)
    count = len(list(folder.iterdir()))
    target = host(script=f"""
        local ffi = require "ffi"
        ffi.cdef[[ void *mmap(void *, size_t, int, int, int, long); int open(const char *, int); ]]
        local READ_EXECUTE, READ_WRITE, PRIVATE = 5, 3, 2
        for number = 0, {count - 1} do
            local file = ffi.C.open(string.format("{folder}/%03d.so", number), 0)
            assert(file >= 0)
            local code = ffi.cast("char *", ffi.C.mmap(nil, 65536, READ_EXECUTE, PRIVATE, file, 0))
            local data = ffi.cast("char *", ffi.C.mmap(nil, 65536, READ_WRITE, PRIVATE, file, 65536))
            data[0] = code[0]
        end
    """)
    assert_understood(respire, target)
