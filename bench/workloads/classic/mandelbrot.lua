-- The Mandelbrot set as a picture of bits, one string for each line.
local scale = ...
local SIZE, LIMIT = math.floor(2700 * math.sqrt(scale)), 50

local function inside(cx, cy)
    local x, y = 0, 0
    for _ = 1, LIMIT do
        local xx, yy = x * x, y * y
        if xx + yy > 4 then return 0 end
        x, y = xx - yy + cx, 2 * x * y + cy
    end
    return 1
end

local ones = 0
for row = 0, SIZE - 1 do
    local bytes = {}
    for column = 0, SIZE - 1, 8 do
        local byte = 0
        for bit = 0, 7 do byte = byte * 2 + inside(2 * (column + bit) / SIZE - 1.5, 2 * row / SIZE - 1) end
        bytes[#bytes + 1] = string.char(byte)
        ones = ones + byte % 16
    end
    ones = ones + #table.concat(bytes)
end
return ones
