#include "cli/commands.h"
#include "cli/look.h"
#include "render/pools_json.h"
#include "render/pools_text.h"
#include "render/text.h"

/* Nothing is shown of pools that are not there, or do not add up: one sentence why. */
static struct error *nothing_to_show(const struct look *look)
{
    const struct process *process = &look->process;
    if (!process->has_pools)
        return error_new(ERROR_NOT_UNDERSTOOD, "process %d %s: no nginx, or none of a known layout: it has no cycle",
            process->pid, look->name);
    if (process->pools.damage)
        return error_new(ERROR_NOT_UNDERSTOOD, "process %d %s: nginx's pools were not understood after %s: %s",
            process->pid, look->name, NUMBER_OF(process->attempts, "look"), error_text(process->pools.damage));
    return NULL;
}

static struct error *report_pools(const struct cli_options *options, const struct look *look)
{
    const struct nginx_pools *pools = &look->process.pools;
    size_t list_limit = options->top ? options->top : pools->count;
    struct pools_report report = {.process = &look->process, .name = look->name};
    struct error *error = pool_rows_make(pools, options_rows(options), options->list ? list_limit : 0, &report.rows);
    if (error)
        return error;
    if (options->json) {
        error = json_print(json_pools(&report));
    } else {
        pools_text_print(&report);
        look_print_end(look);
    }
    pool_rows_free(&report.rows);
    return error;
}

struct error *command_pools(const struct cli_options *options)
{
    struct look look;
    struct error *error = look_take(options, (struct examine_options){.want_heap = true, .want_pools = true}, &look);
    if (error)
        return error;
    error = nothing_to_show(&look);
    if (!error)
        error = report_pools(options, &look);
    process_release(&look.process);
    return error;
}
