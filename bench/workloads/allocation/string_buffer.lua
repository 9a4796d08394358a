-- string.buffer: many short-lived buffers that grow to different sizes, some at once, and serialised tables.
local scale = ...
local buffer = require "string.buffer"
local ROUNDS, BUFFERS = 3000 * scale, 120

local sum = 0
for round = 1, ROUNDS do
    local open = {}
    for i = 1, BUFFERS do
        local out = buffer.new()
        for piece = 1, i do out:put("piece ", piece * round, " of ", i, "; ") end
        open[i] = out
        if i % 3 == 0 then sum = sum + #out:get() end
    end
    local text = buffer.encode {round = round, list = {1, 2, 3, round}, name = "round " .. round}
    local back = buffer.decode(text)
    sum = sum + back.round + #back.name + #open[BUFFERS - 1]:tostring()
end
return sum
