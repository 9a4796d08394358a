"""`shm`: zones of nginx's stream modules, which Debian packs apart, are understood as those of HTTP are."""
import contextlib
import socket

import pytest

import foreign_suite
from processes import free_port, wait_until
from shared_zones import zone_of

HELD = 20
STREAM = """
load_module MODULES/ngx_stream_module.so;
stream {
    limit_conn_zone $remote_port zone=streams:1m;
    upstream backend { zone backends 64k; server 127.0.0.1:%(http)d; server 127.0.0.1:1 backup; }
    server { listen 127.0.0.1:%(stream)d; limit_conn streams 10; proxy_pass backend; proxy_timeout 1h; }
}
"""


@pytest.fixture(scope="module")
def stream_modules(build):
    home = build / "foreign" / "stream_module"
    modules = home / "root" / "usr/lib/nginx/modules"
    try:
        if not modules.exists():
            foreign_suite.unpack(["libnginx-mod-stream"], home)
    except foreign_suite.Unavailable as reason:
        pytest.skip(f"libnginx-mod-stream not to be had: {reason}")
    return modules


def test_stream(zoned, stream_modules):
    """Connections that are limited have an entry each while they last; servers of an upstream have one each."""
    ports = {"stream": free_port(), "http": free_port()}
    server = zoned(main=STREAM.replace("MODULES", str(stream_modules)) % ports, http=f"""
        server {{ listen 127.0.0.1:{ports["http"]}; location / {{ return 200 "served"; }} }}""")
    with contextlib.ExitStack() as held:
        for _ in range(HELD):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", ports["stream"]), timeout=60))
            connection.sendall(b"GET / HTTP/1.1\r\nHost: held\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        answer = server.look()
        limits, backends = zone_of(answer, "streams"), zone_of(answer, "backends")
        assert (limits["module"], limits["kind"], limits["entries"]) == ("ngx_stream_limit_conn_module", "limit_conn", HELD)
        assert (backends["module"], backends["kind"], backends["entries"]) == ("ngx_stream_upstream_module", "upstream", 2)
    wait_until(lambda: server.lua("return ngx.var.connections_active") == 1, "all connections are gone")
    assert server.zone("streams")["entries"] == 0
