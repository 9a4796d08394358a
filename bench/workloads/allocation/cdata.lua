-- FFI objects that escape: small structs, boxed 64-bit integers and arrays of bytes.
local scale = ...
local ffi = require "ffi"
ffi.cdef "struct point { double x, y, z; }; struct pair { int32_t key, value; };"
local point, pair, bytes = ffi.typeof "struct point", ffi.typeof "struct pair", ffi.typeof "uint8_t[?]"
local ROUNDS, OBJECTS = 2600 * scale, 5000

local sum, total = 0, 0LL
for round = 1, ROUNDS do
    local points, pairs_made, numbers, buffers = {}, {}, {}, {}
    for i = 1, OBJECTS do
        points[i] = point(i, round, 1)
        pairs_made[i] = pair(i, round)
        numbers[i] = 1LL * i * round
        if i % 8 == 0 then buffers[#buffers + 1] = bytes(i % 500 + 1) end
    end
    for i = 1, OBJECTS do
        sum = sum + points[i].x * points[i].z + pairs_made[i].value
        total = total + numbers[i]
    end
    sum = sum + ffi.sizeof(buffers[#buffers])
end
return sum + tonumber(total)
