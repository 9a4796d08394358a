---@meta respire
-- The module "respire" as the Lua language server understands it. The module itself is respire.so.

---Gives memory that LuaJIT does not need back to the system. `require "respire"` takes over the state that calls it, and raises
---an error where it can't (a LuaJIT without GC64, no memory).
---@class respire
local respire = {}

---What a state's heap is made of: held_bytes = live_bytes + free_bytes + meta_bytes.
---@class respire.stats
---@field held_bytes integer taken from the system, resident or not
---@field live_bytes integer in objects, each rounded up to 16 bytes
---@field free_bytes integer holding nothing; much of it has no page behind it
---@field meta_bytes integer bookkeeping
---@field blocks integer taken as a whole and shared by objects
---@field large_objects integer on mappings of their own
---@field purged_bytes integer given back since the heap was made
---@field purges integer system calls that did so
---@field decay_ms integer free pages go back after this long

---What the heap of this state is made of right now.
---@return respire.stats
function respire.stats() end

---Gives every free page of this state's heap back now. It does not collect garbage: call `collectgarbage()` twice before.
---@return integer bytes given back
function respire.trim() end

---Sets an option for all heaps of the process, at once.
---@param name string as in RESPIRE_OPTIONS: "decay_ms", "background", "log", ...; librespire(3) has all
---@param value number|boolean|string
---@return true? done
---@return string? reason why not
function respire.set(name, value) end

---The value in force, as `set` would take it.
---@param name string
---@return number|boolean|string? value
---@return string? reason why there is none
function respire.get(name) end

---A growth of a table, as the allocator saw it.
---@class respire.growth
---@field kind "array"|"hash" the part of the table that grew
---@field records integer that the part has room for now
---@field bytes integer
---@field time number seconds since 1970, as os.time() counts
---@field where string? the call chain, innermost first: "app.lua:12 < app.lua:40 < [C]"; nil where it is not known

---The last 256 growths to `table_log` records or more, of all states of the process, newest first. lua/README.md says what may
---be mistaken for one.
---@return respire.growth[]
function respire.tables() end

return respire
