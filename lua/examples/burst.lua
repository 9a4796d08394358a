-- What a burst leaves behind, in any LuaJIT:  luajit burst.lua  and  luajit burst.lua respire
if arg and arg[1] then
    require(arg[1])
end

local function resident_kib()
    for line in io.lines("/proc/self/status") do
        local kib = line:match("^VmRSS:%s+(%d+)")
        if kib then
            return tonumber(kib)
        end
    end
end

local records = {}
for i = 1, 500000 do
    records[i] = { id = i, name = "record " .. i }
end
local kept = {}
for i = 1, #records, 500 do
    kept[#kept + 1] = records[i]
end
print(string.format("during the burst %7d KiB", resident_kib()))
records = nil
collectgarbage()
collectgarbage()
print(string.format("%4d records left %7d KiB", #kept, resident_kib()))
os.execute("sleep 3")
print(string.format("3 s later        %7d KiB", resident_kib()))
