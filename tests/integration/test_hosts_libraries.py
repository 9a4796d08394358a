"""Two different LuaJITs in one process, each loaded by dlopen(RTLD_LOCAL), each with states on respire heaps."""
import pathlib
import subprocess

import pytest

from hosts.evidence import assert_heap_in_use

pytestmark = pytest.mark.preload


@pytest.fixture(scope="module")
def luajit2():
    """The machine's library: OpenResty's branch."""
    folder = subprocess.run(["pkg-config", "--variable=libdir", "luajit"], check=True, capture_output=True, text=True).stdout
    return pathlib.Path(folder.strip()) / "libluajit-5.1.so.2"


@pytest.mark.parametrize("luajit2_first", [True, False], ids=["luajit2-luajit", "luajit-luajit2"])
def test_two_libraries(workshop, native, respire, runtime, luajit2, proper_luajit, luajit2_first):
    """Both work at once in threads of their own; closing the one's states leaves the other's data as it was."""
    libraries = [luajit2, proper_luajit] if luajit2_first else [proper_luajit, luajit2]
    host = native(workshop.program("libraries"), *libraries, preload=[runtime])
    told = host.told()
    assert sorted(version.split()[0] for version in told["version"]) == ["luajit", "luajit2"]
    states = assert_heap_in_use(respire, host.pid, *told["count_bytes"])
    assert len({state["layout"] for state in states}) == 2, states
    host.go_on()
    assert_heap_in_use(respire, host.pid, *host.told()["count_bytes"])
    host.go_on()
    assert host.finish()["rss_kib"] < 12_000
