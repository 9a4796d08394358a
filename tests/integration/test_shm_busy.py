"""`shm` of zones at which workers are at work: read again until all agrees, or right within a number of changes that is told."""
import contextlib
import os
import random
import signal

import pytest

from answers import failed_checks
from dict_entries import Entry, store
from processes import process_state, wait_until
from shared_zones import assert_zone, zone_mappings, address_of, zone_of

LOOKS, STOPS = 15, 12
# Stores, replaces and deletes entries of all sizes, lists among them, and lets other requests in between.
CHURN = """
location /churn { content_by_lua_block {
    local dogs, control, number = ngx.shared.dogs, ngx.shared.control, 0
    local text = string.rep("x", 6000)
    while not control:get("stop") do
        for _ = 1, 300 do
            number = number + 1
            dogs:set("key" .. number % 4000, text:sub(1, number * 7 % 500), number % 3 == 0 and 0.01 or 0)
            dogs:delete("key" .. number * 13 % 4000)
            if number % 20 == 0 then dogs:set("large" .. number % 100, text:sub(1, number % 6000)) end
            if number % 10 == 0 then dogs:rpush("list" .. number % 50, number) end
            if number % 40 == 0 then dogs:delete("list" .. number * 7 % 50) end
        end
        control:set("turns", number)
        ngx.sleep(0)
    end
    ngx.say(number)
} }
"""
ZONES = "lua_shared_dict dogs 4m; lua_shared_dict cats 1m; lua_shared_dict control 256k;"
TOUCH_ALL = """
local dogs, number = ngx.shared.dogs, 0
while dogs:safe_set("fill" .. number, string.rep("f", 3000)) do number = number + 1 end
dogs:flush_all() dogs:flush_expired()
ngx.shared.control:set("turns", 0)
return #dogs:get_keys(0)
"""


@pytest.fixture
def busy(zoned):
    with at_work(zoned) as server:
        yield server


@contextlib.contextmanager
def at_work(zoned, suite=None):
    """Inside, the first of two workers is at work; no page of its zones is new to it."""
    server = zoned(suite=suite, http=ZONES, server=CHURN, workers=2)
    churning, other = server.workers
    assert server.lua(TOUCH_ALL, churning) == 0
    store(server, "cats", [Entry(f"{number}", "string", number) for number in range(400)], other)
    connection = server.hold("/churn", churning)
    wait_until(lambda: server.lua("return ngx.shared.control:get('turns')", other) > 0, "the worker is at work")
    yield server
    with contextlib.closing(connection):
        server.lua("ngx.shared.control:set('stop', true)", other)
        while chunk := connection.recv(65536):
            if chunk.endswith(b"0\r\n\r\n"):
                break


def assert_right_or_said(zone):
    """Nothing is told that is known to be wrong."""
    if zone["damage"] is not None:
        assert len(zone["damage"]) > 15
        assert zone["entries"] is None
    else:
        assert failed_checks(zone) == []
        assert zone["entries"] == sum(row["count"] for row in zone["dict"]["by_type"])


def look_at_busy(server, pid):
    before = {pid: zone_mappings(pid) for pid in server.processes()}
    outcome = server.respire.attempt("shm", pid, "--json")
    answer = outcome.document
    assert {pid: zone_mappings(pid) for pid in server.processes()} == before, "a look has changed what is in memory"
    dogs = zone_of(answer, "dogs")
    assert_right_or_said(dogs)
    assert outcome.status == (0 if dogs["damage"] is None else 4), outcome
    cats = zone_of(answer, "cats")
    assert (cats["entries"], cats["changes"]) == (400, 0)
    assert_zone(cats, before[pid][address_of(cats)])
    return answer


def test_busy(zoned, any_nginx):
    """Look after look agrees with itself, of whichever process; the target goes on meanwhile."""
    with at_work(zoned, any_nginx) as server:
        churning, other = server.workers
        turns = "return ngx.shared.control:get('turns')"
        before = server.lua(turns, other)
        for look in range(LOOKS):
            look_at_busy(server, (churning, other, server.master)[look % 3])
        wait_until(lambda: server.lua(turns, other) > before, "the worker goes on")


def test_stopped_at_work(busy):
    """A worker may stand still with the zone's lock, half way through a change: a look ends, and is right or says so."""
    churning, other = busy.workers
    chance = random.Random(6)
    for _ in range(STOPS):
        busy.lua(f"ngx.sleep({chance.uniform(0, 0.01):.4f})", other)
        os.kill(churning, signal.SIGSTOP)
        try:
            wait_until(lambda: process_state(churning) == "T", "the worker stands still")
            for pid in (churning, busy.master):
                zone = zone_of(look_at_busy(busy, pid), "dogs")
                assert zone["changes"] <= 1 or zone["damage"], "nobody is at work; one may be about to be"
            assert process_state(churning) == "T"
        finally:
            os.kill(churning, signal.SIGCONT)


def test_after_work(busy):
    """When the work is done, all is exact, and what the dict says."""
    churning, other = busy.workers
    busy.lua("ngx.shared.control:set('stop', true)", other)
    busy.lua("return 1", churning)
    zone = busy.zone("dogs")
    living = busy.lua("return #ngx.shared.dogs:get_keys(0)", other)
    assert zone["changes"] == 0
    assert zone["entries"] - zone["expired"] == living
    expired = busy.lua("return ngx.shared.dogs:flush_expired()", other)
    assert zone["expired"] == expired
    assert busy.zone("dogs")["entries"] == living
