"""`run -- CMD` starts a program under the runtime, and the analyzer understands what it finds there."""
import pytest

from answers import (TABLE, assert_checked, assert_conserved, counted, object_counts, only_state, owners_named,
                     resident_sum)
from memory import status_bytes
from processes import wait_until
from programs import MIXED_HEAP, REQUEST_HEAP

pytestmark = pytest.mark.preload


@pytest.fixture
def host_under_runtime(host, respire):
    def start(**options):
        return host(command=[str(respire.program), "run", "--"], **options)
    return start


def test_state_is_the_runtimes(host_under_runtime, respire):
    """`lua` names the allocator, its sums add up, and the count is still the target's own."""
    target = host_under_runtime(script=MIXED_HEAP)
    expected = target.count()
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    state = only_state(answer)
    assert state["allocator"]["kind"] == "respire"
    assert state["gc_count_bytes"] == expected
    assert object_counts(state)[TABLE] > 2857
    assert_conserved(state["allocator"])


def test_ledger_has_the_runtimes_rows(host_under_runtime, respire):
    """`mem` gives the runtime's pages to respire.*, none to LuaJIT's allocator, and still sums to VmRSS."""
    target = host_under_runtime(script=MIXED_HEAP)

    def settled():
        before = status_bytes(target.pid)["VmRSS"]
        answer = respire("mem", target.pid, "--json")
        return answer if status_bytes(target.pid)["VmRSS"] == before == answer["rss_bytes"] else None
    answer = wait_until(settled, "the runtime has nothing left to return")
    assert_checked(answer)
    assert resident_sum(answer["owners"]) == resident_sum(answer["system"]) == answer["rss_bytes"]
    assert resident_sum(owners_named(answer, "respire.live")) > 2**20
    assert resident_sum(owners_named(answer, "luajit.live")) == 0
    assert resident_sum(owners_named(answer, "luajit.free")) == 0


def test_several_states(host_under_runtime, respire):
    """Each of several states under the runtime has its own heap."""
    target = host_under_runtime(script=MIXED_HEAP, states=5)
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    assert counted(answer) == sorted(target.counts())
    assert [state["allocator"]["kind"] for state in answer["states"]] == ["respire"] * 5
    for state in answer["states"]:
        assert_conserved(state["allocator"])


def test_foreign_allocator_is_left_alone(host_under_runtime, respire):
    """A host that brings its own allocator keeps it under the runtime."""
    target = host_under_runtime(script=MIXED_HEAP, allocator="malloc")
    state = only_state(respire("lua", target.pid, "--json"))
    assert state["allocator"]["kind"] == "other"
    assert state["gc_count_bytes"] == target.count()


def test_burst_is_given_back(host_under_runtime, respire):
    """After a burst the pages go back to the kernel by themselves, and the answer says so."""
    target = host_under_runtime()
    target.evaluate("""
        keep = {}
        for i = 1, 500000 do local record = { i, i + 1 } if i % 1000 == 0 then keep[#keep + 1] = record end end
        collectgarbage() collectgarbage() return #keep""")
    wait_until(lambda: status_bytes(target.pid)["VmRSS"] < 24 * 2**20, "the burst's pages are given back")
    state = only_state(respire("lua", target.pid, "--json"))
    assert_conserved(state["allocator"])
    assert state["allocator"]["free_resident_bytes"] < 16 * 2**20


def test_ps_tells_the_runtime_apart(host, host_under_runtime, respire):
    """`ps` says which process is under the runtime."""
    stock, under_runtime = host(script=MIXED_HEAP), host_under_runtime(script=MIXED_HEAP)
    rows = {row["pid"]: row for row in respire("ps", "--json")["processes"]}
    assert rows[stock.pid]["allocator"] == "stock"
    assert rows[under_runtime.pid]["allocator"] == "respire"


def test_nginx_under_the_runtime(nginx, respire, build):
    """nginx with the runtime preloaded: workers have the runtime's heap and keep serving."""
    server = nginx(preload=build / "librespire.so",
                   http=f"init_worker_by_lua_block {{ {REQUEST_HEAP} _G.handle = handle_request }}",
                   server="location / { content_by_lua_block { ngx.say(handle()) } }")
    for _ in range(100):
        server.get()
    answer = respire("lua", server.worker, "--json")
    assert_checked(answer)
    assert only_state(answer)["allocator"]["kind"] == "respire"
    assert server.get() == "200\n"


def test_exit_status_and_output_are_the_commands(respire):
    """What `run` starts keeps its output and its exit status."""
    outcome = respire.attempt("run", "--", "sh", "-c", "echo said; exit 3")
    assert (outcome.status, outcome.stdout) == (3, "said\n")


def test_arguments_are_the_commands(respire):
    """Options behind -- belong to the command."""
    assert respire.attempt("run", "--", "echo", "--json", "-h", "a b").stdout == "--json -h a b\n"


def test_no_such_command(respire):
    """A command that isn't there: exit status 1 or 2, and a sentence with its name."""
    outcome = respire.attempt("run", "--", "/no/such/command")
    assert outcome.status in (1, 2), outcome
    assert "/no/such/command" in outcome.stderr
