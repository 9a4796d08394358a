--[[
The rspamd test's rules. Each message is answered with what a test can compute from it, and with collectgarbage("count") in bytes
after a full collection.
]]
local kept, seen = {}, 0

rspamd_config:register_symbol {
    name = "RESPIRE_WORDS",
    type = "normal",
    score = 1.0,
    callback = function(task)
        local words, distinct, longest = {}, 0, ""
        for _, part in ipairs(task:get_text_parts()) do
            for word in tostring(part:get_content()):gmatch("%S+") do
                if not words[word] then
                    words[word] = { count = 0, first = seen }
                    distinct = distinct + 1
                end
                words[word].count = words[word].count + 1
                if #word > #longest then longest = word end
            end
        end
        seen = seen + 1
        kept[seen % 20 + 1] = words
        return true, 1.0, task:get_header("Subject"), tostring(distinct), longest, tostring(words.again and words.again.count)
    end,
}

rspamd_config:register_symbol {
    name = "RESPIRE_COUNT",
    type = "postfilter",
    score = 1.0,
    callback = function(task)
        collectgarbage()
        task:insert_result("RESPIRE_COUNT", 1.0, ("%d"):format(collectgarbage("count") * 1024))
    end,
}
