#include "cli/commands.h"
#include "cli/look.h"
#include "render/heap_json.h"
#include "render/heap_text.h"

static struct error *no_malloc(const struct look *look)
{
    char others[ALLOCATORS_TEXT_BYTES];
    if (!look->process.allocators)
        return error_new(ERROR_NOT_UNDERSTOOD, "process %d %s: no glibc malloc in use in its memory",
            look->process.pid, look->name);
    return error_new(ERROR_NOT_UNDERSTOOD,
        "process %d %s: its malloc is that of %s, and respire does not look inside; respire mem says how much it has",
        look->process.pid, look->name, allocators_text(look->process.allocators, others));
}

/* Nothing is shown of a malloc that is not there, or whose books do not add up: one sentence why. */
static struct error *nothing_to_show(const struct look *look)
{
    const struct process *process = &look->process;
    const struct glibc_heap *heap = &process->malloc;
    const struct check *failed = checks_first_failed(&heap->checks);
    if (heap->damage)
        return error_new(ERROR_NOT_UNDERSTOOD, "process %d %s: its malloc was not understood after %u looks: %s",
            process->pid, look->name, process->attempts, error_text(heap->damage));
    if (failed)
        return error_new(ERROR_NOT_UNDERSTOOD,
            "process %d %s: check failed after %u looks: %s: expected %llu, found %llu", process->pid, look->name,
            process->attempts, failed->name, (unsigned long long)failed->expected, (unsigned long long)failed->actual);
    return heap->layout ? NULL : no_malloc(look);
}

static struct error *report_heap(const struct cli_options *options, const struct look *look)
{
    struct heap_report report = {.process = &look->process, .name = look->name, .top = options_rows(options)};
    struct error *error = heap_rows_make(&look->process.malloc, report.top, &report.rows);
    if (error)
        return error;
    if (options->json) {
        error = json_print(json_heap(&report));
    } else {
        heap_text_print(&report);
        look_print_end(look);
    }
    heap_rows_free(&report.rows);
    return error;
}

struct error *command_heap(const struct cli_options *options)
{
    struct look look;
    struct error *error = look_take(options, (struct examine_options){.want_heap = true}, &look);
    if (error)
        return error;
    error = nothing_to_show(&look);
    if (!error)
        error = report_heap(options, &look);
    process_release(&look.process);
    return error;
}
