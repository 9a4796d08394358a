-- DNA read in lines, complemented and reversed by tables of characters and by string.reverse.
local scale = ...
local LINES, WIDTH, ROUNDS = 2500, 60, 100 * scale
local COMPLEMENT = {A = "T", C = "G", G = "C", T = "A"}

local function read_lines(round)
    local lines, seed = {}, round
    for number = 1, LINES do
        local letters = {}
        for column = 1, WIDTH do
            seed = (seed * 3877 + 29573) % 139968
            letters[column] = ("ACGT"):sub(seed % 4 + 1, seed % 4 + 1)
        end
        lines[number] = table.concat(letters)
    end
    return lines
end

local sum = 0
for round = 1, ROUNDS do
    local text = table.concat(read_lines(round)):reverse():gsub("%u", COMPLEMENT)
    local out = {}
    for at = 1, #text, WIDTH do out[#out + 1] = text:sub(at, at + WIDTH - 1) end
    local joined = table.concat(out, "\n")
    sum = sum + #joined + joined:byte(round) + joined:byte(-round)
end
return sum
