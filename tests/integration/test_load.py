"""nginx under load for a minute, looked at five times a second."""
import json
import re
import subprocess
import time

import pytest

from analyzer import error_sentence
from answers import assert_checked
from programs import REQUEST_HEAP

LOAD_SECONDS = 60
BETWEEN_LOOKS = 0.2
EXPECTED_SHARE = 0.8


def no_numbers(outcome):
    """A refusal may be a document, but has no state's numbers in it."""
    return "gc_count_bytes" not in outcome.stdout


@pytest.mark.seconds(180)
def test_every_answer_is_checked_or_refused(nginx, respire, capsys):
    """Each answer passes its equations or says which one fails; no request fails; nearly all looks succeed."""
    server = nginx(http=f"init_worker_by_lua_block {{ {REQUEST_HEAP} _G.handle = handle_request }}",
                   server="location / { content_by_lua_block { ngx.say(handle()) } }")
    server.get()
    load = subprocess.Popen(["wrk", "-t1", "-c16", f"-d{LOAD_SECONDS}s", f"http://127.0.0.1:{server.port}/"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    looks, passed, refusals = 0, 0, []
    try:
        while load.poll() is None:
            started = time.monotonic()
            outcome = respire.attempt("lua", server.worker, "--json")
            looks += 1
            if outcome.status == 0:
                document = outcome.document
                assert_checked(document)
                assert len(document["states"]) == 1
                passed += 1
            else:
                assert outcome.status == 4, outcome
                assert no_numbers(outcome), outcome
                refusals.append(error_sentence(outcome))
            time.sleep(max(0, BETWEEN_LOOKS - (time.monotonic() - started)))
        report, _ = load.communicate(timeout=20)
    finally:
        load.kill()
        load.wait(10)

    with capsys.disabled():
        print(f"\n    {passed} of {looks} looks under load passed their checks; {requests(report)} requests served")
        for sentence in sorted(set(refusals)):
            print(f"    refused: {sentence}")
    assert requests(report) > 1000, report
    assert "Socket errors" not in report and "Non-2xx" not in report, report
    assert looks > 50
    assert passed >= EXPECTED_SHARE * looks, json.dumps(refusals, indent=2)
    server.get()


def requests(report):
    return int(re.search(r"(\d+) requests in", report)[1])
