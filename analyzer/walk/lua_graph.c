/*
 * Owns the division of labour: each worker reads a share of the objects, in the order of addresses, into lists of its
 * own; the lists are then put one behind the other.
 */
#include "walk/lua_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/size.h"
#include "walk/lua_blocks.h"
#include "walk/lua_references.h"
#include "walk/lua_roots.h"
#include "walk/object_shares.h"

enum {
    OBJECT_HEADER_BYTES = 16,
    MARK_FIXED = 0x20,
};

struct graph_worker {
    struct object_graph *graph;
    struct object_share share;
    struct lua_reference_reader reader;
    struct lua_block_reader blocks;
    struct table_numbers many_records, array_slots;
    ARRAY(object_id) fixed; /* never collected */
    uint64_t bytes;
    uint64_t unread; /* objects that are not in memory as a whole */
    bool no_memory;
};

static void note_number(struct graph_worker *worker, struct table_numbers *list, object_id id, uint32_t number)
{
    struct table_number *added = ARRAY_ADD(list);
    if (added)
        *added = (struct table_number){id, number};
    else
        worker->no_memory = true;
}

static void note_fixed(struct graph_worker *worker, object_id id)
{
    object_id *fixed = ARRAY_ADD(&worker->fixed);
    if (fixed)
        *fixed = id;
    else
        worker->no_memory = true;
}

static uint64_t bytes_of_blocks(struct lua_block_reader *reader, enum lua_tag tag, address_t object)
{
    struct lua_blocks blocks;
    uint64_t bytes = 0;
    if (!lua_object_blocks(reader, tag, object, &blocks))
        return 0;
    for (unsigned i = 0; i < blocks.count; i++)
        bytes += blocks.items[i].bytes;
    return bytes;
}

static void read_object(struct graph_worker *worker, object_id id, address_t object)
{
    struct object_graph *graph = worker->graph;
    const struct lua_object_layout *layout = worker->reader.layout->objects;
    const void *header = view_bytes(&worker->reader.view, object, OBJECT_HEADER_BYTES);
    uint8_t tag = header ? field_u8(header, layout->header.type) : 0;
    struct lua_object_facts facts = {0};
    graph->first_reference[id] = (uint32_t)worker->reader.list.count;
    if (tag < LUA_TAG_STRING || tag >= LUA_TAG_END || !lua_references_read(&worker->reader, tag, object, &facts)) {
        worker->unread++;
        return;
    }
    uint64_t bytes = bytes_of_blocks(&worker->blocks, tag, object);
    worker->bytes += bytes;
    graph->types[id] = tag - LUA_TAG_STRING;
    graph->details[id] = facts.detail;
    graph->flags[id] = facts.flags;
    graph->bytes[id] = (uint32_t)size_min(bytes, UINT32_MAX);
    if (tag == LUA_TAG_TABLE && facts.records >= DETAIL_TABLE_RECORDS_MAX)
        note_number(worker, &worker->many_records, id, facts.records);
    if (facts.array_slots)
        note_number(worker, &worker->array_slots, id, facts.array_slots);
    if (field_u8(header, layout->header.marked) & MARK_FIXED)
        note_fixed(worker, id);
}

static void *read_share(void *argument)
{
    struct graph_worker *worker = argument;
    struct object_cursor cursor = object_cursor_at(&worker->graph->index, worker->share.first);
    for (object_id id = worker->share.first; id < worker->share.end; id++) {
        if (worker->reader.no_memory || worker->no_memory)
            break;
        read_object(worker, id, object_cursor_next(&cursor));
    }
    return NULL;
}

static struct error *start_workers(const struct capture *capture, const struct lua_site *site,
    struct object_graph *graph, struct graph_worker *workers, unsigned count)
{
    struct error *error = NULL;
    for (unsigned i = 0; i < count && !error; i++) {
        struct graph_worker *worker = &workers[i];
        worker->graph = graph;
        worker->share = object_share(graph->count, i, count);
        worker->blocks = lua_block_reader_make(capture, site->layout, site->thread);
        error = lua_reference_reader_make(capture, site, &graph->index, &worker->reader);
    }
    if (!error)
        object_shares_run(read_share, workers, sizeof(*workers), count);
    return error;
}

/* Put the lists one behind the other, in the array of the first. */
static struct error *join_references(struct object_graph *graph, struct graph_worker *workers, unsigned count)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        if (workers[i].no_memory || workers[i].reader.no_memory)
            return error_no_memory();
        total += workers[i].reader.list.count;
    }
    if (total >= UINT32_MAX)
        return error_new(ERROR_FAILED, "more references than respire can hold: %llu", (unsigned long long)total);
    graph->references = reallocarray(workers[0].reader.list.items, total + 1, sizeof(*graph->references));
    if (!graph->references)
        return error_no_memory();
    graph->reference_count = (uint32_t)workers[0].reader.list.count;
    workers[0].reader.list = (struct reference_list){0};
    for (unsigned i = 1; i < count; i++) {
        const struct reference_list *list = &workers[i].reader.list;
        if (list->count)
            memcpy(graph->references + graph->reference_count, list->items, list->count * sizeof(*list->items));
        for (object_id id = workers[i].share.first; id < workers[i].share.end; id++)
            graph->first_reference[id] += graph->reference_count;
        graph->reference_count += (uint32_t)list->count;
        lua_reference_reader_free(&workers[i].reader);
    }
    return NULL;
}

/* Append what a worker found to the list, in the order of ids. */
static struct error *join_numbers(struct table_numbers *list, const struct table_numbers *found)
{
    if (!found->count)
        return NULL;
    struct table_number *grown = reallocarray(list->items, list->count + found->count, sizeof(*grown));
    if (!grown)
        return error_no_memory();
    memcpy(grown + list->count, found->items, found->count * sizeof(*grown));
    list->items = grown;
    list->count = list->capacity = list->count + found->count;
    return NULL;
}

static struct error *join_tables(struct object_graph *graph, const struct graph_worker *workers, unsigned count)
{
    struct error *error = NULL;
    for (unsigned i = 0; i < count && !error; i++) {
        error = join_numbers(&graph->many_records, &workers[i].many_records);
        if (!error)
            error = join_numbers(&graph->array_slots, &workers[i].array_slots);
    }
    return error;
}

/* The root node's references: the roots, then what is never collected. */
static struct error *add_root_node(const struct lua_site *site, struct object_graph *graph,
    struct graph_worker *workers, unsigned count)
{
    struct lua_reference_reader *reader = &workers[0].reader;
    if (!lua_roots_read(reader, site))
        return error_new(ERROR_NOT_UNDERSTOOD, "the roots of its objects are not in memory");
    uint64_t total = graph->reference_count + reader->list.count;
    for (unsigned i = 0; i < count; i++)
        total += workers[i].fixed.count;
    if (reader->no_memory || total >= UINT32_MAX)
        return error_no_memory();
    struct reference *grown = reallocarray(graph->references, total + 1, sizeof(*grown));
    if (!grown)
        return error_no_memory();
    graph->references = grown;
    graph->first_reference[graph->root] = graph->reference_count;
    memcpy(grown + graph->reference_count, reader->list.items, reader->list.count * sizeof(*grown));
    graph->reference_count += (uint32_t)reader->list.count;
    for (unsigned i = 0; i < count; i++)
        for (size_t k = 0; k < workers[i].fixed.count; k++)
            grown[graph->reference_count++] = (struct reference){workers[i].fixed.items[k],
                reference_label(ROOT_FIXED, 0)};
    graph->first_reference[graph->root + 1] = graph->reference_count;
    return NULL;
}

static struct error *make_arrays(struct object_graph *graph)
{
    graph->count = graph->root = graph->index.count;
    size_t count = (size_t)graph->count + 1;
    graph->types = calloc(count, sizeof(*graph->types));
    graph->flags = calloc(count, sizeof(*graph->flags));
    graph->details = calloc(count, sizeof(*graph->details));
    graph->bytes = calloc(count, sizeof(*graph->bytes));
    graph->first_reference = calloc(count + 1, sizeof(*graph->first_reference));
    bool made = graph->types && graph->flags && graph->details && graph->bytes && graph->first_reference;
    return made ? NULL : error_no_memory();
}

static void add_equations(struct lua_state *state, const struct graph_worker *workers, unsigned count)
{
    uint64_t walked = 0, bytes = 0, unread = 0, dangling = 0;
    for (unsigned type = 0; type < LUA_TYPES; type++)
        walked += state->objects[type].bytes;
    for (unsigned i = 0; i < count; i++) {
        bytes += workers[i].bytes;
        unread += workers[i].unread;
        dangling += workers[i].reader.dangling;
    }
    checks_add(&state->checks, "bytes of the graph = bytes of the objects", walked, bytes);
    checks_add(&state->checks, "objects of the graph that could not be read", 0, unread);
    checks_add(&state->checks, "references that lead to no object", 0, dangling);
}

struct error *lua_graph_build(const struct capture *capture, const struct lua_site *site, struct lua_state *state,
    struct object_graph *graph)
{
    struct graph_worker workers[OBJECT_SHARES_MAX];
    memset(workers, 0, sizeof(workers));
    unsigned count = object_shares(graph->index.count);
    struct error *error = make_arrays(graph);
    if (!error)
        error = start_workers(capture, site, graph, workers, count);
    if (!error)
        error = join_references(graph, workers, count);
    if (!error)
        error = join_tables(graph, workers, count);
    if (!error)
        error = add_root_node(site, graph, workers, count);
    if (!error)
        add_equations(state, workers, count);
    for (unsigned i = 0; i < count; i++) {
        lua_reference_reader_free(&workers[i].reader);
        ARRAY_FREE(&workers[i].many_records);
        ARRAY_FREE(&workers[i].array_slots);
        ARRAY_FREE(&workers[i].fixed);
    }
    return error;
}
