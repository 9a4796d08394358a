-- What each of many states runs: a small script with a module's worth of functions, a few tables and strings.
local list, functions = {}, {}
for i = 1, 200 do list[i] = {id = i, name = "name " .. i} end
for i = 1, 40 do
    functions[i] = loadstring("local x = " .. i .. "; return function(y) return {x = x, y = y, text = 'f" .. i .. "'} end")()
end
local sum = 0
for i = 1, 40 do sum = sum + functions[i](i).x + list[i].id end
return sum
