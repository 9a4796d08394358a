-- wrk's script for the burst: exactly N requests (`wrk … -- N`), however long they take, so that both
-- workers do the same work, and the result as one JSON line.
--
-- wrk itself only knows a duration. It asks delay() before each request: connections that find nothing left to
-- send are parked there, and the last answer ends the run by the signal that Ctrl-C would send.

local ffi = require "ffi"
ffi.cdef "int getpid(void); int kill(int pid, int signal);"

local SIGINT = 2
local FOREVER_MS = 3600 * 1000

local wanted, sent, answered = 0, 0, 0

function init(args)
    wanted = tonumber(args[1])
end

function delay()
    if sent == wanted then
        return FOREVER_MS
    end
    sent = sent + 1
    return 0
end

function response()
    answered = answered + 1
    if answered == wanted then
        ffi.C.kill(ffi.C.getpid(), SIGINT)
    end
end

function done(summary, latency)
    local errors = summary.errors
    print(string.format('result {"requests":%d,"seconds":%.6f,"failed":%d,"p50_ms":%.3f,"p99_ms":%.3f}',
        summary.requests, summary.duration / 1e6,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
