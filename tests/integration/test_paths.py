"""Paths: where respire says that a table is held, against what the program that put it there says."""
import contextlib
import pathlib
import re
import socket
import subprocess
from typing import NamedTuple

import pytest

from answers import assert_checked, only_state
from processes import end, end_with_parent, environment_with, process_state, wait_until

PLANTED = 200
PROGRAM = pathlib.Path(__file__).parent / "hosts/planted_tables.lua"


class Planted(NamedTuple):
    """A table as the program wrote it down."""

    path: str
    records: int
    bytes: int
    array_slots: int | None
    hash_slots: int | None


def read_planted(path):
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [Planted(place, int(records), int(float(weight)), int(array) if array else None, int(hashed) if hashed else None)
            for place, records, weight, array, hashed in rows]


@pytest.fixture
def plant(host, tmp_path):
    """plant(suite=, …): a host with the 200 tables, and their list."""
    def start(**options):
        listing = tmp_path / "planted"
        target = host(script=PROGRAM.read_text(encoding="utf-8").replace("@OUTPUT@", str(listing)), **options)
        planted = read_planted(listing)
        assert len(planted) == PLANTED
        return target, planted
    return start


def tables_of(respire, target, *options):
    answer = respire("lua", "--json", "--top", "400", *options, target.pid)
    assert_checked(answer)
    return only_state(answer)["tables"]


def is_row_of(row, planted):
    """The row tells the table's true sizes."""
    return (row["records"] == planted.records and row["bytes"] == planted.bytes
            and planted.array_slots in (None, row["array_slots"]) and planted.hash_slots in (None, row["hash_slots"]))


def assert_all_found(tables, planted):
    """Each planted table has exactly one row with its path and sizes."""
    wrong = [(wanted, [row for row in tables if row["path"] == wanted.path or row["records"] == wanted.records])
             for wanted in planted if sum(row["path"] == wanted.path and is_row_of(row, wanted) for row in tables) != 1]
    assert wrong == []


def test_planted_tables(plant, respire):
    """All of the 200, whatever holds them."""
    target, planted = plant()
    assert_all_found(tables_of(respire, target), planted)


def test_foreign_allocator(plant, respire):
    """In a state whose memory comes from the host's own allocator."""
    target, planted = plant(allocator="malloc")
    assert_all_found(tables_of(respire, target), planted)


@pytest.mark.preload
def test_under_the_runtime(plant, respire, runtime):
    """In a state whose memory comes from the runtime."""
    target, planted = plant(environment={"LD_PRELOAD": str(runtime)})
    assert_all_found(tables_of(respire, target), planted)


def test_library(plant, respire, suite):
    """With the LuaJIT of other releases."""
    target, planted = plant(suite=suite)
    assert_all_found(tables_of(respire, target), planted)


def test_narrow_library(plant, respire, narrow_suite):
    """With references of 32 bits, whose frames and values look different."""
    target, planted = plant(suite=narrow_suite)
    assert_all_found(tables_of(respire, target), planted)


def test_no_text_is_told(plant, respire):
    """Neither keys that are no identifiers, nor the text of a chunk that was compiled from a string."""
    target, _ = plant()
    for options in (["--json"], [], ["--refs"], ["--objects"]):
        said = respire.attempt("lua", *options, "--top", "400", target.pid)
        assert said.status == 0, said
        assert "12345" not in said.stdout and "must stay hidden" not in said.stdout


def test_other_references(plant, respire):
    """Each reference besides the one on the path counts, but no weak one; what is held weakly alone is not held."""
    target, _ = plant()
    others = {row["path"]: row["other_references"] for row in tables_of(respire, target)}
    assert others["_G.cycle"] == 2  # itself, and the other's `back`
    assert others["_G.cycle.other"] == 0
    assert others["_G.zz_strong_1"] == 0
    assert others["_G.slots[3]"] == 0
    assert not any(path.startswith("_G.lost[") for path in others)


def test_retained_along_a_path(plant, respire):
    """What goes when a table goes: itself and what only it holds."""
    target, planted = plant()
    weights = {row.path: row.bytes for row in planted}
    rows = {row["path"]: row for row in tables_of(respire, target)}
    path = "_G.numbered" + "[7]" * 12
    retained = 0
    while path != "_G":
        retained += weights[path]
        assert rows[path]["retained_bytes"] == retained
        path = path.removesuffix("[7]") if path.endswith("]") else "_G"


C_TYPES = {
    "int": "int", "unsigned short": "uint16_t", "uint8_t": "uint8_t", "long long": "int64_t", "double": "double",
    "struct point": "struct point", "point_t": "struct point", "nameless_t": "nameless_t", "union either": "union either",
    "enum color": "enum color", "uint8_t[1024]": "uint8_t [1024]", "struct point[4]": "struct point [4]",
    "int[2][3]": "int [2][3]",
    "struct node *": "struct node *", "const char *const *": "const char *const *", "void *": "void *", "int *[3]": "int *[3]",
    "int (*)[3]": "int (*)[3]", "compare_t": "int (*)()", "nameless_t *": "nameless_t *", "complex": "double complex",
}


def test_c_types(host, respire):
    """C types read as their programmer wrote them; numbers by size and sign."""
    cases = "".join(f"keyed[{number}] = {{ [ffi.new('{declared}')] = big({number}) }}\n"
                    for number, declared in enumerate(C_TYPES, 1))
    target = host(script="""
        local ffi = require "ffi"
        ffi.cdef [[
            struct point { int x, y; };
            typedef struct point point_t;
            typedef struct { int member; } nameless_t;
            union either { int i; float f; };
            enum color { RED, GREEN };
            struct node { struct node *next; };
            typedef int (*compare_t)(const void *, const void *);
        ]]
        local function big(n) local t = {} for i = 1, 2000 + n do t[i] = i end return t end
        keyed = {}
    """ + cases)
    paths = {row["records"]: row["path"] for row in tables_of(respire, target)}
    for number, name in enumerate(C_TYPES.values(), 1):
        assert paths[2000 + number] == f"_G.keyed[{number}][key: cdata {name}]"


def test_userdata_types(host, respire):
    """Userdata go by __name, by the name that C code registered for them, or by what LuaJIT says they are."""
    target = host(script="""
        local function big(n) local t = {} for i = 1, 2000 + n do t[i] = i end return t end
        local named, registered = newproxy(true), newproxy(true)
        getmetatable(named).__name = "my.socket"
        debug.getregistry()["lfs.directory"] = getmetatable(registered)
        keyed = { { [named] = big(1) }, { [registered] = big(2) }, { [newproxy()] = big(3) }, { [io.stdout] = big(4) } }
    """)
    paths = {row["records"]: row["path"] for row in tables_of(respire, target)}
    for number, name in enumerate(["my.socket", "lfs.directory", "userdata", "io.file"], 1):
        assert paths[2000 + number] == f"_G.keyed[{number}][key: userdata {name}]"


WAITING_SCRIPT = """
local ffi = require "ffi"
ffi.cdef "long write(int, const void *, unsigned long); int pause(void);"
jit.off()
local kept = { rows = {} }
for i = 1, 5000 do kept.rows[i] = i end
local function wait(argument)
    local inner = argument.rows
    argument = { inner = { inner } }
    for i = 1, 6000 do argument[i] = i end
    ffi.C.write(1, "x", 1)
    ffi.C.pause()
    return argument
end
wait(kept)
return kept
"""


def test_main_thread(respire, suite, tmp_path):
    """Local variables of the main thread, while it waits in a function of C."""
    script = tmp_path / "waiting.lua"
    script.write_text(WAITING_SCRIPT, encoding="utf-8")
    process = subprocess.Popen([*suite.command(suite.luajit), str(script)], stdout=subprocess.PIPE,
                               env=environment_with(suite.environment()), preexec_fn=end_with_parent)
    try:
        assert process.stdout.read(1) == b"x"
        wait_until(lambda: process_state(process.pid) == "S", "luajit waits")
        paths = {row["records"]: row["path"] for row in tables_of(respire, process)}
        assert paths[6001] == "main thread, local argument"
        assert paths[5000] in ("main thread, local kept.rows", "main thread, local inner")
    finally:
        end(process)


def test_busy_process(host, respire):
    """A stack that changes meanwhile, and frames that are not written back, break nothing."""
    target = host(script="""
        big = {}
        for i = 1, 30000 do big[i] = i end
        local function deep(n) if n > 0 then return 1 + deep(n - 1) end return #tostring(n) end
        local resume, wrap = coroutine.resume, coroutine.wrap
        function work()
            for i = 1, 1000 do
                local t = { i, { i } }
                wrap(function(...) local u = { ... } coroutine.yield(u) end)(t, i)
                deep(i % 50)
                pcall(error, t)
                setmetatable(t, { __index = function(_, k) return deep(k) end })
                local x = t[20]
            end
        end
    """)
    understood = 0
    with target.busy("work"):
        for _ in range(20):
            outcome = respire.attempt("lua", "--json", "--top", "400", target.pid)
            assert outcome.status in (0, 4), outcome  # 4: stopped in the middle of an allocation, each time
            if outcome.status == 0:
                understood += 1
                assert "_G.big" in [row["path"] for row in only_state(outcome.document)["tables"]]
    assert understood > 0


APPLICATION = """
local _M = {}
local cache = { items = {} }
function _M.handler(uri)
    local items = cache.items
    for i = 1, 3000 do items[i] = i end
    return uri
end
_M.line = debug.getinfo(_M.handler, "S").linedefined
return _M
"""

SERVER = """
location /work { content_by_lua_block {
    local router = require "app.router"
    ngx.print(router.handler(ngx.var.uri) and router.line)
} }
location /wait { content_by_lua_block {
    local rows = {}
    for i = 1, 4000 do rows[i] = i end
    ngx.ctx.found = {}
    for i = 1, 5000 do ngx.ctx.found[i] = i end
    local info = debug.getinfo(1, "Sl")
    waits_at = info.source:sub(2) .. ":" .. info.currentline + 2
    ngx.sleep(1000)
} }
location /where { content_by_lua_block { ngx.print(waits_at) } }
"""

HTTP = """
init_by_lua_block { package.path = "PREFIX/?.lua;" .. package.path }
init_worker_by_lua_block {
    ngx.timer.at(1000, function(premature, job) return job end, (function()
        local job = {}
        for i = 1, 6000 do job[i] = i end
        return job
    end)())
}
"""


@contextlib.contextmanager
def held_request(server, path):
    """A request that the server does not answer."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        yield


def assert_application_is_read(respire, server):
    folder = server.prefix / "app"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "router.lua").write_text(APPLICATION, encoding="utf-8")
    line = server.get("/work")
    with held_request(server, "/wait"):
        where = wait_until(lambda: server.get("/where").replace("nil", ""), "the request waits")
        server.wait_until_idle()
        answer = respire("lua", "--json", "--top", "400", server.worker)
    assert_checked(answer)
    paths = {row["records"]: row["path"] for row in only_state(answer)["tables"]}
    assert paths[3000] == f"upvalue cache of handler ({folder}/router.lua:{line}).items"
    assert paths[4000] == f"coroutine at {where}, local rows"
    assert re.fullmatch(r"upvalue ctxs of \w+ \(\S*resty/core/ctx.lua:\d+\)\[\d+\]\.found|registry.*\.found", paths[5000])
    assert re.fullmatch(r"coroutine at init_worker_by_lua\(nginx.conf:\d+\):2, \(argument 1\)", paths[6000])


def test_nginx(nginx, respire):
    """In a worker of nginx: a module's cache, a request's local variables and context, a timer's argument."""
    assert_application_is_read(respire, nginx(http=HTTP, server=SERVER))


def test_foreign_nginx(nginx, nginx_suite, respire):
    """In workers of other releases."""
    assert_application_is_read(respire, nginx(http=HTTP, server=SERVER, suite=nginx_suite))
