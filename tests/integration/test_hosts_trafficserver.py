"""Traffic Server with tslua under the runtime: LuaJIT comes with a plugin, by dlopen(RTLD_LOCAL), in several states."""
import concurrent.futures
import http.server
import pathlib
import shutil
import threading

import pytest

from hosts.evidence import assert_heap_in_use
from hosts.server import Server, ask_http
from processes import free_port, public_directory

pytestmark = pytest.mark.preload

HOSTS = pathlib.Path(__file__).resolve().parent / "hosts"
STATES, CLIENTS, REQUESTS = 4, 8, 400

# All of the server's places, so that it touches none of the system's.
LAYOUT = """
prefix: {folder}
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: {folder}/etc
datadir: {folder}/run
includedir: /usr/include
libdir: /usr/lib/trafficserver
libexecdir: /usr/lib/trafficserver/modules
localstatedir: {folder}/run
runtimedir: {folder}/run
logdir: {folder}/log
mandir: /usr/share/man
cachedir: {folder}/run
"""

RECORDS = """
CONFIG proxy.config.http.server_ports STRING {port}:ip-in=127.0.0.1
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 2
CONFIG proxy.config.http.cache.http INT 0
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.crash_log_helper STRING NULL
CONFIG proxy.config.plugin.lua.max_states INT {states}
"""


class Origin(http.server.ThreadingHTTPServer):
    """Answers with the header that the proxy's Lua has made for it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = f"{self.path} {self.headers['X-Sum']}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    def stop(self):
        self.shutdown()
        self._thread.join()
        self.server_close()


@pytest.fixture
def edge(runtime):
    """(server, port) of a reverse proxy before an origin."""
    origin, port = Origin(), free_port()
    with public_directory() as folder:
        for name in ("etc", "run", "log"):
            (folder / name).mkdir()
        shutil.copy("/etc/trafficserver/ip_allow.yaml", folder / "etc")
        (folder / "runroot.yaml").write_text(LAYOUT.format(folder=folder))
        (folder / "etc/records.config").write_text(RECORDS.format(port=port, states=STATES))
        (folder / "etc/storage.config").touch()
        (folder / "etc/plugin.config").touch()
        (folder / "etc/remap.config").write_text(
            f"map http://127.0.0.1:{port}/ http://127.0.0.1:{origin.server_port}/ @plugin=tslua.so "
            f"@pparam={HOSTS}/edge_script.lua\n")
        server = Server(["/usr/bin/traffic_server"], folder, preload=runtime, environment={"TS_RUNROOT": str(folder)},
                        serves=lambda: ask_http(port, "/lua")[0] == 200)
        yield server, port
        server.stop()
    origin.stop()


def records_sum(n):
    return n * (n + 1) // 2 + sum(len(f"record {i}") for i in range(1, n + 1))


def test_every_state_answers(edge, respire):
    """Requests and responses carry what Lua made of them, from each of the plugin's states, all on respire heaps."""
    server, port = edge

    def ask(number):
        n = 50 + number % 7
        status, headers, body = ask_http(port, f"/page{number}?a{number}&b&c", headers={"X-N": str(n)})
        assert status == 200
        assert body == f"/page{number}?a{number}&b&c {records_sum(n)}"
        assert headers["X-Words"] == f"c+b+a{number}"
        status, _, body = ask_http(port, "/lua", headers={"X-N": str(20 * n)})
        total, _ = body.split()
        assert (status, int(total)) == (200, records_sum(20 * n))

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(ask, range(REQUESTS)))
    status, _, body = ask_http(port, "/lua", headers={"X-N": "0"})
    assert status == 200
    assert len(assert_heap_in_use(respire, server.pid, float(body.split()[1]))) == STATES
