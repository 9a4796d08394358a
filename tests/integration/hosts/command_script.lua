-- For the luajit command: fill a heap, tell what it counts, and wait for a line, twice. An argument is a module to require first.
if ... then require(...) end
local kept = {}
for i = 1, 100000 do kept[i] = { i, "record " .. i } end
for i = 1, 100000 do assert(kept[i][1] == i and kept[i][2] == "record " .. i) end

local function tell()
    local status = io.open("/proc/self/status"):read("*a")
    io.write(("rss_kib %d\n"):format(status:match("VmRSS:%s+(%d+)")))
    io.write(("count_bytes %d\nready\n"):format(collectgarbage("count") * 1024))
    io.flush()
    io.read("*l")
end

tell()
kept = nil
collectgarbage()
collectgarbage()
if ... then os.execute("sleep 2.5") end
tell()
