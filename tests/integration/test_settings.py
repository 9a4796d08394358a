"""Settings that change while states live, from C; and what `respire run` refuses before it starts a program."""
import re

import pytest

from outcome import compile_host, luajit_flags, run


@pytest.mark.preload
def test_from_c(runtime, tmp_path):
    """Every heap obeys at once; what is wrong changes nothing and is told in the words of RESPIRE_OPTIONS."""
    program = compile_host("settings", tmp_path, [*luajit_flags(), "-pthread"])
    log = tmp_path / "log"
    outcome = run(program, log, preload=runtime, options="decay_ms=1500")
    assert outcome.stderr == ""
    for name in ("before_any_state", "set", "log", "background", "log_off"):
        assert outcome[name] == 0, name
    for name in ("small", "wrong_value", "wrong_name", "no_name", "wrong_log"):
        assert outcome[name] == -1, name
    for name in ("silent", "small_untouched", "said_value", "said_name", "said_log", "thread_silent", "thread_said",
                 "said_log_still"):
        assert outcome[name] == 1, name
    assert outcome["shown"] == 2000
    assert [outcome[name] for name in ("shown_by_one", "shown_by_two", "decay", "still")] == [700] * 4
    events = [line.split(": ", 1)[1] for line in log.read_text().splitlines()]
    assert [bool(re.match(pattern, event)) for pattern, event in
            zip((r"log set to /", r"background set to off", r"heap 0x\w+ closed"), events, strict=True)] == [True] * 3


@pytest.mark.parametrize("setting, sentence", [
    ("decay_ms=5", 'decay_ms must be 500 to 3600000, not "5"'),
    ("decay_ms=", 'decay_ms must be 500 to 3600000, not ""'),
    ("background=maybe", 'background must be on or off, not "maybe"'),
    ("decay=1000", "the runtime has no option 'decay'"),
])
def test_run_refuses_what_is_wrong(respire, setting, sentence):
    """Exit status 2 and a sentence, and the program is not started."""
    outcome = respire.attempt("run", "--set", setting, "--", "echo", "started")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert sentence in outcome.stderr
