#include "analyze/ledger_rest.h"

#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "locate/pointed_ranges.h"
#include "locate/thread_stacks.h"

/*
 * The loader maps what it needs by itself, and little of it. What it points at in larger parts or in the heap made by
 * brk() are modules that a program loaded later, which malloc() has.
 */
enum { LOADER_PART_BYTES_MAX = 1 << 20 };

struct rest {
    const struct ledger_input *input;
    struct address_ranges ranges; /* not claimed yet */
    struct claims *claims;
};

static bool is_rest(const struct mapping *mapping)
{
    return !mapping->shared && (!mapping->path || strcmp(mapping->path, "[heap]") == 0);
}

/* Mappings without what walkers claim of them. */
static struct error *rest_make(struct rest *rest)
{
    const struct mappings *mappings = &rest->input->capture->mappings;
    size_t next = 0, walked = rest->claims->count;
    struct error *error = NULL;
    for (size_t i = 0; i < mappings->count && !error; i++) {
        struct address_range left = mappings->items[i].range;
        if (!is_rest(&mappings->items[i]))
            continue;
        for (; next < walked && rest->claims->items[next].range.start.value < left.end.value && !error; next++) {
            struct address_range claimed = rest->claims->items[next].range;
            if (claimed.start.value > left.start.value)
                error = address_ranges_add(&rest->ranges, (struct address_range){left.start, claimed.start});
            left.start.value = size_max(left.start.value, claimed.end.value);
            if (claimed.end.value > left.end.value)
                break;
        }
        if (!error && range_bytes(left))
            error = address_ranges_add(&rest->ranges, left);
    }
    return error;
}

/* What of `range` is in the rest becomes the owner's. */
static struct error *rest_take(struct rest *rest, struct address_range range, const char *owner, bool is_private)
{
    struct address_ranges left = {0};
    struct error *error = NULL;
    for (size_t i = 0; i < rest->ranges.count && !error; i++) {
        struct address_range part = rest->ranges.items[i];
        struct address_range taken = {
            address(size_max(part.start.value, range.start.value)),
            address(size_min(part.end.value, range.end.value)),
        };
        if (range_bytes(taken) == 0) {
            error = address_ranges_add(&left, part);
            continue;
        }
        struct claim claim = {.range = taken, .owner = owner, .is_private = is_private};
        error = claims_add(rest->claims, claim);
        if (!error && taken.start.value > part.start.value)
            error = address_ranges_add(&left, (struct address_range){part.start, taken.start});
        if (!error && part.end.value > taken.end.value)
            error = address_ranges_add(&left, (struct address_range){taken.end, part.end});
    }
    ARRAY_FREE(&rest->ranges);
    rest->ranges = left;
    return error;
}

static struct error *take_bss(struct rest *rest)
{
    const struct elf_modules *modules = rest->input->modules;
    struct error *error = NULL;
    for (size_t i = 0; i < modules->count && !error; i++)
        if (range_bytes(modules->items[i].bss))
            error = rest_take(rest, modules->items[i].bss, "elf.data", false);
    return error;
}

/* Memory that is executable and no file's was written by the program itself: regular expressions, closures. */
static struct error *take_generated_code(struct rest *rest)
{
    const struct mappings *mappings = &rest->input->capture->mappings;
    struct error *error = NULL;
    for (size_t i = 0; i < mappings->count && !error; i++)
        if (is_rest(&mappings->items[i]) && mappings->items[i].executable)
            error = rest_take(rest, mappings->items[i].range, "other.jit", true);
    return error;
}

static struct error *take_stacks(struct rest *rest)
{
    struct address_ranges stacks = {0};
    struct error *error = locate_thread_stacks(rest->input->capture, &rest->ranges, &stacks);
    for (size_t i = 0; i < stacks.count && !error; i++)
        error = rest_take(rest, stacks.items[i], "stack", true);
    ARRAY_FREE(&stacks);
    return error;
}

/* Each range of the rest that `module`'s own variables point into: the pages between the first and the last of them. */
static void point_out_from(const struct rest *rest, const struct elf_module *module, struct address_range *hulls)
{
    const struct capture *capture = rest->input->capture;
    point_out(capture, module->bss, &rest->ranges, hulls);
    for (size_t i = 0; i < capture->mappings.count; i++) {
        const struct mapping *mapping = &capture->mappings.items[i];
        if (elf_modules_of(rest->input->modules, mapping) == module && !mapping->executable)
            point_out(capture, mapping->range, &rest->ranges, hulls);
    }
}

static bool may_be_loaders(const struct rest *rest, struct address_range part)
{
    const struct mapping *mapping = mappings_find(&rest->input->capture->mappings, part.start);
    return !mapping->path && range_bytes(part) <= LOADER_PART_BYTES_MAX;
}

/* All of `owned` that is not empty. */
static struct error *take_ranges(struct rest *rest, const struct address_range *owned, size_t count, const char *owner)
{
    struct error *error = NULL;
    for (size_t i = 0; i < count && !error; i++)
        if (range_bytes(owned[i]))
            error = rest_take(rest, owned[i], owner, true);
    return error;
}

static struct error *take_loader(struct rest *rest)
{
    const struct elf_module *loader = rest->input->allocators->loader;
    size_t count = rest->ranges.count;
    struct address_range *hulls = calloc(count + 1, sizeof(*hulls));
    if (!hulls)
        return error_no_memory();
    if (loader)
        point_out_from(rest, loader, hulls);
    for (size_t i = 0; i < count; i++)
        if (range_bytes(hulls[i]) && !may_be_loaders(rest, rest->ranges.items[i]))
            hulls[i] = (struct address_range){0};
    struct error *error = take_ranges(rest, hulls, count, "other.loader");
    free(hulls);
    return error;
}

/* The allocator's variables point at what it keeps its books in, and these at what it gives out. */
static struct error *take_allocator(struct rest *rest, const struct elf_module *module, const char *owner)
{
    size_t count = rest->ranges.count;
    struct address_range *hulls = calloc(2 * count + 1, sizeof(*hulls)), *farther = hulls + count;
    if (!hulls)
        return error_no_memory();
    point_out_from(rest, module, hulls);
    for (size_t i = 0; i < count; i++)
        if (range_bytes(hulls[i]))
            point_out(rest->input->capture, rest->ranges.items[i], &rest->ranges, farther);
    for (size_t i = 0; i < count; i++)
        hulls[i] = range_bytes(hulls[i]) || range_bytes(farther[i]) ? rest->ranges.items[i] : (struct address_range){0};
    struct error *error = take_ranges(rest, hulls, count, owner);
    free(hulls);
    return error;
}

static struct error *take_allocators(struct rest *rest)
{
    static const char *const owners[ALLOCATORS] = {
        [ALLOCATOR_JEMALLOC] = "other.jemalloc",
        [ALLOCATOR_TCMALLOC] = "other.tcmalloc",
        [ALLOCATOR_MIMALLOC] = "other.mimalloc",
        [ALLOCATOR_MUSL] = "other.musl",
    };
    struct error *error = NULL;
    for (unsigned i = 0; i < ALLOCATORS && !error; i++)
        if (rest->input->allocators->others[i])
            error = take_allocator(rest, rest->input->allocators->others[i], owners[i]);
    return error;
}

struct error *rest_claim(const struct ledger_input *input, struct claims *claims)
{
    struct rest rest = {.input = input, .claims = claims};
    struct error *error = rest_make(&rest);
    if (!error)
        error = take_bss(&rest);
    if (!error)
        error = take_generated_code(&rest);
    if (!error)
        error = take_stacks(&rest);
    if (!error)
        error = take_loader(&rest);
    if (!error)
        error = take_allocators(&rest);
    ARRAY_FREE(&rest.ranges);
    return error;
}
