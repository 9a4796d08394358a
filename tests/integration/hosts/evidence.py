"""Evidence that a host's Lua really lives on the runtime's heaps, and not on LuaJIT's own allocator unnoticed.

Two witnesses that know nothing of each other must agree: the heap's books, read from outside by respire, and the host, whose own
Lua tells collectgarbage("count") after a full collection, so that an idle one in between changes little. A host that bypasses the
runtime has no heap to show.
"""
from answers import assert_checked, assert_conserved

KIB = 1024
# Between the host's answer and our look the host ends its request.
MOVED_SHARE, MOVED_BYTES = 0.1, 256 * KIB
# Objects are rounded up to the allocator's granule.
ROUNDING_SHARE, ROUNDING_BYTES = 0.3, 128 * KIB


def states_on_respire(respire, pid):
    """All Lua states of the process, each on a respire heap with something live in it."""
    answer = respire("lua", pid, "--json")
    assert_checked(answer)
    assert answer["states"], f"process {pid} has no Lua state"
    for state in answer["states"]:
        assert state["allocator"]["kind"] == "respire", f"state {state['address']} of {pid} is not on a respire heap"
        assert state["allocator"]["live_bytes"] > 0
        assert_conserved(state["allocator"])
    return answer["states"]


def assert_heap_in_use(respire, pid, *counted_bytes):
    """Each count that the host's own Lua told belongs to a state whose heap has about as much live. Gives all states."""
    states = states_on_respire(respire, pid)
    assert len(states) >= len(counted_bytes), f"{len(states)} states for {len(counted_bytes)} counts"
    left = list(states)
    for count in counted_bytes:
        state = min(left, key=lambda state, count=count: abs(state["gc_count_bytes"] - count))
        assert agrees(state, count), f"the host counts {count} bytes; live bytes and counts are {live_and_count(states)}"
        left.remove(state)
    return states


def live_bytes(state):
    """Of the heap, and of the one before it where the state was taken over in the middle of its life."""
    return sum(state[allocator]["live_bytes"] for allocator in ("allocator", "former_allocator") if allocator in state)


def agrees(state, count):
    moved = abs(state["gc_count_bytes"] - count)
    rounding = live_bytes(state) - state["gc_count_bytes"]
    return (moved <= MOVED_SHARE * count + MOVED_BYTES
            and -ROUNDING_BYTES <= rounding <= ROUNDING_SHARE * count + ROUNDING_BYTES)


def live_and_count(states):
    return [(live_bytes(state), state["gc_count_bytes"]) for state in states]


def has_runtime(pid):
    """The runtime is loaded into the process, whatever it does there."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
        return "librespire.so" in maps.read()
