"""wrk under the runtime: a Lua state for each of its threads, which a script fills."""
import pathlib
import re
import select
import subprocess
import time

import pytest

from hosts.evidence import assert_heap_in_use
from processes import end, end_with_parent, environment_with

pytestmark = pytest.mark.preload

SCRIPT = pathlib.Path(__file__).resolve().parent / "hosts" / "wrk_script.lua"
THREADS, SECONDS = 2, 2


def output_until(process, pattern, seconds):
    """The match in what the process has written so far."""
    text, deadline = "", time.monotonic() + seconds
    while not (match := re.search(pattern, text, re.MULTILINE)):
        left = deadline - time.monotonic()
        assert left > 0 and select.select([process.stdout], [], [], left)[0], f"wrk did not say {pattern}: {text}"
        more = process.stdout.read1()
        assert more, f"wrk ended: {text}"
        text += more.decode()
    return match


def test_threads_of_a_script(nginx, respire, runtime):
    """Every answer of the server is the one that the script's own request asked for, and each thread has its heap."""
    server = nginx(server="location /echo { return 200 \"$args\\n\"; }")
    load = subprocess.Popen(["wrk", f"-t{THREADS}", "-c4", f"-d{SECONDS}s", "-s", str(SCRIPT), f"http://127.0.0.1:{server.port}"],
                            env=environment_with({"LD_PRELOAD": str(runtime)}), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            preexec_fn=end_with_parent)
    try:
        told = output_until(load, r"((?:^thread .*\n)+)^failed (\d+)\n^main (\d+)\n", seconds=20)
        threads = [[int(word) for word in line.split()[1:]] for line in told[1].splitlines()]
        assert len(threads) == THREADS
        assert_heap_in_use(respire, load.pid, int(told[3]), *(count_bytes for _, _, count_bytes in threads))
        assert told[2] == "0"
        assert [wrong for _, wrong, _ in threads] == [0] * THREADS
        assert all(answered > 1000 for answered, _, _ in threads)
        load.stdin.write(b"\n")
        load.stdin.close()
        assert load.wait(10) == 0
    finally:
        end(load)
        load.stdout.close()
