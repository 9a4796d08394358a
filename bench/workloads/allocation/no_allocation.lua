-- Arithmetic in a loop, nothing made: what the mere presence of an allocator costs.
local scale = ...
local sum, x = 0, 1
for i = 1, 140000000 * scale do
    x = (x * 5 + i) % 1048573
    sum = sum + x
end
return sum
