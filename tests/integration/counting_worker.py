"""An nginx worker that writes down what its collector counts, as the last thing that Lua does in a request.

That is in the log phase, through a buffer and a system call that allocate nothing. So the number holds until the next request.
"""
import collections
import struct

from processes import wait_until
from programs import REQUEST_HEAP

Record = collections.namedtuple("Record", "requests count")

HTTP = """
init_by_lua_block {
    local ffi = require "ffi"
    ffi.cdef "int open(const char *path, int flags, int mode); int pwrite(int, const void *, unsigned long, long);"
    local O_RDWR_CREAT, MODE = 66, 420
    local file = ffi.C.open("PREFIX/count", O_RDWR_CREAT, MODE)
    local record = ffi.new("double[2]")
    local count, write = collectgarbage, ffi.C.pwrite
    function record_count()
        record[0] = record[0] + 1
        record[1] = count("count") * 1024
        write(file, record, 16, 0)
    end
    jit.off(record_count)
    record_count()
}
init_worker_by_lua_block {
    %s
    _G.handle = handle_request
}
""" % REQUEST_HEAP

SERVER = """
location / {
    content_by_lua_block { ngx.say(handle()) }
    log_by_lua_block { record_count() }
}
"""


def start_counting(nginx, http="", **options):
    return nginx(http=http + HTTP, server=SERVER, **options)


def recorded(server):
    requests, count = struct.unpack("dd", (server.prefix / "count").read_bytes())
    return Record(int(requests), int(count))


def serve_and_settle(server, requests=20):
    """Let the worker serve and wait until it has written its last record and sleeps."""
    wanted = recorded(server).requests + requests
    for _ in range(requests):
        server.get()
    wait_until(lambda: recorded(server).requests == wanted, "all requests are logged")
    server.wait_until_idle()
