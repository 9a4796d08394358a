#include "analyze/pool_holders.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/size.h"
#include "target/capture_parts.h"
#include "walk/lua_payloads.h"
#include "walk/nginx_remains.h"
#include "walk/pool_memory.h"

enum { WORD_BYTES = 8 };

static struct error *add_holder(struct pool_holders *holders, struct pool_holder holder, uint32_t *index)
{
    struct pool_holder *added = ARRAY_ADD(holders);
    if (!added)
        return error_no_memory();
    *added = holder;
    *index = (uint32_t)(holders->count - 1);
    return NULL;
}

static struct error *find_images(struct pool_holders *holders)
{
    const struct pool_owners_input *input = holders->input;
    holders->images = calloc(input->modules->count + 1, sizeof(*holders->images));
    if (!holders->images)
        return error_no_memory();
    for (size_t i = 0; i < input->site->module_count; i++) {
        const struct nginx_module *module = &input->site->modules[i];
        const struct elf_module *file = elf_modules_at(input->modules, &input->capture->mappings, module->address);
        if (!file)
            continue;
        struct pool_holder_image *image = &holders->images[file - input->modules->items];
        image->only = image->is_nginx ? NULL : module;
        image->is_nginx = true;
    }
    return NULL;
}

/* Call `visit` with the writable data of each file that has nginx modules; or of each that has none. */
static struct error *each_data(struct pool_holders *holders, bool of_nginx,
    struct error *(*visit)(struct pool_holders *holders, struct address_range range))
{
    const struct pool_owners_input *input = holders->input;
    const struct mappings *mappings = &input->capture->mappings;
    struct error *error = NULL;
    for (size_t k = 0; k < input->modules->count && !error; k++) {
        const struct elf_module *image = &input->modules->items[k];
        if (holders->images[k].is_nginx != of_nginx)
            continue;
        for (size_t i = 0; i < mappings->count && !error; i++)
            if (mappings->items[i].writable && elf_modules_of(input->modules, &mappings->items[i]) == image)
                error = visit(holders, mappings->items[i].range);
        if (!error)
            error = visit(holders, image->bss);
    }
    return error;
}

static struct error *learn(struct pool_holders *holders, struct address_range range)
{
    pool_reach_learn(holders->reach, range);
    return NULL;
}

/* Each word is a variable of its own. */
static struct error *reach_from_variables(struct pool_holders *holders, struct address_range range)
{
    struct capture_piece part;
    struct error *error = NULL;
    while (!error && capture_next_part(holders->input->capture, &range, &part))
        for (uint64_t at = 0; at + WORD_BYTES <= range_bytes(part.range) && !error; at += WORD_BYTES) {
            address_t pointer = address(field_u64(part.data + at, 0));
            uint32_t index;
            if (!pool_reach_leads(holders->reach, pointer))
                continue;
            error = add_holder(holders, (struct pool_holder){.variable = address_add(part.range.start, at)}, &index);
            if (!error)
                error = pool_reach_from(holders->reach, pointer, index);
        }
    return error;
}

static struct error *variables(struct pool_holders *holders, bool of_nginx)
{
    struct error *error = each_data(holders, of_nginx, reach_from_variables);
    return error ? error : pool_reach_run(holders->reach);
}

/* From what modules have at the places that were added to nginx_roots from `first` on. */
static struct error *reach_from_roots(struct pool_holders *holders, size_t first)
{
    const struct nginx_roots *roots = &holders->nginx_roots;
    const uint32_t first_holder = (uint32_t)holders->count;
    struct error *error = NULL;
    for (size_t i = first; i < roots->count && !error; i++) {
        uint32_t index;
        error = add_holder(holders, (struct pool_holder){.nginx_root = i + 1}, &index);
        if (!error)
            error = pool_reach_from(holders->reach, roots->items[i].address, index);
    }
    if (!error)
        error = pool_reach_run(holders->reach);
    for (size_t i = first; i < roots->count && !error; i++)
        error = pool_reach_behind(holders->reach, roots->items[i].address, first_holder + (uint32_t)(i - first));
    return error ? error : pool_reach_run(holders->reach);
}

static void blank(void *context, address_t place)
{
    pool_reach_blank(context, place);
}

static struct error *configurations(struct pool_holders *holders, const struct nginx_pools *pools)
{
    const struct pool_owners_input *input = holders->input;
    struct error *error = nginx_conf_roots(input->capture, input->site, pools, &holders->nginx_roots);
    if (error)
        return error;
    nginx_remains_find(input->capture, pools, &holders->nginx_roots, blank, holders->reach);
    return reach_from_roots(holders, 0);
}

static struct error *contexts(struct pool_holders *holders, const struct nginx_pools *pools)
{
    const struct pool_owners_input *input = holders->input;
    size_t first = holders->nginx_roots.count;
    pool_reach_enter(holders->reach, POOL_REQUEST);
    pool_reach_enter(holders->reach, POOL_CONNECTION);
    struct error *error = nginx_context_roots(input->capture, input->site, pools, &holders->nginx_roots);
    return error ? error : reach_from_roots(holders, first);
}

/* For visitors: from what is in `range`, in the name of the holder that was added last. */
static struct error *reach_from_range(void *context, struct address_range range)
{
    struct pool_holders *holders = context;
    return pool_reach_from_range(holders->reach, range, (uint32_t)(holders->count - 1));
}

static struct error *lua(struct pool_holders *holders)
{
    const struct pool_owners_input *input = holders->input;
    uint32_t index;
    struct error *error = add_holder(holders, (struct pool_holder){.text = "lua"}, &index);
    for (size_t i = 0; i < input->state_count && !error && pool_reach_left(holders->reach); i++)
        error = lua_payloads_visit(input->capture, input->states[i].address, reach_from_range, holders);
    return error ? error : pool_reach_run(holders->reach);
}

static struct error *memory_of(struct pool_holders *holders, const struct nginx_pools *pools, enum pool_kind kind,
    const char *text)
{
    struct memory_view view = view_of(holders->input->capture);
    uint32_t index;
    struct error *error = add_holder(holders, (struct pool_holder){.text = text}, &index);
    for (size_t i = 0; i < pools->chunk_count && !error; i++)
        if (pools->pools[pools->chunks[i].pool].kind == kind)
            error = pool_reach_from_range(holders->reach, pool_chunk_contents(&view, pools, &pools->chunks[i]), index);
    return error ? error : pool_reach_run(holders->reach);
}

static struct error *connections(struct pool_holders *holders)
{
    const struct pool_owners_input *input = holders->input;
    uint32_t index;
    struct error *error = add_holder(holders, (struct pool_holder){.text = "a connection, module not known"}, &index);
    if (!error)
        error = nginx_connections_in_use(input->capture, input->site, reach_from_range, holders);
    return error ? error : pool_reach_run(holders->reach);
}

static struct error *other_memory(struct pool_holders *holders, const struct nginx_pools *pools)
{
    struct error *error = memory_of(holders, pools, POOL_REQUEST, "a request, module not known");
    if (!error)
        error = memory_of(holders, pools, POOL_CONNECTION, "a connection, module not known");
    if (!error)
        error = connections(holders);
    if (!error)
        error = memory_of(holders, pools, POOL_CYCLE, "the cycle, module not known");
    return error ? error : memory_of(holders, pools, POOL_OLD_CYCLE, "an old cycle, module not known");
}

/* Everything leads to the cycle and to connections, and they lead everywhere. */
static void bar_ways(struct pool_holders *holders, const struct nginx_pools *pools)
{
    const struct nginx_site *site = holders->input->site;
    const uint16_t bytes = site->layout.cycle->bytes;
    pool_reach_bar(holders->reach, (struct address_range){site->cycle, address_add(site->cycle, bytes)});
    for (size_t i = 0; i < site->old_cycle_count; i++)
        pool_reach_bar(holders->reach,
            (struct address_range){site->old_cycles[i], address_add(site->old_cycles[i], bytes)});
    for (size_t i = 0; i < pools->data_count; i++)
        pool_reach_bar(holders->reach, pools->data[i]);
}

struct error *pool_holders_find(const struct pool_owners_input *input, const struct nginx_pools *pools,
    struct pool_holders *holders)
{
    holders->input = input;
    struct error *error = pool_reach_new(input->capture, input->heap, pools, &holders->reach);
    if (error || pool_reach_left(holders->reach) == 0)
        return error;
    error = find_images(holders);
    if (!error)
        error = each_data(holders, true, learn);
    bar_ways(holders, pools);
    if (!error)
        error = configurations(holders, pools);
    if (!error)
        error = contexts(holders, pools);
    if (!error)
        error = variables(holders, true);
    if (!error)
        error = lua(holders);
    if (!error)
        error = other_memory(holders, pools);
    return error ? error : variables(holders, false);
}

uint32_t pool_holders_of(const struct pool_holders *holders, size_t pool)
{
    return pool_reach_root(holders->reach, pool);
}

static void name_root(const struct nginx_root *root, char *name, size_t name_bytes)
{
    static const char *const places[] = {
        [ROOT_CONF] = ".conf",
        [ROOT_MAIN_CONF] = ".main_conf",
        [ROOT_SERVER_CONF] = ".srv_conf",
        [ROOT_LOCATION_CONF] = ".loc_conf",
        [ROOT_REQUEST_CONTEXT] = " request context",
    };
    snprintf(name, name_bytes, "%s%s%s", root->module->name, places[root->kind],
        root->of_old_cycle ? " of an old cycle" : "");
}

/* By its symbol where the file has one. Of one without, the page will do: it may be one of a long array. */
static void name_variable(const struct pool_holders *holders, address_t at, char *name, size_t name_bytes)
{
    const struct pool_owners_input *input = holders->input;
    const struct elf_module *file = elf_modules_at(input->modules, &input->capture->mappings, at);
    const struct nginx_module *module = file ? holders->images[file - input->modules->items].only : NULL;
    const char *origin = module ? module->name : image_name(input->names, at);
    const char *variable = variable_name(input->names, at);
    if (variable)
        snprintf(name, name_bytes, "%s global %s", origin, variable);
    else if (module)
        snprintf(name, name_bytes, "%s global", origin);
    else
        snprintf(name, name_bytes, "%s global near +0x%" PRIx64, origin,
            round_down(image_offset(input->names, at), input->capture->page_bytes));
}

void pool_holders_name(const struct pool_holders *holders, uint32_t holder, char *name, size_t name_bytes)
{
    const struct pool_holder *item = &holders->items[holder];
    if (item->nginx_root)
        name_root(&holders->nginx_roots.items[item->nginx_root - 1], name, name_bytes);
    else if (item->text)
        snprintf(name, name_bytes, "%s", item->text);
    else
        name_variable(holders, item->variable, name, name_bytes);
}

void pool_holders_free(struct pool_holders *holders)
{
    ARRAY_FREE(holders);
    free(holders->images);
    nginx_roots_free(&holders->nginx_roots);
    pool_reach_free(holders->reach);
}
