#include "cli/commands.h"
#include "cli/look.h"
#include "render/json.h"
#include "render/memory_json.h"
#include "render/memory_text.h"

/* A ledger that does not add up is not shown. */
static struct error *check_map(const struct look *look)
{
    const struct check *failed = checks_first_failed(&look->process.map.checks);
    if (!failed)
        return NULL;
    return error_new(ERROR_NOT_UNDERSTOOD, "process %d %s: check failed after %u looks: %s: expected %llu, found %llu",
        look->process.pid, look->name, look->process.attempts, failed->name, (unsigned long long)failed->expected,
        (unsigned long long)failed->actual);
}

struct error *command_mem(const struct cli_options *options)
{
    struct look look;
    struct error *error = look_take(options, (struct examine_options){.want_map = true}, &look);
    if (error)
        return error;
    error = check_map(&look);
    if (!error && options->json) {
        error = json_print(json_memory(&look.process));
    } else if (!error) {
        memory_text_print(&look.process, look.name);
        look_print_end(&look);
    }
    process_release(&look.process);
    return error;
}
