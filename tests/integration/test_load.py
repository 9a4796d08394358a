"""Targets that don't hold still: nginx under load for a minute, and hosts whose Lua or whose threads never rest."""
import re
import subprocess
import time

import pytest

from analyzer import error_sentence
from answers import assert_checked, counted
from processes import end, end_with_parent
from programs import ALLOCATION_STORM, MIXED_HEAP, REQUEST_HEAP

LOAD_SECONDS = 60
BETWEEN_LOOKS = 0.2
BUSY_LOOKS = 250
EXPECTED_SHARE = 0.8


def no_numbers(outcome):
    """A refusal may be a document, but has no state's numbers in it."""
    return "gc_count_bytes" not in outcome.stdout


class Looks:
    """Looks at a running target: each is checked, or refused with a reason."""

    def __init__(self, respire, pid, states):
        self.respire, self.pid, self.states = respire, pid, states
        self.taken, self.passed, self.refusals = 0, 0, []

    def take(self):
        outcome = self.respire.attempt("lua", self.pid, "--json")
        self.taken += 1
        if outcome.status == 0:
            document = outcome.document
            assert_checked(document)
            assert len(document["states"]) == self.states
            self.passed += 1
        else:
            assert outcome.status == 4, outcome
            assert no_numbers(outcome), outcome
            self.refusals.append(error_sentence(outcome))

    def report(self, capsys, target):
        with capsys.disabled():
            print(f"\n    {target}: {self.passed} of {self.taken} looks passed their checks")
            for sentence in sorted(set(self.refusals)):
                print(f"    refused: {sentence}")
        assert self.passed >= EXPECTED_SHARE * self.taken, self.refusals


@pytest.mark.seconds(180)
def test_nginx_under_load(nginx, respire, capsys):
    """A minute, five looks a second: each passes or says which check failed; nearly all pass; no request fails."""
    server = nginx(http=f"init_worker_by_lua_block {{ {REQUEST_HEAP} _G.handle = handle_request }}",
                   server="location / { content_by_lua_block { ngx.say(handle()) } }")
    server.get()
    looks = Looks(respire, server.worker, states=1)
    load = subprocess.Popen(["wrk", "-t1", "-c16", f"-d{LOAD_SECONDS}s", f"http://127.0.0.1:{server.port}/"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=end_with_parent)
    try:
        while load.poll() is None:
            started = time.monotonic()
            looks.take()
            time.sleep(max(0, BETWEEN_LOOKS - (time.monotonic() - started)))
        report, _ = load.communicate(timeout=20)
    finally:
        end(load)

    served = int(re.search(r"(\d+) requests in", report)[1])
    looks.report(capsys, f"nginx, {served} requests")
    assert served > 1000, report
    assert "Socket errors" not in report and "Non-2xx" not in report, report
    assert looks.taken > 50
    server.get()


@pytest.mark.parametrize("allocator", ["stock", "malloc"])
def test_busy_host(host, respire, capsys, allocator):
    """Lua that never rests, in one state of three: every look has all three, or says which check failed."""
    target = host(script=ALLOCATION_STORM, states=3, allocator=allocator)
    looks = Looks(respire, target.pid, states=3)
    with target.busy("storm", state=1):
        for _ in range(BUSY_LOOKS):
            looks.take()
    looks.report(capsys, f"busy host ({allocator})")
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    assert counted(answer) == sorted(target.counts())


def test_threads_that_come_and_go(host, respire, capsys):
    """A process that starts and ends threads without a pause is stopped as a whole, and counted to the byte."""
    target = host(script=MIXED_HEAP)
    target.ask("churn")
    expected = target.count()
    looks = Looks(respire, target.pid, states=1)
    for _ in range(BUSY_LOOKS):
        looks.take()
    looks.report(capsys, "host with restless threads")
    assert counted(respire("lua", target.pid, "--json")) == [expected]
    assert_checked(respire("mem", target.pid, "--json"))
    assert target.count() == expected
