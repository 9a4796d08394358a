-- Complete binary trees, many short-lived ones beside one that lives: small tables of one size.
local scale = ...
local DEPTH_MIN, DEPTH_MAX = 4, 14

local function grow(depth)
    if depth == 0 then return {} end
    return {grow(depth - 1), grow(depth - 1)}
end

local function nodes(tree)
    if not tree[1] then return 1 end
    return 1 + nodes(tree[1]) + nodes(tree[2])
end

local lasting = grow(DEPTH_MAX)
local counted = 0
for depth = DEPTH_MIN, DEPTH_MAX, 2 do
    for _ = 1, 110 * scale * 2 ^ (DEPTH_MAX - depth) do counted = counted + nodes(grow(depth)) end
end
return counted + nodes(lasting)
