#include "render/lua_text.h"

#include <inttypes.h>

#include "render/holders_text.h"
#include "render/report_end.h"
#include "render/text.h"

/* LuaJIT stops its collector by a threshold that no count can reach: all of user space. */
#define THRESHOLD_STOPPED ((uint64_t)1 << 46)

struct totals {
    uint64_t held, live, reclaimable;
    uint64_t stock_reclaimable; /* what only the runtime would give back */
    size_t known_heaps;
};

static struct totals sum_heaps(const struct process *process)
{
    struct totals totals = {0};
    for (size_t i = 0; i < process->state_count; i++) {
        const struct lua_state *state = &process->states[i];
        if (state->damage || state->heap.kind == HEAP_OTHER)
            continue;
        totals.known_heaps++;
        totals.held += state->heap.held_bytes + state->former_heap.held_bytes;
        totals.live += state->heap.live_bytes + state->former_heap.live_bytes;
        totals.reclaimable += state->heap.reclaimable_bytes + state->former_heap.reclaimable_bytes;
        if (state->heap.kind == HEAP_STOCK)
            totals.stock_reclaimable += state->heap.reclaimable_bytes;
    }
    return totals;
}

static uint64_t garbage_bytes(const struct lua_report *report)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < report->process->state_count; i++)
        bytes += report->holders[i].garbage_bytes;
    return bytes;
}

static uint64_t counted_bytes(const struct process *process)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < process->state_count; i++)
        bytes += process->states[i].damage ? 0 : process->states[i].collector.count_bytes;
    return bytes;
}

static void print_verdict(const struct lua_report *report, struct totals totals)
{
    const struct process *process = report->process;
    const char *states = NUMBER_OF(process->state_count, "Lua state");
    if (!totals.known_heaps) {
        text_verdict("%d %s: %s on a foreign allocator, %s counted, of which %s garbage", process->pid, report->name,
            states, SIZE(counted_bytes(process)), SIZE(garbage_bytes(report)));
        return;
    }
    text_verdict("%d %s: %s, %s held, %s live (%s), of which %s garbage%s%s", process->pid, report->name, states,
        SIZE(totals.held), SIZE(totals.live), SHARE(totals.live, totals.held), SIZE(garbage_bytes(report)),
        process->has_residency ? "; could go back now: " : "", process->has_residency ? SIZE(totals.reclaimable) : "");
}

static void print_row(const char *name, uint64_t bytes, uint64_t whole, const char *note)
{
    printf("  %-12s %10s  %8s   %s\n", name, SIZE(bytes), SHARE(bytes, whole), note);
}

static void print_heap(const struct heap *heap, bool has_residency)
{
    if (heap->kind == HEAP_OTHER) {
        puts("  The host gave LuaJIT an allocator of its own: this heap is not LuaJIT's, and respire does not look\n"
             "  inside it. Objects below are counted all the same.");
        return;
    }
    char note[160];
    const char *segment = heap->kind == HEAP_RESPIRE ? "block" : "segment";
    const char *direct = heap->kind == HEAP_RESPIRE ? "large mapping" : "direct map";
    snprintf(note, sizeof(note), "in %" PRIu64 " %s%s and %" PRIu64 " %s%s", heap->segments, segment,
        heap->segments == 1 ? "" : "s", heap->direct_maps, direct, heap->direct_maps == 1 ? "" : "s");
    print_row("held", heap->held_bytes, heap->held_bytes, note);
    snprintf(note, sizeof(note), "%s blocks in use", COUNT(heap->used_blocks));
    print_row("live", heap->live_bytes, heap->held_bytes, note);
    if (has_residency)
        snprintf(note, sizeof(note), "%s resident, %s reclaimable in whole pages", SIZE(heap->free_resident_bytes),
            SIZE(heap->reclaimable_bytes));
    else
        snprintf(note, sizeof(note), "in %s blocks", COUNT(heap->free_blocks));
    print_row("free", heap->free_bytes, heap->held_bytes, note);
    print_row("meta", heap->meta_bytes, heap->held_bytes, "the allocator's own records");
}

static void print_collector(const struct lua_collector *collector)
{
    printf("\n  collector    count %s, ", SIZE(collector->count_bytes));
    if (collector->threshold_bytes >= THRESHOLD_STOPPED)
        printf("stopped (collectgarbage \"stop\")");
    else
        printf("next step at %s", SIZE(collector->threshold_bytes));
    printf(", phase %s, pause %u %%, step multiplier %u %%\n", collector->phase, collector->pause,
        collector->step_multiplier);
}

static void print_objects(const struct lua_state *state)
{
    printf("\n  %-12s %14s %10s  %8s\n", "objects", "count", "bytes", "share");
    bool printed[LUA_TYPES] = {false};
    for (unsigned row = 0; row < LUA_TYPES; row++) {
        unsigned largest = LUA_TYPES;
        for (unsigned type = 0; type < LUA_TYPES; type++)
            if (!printed[type] && (largest == LUA_TYPES || state->objects[type].bytes > state->objects[largest].bytes))
                largest = type;
        printed[largest] = true;
        const struct lua_objects *objects = &state->objects[largest];
        if (objects->count)
            printf("  %-12s %14s %10s  %8s\n", lua_type_name(largest), COUNT(objects->count), SIZE(objects->bytes),
                SHARE(objects->bytes, state->collector.count_bytes));
    }
    printf("  %-12s %14s %10s  %8s\n", "(state)", "", SIZE(state->global_bytes),
        SHARE(state->global_bytes, state->collector.count_bytes));
}

static void print_sizes(const struct heap *heap)
{
    if (heap->kind == HEAP_OTHER)
        return;
    puts("");
    text_histograms("block size", &heap->used, &heap->free);
}

static void print_heading(const struct lua_state *state)
{
    text_heading("State 0x%" PRIx64 ", %s, layout %s", state->address.value,
        state->damage                      ? "not understood"
            : state->heap.kind == HEAP_STOCK   ? "LuaJIT's own allocator"
            : state->taken_over                ? "taken over by respire's allocator"
            : state->heap.kind == HEAP_RESPIRE ? "respire's allocator"
                                               : "a foreign allocator",
        state->layout ? state->layout : "unknown");
}

static void print_overview(const struct lua_state *state, const struct lua_holders *holders, bool has_residency,
    size_t top)
{
    print_heap(&state->heap, has_residency);
    if (state->taken_over) {
        puts("\n  From before the takeover, and freed there one by one:");
        print_heap(&state->former_heap, has_residency);
    }
    print_collector(&state->collector);
    holders_text_garbage_line(state, holders);
    holders_text_print(state, holders, HOLDERS_TABLES, top);
    print_objects(state);
    print_sizes(&state->heap);
    if (state->taken_over)
        print_sizes(&state->former_heap);
}

static void print_state(const struct lua_report *report, size_t index)
{
    const struct lua_state *state = &report->process->states[index];
    const struct lua_holders *holders = &report->holders[index];
    print_heading(state);
    if (state->damage) {
        printf("  %s\n", error_text(state->damage));
        return;
    }
    if (report->asked) {
        holders_text_print(state, holders, report->asked, report->top);
        printf("\n  All %zu checks of this state hold.\n", state->checks.count);
    } else {
        print_overview(state, holders, report->process->has_residency, report->top);
        text_checks(&state->checks);
    }
}

/* The state with most in it: what the verdict is about, where there are several. */
static size_t largest_state(const struct lua_report *report)
{
    size_t largest = 0;
    for (size_t i = 1; i < report->process->state_count; i++)
        if (report->holders[i].live_bytes > report->holders[largest].live_bytes)
            largest = i;
    return largest;
}

static void print_holder(const struct lua_report *report)
{
    size_t largest = largest_state(report);
    const struct lua_holders *holders = &report->holders[largest];
    const struct table_row *table = holders_first_table(holders);
    char where[48] = "";
    if (report->process->state_count > 1)
        snprintf(where, sizeof(where), " in state 0x%" PRIx64, report->process->states[largest].address.value);
    if (table)
        text_verdict("%s of what is reachable%s (%s of %s) hangs on %s, a table of %s",
            SHARE(table->retained_bytes, holders->live_bytes), where, SIZE(table->retained_bytes),
            SIZE(holders->live_bytes), NAME(table->path), NUMBER_OF(table->records, "record"));
}

void lua_text_print(const struct lua_report *report)
{
    const struct process *process = report->process;
    struct totals totals = sum_heaps(process);
    print_verdict(report, totals);
    print_holder(report);
    for (size_t i = 0; i < process->state_count; i++)
        print_state(report, i);
    if (report->asked)
        return;
    for (size_t i = 0; i < process->state_count; i++)
        garbage_remedy_print(report->holders[i].garbage_bytes, process->states[i].collector.count_bytes);
    if (process->has_residency)
        runtime_remedy_print(totals.stock_reclaimable, totals.held);
}
