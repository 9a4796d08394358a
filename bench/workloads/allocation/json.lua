-- JSON in plain Lua: a document is written to a string and read back, again and again.
local scale = ...
local ROUNDS, RECORDS = 110 * scale, 300
local ESCAPES = {['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t"}
local UNESCAPES = {['"'] = '"', ["\\"] = "\\", n = "\n", t = "\t"}

local function encode(value, out)
    if type(value) == "string" then
        out[#out + 1] = '"' .. value:gsub('["\\\n\t]', ESCAPES) .. '"'
    elseif type(value) ~= "table" then
        out[#out + 1] = tostring(value)
    elseif value[1] ~= nil then
        for i = 1, #value do
            out[#out + 1] = i == 1 and "[" or ","
            encode(value[i], out)
        end
        out[#out + 1] = "]"
    else
        local separator = "{"
        for key, item in pairs(value) do
            out[#out + 1] = separator .. '"' .. key .. '":'
            encode(item, out)
            separator = ","
        end
        out[#out + 1] = separator == "{" and "{}" or "}"
    end
end

local decode

local function decode_string(text, at)
    local last = text:find('[^\\]"', at)
    return (text:sub(at + 1, last):gsub("\\(.)", UNESCAPES)), last + 2
end

local function decode_list(text, at)
    local list = {}
    repeat
        list[#list + 1], at = decode(text, at + 1)
    until text:byte(at) ~= 44
    return list, at + 1
end

local function decode_object(text, at)
    local object = {}
    if text:byte(at + 1) == 125 then return object, at + 2 end
    repeat
        local key, after = text:match('^"([^"]*)":()', at + 1)
        object[key], at = decode(text, after)
    until text:byte(at) ~= 44
    return object, at + 1
end

function decode(text, at)
    local first = text:sub(at, at)
    if first == '"' then
        return decode_string(text, at)
    elseif first == "[" then
        return decode_list(text, at)
    elseif first == "{" then
        return decode_object(text, at)
    end
    local word, after = text:match("^([%w%.%-+]+)()", at)
    if word == "true" or word == "false" then return word == "true", after end
    return tonumber(word), after
end

local function document(round)
    local records = {}
    for i = 1, RECORDS do
        records[i] = {
            id = round * RECORDS + i, name = 'say "' .. i * round .. '"', active = i % 2 == 0, score = i / 4,
            tags = {"tag" .. i % 10, "tag" .. i % 100, "line\n" .. i}, place = {x = i, y = -i, label = "at " .. i},
        }
    end
    return {round = round, records = records}
end

local sum = 0
for round = 1, ROUNDS do
    local value = document(round)
    for _ = 1, 4 do
        local out = {}
        encode(value, out)
        local text = table.concat(out)
        value = decode(text, 1)
        sum = sum + #text
    end
    sum = sum + value.records[RECORDS].id + #value.records[7].name
end
return sum
