"""A target that goes away, or becomes something else, while respire looks at it."""
import os
import random
import signal
import time

import pytest

from analyzer import Outcome, SANITIZER_REPORT
from answers import assert_checked
from processes import Host
from programs import MIXED_HEAP

ROUNDS = 20
SCRIPT = MIXED_HEAP + "for i = 1, 60000 do kept[i] = { i, tostring(i) } end"

ENDINGS = {
    "exits": lambda target: target.send("exit 0"),
    "is killed": lambda target: os.kill(target.pid, signal.SIGKILL),
    "executes another program": lambda target: target.send("exec /bin/sleep 1000"),
}


@pytest.fixture(scope="module")
def length_of_a_look(host_program, respire, tmp_path_factory):
    script = tmp_path_factory.mktemp("vanishing") / "script.lua"
    script.write_text(SCRIPT, encoding="utf-8")
    target = Host(host_program, script=script)
    try:
        started = time.monotonic()
        respire("lua", target.pid, "--json")
        return time.monotonic() - started
    finally:
        target.stop()


@pytest.mark.seconds(180)
@pytest.mark.parametrize("command", ["lua", "mem", "heap"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_target_goes_away(host, respire, length_of_a_look, command, ending):
    """At whatever instant it does: a checked answer, or exit status 3 or 4 with one sentence and no answer."""
    chance = random.Random(5)
    for _ in range(ROUNDS):
        target = host(script=SCRIPT)
        looking = respire.start(command, target.pid, "--json")
        time.sleep(chance.uniform(0, length_of_a_look * 1.1))
        ENDINGS[ending](target)
        stdout, stderr = looking.communicate(timeout=40)
        outcome = Outcome([command, str(target.pid), "--json"], looking.returncode, stdout, stderr)
        target.stop()

        assert not SANITIZER_REPORT.search(stderr), outcome
        assert outcome.status in (0, 3, 4), outcome
        if outcome.status == 0:
            assert_checked(outcome.document)
        else:
            assert len(stderr.strip().splitlines()) == 1, outcome


@pytest.mark.parametrize("command", ["lua", "mem", "heap"])
def test_target_is_gone_already(host, respire, command):
    """A pid of which nothing is left: exit status 3, and the sentence has the pid."""
    target = host()
    target.stop()
    assert str(target.pid) in respire(command, target.pid, "--json", expect=3)
