"""Objects by kind: so many of each as the program made, under the name by which it knows them."""
import re

from answers import CDATA, assert_checked, group_counts, groups_gained, object_counts, only_state

# C types by the name that is told, and how one object of each is made. There are MANY of the first, and one more of each
# that follows.
C_TYPES = {
    "int64_t": "ffi.new('int64_t', i)",
    "uint64_t": "ffi.new('uint64_t', i)",
    "int": "ffi.new('int32_t', i)",
    "double": "ffi.new('double', i)",
    "float": "ffi.new('float', i)",
    "bool": "ffi.new('bool', true)",
    "double complex": "ffi.new('complex', 1, 2)",
    "uint8_t [1024]": "ffi.new('uint8_t[1024]')",
    "int [4]": "ffi.new('int[4]')",
    "double [?]": "ffi.new('double[?]', i)",
    "struct point": "ffi.new('struct point')",
    "struct point [3]": "ffi.new('struct point[3]')",
    "struct point *": "ffi.new('struct point *')",
    "struct bag": "ffi.new('struct bag', i)",
    "struct (unnamed, type N)": "ffi.new(anonymous)",
    "union number": "ffi.new('union number')",
    "enum colour": "ffi.new('enum colour', 1)",
    "void *": "ffi.cast('void *', i)",
    "const char *": "ffi.cast('const char *', 'text')",
    "int (*)()": "ffi.cast('int (*)(int)', function(n) return n end)",
}
VARIABLE = {"double [?]", "struct bag"}
MANY = 10
CDATA_HEADER = 16

CDATA_PROGRAM = """
local ffi = require "ffi"
jit.off()
collectgarbage("stop")
ffi.cdef[[
    struct point { double x, y; };
    struct bag { int count; int items[?]; };
    union number { int i; double d; };
    enum colour { RED, GREEN };
]]
local anonymous = ffi.typeof("struct { int a, b, c; }")
kept = {}
"""


def groups(respire, target):
    answer = respire("lua", target.pid, "--objects", "--json", "--top", "1000")
    assert_checked(answer)
    return only_state(answer)


def unnumbered(rows):
    """Types without a name have a number, which only LuaJIT knows."""
    return {re.sub(r"type \d+", "type N", row["name"]): row for row in rows}


def test_cdata_of_each_kind(host, respire):
    """Each C type under its own name, with as many objects and bytes as were made."""
    makers = "\n".join(f"""
        for i = 1, {MANY + place} do kept[#kept + 1] = {maker} end
        sizes[#sizes + 1] = tonumber(ffi.sizeof(kept[#kept]))
    """ for place, maker in enumerate(C_TYPES.values()))
    target = host(script=f"{CDATA_PROGRAM} sizes = {{}} {makers} collectgarbage() collectgarbage()")
    sizes = [int(size) for size in target.evaluate("return table.concat(sizes, ' ')").split()]
    target.ask("gc")
    state = groups(respire, target)
    rows = unnumbered(state["cdata"]["types"])
    for place, name in enumerate(C_TYPES):
        assert rows[name]["count"] == MANY + place, name
        if name not in VARIABLE:
            assert rows[name]["bytes"] == rows[name]["count"] * (CDATA_HEADER + sizes[place]), name
    assert sum(row["count"] for row in rows.values()) == object_counts(state)[CDATA]


def test_finalizers(host, respire):
    """Those with a finalizer are told beside all; one that was taken away again does not count."""
    target = host(script=CDATA_PROGRAM + """
        local free = function() end
        for i = 1, 50 do
            kept[i] = ffi.new("struct point")
            if i <= 20 then ffi.gc(kept[i], free) end
            if i <= 5 then ffi.gc(kept[i], nil) end
        end
        for i = 51, 60 do kept[i] = ffi.gc(ffi.new("int[4]"), free) end
    """)
    cdata = groups(respire, target)["cdata"]
    assert group_counts(cdata["finalized"]) == {"struct point": 15, "int [4]": 10}
    assert group_counts(cdata["types"])["struct point"] == 50


def test_userdata(host, respire):
    """By the name of the metatable: its own, that in the registry, or the path to it."""
    target = host(script="""
        jit.off()
        local function make(count, metatable)
            local made, first = {}, newproxy(true)
            for key, value in pairs(metatable) do getmetatable(first)[key] = value end
            for i = 1, count do made[i] = i == 1 and first or newproxy(first) end
            return made, getmetatable(first)
        end
        named = make(7, { __name = "net.socket" })
        registered, debug.getregistry()["my.timer"] = make(9, {})
        nameless, Class = make(11, {})
        plain = {}
        for i = 1, 13 do plain[i] = newproxy() end
        files = {}
        for i = 1, 5 do files[i] = io.tmpfile() end
        collectgarbage() collectgarbage()
    """)
    found = group_counts(groups(respire, target)["userdata"])
    assert found["net.socket"] == 7
    assert found["my.timer"] == 9
    assert found["metatable _G.Class"] == 11
    assert found["(no metatable)"] in (13, 14)
    assert found["io.file"] == 5 + 3


def test_protos_by_file(host, respire):
    """Each function of a file is one proto, and the file itself is one."""
    target = host(script="""
        jit.off()
        chunks = {}
        local function load_file(name, functions)
            local source = {}
            for i = 1, functions do source[i] = "function " .. name .. i .. "(a) return a + " .. i .. " end" end
            chunks[#chunks + 1] = loadstring(table.concat(source, " "), "@app/" .. name .. ".lua")
            chunks[#chunks]()
        end
        load_file("one", 40)
        load_file("two", 25)
        load_file("three", 1)
    """)
    found = group_counts(groups(respire, target)["protos"])
    assert {name: count for name, count in found.items() if name.startswith("app/")} == {
        "app/one.lua": 41, "app/two.lua": 26, "app/three.lua": 2}


def test_traces_by_file(host, respire):
    """All traces belong to the files whose loops were compiled, as long as those are held."""
    target = host(script="""
        local traceinfo = require("jit.util").traceinfo
        local function compiled()
            local count = 0
            for number = 1, 1000 do if traceinfo(number) then count = count + 1 end end
            return count
        end
        jit.off(true, true)
        jit.off(compiled)
        jit.flush()
        a = loadstring("local n = 0 for i = 1, 999 do n = n + i % 3 end for i = 1, 999 do n = n - i % 5 end", "@app/a.lua")
        a()
        first = compiled()
        b = loadstring("local n = 0 for i = 1, 999 do n = n + (i % 2 == 0 and 1 or 2) end", "@app/b.lua")
        b()
        second = compiled() - first
    """)
    first, second = int(target.evaluate("return first")), int(target.evaluate("return second"))
    assert first >= 2 and second >= 1
    assert group_counts(groups(respire, target)["traces"]) == {"app/a.lua": first, "app/b.lua": second}


def test_coroutines_by_line(host, respire):
    """By the line where they wait; and those that wait nowhere."""
    target = host(script="""
        jit.off()
        jobs = {}
        local body = loadstring(("\\n"):rep(16) .. "coroutine.yield()\\n\\n"
            .. "local function deeper()\\n coroutine.yield()\\nend\\ndeeper()", "@app/job.lua")
        local function start(resumes, count)
            for i = 1, count do
                local job = coroutine.create(body)
                for _ = 1, resumes do coroutine.resume(job) end
                jobs[#jobs + 1] = job
            end
        end
        start(1, 30)
        start(2, 20)
        start(3, 10)
        for i = 1, 5 do
            jobs[#jobs + 1] = coroutine.create(function() error("no") end)
            coroutine.resume(jobs[#jobs])
        end
        collectgarbage() collectgarbage()
    """)
    rows = groups(respire, target)["coroutines"]
    assert group_counts(rows) == {"app/job.lua:17": 30, "app/job.lua:20": 20, "(ended)": 10, "(ended by an error)": 5}


def test_garbage(host, respire):
    """What a collection would free: by type, closures by the line that made them; then nothing of it is left."""
    target = host(script="""
        jit.off()
        make = loadstring("\\nlocal i = ...\\nreturn function() return i end", "@app/maker.lua")
        local ffi = require "ffi"
        local box = ffi.typeof("int[4]")
        collectgarbage() collectgarbage()
        collectgarbage("stop")
        function drop()
            for i = 1, 500 do make(i) end
            for i = 1, 300 do local dropped = {} end
            for i = 1, 200 do local dropped = box() end
        end
    """)

    def garbage():
        return only_state(respire("lua", target.pid, "--garbage", "--json"))["garbage"]
    before = garbage()
    target.call("drop")
    after = garbage()
    assert groups_gained(before["types"], after["types"]) == {"function": 500, "upvalue": 500, "table": 300, "cdata": 200}
    assert groups_gained(before["functions"], after["functions"]) == {"app/maker.lua:3": 500}
    assert after["objects"] - before["objects"] == 1500
    target.ask("gc")
    assert garbage()["objects"] < 20
