#include "cli/commands.h"
#include "cli/look.h"
#include "render/json.h"
#include "render/lua_text.h"
#include "render/report_end.h"

/* No state, or none that could be understood: nothing to show, one sentence why. */
static struct error *nothing_to_show(const struct look *look)
{
    const struct process *process = &look->process;
    if (process->state_count == 0)
        return error_new(ERROR_NOT_UNDERSTOOD,
            "process %d %s: no LuaJIT state of a known layout in its memory (respire doctor lists the layouts)",
            process->pid, look->name);
    for (size_t i = 0; i < process->state_count; i++)
        if (!process->states[i].damage)
            return NULL;
    return error_new(ERROR_NOT_UNDERSTOOD,
        "process %d %s: its Lua state at 0x%llx was not understood after %u looks: %s", process->pid, look->name,
        (unsigned long long)process->states[0].address.value, process->attempts,
        error_text(process->states[0].damage));
}

static struct error *some_not_understood(const struct look *look)
{
    const struct lua_state *damaged = process_damaged_state(&look->process);
    if (!damaged)
        return NULL;
    return error_new(ERROR_NOT_UNDERSTOOD, "process %d %s: one of its Lua states, at 0x%llx, was not understood: %s",
        look->process.pid, look->name, (unsigned long long)damaged->address.value, error_text(damaged->damage));
}

struct error *command_lua(const struct cli_options *options)
{
    struct look look;
    struct error *error = look_take(options, false, &look);
    if (error)
        return error;
    error = nothing_to_show(&look);
    if (!error && options->json)
        error = json_print(json_lua(&look.process));
    else if (!error) {
        lua_text_print(&look.process, look.name);
        look_text_print(&look.process, look.is_core);
    }
    if (!error)
        error = some_not_understood(&look);
    process_release(&look.process);
    return error;
}
