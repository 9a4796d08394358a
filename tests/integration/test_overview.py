"""`ps` and `doctor`: which processes there are, and what works here."""
import time

from answers import only_state
from memory import rollup_bytes
from programs import MIXED_HEAP, REQUEST_HEAP


def rows_by_pid(answer):
    return {row["pid"]: row for row in answer["processes"]}


def test_ps_lists_hosts_and_workers(host, nginx, respire):
    """Each process with LuaJIT in it is listed, with the sizes that `lua` gives; one without isn't."""
    target = host(script=MIXED_HEAP)
    several = host(script=MIXED_HEAP, states=3)
    server = nginx(http=f"init_worker_by_lua_block {{ {REQUEST_HEAP} for i = 1, 20 do handle_request() end }}")
    server.wait_until_idle()
    rows = rows_by_pid(respire("ps", "--json"))

    for pid in (target.pid, several.pid, server.worker):
        row = rows[pid]
        states = respire("lua", pid, "--json")["states"]
        for key in ("held_bytes", "live_bytes", "reclaimable_bytes"):
            assert row[key] == sum(state["allocator"][key] for state in states), key
        assert row["rss_bytes"] == rollup_bytes(pid)["Rss"]
        assert 0 < row["pss_bytes"] <= row["rss_bytes"]
        assert row["allocator"] == "stock"
    assert 1 not in rows


def test_ps_while_processes_come_and_go(host, respire):
    """A process that ends between being found and being read is left out; the others are listed."""
    stays = host(script=MIXED_HEAP)
    for _ in range(10):
        leaves = host(script=MIXED_HEAP)
        looking = respire.start("ps", "--json")
        time.sleep(0.02)
        leaves.stop()
        stdout, stderr = looking.communicate(timeout=40)
        assert looking.returncode == 0, stderr
        assert f'"pid": {stays.pid}' in stdout or f'"pid":{stays.pid}' in stdout


def test_doctor(respire):
    """What works on this machine: exit status 0, and for people more than one line."""
    assert respire("doctor", "--json")
    assert len(respire("doctor").splitlines()) > 1


def test_doctor_of_a_process(host, respire):
    """What works with this process: its layout, by the name that `lua` has for it."""
    target = host(script=MIXED_HEAP)
    layout = only_state(respire("lua", target.pid, "--json"))["layout"]
    assert layout in respire("doctor", target.pid)


# While no upvalue is open, the ring of them points at itself: break_ring() breaks it, and mend_ring() mends it.
BREAKABLE_RING = """
jit.off()
local base, words, place, value = {address}ULL, require("ffi").cast("uint64_t *", {address}ULL)
function break_ring()
    for i = 0, 99 do if words[i] == base + 8 * (i - 2) and words[i + 1] == words[i] then place = i end end
    value = words[place]
    words[place] = 0
end
function mend_ring() words[place] = value end
"""


def test_doctor_of_a_state_not_understood(host, respire):
    """A state that fails a check of its layout is not believed: `doctor` names the check and those before; exit status 4."""
    target = host(script=MIXED_HEAP)
    (address,) = target.addresses()
    target.evaluate(BREAKABLE_RING.format(address=address))
    target.call("break_ring")
    outcome = respire.attempt("doctor", target.pid, "--json")
    assert outcome.status == 4
    assert 'fails its check "ring of open upvalues"' in outcome.stderr
    checks = {found["detail"].split(": ")[1]: found["level"] for found in outcome.document["findings"]
              if "layout check: " in found["detail"]}
    assert checks.pop("ring of open upvalues") == "missing"
    assert set(checks.values()) == {"ok"} and "registry" in checks
    assert 'fails its check "ring of open upvalues"' in respire("lua", target.pid, expect=4)
    target.call("mend_ring")
    assert respire("doctor", target.pid)
