#include <inttypes.h>
#include <stdio.h>

#include "analyze/candidates.h"
#include "analyze/examine.h"
#include "base/cleanup.h"
#include "cli/findings.h"
#include "cli/look.h"
#include "layouts/choose_lua_layout.h"
#include "target/target.h"

/* What the state's own bytes said to the layout, in the order in which they were asked. */
static void find_layout_claims(struct findings *findings, const struct lua_state *state)
{
    for (unsigned claim = 0; claim < state->layout_claims; claim++)
        findings_add(findings, FINDING_OK, "", NULL, "  layout check: %s", lua_layout_claim_name(claim));
    if (!state->layout)
        findings_add(findings, FINDING_MISSING, "", NULL, "  layout check: %s",
            lua_layout_claim_name(state->layout_claims));
}

static void find_state(struct findings *findings, const struct lua_state *state)
{
    if (state->damage) {
        findings_add(findings, FINDING_MISSING, "Lua state", "report the LuaJIT version: docs/LAYOUTS.md says how",
            "0x%" PRIx64 ": %s", state->address.value, error_text(state->damage));
        find_layout_claims(findings, state);
        return;
    }
    findings_add(findings, FINDING_OK, "Lua state", NULL, "0x%" PRIx64 ": layout %s, %s allocator, all %zu checks hold",
        state->address.value, state->layout, heap_kind_name(state->heap.kind), state->checks.count);
    find_layout_claims(findings, state);
    for (size_t i = 0; i < state->checks.count; i++)
        findings_add(findings, FINDING_OK, "", NULL, "  %s: %" PRIu64, state->checks.items[i].name,
            state->checks.items[i].actual);
}

static bool any_state_on(const struct process *process, enum heap_kind kind)
{
    for (size_t i = 0; i < process->state_count; i++)
        if (!process->states[i].damage && process->states[i].heap.kind == kind)
            return true;
    return false;
}

static bool any_state_taken_over(const struct process *process)
{
    for (size_t i = 0; i < process->state_count; i++)
        if (!process->states[i].damage && process->states[i].taken_over)
            return true;
    return false;
}

#define REQUIRE "in Lua, first of all: require \"respire\" (in nginx: init_by_lua)"

/* Why no state is on the runtime's heap, and what would bring one there. */
static void find_runtime_absence(struct findings *findings, const struct candidate *candidate,
    const struct process *process)
{
    enum finding_level level = candidate->has_runtime ? FINDING_MISSING : FINDING_NOTE;
    const char *seen = candidate->has_runtime ? "librespire.so is loaded, but no Lua state uses it" : "not loaded";
    if (candidate->has_narrow_luajit)
        findings_add(findings, level, "runtime",
            "a newer LuaJIT: GC64 is its default since December 2019, luajit2's since 2.1-20200102, Debian's since 12",
            "%s: this LuaJIT was built without GC64, and its objects must lie below 2 GiB", seen);
    else if (any_state_on(process, HEAP_STOCK) && candidate->has_luajit_built_in)
        findings_add(findings, level, "runtime", REQUIRE,
            "%s: LuaJIT is linked into the program, where a preload can't stand in front of it", seen);
    else if (any_state_on(process, HEAP_STOCK))
        findings_add(findings, level, "runtime",
            candidate->has_runtime ? REQUIRE : "respire run -- COMMAND; or " REQUIRE,
            "%s: LuaJIT uses its own allocator", seen);
    else if (any_state_on(process, HEAP_OTHER))
        findings_add(findings, level, "runtime", REQUIRE "; or in C: respire_attach",
            "%s: the host gave LuaJIT an allocator of its own, which a preload leaves alone", seen);
    else if (candidate->has_runtime)
        findings_add(findings, level, "runtime", NULL, "%s", seen);
}

static void find_runtime_use(struct findings *findings, const struct candidate *candidate,
    const struct process *process)
{
    bool taken_over = any_state_taken_over(process);
    if (!any_state_on(process, HEAP_RESPIRE)) {
        find_runtime_absence(findings, candidate, process);
        return;
    }
    findings_add(findings, FINDING_OK, "runtime", NULL, "in use%s",
        taken_over ? ": it took over a living state, by require or respire_attach" : "");
    if (candidate->has_nginx && taken_over)
        findings_add(findings, FINDING_OK, "binary upgrade (USR2)", NULL,
            "a new binary runs init_by_lua, and what that requires, again");
    else if (candidate->has_nginx)
        findings_add(findings, FINDING_NOTE, "binary upgrade (USR2)",
            "put `env LD_PRELOAD;` into nginx.conf, or require \"respire\" in init_by_lua",
            "nginx clears its environment when it executes a new binary, and the preload with it");
}

static struct error *first_not_understood(const struct process *process, const char *name)
{
    const struct lua_state *damaged = process_damaged_state(process);
    if (!damaged)
        return NULL;
    return error_new(ERROR_NOT_UNDERSTOOD, "process %d %s: its Lua state at 0x%" PRIx64 " was not understood: %s",
        process->pid, name, damaged->address.value, error_text(damaged->damage));
}

struct error *findings_of_process(struct findings *findings, int pid, struct error **not_understood)
{
    CLEANUP(target_close_cleanup) struct target *target = NULL;
    struct candidate candidate;
    struct process process;
    struct examine_options options = {0};
    char name[PROCESS_NAME_BYTES];
    struct error *error = target_open_process(pid, &target);
    if (!error)
        error = candidate_inspect(target, &candidate);
    if (!error)
        error = examine(target, &options, &process);
    if (error)
        return error;
    process_name(pid, name, sizeof(name));
    findings_add(findings, FINDING_OK, "process", NULL, "%d %s: readable, %s", pid, name,
        process.stopped ? "stopped for the copy" : "copied without a stop");
    if (process.state_count == 0)
        findings_add(findings, FINDING_NOTE, "Lua state", NULL, "none found%s",
            candidate.has_luajit ? ", though LuaJIT is mapped" : "");
    for (size_t i = 0; i < process.state_count; i++)
        find_state(findings, &process.states[i]);
    find_runtime_use(findings, &candidate, &process);
    *not_understood = first_not_understood(&process, name);
    process_release(&process);
    return NULL;
}
