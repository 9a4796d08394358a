"""`shm`: what nginx's own modules keep in their zones, in several releases; the truth is what clients did, and files on disk."""
import os
import socket
import ssl
import subprocess
import time

import pytest

from processes import children_of, free_port, wait_until
from shared_zones import zone_of

LIMITED, HELD, CACHED, SESSIONS = 70, 24, 30, 40

LIMITS = """
limit_req_zone $arg_key zone=requests:1m rate=1r/m;
limit_conn_zone $arg_key zone=connections:1m;
lua_check_client_abort on;
"""
LIMITED_LOCATIONS = """
location /limited { limit_req zone=requests burst=1000 nodelay; content_by_lua_block { ngx.say("served") } }
location /held { limit_conn connections 100; content_by_lua_block { ngx.sleep(3600) } }
"""


def asked_for(zone):
    """How many slabs the module has."""
    return zone["slabs"]["statistics_used"]


def test_limit_req(zoned, any_nginx):
    """A key that was limited has an entry in one slab; a second request with it needs none."""
    server = zoned(suite=any_nginx, http=LIMITS, server=LIMITED_LOCATIONS)
    empty = server.zone("requests")
    assert (empty["module"], empty["kind"], empty["entries"]) == ("ngx_http_limit_req_module", "limit_req", 0)
    for number in range(LIMITED):
        server.request("GET", f"/limited?key={'k' * number}{number}")
    for number in range(0, LIMITED, 3):
        server.request("GET", f"/limited?key={'k' * number}{number}")
    zone = server.zone("requests")
    assert zone["entries"] == asked_for(zone) - asked_for(empty) == LIMITED
    assert 7 <= zone["tree_height"] <= 12
    assert "dict" not in zone


def test_limit_conn(zoned, any_nginx):
    """A key has an entry while it has connections, however many."""
    server = zoned(suite=any_nginx, http=LIMITS, server=LIMITED_LOCATIONS)
    empty = server.zone("connections")
    assert (empty["module"], empty["kind"], empty["entries"]) == ("ngx_http_limit_conn_module", "limit_conn", 0)
    held = {number: [server.hold(f"/held?key={number}") for _ in range(1 + number % 2)] for number in range(HELD)}
    wait_until(lambda: writing(server) == sum(map(len, held.values())), "all requests are held")
    zone = server.zone("connections")
    assert zone["entries"] == asked_for(zone) - asked_for(empty) == HELD
    for number in range(0, HELD, 4):
        held.pop(number)[0].close()
    wait_until(lambda: writing(server) == sum(map(len, held.values())), "nginx has noticed who is gone")
    assert server.zone("connections")["entries"] == len(held)
    for connection in sum(held.values(), []):
        connection.close()
    wait_until(lambda: writing(server) == 0, "nginx has noticed that all are gone")
    zone = server.zone("connections")
    assert (zone["entries"], zone["tree_height"], asked_for(zone)) == (0, 0, asked_for(empty))


def writing(server):
    """Requests that nginx is at, but for the one that asks."""
    return server.lua("return ngx.var.connections_writing") - 1


CACHE = """
proxy_cache_path PREFIX/cache keys_zone=cached:1m inactive=1h levels=1:2;
fastcgi_cache_path PREFIX/fastcgi-cache keys_zone=unused:1m;
"""
CACHED_LOCATIONS = """
location /page { proxy_pass http://127.0.0.1:PORT/origin; proxy_cache cached; proxy_cache_valid any 1h; }
location /origin { content_by_lua_block { ngx.say(("page "):rep(tonumber(ngx.var.arg_length))) } }
"""


def test_cache(zoned, any_nginx):
    """A cache has an entry for each of its files, and knows how many blocks these take."""
    server = zoned(suite=any_nginx, http=CACHE, server=CACHED_LOCATIONS)
    wait_until(lambda: len(children_of(server.master)) == 3, "the caches have their processes")
    answer = server.look()
    empty = zone_of(answer, "cached")
    assert (empty["module"], empty["kind"], empty["entries"]) == ("ngx_http_proxy_module", "cache keys", 0)
    other = zone_of(answer, "unused")
    assert (other["module"], other["kind"], other["entries"]) == ("ngx_http_fastcgi_module", "cache keys", 0)
    for length in list(range(CACHED)) * 2:
        server.request("GET", f"/page?length={length}")
    folder = server.server.prefix / "cache"
    wait_until(lambda: len(cache_files(folder)) == CACHED, "all pages are in the cache")
    zone = server.zone("cached")
    assert zone["entries"] == asked_for(zone) - asked_for(empty) == CACHED
    # Each file is smaller than a block, whenever its file system says where it lies.
    assert max(path.stat().st_size for path in cache_files(folder)) < os.statvfs(folder).f_bsize
    assert zone["cache"]["disk_blocks"] == CACHED


def cache_files(folder):
    """Those that are finished."""
    return [path for path in folder.rglob("*") if path.is_file() and len(path.name) == 32]


TLS = """
server {
    listen 127.0.0.1:%d ssl;
    ssl_certificate PREFIX/certificate.pem; ssl_certificate_key PREFIX/key.pem;
    ssl_protocols TLSv1.2; ssl_session_tickets off;
    ssl_session_cache shared:sessions:1m; ssl_session_timeout %d;
    location / { content_by_lua_block { ngx.say(ngx.var.ssl_session_id, " ", ngx.var.ssl_session_reused) } }
}
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-keyout", folder / "key.pem",
                    "-out", folder / "certificate.pem"], check=True, capture_output=True, timeout=30)
    return folder


@pytest.fixture
def secured(zoned, any_nginx, certificate):
    """secured(seconds): an nginx that keeps sessions so long; and its port for TLS."""
    def start(seconds):
        port = free_port()
        http = TLS.replace("PREFIX", str(certificate)) % (port, seconds)
        return zoned(suite=any_nginx, http=http), port
    return start


def shake_hands(port, session=None):
    """The session that nginx told us of, and whether it was an old one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if session:
        context = session[1]
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        with context.wrap_socket(plain, session=session[0] if session else None) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while more := connection.recv(65536):
                answer += more
            name, reused = answer.decode().split()[-2:]
            return name, reused == "r", (connection.session, context)


def test_ssl_sessions(secured):
    """A session has an entry in two slabs; one that is taken up again stays the one it is."""
    server, port = secured(3600)
    empty = server.zone("sessions")
    assert (empty["kind"], empty["entries"]) == ("ssl sessions", 0)
    begun = [shake_hands(port) for _ in range(SESSIONS)]
    again = [shake_hands(port, session) for _name, _reused, session in begun[::5]]
    assert [reused for _name, reused, _session in begun + again] == [False] * SESSIONS + [True] * len(again)
    zone = server.zone("sessions")
    assert zone["entries"] == len({name for name, _reused, _session in begun}) == SESSIONS
    assert asked_for(zone) - asked_for(empty) == 2 * SESSIONS
    assert zone["expired"] == 0
    assert 6 <= zone["tree_height"] <= 10


def test_ssl_sessions_that_have_expired(secured):
    """Sessions whose time is over stay until a new one wants their place."""
    server, port = secured(1)
    shake_hands(port)
    second = int(time.time()) + 1  # nginx counts in whole ones
    wait_until(lambda: time.time() >= second, "the session's second is over")
    zone = server.zone("sessions")
    assert (zone["entries"], zone["expired"]) == (1, 1)


UPSTREAMS = """
upstream plain { zone plain 64k; server 127.0.0.1:18001; server 127.0.0.1:18002 weight=3; server 127.0.0.1:18003 down; }
upstream backed { zone backed 128k; server 127.0.0.1:18001; server 127.0.0.1:18004 backup; server 127.0.0.1:18005 backup; }
upstream first { zone both 256k; server 127.0.0.1:18001; }
upstream second { zone both 256k; server 127.0.0.1:18002; server 127.0.0.1:18003; }
"""


def test_upstreams(zoned, any_nginx):
    """A server of an upstream has an entry, also where it is a backup, and where upstreams share a zone."""
    server = zoned(suite=any_nginx, http=UPSTREAMS)
    answer = server.look()
    for name, servers in (("plain", 3), ("backed", 3), ("both", 3)):
        zone = zone_of(answer, name)
        assert (zone["module"], zone["kind"]) == ("ngx_http_upstream_module", "upstream")
        assert zone["entries"] == servers, name
