--[[
A Neovim plugin as the tests need one: it keeps an index of buffers' words, makes completions, and works in threads.

Every function answers with text: the words that a test compares, then collectgarbage("count") in bytes after a full
collection.
]]
local plugin = { index = {}, told = {} }
local uv = vim.loop

local function answer(...)
    local words, before = { ... }, nil
    repeat -- until nothing more goes: each collection halves the table of strings
        before = collectgarbage("count")
        collectgarbage()
    until collectgarbage("count") > before * 0.99
    words[#words + 1] = collectgarbage("count") * 1024
    return table.concat(words, " ")
end

-- Fill a buffer, index its words, and complete one of them.
function plugin.work(lines)
    local buffer = vim.api.nvim_create_buf(false, true)
    local text = {}
    for i = 1, lines do text[i] = ("line %d has word%d and word%d"):format(i, i % 977, i % 61) end
    vim.api.nvim_buf_set_lines(buffer, 0, -1, false, text)
    local index = {}
    for number, line in ipairs(vim.api.nvim_buf_get_lines(buffer, 0, -1, false)) do
        for _, word in ipairs(vim.split(line, " ")) do
            index[word] = index[word] or {}
            table.insert(index[word], { buffer = buffer, line = number })
        end
    end
    vim.api.nvim_buf_delete(buffer, { force = true })
    plugin.index = vim.tbl_extend("force", plugin.index, index)
    local matches = vim.tbl_filter(function(word) return vim.startswith(word, "word9") end, vim.tbl_keys(plugin.index))
    table.sort(matches)
    return answer(#plugin.index.line, #plugin.index.word60, #matches, matches[1], matches[#matches])
end

function plugin.forget()
    plugin.index = {}
    return answer("forgotten")
end

-- Runs in another state: allocate, tell, and keep it all until the gate is a file. Upvalues don't come along.
local function work_elsewhere(number, records, gate)
    local kept = {}
    for round = 1, 3 do
        kept = {}
        for i = 1, records do kept[i] = { id = i, name = "record " .. i, owner = number } end
    end
    local sum = 0
    for i = 1, records do sum = sum + kept[i].id + #kept[i].name end
    collectgarbage()
    local count_bytes = collectgarbage("count") * 1024
    local told = vim.loop.fs_open(gate .. "." .. number, "w", 384)
    vim.loop.fs_write(told, sum .. " " .. count_bytes .. "\n", 0)
    vim.loop.fs_close(told)
    while not vim.loop.fs_stat(gate) do vim.loop.sleep(10) end
    for i = 1, records do assert(kept[i].name == "record " .. i and kept[i].owner == number) end
    return sum
end

function plugin.start_threads(count, records, gate)
    plugin.threads = {}
    for number = 1, count do plugin.threads[number] = uv.new_thread(work_elsewhere, number, records, gate) end
    return answer("started")
end

function plugin.join_threads()
    for _, thread in ipairs(plugin.threads) do assert(thread:join()) end
    plugin.threads = {}
    return answer("joined")
end

-- The same in libuv's pool of threads, whose states stay.
function plugin.queue_work(count, records, gate)
    plugin.told = {}
    local work = uv.new_work(work_elsewhere, function(sum) table.insert(plugin.told, sum) end)
    for number = 1, count do work:queue(number, records, gate) end
    return answer("queued")
end

function plugin.finished_work()
    return answer(table.concat(plugin.told, " "))
end

return plugin
