-- The largest singular value of an infinite matrix, by repeated multiplication: two arrays of numbers, read and written.
local scale = ...
local SIZE = math.floor(4500 * math.sqrt(scale))

local function element(i, j) return 1 / ((i + j - 1) * (i + j - 2) / 2 + i) end

local function multiply(x, y, transposed)
    for i = 1, SIZE do
        local sum = 0
        for j = 1, SIZE do sum = sum + x[j] * (transposed and element(j, i) or element(i, j)) end
        y[i] = sum
    end
end

local u, v, half = {}, {}, {}
for i = 1, SIZE do u[i] = 1 end
for _ = 1, 10 do
    multiply(u, half, false)
    multiply(half, v, true)
    multiply(v, half, false)
    multiply(half, u, true)
end
local uv, vv = 0, 0
for i = 1, SIZE do
    uv = uv + u[i] * v[i]
    vv = vv + v[i] * v[i]
end
return ("%.9f"):format(math.sqrt(uv / vv))
