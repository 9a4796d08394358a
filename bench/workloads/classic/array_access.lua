-- Arrays of numbers read and written in order, by stride and at random: shows how well the arrays lie in memory.
local scale = ...
local SIZE, ROUNDS = 200000, 800 * scale

local numbers, order, matrix = {}, {}, {}
for i = 1, SIZE do
    numbers[i] = i
    order[i] = i * 7919 % SIZE + 1
end
for i = 1, 300 do
    matrix[i] = {}
    for j = 1, 300 do matrix[i][j] = i + j end
end

local sum = 0
for round = 1, ROUNDS do
    for i = 2, SIZE do numbers[i] = (numbers[i] + numbers[i - 1]) % 65536 end
    for i = 1, SIZE do sum = sum + numbers[order[i]] end
    for j = 1, 300 do
        for i = 1, 300 do matrix[i][j] = (matrix[i][j] + round) % 1000 end
    end
end
return sum + matrix[17][200]
