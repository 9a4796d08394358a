"""What strings have in common: the program makes so many of each kind, and says so by making them."""
import pytest

from answers import STRING, assert_checked, group_counts, groups_gained, object_counts, only_state

# Made by one function each, with the collector stopped: nothing but these strings is new between two looks.
STRINGS = """
jit.off()
local format, rep, math = string.format, string.rep, math
keep = {}
for i = 1, 12000 do keep[i] = false end
local last = 0
local function hold(text) last = last + 1; keep[last] = text end
local letters = {}
for i = 0, 25 do letters[i] = string.char(97 + i) end
local function letter(i, place) return letters[math.floor(i / 26 ^ place) % 26] end
function make_users() for i = 1, 3000 do hold("user:" .. i) end end
function make_requests() for i = 1, 1500 do hold("GET /users/" .. i .. "/files?page=" .. i % 7) end end
function make_tags() for i = 1, 700 do hold(format("etag-%08x%08x", i * 7919 + 0xa0000000, i * 104729)) end end
function make_ids()
    for i = 1, 600 do hold(format("%08x-%04x-4%03x-a%03x-%012x", i * 77777, i, i % 4096, i % 4096, i * 1234567)) end
end
function make_binary() for i = 1, 400 do hold(format("%s\\1%c%c", "frame", i % 256, i / 256)) end end
function make_names() for i = 1, 1000 do hold("name:" .. letter(i, 0) .. letter(i, 1) .. letter(i, 2)) end end
function make_bodies() local z = rep("z", 100000); for i = 1, 20 do hold("body " .. i .. " " .. z) end end
collectgarbage()
collectgarbage("stop")
"""

# Function, pattern with contents, pattern without, how many.
KINDS = [
    ("make_users", "user:%d", "a{4}:%d", 3000),
    ("make_requests", "GET /users/%d/files?page=%d", "a{3} /a{5}/%d/a{5}?a{4}=%d", 1500),
    ("make_tags", "etag-%x", "a{4}-%x", 700),
    ("make_ids", "%u", "%u", 600),
    ("make_binary", "frame*", "a{5}*", 400),
]


def strings(respire, target, *options):
    answer = respire("lua", target.pid, "--strings", "--json", "--top", "10000", *options)
    assert_checked(answer)
    state = only_state(answer)
    for part in ("patterns", "sizes"):
        rows = state["strings"][part]
        assert sum(row["count"] for row in rows) == object_counts(state)[STRING], part
        (total,) = [row["bytes"] for row in state["objects"] if row["type"] == STRING]
        assert sum(row["bytes"] for row in rows) == total, part
    return state["strings"]


@pytest.mark.parametrize("function, shown, hidden, count", KINDS, ids=[kind[0] for kind in KINDS])
def test_patterns(host, respire, function, shown, hidden, count):
    """So many more strings are so many more of their pattern, and of no other."""
    target = host(script=STRINGS)
    before = {mode: strings(respire, target, *mode)["patterns"] for mode in [(), ("--show-strings",)]}
    target.call(function)
    assert groups_gained(before[()], strings(respire, target)["patterns"]) == {hidden: count}
    assert groups_gained(before[("--show-strings",)], strings(respire, target, "--show-strings")["patterns"]) == {shown: count}


def test_many_of_their_own_kind(host, respire):
    """Strings that have no more than a prefix in common are told by it."""
    target = host(script=STRINGS)
    before = strings(respire, target, "--show-strings")["patterns"]
    target.call("make_names")
    after = groups_gained(before, strings(respire, target, "--show-strings")["patterns"])
    assert after == {"name:*": 1000}


def test_large_strings(host, respire):
    """Bytes, not counts, put a row first."""
    target = host(script=STRINGS)
    target.call("make_users")
    target.call("make_bodies")
    first = strings(respire, target, "--show-strings")["patterns"][0]
    assert (first["name"], first["count"]) == ("body %d *", 20)
    assert first["bytes"] == sum(24 + (len(f"body {i} ") + 100000 + 4) // 4 * 4 for i in range(1, 21))


def test_sizes(host, respire):
    """By the length that Lua sees, in powers of two."""
    target = host(script=STRINGS)
    before = strings(respire, target)["sizes"]
    target.call("make_users")
    lengths = [len(f"user:{i}") for i in range(1, 3001)]
    assert groups_gained(before, strings(respire, target)["sizes"]) == {
        "4-7": sum(length < 8 for length in lengths), "8-15": sum(length >= 8 for length in lengths)}


def test_contents_stay_hidden(host, respire):
    """Without --show-strings no word of a string is in what is printed of strings, in either form."""
    target = host(script="""
        secrets = {}
        for i = 1, 50 do secrets[i] = "Xylophone=Quetzalcoatl" .. i .. "; Zwieback" end
        collectgarbage("stop")
    """)
    assert group_counts(strings(respire, target)["patterns"])["a{9}=a{12}%d; a{8}"] == 50
    assert group_counts(strings(respire, target, "--show-strings")["patterns"])["Xylophone=Quetzalcoatl%d; Zwieback"] == 50
    for text in (str(strings(respire, target)), respire("lua", target.pid, "--strings")):
        for word in ("Xylophone", "Quetzalcoatl", "Zwieback"):
            assert word not in text


def test_more_patterns_than_rows(host, respire):
    """A hundred thousand patterns: none is lost, and the command stays small."""
    target = host(script="""
        jit.off()
        collectgarbage("stop")
        keep = {}
        local function word(i)
            local letters = {}
            for place = 1, 5 do letters[place] = string.char(97 + i % 26) i = math.floor(i / 26) end
            return table.concat(letters)
        end
        for i = 1, 100000 do keep[i] = word(i) .. "|" .. word(i * 31 % 7777777) .. "|" .. word(i) end
        for i = 1, 20000 do keep[#keep + 1] = "user:" .. i end
    """)
    rows = strings(respire, target, "--show-strings")["patterns"]
    assert group_counts(rows)["user:%d"] == 20000
    assert len(rows) <= 1001
    assert rows[-1]["name"] == "(others)"
