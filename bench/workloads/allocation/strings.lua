-- Distinct strings of many sizes: concatenation, sub, gsub, format, and joining of many pieces.
local scale = ...
local ROUNDS, WORDS = 600 * scale, 2500

local joined_bytes, replaced = 0, 0
for round = 1, ROUNDS do
    local words = {}
    for i = 1, WORDS do
        local word = "word" .. round * WORDS + i
        words[i] = word .. ("-"):rep(i % 40) .. word:sub(3)
    end
    local text = table.concat(words, " ")
    local swapped, count = text:gsub("(w%a+)(%d+)", "%2%1")
    local line = ""
    for i = 1, 200 do line = line .. ("%05d;"):format(i * round) end
    joined_bytes = joined_bytes + #swapped + #line + #text:upper()
    replaced = replaced + count
end
return joined_bytes + replaced
