"""`pools` in other forms: of a core, of a snapshot, as text; and the sentences where there is no answer."""
import other_allocators
import pytest

import foreign_suite
from answers import assert_checked
from core_files import write_core
from held_requests import BLOCKS, LOCATIONS, HeldRequests, active
from processes import wait_until

HELD = 12
PARTS = ("layout", "pools", "bytes", "blocks", "data_bytes", "connections", "kinds", "owners", "list")


@pytest.fixture
def holding(nginx):
    """A worker of the machine's nginx with HELD requests."""
    server = nginx(http=BLOCKS, server=LOCATIONS)
    clients = HeldRequests(server)
    for number in range(HELD):
        clients.hold("/access" + "b" * number, "access")
    wait_until(lambda: active(server.get("/status"))[2] == HELD, "all requests are held")
    server.wait_until_idle()
    yield server
    clients.close()


def assert_same(answer, live):
    assert_checked(answer)
    assert live["pools"] > 2 * HELD
    for part in PARTS:
        assert answer[part] == live[part], part


def test_core(holding, respire, tmp_path):
    """A core tells the same of each pool as the living process did, with names."""
    live = respire("pools", holding.worker, "--json", "--list")
    core = write_core(holding.worker, tmp_path)
    assert_same(respire("pools", "--core", core, "--json", "--list"), live)


def test_core_without_pages_of_files(holding, respire, tmp_path):
    """So does one that leaves out programs and libraries: they are read from their files."""
    live = respire("pools", holding.worker, "--json", "--list")
    with open(f"/proc/{holding.worker}/coredump_filter", "w", encoding="ascii") as wanted:
        wanted.write("0x33")
    core = write_core(holding.worker, tmp_path)
    assert_same(respire("pools", "--core", core, "--json", "--list"), live)


def test_snapshot(holding, respire, tmp_path):
    """A snapshot keeps all of it."""
    live = respire("pools", holding.worker, "--json", "--list")
    respire("snapshot", holding.worker, "-o", tmp_path / "moment")
    assert_same(respire("pools", "--snapshot", tmp_path / "moment", "--json", "--list"), live)


def test_rows(holding, respire):
    """--top limits owners, of which the others are one row, and the list."""
    whole = respire("pools", holding.worker, "--json", "--list")
    answer = respire("pools", holding.worker, "--json", "--list", "--top", 1)
    assert [row["owner"] for row in answer["owners"]] == [whole["owners"][0]["owner"], "(others)"]
    assert sum(row["bytes"] for row in answer["owners"]) == whole["bytes"]
    assert answer["list"] == whole["list"][:1]
    assert "list" not in respire("pools", holding.worker, "--json")


def test_text(holding, respire):
    """People read the verdict first, then who holds the pools; with --list each pool and what its request is at."""
    text = respire("pools", holding.worker)
    document = respire("pools", holding.worker, "--json")
    assert text.startswith(f"{holding.worker} nginx: ")
    assert f"{document['pools']} pools" in text.splitlines()[0]
    assert "requests" in text and "client connections" in text
    listed = respire("pools", holding.worker, "--list")
    for number in range(HELD):
        assert f"request: URI of {len('/access') + number} bytes, processing, access phase" in listed
    assert "ngx_http_lua_cleanup_vm" in listed
    assert "bbbbbbbb" not in listed


def test_no_nginx(host, respire):
    """A program that is no nginx has no pools, and hears so."""
    assert "no nginx" in respire("pools", host().pid, "--json", expect=4)


@pytest.mark.parametrize("name", sorted(other_allocators.PACKAGES))
def test_foreign_malloc(nginx, build, respire, name):
    """An nginx on another malloc is told as such."""
    try:
        root = other_allocators.bring(build / "foreign")
    except foreign_suite.Unavailable as reason:
        pytest.skip(f"no other allocators to be had: {reason}")
    server = nginx(preload=other_allocators.library(root, name))
    server.wait_until_idle()
    sentence = respire("pools", server.worker, "--json", expect=4)
    assert "malloc is not glibc's" in sentence and "after 1 look:" in sentence
