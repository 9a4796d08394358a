#include "analyze/examine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "analyze/ledger.h"
#include "analyze/nginx_look.h"
#include "analyze/system_level.h"
#include "analyze/zones_look.h"
#include "base/array.h"
#include "base/clock.h"
#include "locate/lua_states.h"
#include "locate/malloc_spares.h"
#include "locate/nginx_zones.h"
#include "symbols/elf_modules.h"
#include "target/capture.h"
#include "walk/glibc_heap.h"
#include "walk/lua_state.h"

enum { BETWEEN_LOOKS_MS = 20, LARGEST_ENTRIES = 100 };

/* The ledger splits malloc's pages by whose pools they hold. */
static bool wants_pools(const struct examine_options *options)
{
    return options->want_pools || options->want_map;
}

static bool wants_malloc(const struct examine_options *options)
{
    return options->want_heap || wants_pools(options);
}

/* Malloc and pools are asked for, and what is in Lua's heaps is not. */
static bool is_lua_aside(const struct examine_options *options)
{
    return wants_malloc(options) && !options->want_map && !options->want_graph;
}

static struct error *walk_states(const struct capture *capture, const struct lua_wants *wants,
    struct process *process)
{
    struct lua_sites sites;
    struct error *error = locate_lua_states(capture, &sites);
    if (error)
        return error;
    process->states = calloc(sites.count + 1, sizeof(*process->states));
    if (!process->states)
        error = error_no_memory();
    for (size_t i = 0; i < sites.count && !error; i++)
        error = lua_state_walk(capture, &sites.items[i], wants, &process->states[process->state_count++]);
    lua_sites_free(&sites);
    return error;
}

static struct error *walk_malloc(const struct capture *capture, struct process *process)
{
    process->has_malloc = true;
    return glibc_heap_walk(capture, &process->malloc);
}

static void add_map_checks(struct memory_map *map, bool has_residency)
{
    uint64_t owned = 0, owned_virtual = 0, system = 0, system_virtual = 0;
    for (size_t i = 0; i < map->owner_count; i++) {
        owned += map->owners[i].resident_bytes;
        owned_virtual += map->owners[i].virtual_bytes;
    }
    for (unsigned kind = 0; kind < SYSTEM_KINDS; kind++) {
        system += map->system[kind].resident_bytes;
        system_virtual += map->system[kind].virtual_bytes;
    }
    checks_add(&map->checks, "owners sum to VSZ", map->vsz_bytes, owned_virtual);
    checks_add(&map->checks, "system rows sum to VSZ", map->vsz_bytes, system_virtual);
    if (!has_residency)
        return;
    checks_add(&map->checks, "owners sum to VmRSS", map->rss_bytes, owned);
    checks_add(&map->checks, "system rows sum to VmRSS", map->rss_bytes, system);
}

static unsigned allocators_found(const struct allocator_modules *modules)
{
    unsigned found = 0;
    for (unsigned i = 0; i < ALLOCATORS; i++)
        found |= modules->others[i] ? 1u << i : 0;
    return found;
}

static const struct glibc_heap *understood_malloc(const struct process *process)
{
    return process->has_malloc && !process->malloc.damage ? &process->malloc : NULL;
}

static const struct nginx_pools *understood_pools(const struct process *process)
{
    return process->has_pools && !process->pools.damage ? &process->pools : NULL;
}

static struct error *make_map(struct target *target, const struct capture *capture, const struct elf_modules *modules,
    const struct allocator_modules *allocators, struct process *process)
{
    struct nginx_zones zones = {0};
    struct error *error = locate_nginx_zones(target, &zones);
    if (!error) {
        struct ledger_input input = {
            .capture = capture,
            .modules = modules,
            .allocators = allocators,
            .zones = &zones,
            .states = process->states,
            .state_count = process->state_count,
            .malloc = understood_malloc(process),
            .pools = understood_pools(process),
        };
        system_level_make(capture, &process->map);
        error = ledger_make(&input, &process->map);
    }
    if (!error) {
        process->has_map = true;
        add_map_checks(&process->map, process->has_residency);
    }
    nginx_zones_free(&zones);
    return error;
}

/* What needs to know the target's programs and libraries. */
static struct error *look_with_modules(struct target *target, const struct examine_options *options,
    const struct capture *capture, struct process *process)
{
    struct elf_modules modules = {0};
    struct error *error = elf_modules_load(target, &capture->mappings, &modules);
    struct allocator_modules allocators;
    if (!error) {
        locate_allocators(target, &capture->mappings, &modules, &allocators);
        process->allocators = allocators_found(&allocators);
    }
    if (!error && wants_pools(options))
        error = nginx_look(target, capture, &modules, process);
    if (!error && options->want_map)
        error = make_map(target, capture, &modules, &allocators, process);
    elf_modules_free(&modules);
    return error;
}

static struct error *examine_once(struct target *target, const struct examine_options *options,
    const struct capture_options *capture_options, struct process *process)
{
    double start_ms = clock_now_ms();
    struct capture *capture = calloc(1, sizeof(*capture));
    struct error *error = capture ? capture_take(target, capture_options, capture) : error_no_memory();
    if (error) {
        free(capture);
        return error;
    }
    process->memory = capture;
    process->stopped |= capture->stopped;
    process->pause_ms += capture->pause_ms;
    const struct lua_wants wants = {
        .graph = options->want_graph,
        .strings = options->want_strings,
        .string_contents = options->show_strings,
        .sparse_pages = options->want_sparse_pages,
        .heap_location = is_lua_aside(options),
    };
    double captured_ms = clock_now_ms();
    process->capture_ms = captured_ms - start_ms;
    if (wants_malloc(options))
        error = walk_malloc(capture, process);
    double walked_ms = clock_now_ms();
    if (!error && wants_pools(options) && capture_options->spares)
        error = capture_contents(target, &capture_options->spares->left_out, capture);
    process->copied_bytes = capture->copied_bytes;
    double contents_ms = clock_now_ms() - walked_ms;
    process->capture_ms += contents_ms;
    if (!error && (wants_pools(options) || !wants_malloc(options)))
        error = walk_states(capture, &wants, process);
    process->walk_ms = clock_now_ms() - captured_ms - contents_ms;
    if (!error && wants_malloc(options))
        error = look_with_modules(target, options, capture, process);
    if (!options->want_graph)
        process_forget_memory(process);
    return error;
}

/* Lua's heap, read while it changes, tells at least what refers to pools. */
static bool is_lua_in_the_way(const struct process *process, const struct examine_options *options)
{
    if (!is_lua_aside(options))
        return process_damaged_state(process) != NULL;
    for (size_t i = 0; i < process->state_count; i++)
        if (process->states[i].damage && process->states[i].layout && !process->states[i].heap_located)
            return true;
    return false;
}

/* That its malloc is a foreign one is no contradiction. */
static bool contradicts_itself(const struct process *process, const struct examine_options *options)
{
    return is_lua_in_the_way(process, options) || process->malloc.damage
        || (process->pools.damage && process->malloc.layout)
        || (process->has_map && checks_first_failed(&process->map.checks));
}

/* A fresh copy helps against a target that was caught in the middle; not against an unknown layout or a core. */
static bool worth_another_look(const struct target *target, const struct examine_options *options,
    const struct process *process, struct error *error)
{
    if (target_kind(target) == TARGET_CORE_FILE || options->never_stop)
        return false;
    if (error)
        return error_kind(error) == ERROR_NOT_UNDERSTOOD;
    return contradicts_itself(process, options);
}

/* A target that was caught in the middle of something must get on before it is worth another look. */
static void let_run(unsigned attempt)
{
    const struct timespec pause = {.tv_nsec = attempt * BETWEEN_LOOKS_MS * 1000000L};
    nanosleep(&pause, NULL);
}

/* `pause_ms`: how long looks before this one have stopped the target. */
static struct process new_process(const struct target *target, unsigned attempt, double pause_ms)
{
    return (struct process){
        .pid = target_pid(target),
        .has_residency = target_kind(target) == TARGET_LIVE_PROCESS,
        .attempts = attempt,
        .stopped = pause_ms > 0,
        .pause_ms = pause_ms,
    };
}

/* The ledger and the objects of Lua need everything; malloc alone can do with less than a copy of all memory. */
static bool can_spare(const struct target *target, const struct examine_options *options)
{
    return target_kind(target) == TARGET_LIVE_PROCESS && is_lua_aside(options) && !options->never_stop;
}

/* What was left out was not needed: malloc is there, and what was walked is what it counts, to the byte. */
static bool is_certain(const struct process *process, const struct examine_options *options)
{
    const struct checks *checks = &process->malloc.checks;
    for (size_t i = 0; i < checks->count; i++)
        if (checks->items[i].actual != checks->items[i].expected)
            return false;
    return process->malloc.layout && !contradicts_itself(process, options);
}

/* Leave out what can be spared. False: that was too much, or something went wrong; `process` is untouched then. */
static bool look_sparing(struct target *target, const struct examine_options *options, double *pause_ms,
    struct process *process)
{
    struct capture_spares spares;
    struct capture_options capture_options = {.spares = &spares};
    struct process seen = new_process(target, 1, *pause_ms);
    struct error *error = locate_malloc_spares(target, wants_pools(options), &spares);
    if (!error)
        error = examine_once(target, options, &capture_options, &seen);
    capture_spares_free(&spares);
    *pause_ms = seen.pause_ms;
    if (!error && is_certain(&seen, options)) {
        *process = seen;
        return true;
    }
    error_free(error);
    process_release(&seen);
    return false;
}

/* Both are in address order. `before` may be empty. */
static bool has_new_suspects(const struct nginx_pools *pools, const struct nginx_pools *before)
{
    size_t j = 0;
    for (size_t i = 0; i < pools->count; i++) {
        address_t at = pools->pools[i].address;
        if (pools->pools[i].kind != POOL_UNOWNED)
            continue;
        while (j < before->count && before->pools[j].address.value < at.value)
            j++;
        if (j == before->count || !address_equal(before->pools[j].address, at)
            || before->pools[j].kind != POOL_UNOWNED)
            return true;
    }
    return false;
}

/*
 * Who holds a pool is read from contents that are a little younger than the pools: whoever held it may have let go of
 * it meanwhile. So no pool is a suspect that was none in the look before.
 */
static bool examine_sparing(struct target *target, const struct examine_options *options, double *pause_ms,
    struct process *process)
{
    static const struct nginx_pools nobody;
    struct process first, second;
    if (!look_sparing(target, options, pause_ms, &first))
        return false;
    if (!has_new_suspects(&first.pools, &nobody)) {
        *process = first;
        return true;
    }
    bool confirmed = look_sparing(target, options, pause_ms, &second);
    if (confirmed && has_new_suspects(&second.pools, &first.pools)) {
        process_release(&second);
        confirmed = false;
    }
    process_release(&first);
    if (confirmed)
        *process = second;
    return confirmed;
}

/* Zones are not copied, and need a capability of their own: all the rest is worth having without them. */
static struct error *look_at_zones(struct target *target, const struct examine_options *options,
    struct process *process)
{
    const struct zones_options wanted = {.show_strings = options->show_strings, .largest_count = LARGEST_ENTRIES};
    if (!options->want_zones)
        return NULL;
    struct error *error = zones_look(target, &wanted, &process->has_zones, &process->zones);
    if (!error || error_kind(error) != ERROR_UNREADABLE)
        return error;
    error_free(error);
    return NULL;
}

static struct error *examine_until_sound(struct target *target, const struct examine_options *options,
    struct process *process)
{
    double pause_ms = 0;
    if (can_spare(target, options) && examine_sparing(target, options, &pause_ms, process))
        return NULL;
    for (unsigned attempt = 1;; attempt++) {
        struct process seen = new_process(target, attempt, pause_ms);
        struct capture_options capture_options = {
            .want_sizes = options->want_map,
            .never_stop = options->never_stop,
            .always_stop = attempt > 1,
        };
        struct error *error = examine_once(target, options, &capture_options, &seen);
        pause_ms = seen.pause_ms;
        if (attempt < EXAMINE_ATTEMPTS_MAX && worth_another_look(target, options, &seen, error)) {
            error_free(error);
            process_release(&seen);
            let_run(attempt);
            continue;
        }
        if (error)
            process_release(&seen);
        else
            *process = seen;
        return error;
    }
}

struct error *examine(struct target *target, const struct examine_options *options, struct process *process)
{
    struct error *error = examine_until_sound(target, options, process);
    if (error)
        return error;
    error = look_at_zones(target, options, process);
    if (error)
        process_release(process);
    return error;
}
