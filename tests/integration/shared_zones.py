"""An nginx with shared zones that says itself what is in them, and looks at it that prove to have touched no page of any."""
import contextlib
import http.client
import os
import pathlib
import re
import signal
import socket

from answers import failed_checks
from memory import status_bytes
from processes import ANSWER_SECONDS, children_of, process_state, wait_until, wait_until_idle

PAGE_BYTES = 4096
POOL_HEADER_BYTES, SLOT_BYTES, STATISTICS_BYTES, PAGE_ENTRY_BYTES = 200, 24, 32, 24
SLAB_SIZES = [8 << shift for shift in range(9)]
BLOCK_BYTES = 512  # what st_blocks counts in

# The target runs what it is told, and says what that returned.
LUA = """
location /lua { content_by_lua_block {
    ngx.req.read_body()
    local function tell(...)
        for i = 1, select("#", ...) do ngx.say((tostring((select(i, ...))))) end
    end
    tell(assert(loadstring(ngx.req.get_body_data()))())
} }
keepalive_timeout 3600; keepalive_requests 1000000; client_body_buffer_size 1m;
"""


class ZonedNginx:
    """`start` is the fixture nginx; its options, `server=` among them, are as there."""

    def __init__(self, start, respire, server="", **options):
        self.respire = respire
        self.server = start(server=LUA + server, **options)
        self._connections = {}

    @property
    def workers(self):
        return self.server.workers

    @property
    def worker(self):
        return self.server.worker

    @property
    def master(self):
        return self.server.master

    def lua(self, code, worker=None):
        """What the code returns in a worker of our choice: a value, or a tuple of several."""
        body = self.request("POST", "/lua", code, worker)
        values = tuple(value_of(line) for line in body.splitlines())
        return values[0] if len(values) == 1 else values

    def request(self, method, path, body=None, worker=None):
        connection = self._connection(worker or self.workers[0])
        connection.request(method, path, body)
        response = connection.getresponse()
        text = response.read().decode()
        assert response.status == 200, f"{path}: {response.status}\n{self.server.errors()}"
        return text

    def look(self, *words, pid=None, idle=True):
        """The answer of `respire shm`, and that everything in it agrees with the kernel."""
        pid = pid or self.workers[0]
        before = self._pages(idle)
        answer = self.respire("shm", pid, "--json", *words)
        assert self._pages(idle) == before, "a look has changed what is in memory"
        assert_answer(answer, pid)
        return answer

    def zone(self, name, *words, **options):
        """One zone's row of look()."""
        return zone_of(self.look(*words, **options), name)

    def processes(self):
        """The masters and all that they have started."""
        found, position = [self.master], 0
        while position < len(found):
            found += [child for child in children_of(found[position]) if child not in found]
            position += 1
        return found

    def hold(self, path, worker=None):
        """A request whose answer is not waited for; the socket that it is to come from."""
        connection = self._connect(worker or self.workers[0])
        connection.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: held\r\n\r\n".encode())
        return connection.sock

    def close(self):
        for connection in self._connections.values():
            connection.close()
        self._connections = {}

    def _pages(self, idle):
        """What of the zones is in memory, of all processes."""
        processes = self.processes()
        if idle:
            for pid in processes:
                wait_until_idle(pid, 0.03)
        return {pid: (zone_mappings(pid), status_bytes(pid)["RssShmem"]) for pid in processes}

    def _connection(self, worker):
        if worker not in self._connections:
            self._connections[worker] = self._connect(worker)
        return self._connections[worker]

    def _connect(self, worker):
        """A connection that this worker has accepted, because no other could."""
        with stopped([pid for pid in self.workers if pid != worker]):
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=ANSWER_SECONDS)
            connection.request("POST", "/lua", "return ngx.worker.pid()")
            assert int(connection.getresponse().read()) == worker
        return connection


@contextlib.contextmanager
def stopped(pids):
    """Inside, these processes stand still."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
            wait_until(lambda stopping=pid: process_state(stopping) == "T", f"process {pid} stands still")
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def value_of(line):
    if line in ("nil", "true", "false"):
        return {"nil": None, "true": True, "false": False}[line]
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(line)
    return line


def zone_mappings(pid):
    """By its start, of each mapping that is shared with other processes and backed by no file: the kernel's numbers."""
    found, current = {}, None
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace").splitlines():
        bounds = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) .*?(/\S+)?( \(deleted\))?$", line)
        if bounds and not line[0].isupper():
            start, end = int(bounds[1], 16), int(bounds[2], 16)
            current = None
            if bounds[3].startswith("rw-s") and bounds[4] == "/dev/zero":
                file = os.stat(f"/proc/{pid}/map_files/{start:x}-{end:x}")
                current = {"bytes": end - start, "loaded": file.st_blocks * BLOCK_BYTES, "inode": file.st_ino}
                found[start] = current
        elif current is not None and line.startswith(("Rss:", "Swap:")):
            name, kilobytes = line.split()[:2]
            current[name.rstrip(":")] = int(kilobytes) * 1024
    return found


def zone_of(answer, name):
    (zone,) = [zone for zone in answer["zones"] if zone["name"] == name]
    return zone


def assert_answer(answer, pid):
    """All equations hold, and what the kernel says too."""
    assert answer["pid"] == pid
    assert failed_checks(answer) == []
    mappings = zone_mappings(pid)
    told = {address_of(zone) for zone in answer["zones"]}
    assert told == set(mappings) or len(told) == 1
    for zone in answer["zones"]:
        assert_zone(zone, mappings[address_of(zone)])
    assert_forecast(answer["forecast"], pid)


def address_of(zone):
    return int(zone["address"], 16)


def assert_zone(zone, mapping):
    assert zone["damage"] is None, zone
    assert failed_checks(zone) == []
    assert page_rounded(zone["size_bytes"]) == mapping["bytes"]
    assert zone["loaded_bytes"] == mapping["loaded"]
    assert zone["own_bytes"] == mapping["Rss"]
    assert zone["swapped_bytes"] == 0
    assert zone["unloaded_bytes"] == mapping["bytes"] - mapping["loaded"]
    if zone.get("slabs"):
        assert zone["checks"], "a slab pool without a check"
        assert_slabs(zone)


def assert_slabs(zone):
    slabs, pages = zone["slabs"], zone["pages"]
    assert pages["page_bytes"] == PAGE_BYTES
    assert pages["total"] == pages_laid_out(zone["size_bytes"])
    assert pages["free"] + pages["small"] + pages["exact"] + pages["big"] + pages["whole"] == pages["total"]
    assert pages["free_loaded"] <= pages["free"] and pages["largest_free_run"] <= pages["free"]
    for state in ("used", "free"):
        assert slabs[state]["count"] == sum(row["count"] for row in slabs[state]["by_size"])
        assert slabs[state]["bytes"] == sum(row["count"] * row["slab_bytes"] for row in slabs[state]["by_size"])
    on_pages = sum(row["pages"] * (PAGE_BYTES // row["slab_bytes"]) for row in slabs["sizes"])
    assert slabs["used"]["count"] + slabs["free"]["count"] == on_pages
    assert slabs["used"]["count"] - slabs["statistics_used"] == sum(row["bitmap_slabs"] for row in slabs["sizes"])
    assert zone["header_bytes"] + pages["total"] * PAGE_BYTES <= zone["size_bytes"]


def pages_laid_out(size):
    """How many pages nginx has to give out in a zone: the books come first, and then what is left in whole pages."""
    books = POOL_HEADER_BYTES + len(SLAB_SIZES) * (SLOT_BYTES + STATISTICS_BYTES)
    entries = (size - books) // (PAGE_BYTES + PAGE_ENTRY_BYTES)
    return min(entries, (size - page_rounded(books + entries * PAGE_ENTRY_BYTES)) // PAGE_BYTES)


def assert_forecast(forecast, pid):
    mappings = zone_mappings(pid).values()
    rss, own = status_bytes(pid)["VmRSS"], sum(mapping["Rss"] for mapping in mappings)
    assert forecast["rss_bytes"] == rss
    assert forecast["zones_rss_bytes"] == own
    assert abs(forecast["zones_share"] - own / rss) < 0.001
    assert forecast["rss_grows_by_bytes"] == sum(mapping["bytes"] - mapping["Rss"] for mapping in mappings)
    assert forecast["memory_needed_bytes"] == sum(mapping["bytes"] - mapping["loaded"] for mapping in mappings)


def page_rounded(size):
    return (size + PAGE_BYTES - 1) // PAGE_BYTES * PAGE_BYTES


def slab_of(size):
    """The slab that nginx gives for so many bytes; above the largest, whole pages."""
    return next((slab for slab in SLAB_SIZES if size <= slab), page_rounded(size))


def used_by_size(zone):
    """Slabs that somebody has asked for, by their size."""
    return {row["slab_bytes"]: row["used"] for row in zone["slabs"]["sizes"] if row["used"]}
