"""knot-resolver under the runtime: DNS questions that its Lua answers."""
import pathlib
import socket
import struct

import pytest

from hosts.evidence import assert_heap_in_use
from hosts.server import Server
from memory import status_bytes
from processes import free_port, wait_until

pytestmark = pytest.mark.preload

CONFIGURATION = pathlib.Path(__file__).resolve().parent / "hosts" / "resolver.lua"
A, TXT = 1, 16
NAME_ERROR = 3
MIB = 2**20


class Resolver:
    def __init__(self, folder, preload):
        self.port = free_port()
        self.server = Server(["/usr/sbin/kresd", "-n", "-c", CONFIGURATION, folder], folder, preload=preload,
                             environment={"RESPIRE_TEST_PORT": str(self.port)},
                             serves=lambda: self.ask("1.host.test", A, seconds=0.3))
        self.pid = self.server.pid

    def ask(self, name, kind, seconds=20):
        """(code, data of the first record): one question in one datagram."""
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        question = struct.pack(">6H", 4711, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(seconds)
            client.connect(("127.0.0.1", self.port))
            client.send(question)
            answer = client.recv(4096)
        number, flags, _, answers, _, _ = struct.unpack(">6H", answer[:12])
        assert number == 4711
        return flags & 15, answer[len(question) + 12:] if answers else None

    def work(self, n):
        """What Lua answers to N.work.test, and what it counts."""
        code, data = self.ask(f"{n}.work.test", TXT)
        assert code == 0
        total, count_bytes = data[1:1 + data[0]].decode().split()
        return int(total), float(count_bytes)


@pytest.fixture
def resolver(runtime, tmp_path):
    started = Resolver(tmp_path, runtime)
    yield started
    started.server.stop()


def work_sum(n):
    return n * (n + 1) // 2 + sum(len(f"record {i}") for i in range(1, n + 1))


def test_answers(resolver, respire):
    """Thousands of questions, all answered right from the runtime's heap."""
    for i in range(1, 2001):
        code, address = resolver.ask(f"{i}.host.test", A)
        assert (code, address) == (0, bytes([10, 0, i // 256, i % 256]))
    for n in range(1, 301):
        assert resolver.work(n)[0] == work_sum(n)
    assert resolver.ask("no.such.name.test", A)[0] == NAME_ERROR
    total, count_bytes = resolver.work(0)
    assert total == 0
    assert_heap_in_use(respire, resolver.pid, count_bytes)
    assert resolver.server.stop() == 0


def test_burst_goes_back(resolver, respire):
    """The pages of large answers go back while the resolver waits for the next question."""
    assert resolver.work(300_000)[0] == work_sum(300_000)
    assert status_bytes(resolver.pid)["VmHWM"] > 48 * MIB
    _, count_bytes = resolver.work(0)
    assert_heap_in_use(respire, resolver.pid, count_bytes)
    wait_until(lambda: status_bytes(resolver.pid)["VmRSS"] < 40 * MIB, "the burst's pages have gone back", seconds=5)
    assert resolver.work(5000)[0] == work_sum(5000)
