"""How `respire lua` prints who holds the memory: every form tells the same, and none is broken by what the target holds."""
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from answers import assert_checked, only_state

SVG = "{http://www.w3.org/2000/svg}"
OPTIONS = ["--refs", "--garbage", "--strings", "--objects", "--pins"]
GROUP_KEYS = {"name", "count", "bytes"}
TABLE_KEYS = {"path", "records", "array_slots", "hash_slots", "bytes", "retained_bytes", "other_references"}
STEP_KEYS = {"name", "objects", "bytes", "total_objects", "total_bytes", "children"}
PIN_KEYS = {"path", "objects", "bytes", "pinned_bytes", "free_bytes"}

# A store that a module keeps, most of the heap; some of everything else.
STORE = """
local ffi = require "ffi"
local sessions = {}
for i = 1, 20000 do
    sessions[i] = { user = "user:" .. i, roles = { "reader", "writer" }, seen = i }
end
package.loaded["session.store"] = { sessions = sessions, hits = 0 }
function handler() return sessions end
points, proxies = {}, {}
for i = 1, 100 do
    points[i] = ffi.gc(ffi.new("struct { int x, y; }"), function() end)
    proxies[i] = newproxy(true)
end
job = coroutine.create(function(rows) coroutine.yield(rows) end)
coroutine.resume(job, { 1, 2, 3 })
collectgarbage() collectgarbage() collectgarbage("stop")
for i = 1, 5000 do dropped = { i, function() return i end } end
"""

# Names that mean something to terminals, to XML, to folded stacks.
HOSTILE = r"""
local name = '@a;b<c>&"d\27[31m\n\255.lua'
held = {}
for i = 1, 50 do held[i] = assert(loadstring("return function(x) return { x, function() return x end } end", name))() end
job = coroutine.wrap(assert(loadstring("coroutine.yield()", name)))
job()
_G['<script>alert(1)</script>;\n'] = { held }
"""


@pytest.fixture
def store(host):
    return host(script=STORE)


def all_steps(state):
    """Of its references; "(others)" has no children to go through."""
    def below(step):
        yield step
        for child in step.get("children", []):
            yield from below(child)
    return below(state["references"])


def test_every_key(store, respire):
    """With all options, the document has every key that docs/JSON.md promises."""
    state = only_state(respire("lua", store.pid, "--json", *OPTIONS))
    assert {"objects", "bytes"} == state["live"].keys()
    assert {"objects", "bytes", "awaiting_finalizers", "types", "functions"} == state["garbage"].keys()
    assert state["tables"] and all(TABLE_KEYS == row.keys() for row in state["tables"])
    assert all(STEP_KEYS == step.keys() or step["name"] == "(others)" for step in all_steps(state))
    assert {"count", "bytes", "table_slots", "patterns", "sizes"} == state["strings"].keys()
    assert {"types", "finalized"} == state["cdata"].keys()
    assert {"pages", "pinned_bytes", "free_bytes", "rows"} == state["pins"].keys()
    assert all(PIN_KEYS == row.keys() for row in state["pins"]["rows"])
    for groups in (state["garbage"]["types"], state["strings"]["patterns"], state["strings"]["sizes"],
                   state["cdata"]["types"], state["cdata"]["finalized"], state["userdata"], state["protos"],
                   state["coroutines"]):
        assert groups and all(GROUP_KEYS == row.keys() for row in groups)


def test_paths_hold_every_byte_once(store, respire):
    """Own bytes of all steps sum to what is reachable, in JSON and in folded stacks; totals are sums."""
    answer = respire("lua", store.pid, "--json", "--refs")
    assert_checked(answer)
    state = only_state(answer)
    assert sum(step["bytes"] for step in all_steps(state)) == state["live"]["bytes"]
    assert sum(step["objects"] for step in all_steps(state)) == state["live"]["objects"]
    for step in all_steps(state):
        children = step.get("children", [])
        assert step["total_bytes"] == step["bytes"] + sum(child["total_bytes"] for child in children)
    lines = respire("lua", store.pid, "--refs=folded").splitlines()
    assert all(re.fullmatch(r"[^\n]+ \d+", line) for line in lines)
    assert sum(int(line.rpartition(" ")[2]) for line in lines) == state["live"]["bytes"]


def test_live_and_garbage_are_all_objects(store, respire):
    """What is reachable, garbage, and what waits for finalizers is what the collector's lists hold."""
    state = only_state(respire("lua", store.pid, "--json"))
    parts = [state["live"], state["garbage"], state["garbage"]["awaiting_finalizers"]]
    assert sum(part["bytes"] for part in parts) == sum(row["bytes"] for row in state["objects"])
    assert sum(part["objects"] for part in parts) == sum(row["count"] for row in state["objects"])
    assert state["garbage"]["objects"] >= 5000


def test_rows_are_as_many_as_asked_for(store, respire):
    """--top bounds each list; one more row may sum the others."""
    state = only_state(respire("lua", store.pid, "--json", "--top", 2, *OPTIONS))
    assert len(state["tables"]) <= 6
    for groups in (state["strings"]["patterns"], state["protos"], state["garbage"]["types"]):
        assert len(groups) <= 3
        assert len(groups) < 3 or groups[2]["name"] == "(others)"
    assert all(len(step.get("children", [])) <= 3 for step in all_steps(state))
    everything = only_state(respire("lua", store.pid, "--json", "--objects"))
    assert sum(row["bytes"] for row in state["protos"]) == sum(row["bytes"] for row in everything["protos"])


def test_the_verdict_comes_first(store, respire):
    """The first two lines say how much, and on what most of it hangs."""
    first, second, *_ = respire("lua", store.pid).splitlines()
    assert re.search(r"^\d+ host: 1 Lua state, .* held, .* live .*, of which .* garbage; could go back now: ", first)
    assert re.search(r"% of what is reachable .* hangs on package\.loaded\[?.*session.*, a table of [\d,]+ records?$", second)


def test_text_of_what_was_asked_for(store, respire):
    """An option brings its own list, and not the others."""
    texts = {option: respire("lua", store.pid, option) for option in OPTIONS}
    marks = {"--refs": "what is reachable, by path", "--garbage": "garbage by type", "--strings": "strings by size",
             "--objects": "cdata, by C type", "--pins": r"kept resident by|No page is kept"}
    for option, text in texts.items():
        assert [mark for mark in marks if re.search(marks[mark], text)] == [option], text
        assert "largest tables" not in text
    assert "largest tables" in respire("lua", store.pid)
    assert re.search(r"garbage .* of the count is garbage that a full collection would free now", respire("lua", store.pid))


def test_a_foreign_allocator_is_said(host, respire):
    """On the host's own allocator objects are told all the same; pages are not, and that is said."""
    target = host(script=STORE, allocator="malloc")
    first, second, *_ = respire("lua", target.pid).splitlines()
    assert re.search(r"1 Lua state on a foreign allocator, .* counted, of which .* garbage", first)
    assert "hangs on package.loaded" in second
    assert "is not known: the host gave LuaJIT an allocator of its own" in respire("lua", "--pins", target.pid)


def frames_of(picture):
    """The frames of a flame graph by row: (left, right, name, title)."""
    rows = {}
    for group in picture.iter(f"{SVG}g"):
        rect, title = group.find(f"{SVG}rect"), group.find(f"{SVG}title")
        left, width = float(rect.get("x")), float(rect.get("width"))
        rows.setdefault(float(rect.get("y")), []).append((left, left + width, group.get("data-n"), title.text))
    return [rows[y] for y in sorted(rows)]


def assert_is_flame_graph(text):
    """Well-formed, with nothing outside itself, frames beside each other and each over the one that holds it."""
    picture = ElementTree.fromstring(text)
    assert picture.tag == f"{SVG}svg"
    assert not re.search(r"(href|src|url\(|@import|https?://(?!www\.w3\.org/2000/svg))", text)
    rows = frames_of(picture)
    assert [(left, right) for left, right, _, _ in rows[0]] == [(0, 1200)]
    for above, row in zip(rows, rows[1:]):
        row.sort()
        for one, other in zip(row, row[1:]):
            assert one[1] <= other[0] + 0.01
        for left, right, name, _ in row:
            assert any(outer[0] - 0.01 <= left and right <= outer[1] + 0.01 for outer in above), name
    return rows


def test_flame_graph(store, respire):
    """--refs=svg is a picture whose widths are shares, and whose titles say so."""
    rows = assert_is_flame_graph(respire("lua", store.pid, "--refs=svg"))
    state = only_state(respire("lua", store.pid, "--json", "--refs"))
    children = {step["name"]: step["total_bytes"] for step in state["references"]["children"]}
    for left, right, name, title in rows[1]:
        assert (right - left) / 1200 == pytest.approx(children[name] / state["live"]["bytes"], abs=0.001)
        share = re.search(r"\(([\d.]+) % of what is reachable\)", title)
        assert float(share[1]) == pytest.approx(100 * children[name] / state["live"]["bytes"], abs=0.06)


def test_a_click_spreads_a_frame(store, respire, tmp_path):
    """In a browser, the frame that is clicked takes the whole width; what it does not hold is hidden."""
    click = "<script>document.querySelector(`g[data-n='_G']`).dispatchEvent(new MouseEvent('click'))</script></svg>"
    (tmp_path / "flame.svg").write_text(respire("lua", store.pid, "--refs=svg").replace("</svg>", click), encoding="utf-8")
    shown = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile",
                            "--dump-dom", f"file://{tmp_path}/flame.svg"], capture_output=True, check=True, text=True, timeout=50)
    frames = {group.get("data-n"): group for group in ElementTree.fromstring(shown.stdout).iter(f"{SVG}g")}
    assert float(frames["_G"].find(f"{SVG}rect").get("width")) == pytest.approx(1200)
    assert "display: none" in frames["package.loaded"].get("style")
    assert "display: none" not in frames["all"].get("style")


def test_several_states(host, respire):
    """Each state is told on its own: in text, in JSON, as stacks, side by side in a picture."""
    target = host(script=STORE, states=3)
    addresses = target.ask("states").split()
    states = respire("lua", target.pid, "--json", "--refs")["states"]
    assert len(states) == 3
    text = respire("lua", target.pid, "--garbage")
    assert all(f"State {address}" in text for address in addresses)
    lines = respire("lua", target.pid, "--refs=folded").splitlines()
    for state in states:
        own = [int(line.rpartition(" ")[2]) for line in lines if line.startswith(f"state {state['address']};")]
        assert sum(own) == state["live"]["bytes"]
    rows = assert_is_flame_graph(respire("lua", target.pid, "--refs=svg"))
    assert len(rows[1]) == 3


def test_hostile_names_break_nothing(host, respire):
    """Control characters, tags and separators in names: documents parse, lines are lines, terminals stay as they are."""
    target = host(script=HOSTILE)
    respire("lua", target.pid, "--json", *OPTIONS)
    assert_is_flame_graph(respire("lua", target.pid, "--refs=svg"))
    folded, text = respire("lua", target.pid, "--refs=folded"), respire("lua", target.pid, *OPTIONS)
    assert all(re.fullmatch(r".+ \d+", line) for line in folded.splitlines())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", folded + text)
    assert "alert(1)" not in folded + text


@pytest.mark.parametrize("arguments, word", [
    (["--refs=png"], "'png'"), (["--top", "0"], "'0'"), (["--top=x"], "'x'"), (["--refs=svg", "--json"], "alone"),
    (["--refs=folded", "--pins"], "alone"), (["--show-strings"], "--strings"), (["--garbage=all"], "--garbage=all"),
])
def test_wrong_usage(respire, arguments, word):
    """What is wrong is one sentence, and exit status 2."""
    assert word in respire("lua", 1, *arguments, expect=2)
