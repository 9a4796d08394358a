"""What `respire shm` costs: on a lua_shared_dict of a real nginx, asleep and while a worker changes it."""
import json
import os
import subprocess
import sys
import time

from processes import Nginx, public_directory

ROUNDS = 5
MIB = 1 << 20
SIZES = ((100, 300_000, 8), (8192, 20_000_000, 100))  # MiB, keys, bytes of each value
TARGETS = "100 MB <= 20 ms, 8 GB with 20 million keys <= 3 s; the reader's memory <= 1/8 of the zone"
LOCATIONS = """
location /fill { content_by_lua_block {
    local zone, value = ngx.shared.zone, string.rep("x", tonumber(ngx.var.arg_bytes))
    local first, last = tonumber(ngx.var.arg_first), tonumber(ngx.var.arg_last)
    for number = first, last do zone:set("key" .. number, value, number % 3 == 0 and 3600 or 0) end
    ngx.say("filled")
} }
location /churn { content_by_lua_block {
    local zone, keys = ngx.shared.zone, tonumber(ngx.var.arg_keys)
    while true do
        for _ = 1, 50 do
            local key = "key" .. math.random(keys)
            if math.random() < 0.5 then zone:delete(key) else zone:set(key, string.rep("x", math.random(100))) end
        end
        ngx.sleep(0.001)
    end
} }
"""
FILLED_AT_ONCE = 200_000


def look(respire, pid):
    """Milliseconds of one run, the reader's own memory, and what it says of the zone."""
    start = time.monotonic()
    with subprocess.Popen([respire, "shm", "--json", str(pid), "zone"], stdout=subprocess.PIPE) as child:
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    elapsed = (time.monotonic() - start) * 1000
    if child.returncode != 0:
        sys.exit(f"bench: respire shm {pid} ended with status {child.returncode}")
    (zone,) = [zone for zone in json.loads(output)["zones"] if zone["name"] == "zone"]
    return elapsed, usage.ru_maxrss * 1024 - zone["loaded_bytes"], zone


def row(name, respire, pid):
    looks = [look(respire, pid) for _ in range(ROUNDS)]
    times = sorted(elapsed for elapsed, _, _ in looks)
    changes = max(zone["changes"] for _, _, zone in looks)
    entries, own = looks[-1][2]["entries"], max(own for _, own, _ in looks)
    print(f"  {name:<26} {entries:>12,} {times[ROUNDS // 2]:8.0f} ms {times[-1]:8.0f} ms {own / MIB:8.0f} MiB {changes:>10,}")


def bench_zone(respire, mebibytes, keys, value_bytes):
    with public_directory() as directory:
        server = Nginx(directory, http=f"lua_shared_dict zone {mebibytes}m;", server=LOCATIONS)
        try:
            for first in range(1, keys + 1, FILLED_AT_ONCE):
                server.get(f"/fill?first={first}&last={min(first + FILLED_AT_ONCE - 1, keys)}&bytes={value_bytes}")
            row(f"{mebibytes:,} MiB, asleep", respire, server.worker)
            with subprocess.Popen(["curl", "-s", f"http://127.0.0.1:{server.port}/churn?keys={keys}"],
                                  stdout=subprocess.DEVNULL) as churn:
                time.sleep(0.2)
                row(f"{mebibytes:,} MiB, busy", respire, server.worker)
                churn.kill()
        finally:
            server.stop()


def bench_zones(respire):
    print(f"\nShared zones\n  {'':<26} {'entries':>12} {'time':>11} {'worst':>11} {'own memory':>12} {'changes':>10}")
    for size in SIZES:
        bench_zone(respire, *size)
    print(f"  targets: {TARGETS}")
