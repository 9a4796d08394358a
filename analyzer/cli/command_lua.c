#include "cli/commands.h"
#include "cli/holders_of_states.h"
#include "cli/look.h"
#include "render/flame_svg.h"
#include "render/folded.h"
#include "render/lua_json.h"
#include "render/lua_text.h"

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

/* The parts of enum holders_part that options name. */
static unsigned asked_for(const struct cli_options *options)
{
    unsigned asked = options->refs != REFS_NONE ? HOLDERS_REFERENCES : 0;
    asked |= options->garbage ? HOLDERS_GARBAGE : 0;
    asked |= options->strings ? HOLDERS_STRINGS : 0;
    asked |= options->objects ? HOLDERS_GROUPS : 0;
    asked |= options->pins ? HOLDERS_PINS : 0;
    return asked;
}

static struct error *print_report(const struct cli_options *options, const struct look *look,
    const struct lua_report *report)
{
    if (options->refs == REFS_FOLDED)
        return folded_print(report);
    if (options->refs == REFS_SVG)
        return flame_svg_print(report);
    if (options->json)
        return json_print(json_lua(report));
    lua_text_print(report);
    look_print_end(look);
    return NULL;
}

/* The largest tables belong to the overview and to every JSON document; other lists are the sooner done without. */
static struct error *report_holders(const struct cli_options *options, struct look *look)
{
    unsigned asked = asked_for(options);
    struct holders_options wanted = {
        .parts = asked && !options->json ? asked : asked | HOLDERS_TABLES,
        .top = options_rows(options),
    };
    struct lua_holders *holders;
    struct error *error = holders_of_states(&look->process, &wanted, &holders);
    if (error)
        return error;
    error = nothing_to_show(look);
    const struct lua_report report = {
        .process = &look->process, .name = look->name, .holders = holders, .asked = asked, .top = wanted.top,
    };
    if (!error)
        error = print_report(options, look, &report);
    holders_of_states_free(holders, look->process.state_count);
    return error;
}

struct error *command_lua(const struct cli_options *options)
{
    struct look look;
    const struct examine_options wanted = {
        .want_graph = true,
        .want_strings = options->strings,
        .show_strings = options->show_strings,
        .want_sparse_pages = options->pins,
    };
    struct error *error = look_take(options, wanted, &look);
    if (error)
        return error;
    error = report_holders(options, &look);
    if (!error)
        error = some_not_understood(&look);
    process_release(&look.process);
    return error;
}
