"""What LuaJIT's allocator holds: live, free and its own, with nothing left over."""
from answers import TABLE, assert_checked, assert_conserved, object_counts, only_state
from memory import rollup_bytes
from programs import MIXED_HEAP

BURST = """
    local burst = {}
    for i = 1, 300000 do burst[i] = { i, i + 1, i + 2 } end
    keep = {}
    for i = 1, 300000, 500 do keep[#keep + 1] = burst[i] end
    burst = nil
    collectgarbage() collectgarbage()
"""


def look(respire, target):
    answer = respire("lua", target.pid, "--json")
    assert_checked(answer)
    return only_state(answer)


def test_nothing_is_left_over(host, respire):
    """live + free + meta = held, in a fresh state and in one that has seen everything."""
    for script in (None, MIXED_HEAP, BURST):
        state = look(respire, host(script=script))
        assert state["allocator"]["kind"] == "stock"
        assert_conserved(state["allocator"])
        assert state["allocator"]["live_bytes"] >= state["gc_count_bytes"] * 0.9


def test_burst_leaves_reclaimable_memory(host, respire):
    """After a burst with few survivors most of what is held is free, resident, and could go back."""
    target = host(script=BURST)
    allocator = look(respire, target)["allocator"]
    assert_conserved(allocator)
    assert allocator["held_bytes"] > 10 * 2**20
    assert allocator["free_bytes"] > 0.8 * allocator["held_bytes"]
    assert allocator["reclaimable_bytes"] > 0.5 * allocator["free_bytes"]
    assert allocator["held_bytes"] < rollup_bytes(target.pid)["Rss"] + 2**20


def test_large_blocks_are_direct_maps(host, respire):
    """Blocks that LuaJIT maps directly from the kernel are found and belong to what is held."""
    target = host()
    before = look(respire, target)["allocator"]
    target.evaluate("blocks = {} for i = 1, 5 do blocks[i] = string.rep('x', 1000000 + i) end")
    after = look(respire, target)["allocator"]
    assert_conserved(after)
    assert direct_maps(after) - direct_maps(before) >= 5
    assert after["live_bytes"] - before["live_bytes"] >= 5000000
    assert after["held_bytes"] - before["held_bytes"] >= 5000000


def direct_maps(allocator):
    """Their number, whether the answer lists or counts them."""
    maps = allocator["direct_maps"]
    return len(maps) if isinstance(maps, list) else maps


def test_foreign_allocator(host, respire):
    """A state that lives in the host's own malloc has its objects counted, and its heap is not called LuaJIT's."""
    target = host(script=MIXED_HEAP, allocator="malloc")
    state = look(respire, target)
    assert state["allocator"]["kind"] == "other"
    assert object_counts(state)[TABLE] > 2857
    assert state["gc_count_bytes"] == target.count()
    text = respire("lua", target.pid)
    assert "nan" not in text.lower()
