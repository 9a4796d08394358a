#include <inttypes.h>
#include <stdio.h>

#include "analyze/candidates.h"
#include "analyze/examine.h"
#include "base/cleanup.h"
#include "cli/findings.h"
#include "cli/look.h"
#include "target/target.h"

static void find_state(struct findings *findings, const struct lua_state *state)
{
    if (state->damage) {
        findings_add(findings, FINDING_MISSING, "Lua state", "report the LuaJIT version: docs/LAYOUTS.md says how",
            "0x%" PRIx64 ": %s", state->address.value, error_text(state->damage));
        return;
    }
    findings_add(findings, FINDING_OK, "Lua state", NULL, "0x%" PRIx64 ": layout %s, %s allocator, all %zu checks hold",
        state->address.value, state->layout, heap_kind_name(state->heap.kind), state->checks.count);
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

static void find_runtime_use(struct findings *findings, const struct candidate *candidate,
    const struct process *process)
{
    bool in_use = any_state_on(process, HEAP_RESPIRE);
    if (in_use)
        findings_add(findings, FINDING_OK, "runtime", NULL, "in use");
    else if (candidate->has_runtime)
        findings_add(findings, FINDING_MISSING, "runtime",
            "LuaJIT linked into the program, without GC64, or on a host's own allocator can't be taken over by preload",
            "librespire.so is loaded, but no Lua state uses it");
    else if (any_state_on(process, HEAP_STOCK))
        findings_add(findings, FINDING_NOTE, "runtime", "respire run -- COMMAND",
            "not loaded: LuaJIT uses its own allocator");
    if (candidate->has_nginx && in_use)
        findings_add(findings, FINDING_NOTE, "binary upgrade (USR2)", "put `env LD_PRELOAD;` into nginx.conf",
            "nginx clears its environment when it executes a new binary, and the preload with it");
}

struct error *findings_of_process(struct findings *findings, int pid)
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
    process_release(&process);
    return NULL;
}
