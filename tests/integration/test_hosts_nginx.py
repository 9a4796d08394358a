"""nginx with ngx_lua under the runtime through all of a server's life: start, reload, binary upgrade, graceful end."""
import threading

import pytest

from hosts.evidence import assert_heap_in_use, has_runtime, states_on_respire
from hosts.web import Load, WebServer, adopting_orphans
from memory import status_bytes
from processes import process_state, public_directory, wait_until

pytestmark = pytest.mark.preload

MIB = 2**20
WORDS = 40000
PRELOADED, REQUIRED = "env LD_PRELOAD;", "require respire"


@pytest.fixture
def web(runtime, build):
    """web(way=, workers=): an nginx under the runtime, ended after the test with all its generations."""
    servers = []
    with adopting_orphans(), public_directory() as prefix:
        def start(way=None, **options):
            if way == REQUIRED:
                options["init"] = f'package.cpath = "{build}/?.so" respire = require "respire"'
            else:
                options.update(preload=runtime, main=way or "")
            servers.append(WebServer(prefix, **options))
            return servers[-1]
        try:
            yield start
        finally:
            for server in servers:
                server.stop()


def work_sum(n):
    return str(n * (n + 1) // 2 + sum(len(str(i)) for i in range(1, n + 1)))


def checksum_of_words():
    total = 0
    for i in range(1, WORDS + 1):
        word = f"word {i}"
        total = (total * 31 + len(word) + ord(word[-1])) % 2147483647
    return str(total)


EXPECTED = {"/inherited": [checksum_of_words()] * 2, **{f"/work?n={n}": [work_sum(n)] for n in (1, 100, 5000, 20000)}}


def assert_workers_on_respire(server, respire):
    """Each worker answers right, and its heap holds what its Lua counts."""
    for worker in server.workers():
        assert server.answer_of(worker, "/inherited").words == EXPECTED["/inherited"]
        assert_heap_in_use(respire, worker, server.answer_of(worker, "/collect").count_bytes)


def test_workers_inherit_the_masters_heap(web, respire):
    """The master forks after init_by_lua: master and workers are on respire heaps, and each has the data, right."""
    server = web(workers=2)
    assert_heap_in_use(respire, server.master)
    assert_workers_on_respire(server, respire)
    for path, words in EXPECTED.items():
        assert server.get(path).words == words


def test_workers_purge(web, respire):
    """A forked worker gives a burst's pages back by itself, and what it inherited is still right."""
    server = web()
    assert server.get("/work?n=400000").words == [work_sum(400000)]
    answer = server.get("/collect")
    assert_heap_in_use(respire, answer.pid, answer.count_bytes)
    assert status_bytes(answer.pid)["VmHWM"] > 64 * MIB
    wait_until(lambda: status_bytes(answer.pid)["VmRSS"] < 32 * MIB, "the worker's free pages have gone back", seconds=5)
    for path, words in EXPECTED.items():
        assert server.get(path).words == words
    server.assert_no_crash()


def test_resty_libraries(web, respire):
    """lua-resty-core and lua-resty-lrucache give the same answers in every request, on the runtime's heap."""
    server = web()
    digests, total = set(), 0
    for number in range(1, 31):
        answer = server.get("/libraries?n=3000")
        state, digest, seen = answer.words
        total += 3000
        assert (state, seen) == ("cached" if number > 1 else state, str(total))
        digests.add(digest)
    assert len(digests) == 1
    answer = server.get("/collect")
    assert_heap_in_use(respire, answer.pid, answer.count_bytes)


@pytest.mark.seconds(120)
@pytest.mark.parametrize("way", [PRELOADED, REQUIRED])
def test_reload_under_load(web, respire, way):
    """HUP under load, again and again: no request fails, old workers end, new ones are on respire heaps."""
    server = web(way, workers=2)
    with Load(server, EXPECTED) as load:
        for _ in range(5):
            server.reload()
            for worker in server.workers():
                states_on_respire(respire, worker)
    assert load.wrong == []
    assert_workers_on_respire(server, respire)
    assert load.right > 100
    server.assert_no_crash()


@pytest.mark.seconds(120)
@pytest.mark.parametrize("way", [PRELOADED, REQUIRED])
def test_binary_upgrade_under_load(web, respire, way):
    """USR2, both ways: no request fails, and the new binary's master and workers are on respire heaps."""
    server = web(way, workers=2)
    with Load(server, EXPECTED) as load:
        for _ in range(2):
            server.upgrade()
            for process in (server.master, *server.workers()):
                states_on_respire(respire, process)
    assert load.wrong == []
    assert_workers_on_respire(server, respire)
    assert load.right > 50
    server.assert_no_crash()


def test_binary_upgrade_without_the_variable(web, respire):
    """Without `env LD_PRELOAD;` nginx clears it: the new binary serves well, but without the runtime."""
    server = web()
    assert_workers_on_respire(server, respire)
    server.upgrade()
    (worker,) = server.workers()
    assert not has_runtime(worker)
    (state,) = respire("lua", worker, "--json")["states"]
    assert state["allocator"]["kind"] == "stock"
    assert server.get("/inherited").words == EXPECTED["/inherited"]


def test_graceful_end(web, respire):
    """QUIT: a request that is on its way is answered, right, from its heap; then all end with status 0."""
    server = web()
    assert_workers_on_respire(server, respire)
    workers, answers = server.workers(), []
    client = threading.Thread(target=lambda: answers.append(server.get("/slow?n=100000&seconds=1")))
    client.start()
    wait_until(lambda: any(status_bytes(worker)["VmRSS"] > 16 * MIB for worker in workers), "the request is on its way")
    server.send("QUIT")
    client.join()
    assert [answer.words for answer in answers] == [[str(100000 * 100001 // 2)]]
    assert server.wait(server.master) == 0
    assert all(process_state(worker) is None for worker in workers)
    server.assert_no_crash()
