"""`pools`: every memory pool of real nginx, of several releases; kinds and numbers are what clients hold and nginx counts."""
import os
import signal
import socket
import subprocess

import pytest

from answers import assert_checked
from held_requests import BLOCKS, LOCATIONS, HeldRequest, HeldRequests, active
from processes import children_of, end, end_with_parent, free_port, process_state, wait_until, wait_until_idle

EACH = 3  # requests at each place


@pytest.fixture
def holding(nginx, any_nginx):
    """holding(http=, server=, …): an nginx of each release, and clients that hold requests of it."""
    opened = []

    def start(http="", server="", **options):
        started = nginx(suite=any_nginx, http=BLOCKS + http, server=LOCATIONS + server, **options)
        opened.append(HeldRequests(started))
        return started, opened[-1]
    yield start
    for clients in opened:
        clients.close()


def look(respire, pid):
    """What is told of a process that leaks nothing."""
    answer = respire("pools", pid, "--json", "--list")
    assert_checked(answer)
    assert_sums(answer)
    assert [pool for pool in answer["list"] if pool["kind"] == "unowned"] == []
    return answer


def assert_sums(answer):
    """Each list tells the whole, to the byte."""
    headers = 80 * answer["pools"] + 32 * (answer["blocks"] - answer["pools"])
    assert headers + answer["used_bytes"] + answer["wasted_bytes"] + answer["spare_bytes"] == answer["block_bytes"]
    assert answer["bytes"] == answer["block_bytes"] + answer["large_bytes"]
    assert len(answer["list"]) == answer["pools"]
    for rows in (answer["owners"], answer["kinds"], answer["list"]):
        for key in ("bytes", "blocks", "block_bytes", "used_bytes", "wasted_bytes", "spare_bytes", "large", "large_bytes"):
            assert sum(row[key] for row in rows) == answer[key], key
    for pool in answer["list"]:
        assert len(pool["large_blocks"]) == pool["large"]
        assert sum(block["bytes"] for block in pool["large_blocks"]) == pool["large_bytes"]


def pools_of_kind(answer, kind):
    (row,) = [row for row in answer["kinds"] if row["kind"] == kind]
    return row["pools"]


def pools_of(answer, owner):
    return sum(row["pools"] for row in answer["owners"] if row["owner"] == owner)


def requests_of(answer):
    """As HeldRequest tells them."""
    requests = [pool["request"] for pool in answer["list"] if pool["kind"] == "request"]
    return sorted(HeldRequest(request["uri_bytes"], request["state"], request["phase"] or "") for request in requests)


def hold_some(clients):
    """Requests at every place, and connections without."""
    for number in range(EACH):
        tail = "x" * (10 * number)
        clients.hold(f"/rewrite{tail}", "rewrite")
        clients.hold(f"/access{tail}?with=arguments", "access")
        clients.hold(f"/content{tail}")
        clients.hold(f"/subrequest{tail}")
        clients.hold_by_proxy(f"/proxied{tail}")
        clients.hold(f"/uploaded{tail}", body="half")
        clients.hold_unread(f"/unread{tail}")
        clients.keep_alive(f"/plain{tail}")
        clients.connect()
    clients.server.get("/limited")  # is served at once; those behind it wait
    clients.hold("/limited/for/a/minute", "preaccess")


def settle(server, clients):
    """Wait until nginx knows of all connections, and sleeps. What stub_status counts then."""
    wait_until(lambda: active(server.get("/status"))[0] == clients.connections, "all connections are accepted")
    counted = active(server.get("/status"))
    server.wait_until_idle()
    return counted


def test_requests_and_connections(holding, respire):
    """Each request that clients hold is there, with the length of its URI, its state and phase; so is each connection."""
    server, clients = holding()
    hold_some(clients)
    connections, reading, writing, _waiting = settle(server, clients)
    answer = look(respire, server.worker)
    assert requests_of(answer) == sorted(clients.requests)
    assert pools_of_kind(answer, "request") == len(clients.requests) == reading + writing
    assert pools_of(answer, "client connections") == connections
    assert pools_of(answer, "upstream connections") == EACH
    assert pools_of_kind(answer, "connection") == connections + EACH
    assert pools_of_kind(answer, "cycle") == 1
    assert pools_of_kind(answer, "old cycle") == 0
    assert answer["connections"]["slots"] == 512
    assert answer["connections"]["in_use"] >= connections + EACH


def test_all_goes_with_the_clients(holding, respire):
    """When clients are gone, so are their pools."""
    server, clients = holding()
    before = look(respire, server.worker)
    hold_some(clients)
    settle(server, clients)
    clients.close()
    wait_until(lambda: active(server.get("/status"))[0] == 0, "nginx has noticed")
    server.wait_until_idle()
    after = look(respire, server.worker)
    assert requests_of(after) == []
    assert pools_of_kind(after, "connection") == pools_of_kind(before, "connection")
    assert after["connections"] == before["connections"]


def test_upstream_connections_that_are_kept(holding, respire):
    """Connections that nginx keeps to its upstream are told from those with a request."""
    server, clients = holding()
    for _ in range(EACH):
        clients.keep_alive("/kept")
    for _ in range(EACH):
        clients.hold_by_proxy("/proxied")
    counted = settle_kept(server, clients)
    answer = look(respire, server.worker)
    kept = pools_of(answer, "upstream connections, no request")
    assert kept >= 1
    assert pools_of(answer, "upstream connections") == EACH
    assert pools_of(answer, "client connections") == counted == clients.connections + kept


def settle_kept(server, clients):
    wait_until(lambda: active(server.get("/status"))[0] > clients.connections, "all connections are accepted")
    counted = active(server.get("/status"))[0]
    server.wait_until_idle()
    return counted


def test_timers_of_lua(holding, respire):
    """A timer of ngx_lua that runs has a connection without a socket, and its pool."""
    server, _clients = holding(http="""init_worker_by_lua_block {
        for i = 1, 5 do ngx.timer.at(0, function() ngx.sleep(3600) end) end }""")
    server.get("/plain")
    server.wait_until_idle()
    answer = look(respire, server.worker)
    assert pools_of(answer, "connections without a socket") == 5
    assert requests_of(answer) == []


def test_small_request_pools(holding, respire):
    """A request that does not fit into its pool's first block is found all the same."""
    server, clients = holding(server="request_pool_size 256; connection_pool_size 256;")
    for number in range(EACH):
        clients.hold("/content" + "y" * number)
    wait_until(lambda: active(server.get("/status"))[2] == EACH, "all requests are held")
    server.wait_until_idle()
    answer = look(respire, server.worker)
    assert requests_of(answer) == sorted(clients.requests)
    for pool in answer["list"]:
        if pool["kind"] == "request":
            assert pool["block_bytes"] == 256 * pool["blocks"]
            assert max(block["bytes"] for block in pool["large_blocks"]) > 1024


def test_large_blocks(holding, respire):
    """A long header is a large block of its request."""
    server, clients = holding(server="large_client_header_buffers 4 32k;")
    clients.hold("/content?" + "z" * 30000)
    clients.hold("/content")
    wait_until(lambda: active(server.get("/status"))[2] == 2, "both requests are held")
    server.wait_until_idle()
    answer = look(respire, server.worker)
    assert requests_of(answer) == sorted(clients.requests)
    # The connection keeps the buffer, which its request reads from.
    assert [pool["kind"] for pool in answer["list"] if any(block["bytes"] >= 32768 for block in pool["large_blocks"])
            and pool["kind"] != "cycle"] == ["connection"]


def test_pools_with_mappings_of_their_own(holding, respire):
    """A pool whose block malloc maps apart is found, and so is a large block."""
    server, clients = holding(server="request_pool_size 300000; large_client_header_buffers 4 400k;")
    for number in range(EACH):
        clients.hold("/content" + "m" * number)
    clients.hold("/content?" + "m" * 390000)
    wait_until(lambda: active(server.get("/status"))[2] == EACH + 1, "all requests are held")
    server.wait_until_idle()
    answer = look(respire, server.worker)
    assert requests_of(answer) == sorted(clients.requests)
    assert sorted(pool["block_bytes"] for pool in answer["list"] if pool["kind"] == "request") == [300000] * (EACH + 1)
    assert max(block["bytes"] for pool in answer["list"] for block in pool["large_blocks"]) >= 400 * 1024


def test_under_load(holding, respire):
    """While requests come and go as fast as they can, every look finds all of it consistent."""
    server, clients = holding()
    for number in range(EACH):
        clients.hold("/access" + "w" * number, "access")
    load = subprocess.Popen(["wrk", "-t1", "-c20", "-d60", f"http://127.0.0.1:{server.port}/kept"],
                            stdout=subprocess.DEVNULL, preexec_fn=end_with_parent)
    try:
        wait_until(lambda: active(server.get("/status"))[0] > 20, "the load has begun")
        for _ in range(20):
            answer = look(respire, server.worker)
            held = [request for request in requests_of(answer) if request.phase == "access"]
            assert held == sorted(clients.requests)
    finally:
        end(load)


def test_many_pools(holding, respire):
    """Hundreds of requests at once are all there."""
    server, clients = holding()
    for number in range(300):
        clients.hold(f"/access{'a' * number}", "access")
    wait_until(lambda: active(server.get("/status"))[2] == 300, "all requests are held")
    server.wait_until_idle()
    answer = look(respire, server.worker)
    assert requests_of(answer) == sorted(clients.requests)
    assert pools_of(answer, "client connections") == 300


@pytest.mark.seconds(120)
def test_reload(holding, respire):
    """In the middle of a reload the old worker has its requests still, the new one none, and the master one cycle."""
    server, clients = holding()
    hold_some(clients)
    settle(server, clients)
    old = server.worker
    os.kill(server.master, signal.SIGHUP)
    wait_until(lambda: len(children_of(server.master)) == 2, "there is a new worker")
    (new,) = [child for child in children_of(server.master) if child != old]
    wait_until_idle(old)
    wait_until_idle(new)
    assert process_state(old) == "S"
    answer = look(respire, old)
    assert requests_of(answer) == sorted(clients.requests)
    assert pools_of_kind(answer, "cycle") == 1
    answer = look(respire, new)
    assert requests_of(answer) == []
    assert (pools_of_kind(answer, "cycle"), pools_of_kind(answer, "old cycle")) == (1, 0)
    answer = look(respire, server.master)
    assert (pools_of_kind(answer, "cycle"), pools_of_kind(answer, "old cycle")) == (1, 0)


def test_master(holding, respire):
    """A master has a cycle, and no connections."""
    server, _clients = holding()
    wait_until_idle(server.master)
    answer = look(respire, server.master)
    assert pools_of_kind(answer, "cycle") == 1
    assert pools_of_kind(answer, "request") == pools_of_kind(answer, "connection") == 0
    assert answer["connections"] == {"slots": 0, "in_use": 0}
    assert answer["data_bytes"] == 0


def test_cache_manager_and_loader(holding, respire):
    """The processes beside the workers that look after a cache are nginx, too."""
    server, _clients = holding(http="proxy_cache_path PREFIX/cache keys_zone=cached:1m loader_sleep=100;")
    wait_until(lambda: len(children_of(server.master)) == 3, "the cache has its processes")
    for helper in set(children_of(server.master)) - {server.worker}:
        wait_until_idle(helper)
        answer = look(respire, helper)
        assert pools_of_kind(answer, "cycle") == 1
        assert answer["connections"]["slots"] == 512
        assert pools_of_kind(answer, "request") == 0


def test_old_cycles_of_a_single_process(holding, respire):
    """Without a master, each reload leaves the cycle before it, and the connections stay with the first one."""
    server, clients = holding(main="master_process off; error_log PREFIX/error.log notice;", workers=0)
    clients.hold("/content")
    wait_until(lambda: active(server.get("/status"))[2] == 1, "the request is held")
    wait_until_idle(server.master)
    slots = look(respire, server.master)["connections"]
    for reloads in range(1, 4):
        os.kill(server.master, signal.SIGHUP)
        wait_until(lambda count=reloads: server.errors().count("reconfiguring") >= count, "nginx has read its configuration")
        wait_until_idle(server.master)
        answer = look(respire, server.master)
        assert (pools_of_kind(answer, "cycle"), pools_of_kind(answer, "old cycle")) == (1, reloads)
        assert requests_of(answer) == sorted(clients.requests)
        assert answer["connections"] == slots


HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def http2_frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def http2_get(stream, path):
    """A GET by literal headers: method and scheme are known by number, :path and :authority are not."""
    headers = bytes([0x82, 0x86, 0x04, len(path)]) + path.encode() + bytes([0x01, 1]) + b"h"
    return http2_frame(1, 0x05, stream, headers)


def test_streams_of_http2(holding, respire):
    """Requests that are streams of one connection are found, though they share its socket."""
    port = free_port()
    server, _clients = holding(http=f"server {{ listen 127.0.0.1:{port} http2; {LOCATIONS} }}")
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        paths = ["/content" + "s" * number for number in range(5)]
        connection.sendall(HTTP2_PREFACE + http2_frame(4, 0, 0, b"")
                           + b"".join(http2_get(2 * number + 1, path) for number, path in enumerate(paths)))
        wait_until(lambda: active(server.get("/status"))[2] == len(paths), "all streams are held")
        server.wait_until_idle()
        answer = look(respire, server.worker)
        assert requests_of(answer) == [HeldRequest(len(path), "processing", "content") for path in paths]
        assert pools_of(answer, "client connections") == pools_of(answer, "HTTP/2 connections") == 1
        assert pools_of(answer, "HTTP/2 streams") == len(paths)
        assert answer["pools"] == 1 + 2 + 2 * len(paths)
