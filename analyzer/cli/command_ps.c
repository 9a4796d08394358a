#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/candidates.h"
#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/look.h"
#include "render/json.h"
#include "render/text.h"
#include "target/target.h"

/* One line of the list. */
struct row {
    struct candidate candidate;
    char name[PROCESS_NAME_BYTES];
    size_t states, understood;
    uint64_t held_bytes, live_bytes, reclaimable_bytes;
    const char *allocator; /* "stock", "respire", "other", "mixed", "-" when there is no state */
    struct error *error;   /* why its Lua states are not shown */
};

static void sum_states(const struct process *process, struct row *row)
{
    row->allocator = "-";
    row->states = process->state_count;
    for (size_t i = 0; i < process->state_count; i++) {
        const struct lua_state *state = &process->states[i];
        if (state->damage)
            continue;
        const char *kind = heap_kind_name(state->heap.kind);
        row->allocator = row->understood++ == 0 || row->allocator == kind ? kind : "mixed";
        row->held_bytes += state->heap.held_bytes + state->former_heap.held_bytes;
        row->live_bytes += state->heap.live_bytes + state->former_heap.live_bytes;
        row->reclaimable_bytes += state->heap.reclaimable_bytes + state->former_heap.reclaimable_bytes;
    }
}

static void look_at(const struct cli_options *options, struct row *row)
{
    CLEANUP(target_close_cleanup) struct target *target = NULL;
    struct examine_options examine_options = {.never_stop = options->no_stop};
    struct process process;
    process_name(row->candidate.pid, row->name, sizeof(row->name));
    row->error = target_open_process(row->candidate.pid, &target);
    if (!row->error)
        row->error = examine(target, &examine_options, &process);
    if (row->error)
        return;
    sum_states(&process, row);
    const struct lua_state *damaged = process_damaged_state(&process);
    if (damaged)
        row->error = error_new(ERROR_NOT_UNDERSTOOD, "%s", error_text(damaged->damage));
    process_release(&process);
}

static int compare_rows(const void *a, const void *b)
{
    uint64_t left = ((const struct row *)a)->candidate.resident_bytes;
    uint64_t right = ((const struct row *)b)->candidate.resident_bytes;
    return (left < right) - (left > right);
}

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

/* A file that mentions LuaJIT is not a process that runs it, and processes end while we look. */
static bool worth_showing(const struct row *row)
{
    if (row->error)
        return !is_gone(row->candidate.pid);
    return row->states > 0 || row->candidate.has_nginx;
}

static void print_rows(const struct row *rows, size_t count, size_t forbidden)
{
    printf("%8s  %-16s %10s %10s %7s %10s %10s %12s  %s\n", "PID", "NAME", "RSS", "PSS", "STATES", "HELD", "LIVE",
        "RECLAIMABLE", "ALLOCATOR");
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        bool sizes = row->understood > 0;
        printf("%8d  %-16s %10s %10s %7zu %10s %10s %12s  %s\n", row->candidate.pid, row->name,
            SIZE(row->candidate.resident_bytes), SIZE(row->candidate.pss_bytes), row->states,
            sizes ? SIZE(row->held_bytes) : "-", sizes ? SIZE(row->live_bytes) : "-",
            sizes ? SIZE(row->reclaimable_bytes) : "-", sizes ? row->allocator : "-");
        if (row->error)
            printf("%8s  %s\n", "", error_text(row->error));
    }
    if (count == 0)
        puts("no process here holds LuaJIT or nginx");
    if (forbidden)
        printf("%zu other process%s may not be read by this user (run as root to see all)\n", forbidden,
            forbidden == 1 ? "" : "es");
}

static json_t *row_json(const struct row *row)
{
    json_t *object = json_pack("{s:i, s:s, s:I, s:I, s:I, s:b, s:b}", "pid", (int)row->candidate.pid, "name", row->name,
        "rss_bytes", (json_int_t)row->candidate.resident_bytes, "pss_bytes", (json_int_t)row->candidate.pss_bytes,
        "states", (json_int_t)row->states, "nginx", row->candidate.has_nginx, "runtime", row->candidate.has_runtime);
    if (row->understood) {
        json_t *heap = json_pack("{s:I, s:I, s:I, s:s}", "held_bytes", (json_int_t)row->held_bytes, "live_bytes",
            (json_int_t)row->live_bytes, "reclaimable_bytes", (json_int_t)row->reclaimable_bytes, "allocator",
            row->allocator);
        json_object_update_new(object, heap);
    }
    if (row->error)
        json_object_set_new(object, "error", json_string(error_text(row->error)));
    return object;
}

static struct error *print_rows_json(const struct row *rows, size_t count, size_t forbidden)
{
    json_t *document = json_document("ps");
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, row_json(&rows[i]));
    json_object_set_new(document, "processes", list);
    json_object_set_new(document, "forbidden", json_integer((json_int_t)forbidden));
    return json_print(document);
}

struct error *command_ps(const struct cli_options *options)
{
    struct candidates candidates;
    struct error *error = candidates_find(&candidates);
    if (error)
        return error;
    struct row *rows = calloc(candidates.count + 1, sizeof(*rows));
    size_t count = 0;
    for (size_t i = 0; rows && i < candidates.count; i++) {
        struct row *row = &rows[count];
        *row = (struct row){.candidate = candidates.items[i]};
        look_at(options, row);
        if (worth_showing(row))
            count++;
        else
            error_free(row->error);
    }
    if (!rows) {
        error = error_no_memory();
    } else {
        qsort(rows, count, sizeof(*rows), compare_rows);
        if (options->json)
            error = print_rows_json(rows, count, candidates.forbidden);
        else
            print_rows(rows, count, candidates.forbidden);
    }
    for (size_t i = 0; i < count; i++)
        error_free(rows[i].error);
    free(rows);
    candidates_free(&candidates);
    return error;
}
