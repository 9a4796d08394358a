#include "snapshot_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "malloc_model.h"
#include "unit.h"
#include "zones_model.h"

enum { PAGE = 4096, BASE = 0x10000000 };

static const struct reference references[] = {
    {MODEL_FUNCTION, (uint32_t)REFERENCE_ITEM << REFERENCE_PAYLOAD_BITS | 7},
    {MODEL_STRING, (uint32_t)REFERENCE_FIELD << REFERENCE_PAYLOAD_BITS | MODEL_KEY},
    {MODEL_KEY, (uint32_t)REFERENCE_KEY << REFERENCE_PAYLOAD_BITS},
    {MODEL_PROTO, (uint32_t)REFERENCE_PROTO << REFERENCE_PAYLOAD_BITS},
    {MODEL_TABLE, (uint32_t)REFERENCE_UPVALUE << REFERENCE_PAYLOAD_BITS | 1},
    {MODEL_STRING, (uint32_t)REFERENCE_CHUNK_NAME << REFERENCE_PAYLOAD_BITS},
    {MODEL_TABLE, (uint32_t)REFERENCE_SLOT << REFERENCE_PAYLOAD_BITS | 4},
    {MODEL_TABLE, (uint32_t)ROOT_GLOBALS << REFERENCE_PAYLOAD_BITS},
    {MODEL_THREAD, (uint32_t)ROOT_REGISTRY << REFERENCE_PAYLOAD_BITS},
};

static void *copy_of(const void *items, size_t bytes)
{
    void *copy = malloc(bytes);
    assert_non_null(copy);
    return memcpy(copy, items, bytes);
}

#define COPY(...) copy_of(__VA_ARGS__, sizeof(__VA_ARGS__))

static struct object_graph *make_graph(void)
{
    static const uint64_t offsets[MODEL_OBJECTS] = {0, 0x40, 0x1008, 0x100000, 0x100020, 0x100fe8};
    struct address_range ranges[] = {
        {address(BASE), address(BASE + 2 * PAGE)},
        {address(BASE + 0x100000), address(BASE + 0x100000 + PAGE)},
    };
    struct object_graph *graph = calloc(1, sizeof(*graph));
    assert_null(object_index_make(ranges, 2, &graph->index));
    for (unsigned i = 0; i < MODEL_OBJECTS; i++)
        assert_true(object_index_add(&graph->index, address(BASE + offsets[i])));
    object_index_seal(&graph->index);
    graph->count = graph->root = MODEL_OBJECTS;
    graph->types = COPY((uint8_t[]){LUA_TYPE_TABLE, LUA_TYPE_STRING, LUA_TYPE_STRING, LUA_TYPE_FUNCTION,
        LUA_TYPE_PROTO, LUA_TYPE_THREAD});
    graph->flags = COPY((uint8_t[]){OBJECT_IS_WEAK_KEYED | 5 << OBJECT_HASH_SHIFT, 0, 0, 0, 0, 0});
    graph->details = COPY((uint16_t[]){DETAIL_TABLE_RECORDS_MAX, 0, 0, DETAIL_FUNCTION_LUA, 0, 1});
    graph->bytes = COPY((uint32_t[]){5000000, 24, 400, 48, 160, 1104});
    graph->first_reference = COPY((uint32_t[]){0, 3, 3, 3, 5, 6, 7, 9});
    graph->references = copy_of(references, sizeof(references));
    graph->reference_count = sizeof(references) / sizeof(references[0]);
    graph->many_records = (struct table_numbers){COPY((struct table_number[]){{MODEL_TABLE, 70000}}), 1, 1};
    graph->array_slots = (struct table_numbers){COPY((struct table_number[]){{MODEL_TABLE, 99}}), 1, 1};
    return graph;
}

static bool give_name(void *context, enum object_name_kind kind, object_id object, uint32_t index, char *name)
{
    (void)context;
    snprintf(name, OBJECT_NAME_BYTES, "name-%d-%u-%u", kind, object, index);
    return kind != NAME_STRING || index || object == MODEL_KEY;
}

static void make_heap(struct heap *heap)
{
    struct heap_region *region;
    heap->address = address(BASE - 64);
    heap->held_bytes = 3 * PAGE;
    heap->live_bytes = 5000;
    heap->segments = 1;
    histogram_add(&heap->used, 5000);
    assert_null(heap_add_region(heap, (struct address_range){address(BASE), address(BASE + 3 * PAGE)}, PAGE, &region));
    heap_region_mark(region, PAGE, address(BASE), 5000, PAGE_USE_LIVE);
    heap_region_mark(region, PAGE, address(BASE + 5000), 3 * PAGE - 5000, PAGE_USE_FREE);
}

static void make_map(struct memory_map *map)
{
    static const char *const names[SYSTEM_KINDS] = {"code", "file", "anon", "stack", "shared", "jit"};
    map->vsz_bytes = (uint64_t)1 << 40;
    map->rss_bytes = 123456789;
    for (unsigned kind = 0; kind < SYSTEM_KINDS; kind++)
        map->system[kind] = (struct system_row){names[kind], kind, kind + 1, kind + 2, kind + 3};
    map->owners = calloc(1, sizeof(*map->owners));
    assert_non_null(map->owners);
    map->owner_count = map->owner_capacity = 1;
    map->owners[0] = (struct owner){.name = "luajit.live", .resident_bytes = 5000, .is_private = true};
    checks_add(&map->checks, "owners sum to VmRSS", 5, 5);
}

static void make_rows(struct lua_state *state)
{
    assert_null(group_rows_add(&state->strings.patterns, "a{4}:%d", 70, 1234));
    assert_null(group_rows_add(&state->strings.sizes, "8-15", 70, 1234));
    state->sparse_pages = (struct sparse_pages){
        .page_bytes = PAGE,
        .count = 2,
        .addresses = COPY((address_t[]){{BASE}, {BASE + 2 * PAGE}}),
        .free_bytes = COPY((uint16_t[]){4000, 3000}),
        .first_entries = COPY((uint32_t[]){0, 1, 3}),
        .objects = COPY((object_id[]){MODEL_KEY, MODEL_TABLE, MODEL_STRING}),
        .object_bytes = COPY((uint16_t[]){96, 1000, 96}),
        .entry_count = 3,
    };
}

struct process model_make(void)
{
    struct process process = {.pid = 4711, .state_count = 2, .has_residency = true, .has_map = true, .stopped = true,
        .pause_ms = 12.375, .attempts = 2, .copied_bytes = 999999};
    process.states = calloc(2, sizeof(*process.states));
    assert_non_null(process.states);
    make_map(&process.map);
    process.has_malloc = process.has_pools = process.has_zones = true;
    process.allocators = 1 << ALLOCATOR_JEMALLOC | 1 << ALLOCATOR_MUSL;
    malloc_model_make(&process.malloc);
    pools_model_make(&process.pools);
    zones_model_make(&process.zones);
    struct lua_state *state = &process.states[0];
    state->address = address(BASE);
    state->layout = "luajit-gc64";
    state->collector = (struct lua_collector){.count_bytes = 5001736, .pause = 200, .phase = "sweep"};
    state->objects[LUA_TYPE_TABLE] = (struct lua_objects){1, 5000000};
    make_heap(&state->heap);
    checks_add_within(&state->checks, "objects sum to the count", 100, 90, 64);
    state->graph = make_graph();
    state->names.get = give_name;
    make_rows(state);
    process.states[1].address = address(64);
    process.states[1].collector.phase = "?";
    process.states[1].damage = error_new(ERROR_NOT_UNDERSTOOD, "its strings form a ring");
    return process;
}

static void assert_heap_equal(const struct heap *left, const struct heap *right)
{
    assert_int_equal(left->kind, right->kind);
    assert_int_equal(left->held_bytes, right->held_bytes);
    assert_int_equal(left->live_bytes, right->live_bytes);
    assert_memory_equal(&left->used, &right->used, sizeof(left->used));
    assert_int_equal(left->region_count, right->region_count);
    for (size_t i = 0; i < left->region_count; i++) {
        const struct heap_region *a = &left->regions[i], *b = &right->regions[i];
        assert_memory_equal(&a->range, &b->range, sizeof(a->range));
        assert_memory_equal(a->page_use, b->page_use, range_bytes(a->range) / PAGE);
        assert_memory_equal(a->free_bytes, b->free_bytes, range_bytes(a->range) / PAGE * sizeof(*a->free_bytes));
    }
}

static void assert_graph_equal(const struct object_graph *left, const struct object_graph *right)
{
    assert_int_equal(left->count, right->count);
    assert_int_equal(left->root, right->root);
    for (object_id id = 0; id < left->count; id++)
        assert_int_equal(object_index_address(&left->index, id).value, object_index_address(&right->index, id).value);
    assert_memory_equal(left->types, right->types, left->count);
    assert_memory_equal(left->flags, right->flags, left->count);
    assert_memory_equal(left->details, right->details, left->count * sizeof(*left->details));
    assert_memory_equal(left->bytes, right->bytes, left->count * sizeof(*left->bytes));
    assert_memory_equal(left->first_reference, right->first_reference, (left->count + 2) * sizeof(uint32_t));
    assert_int_equal(left->reference_count, right->reference_count);
    assert_memory_equal(left->references, right->references, left->reference_count * sizeof(*left->references));
    assert_int_equal(graph_table_records(left, MODEL_TABLE), graph_table_records(right, MODEL_TABLE));
    assert_int_equal(graph_table_array_slots(left, MODEL_TABLE), graph_table_array_slots(right, MODEL_TABLE));
}

static void assert_rows_equal(const struct group_rows *left, const struct group_rows *right)
{
    assert_int_equal(left->count, right->count);
    for (size_t i = 0; i < left->count; i++) {
        assert_string_equal(left->items[i].name, right->items[i].name);
        assert_int_equal(left->items[i].count, right->items[i].count);
        assert_int_equal(left->items[i].bytes, right->items[i].bytes);
    }
}

static void assert_pages_equal(const struct sparse_pages *left, const struct sparse_pages *right)
{
    assert_int_equal(left->page_bytes, right->page_bytes);
    assert_int_equal(left->count, right->count);
    assert_int_equal(left->entry_count, right->entry_count);
    if (left->count == 0)
        return;
    assert_memory_equal(left->addresses, right->addresses, left->count * sizeof(*left->addresses));
    assert_memory_equal(left->free_bytes, right->free_bytes, left->count * sizeof(*left->free_bytes));
    assert_memory_equal(left->first_entries, right->first_entries, (left->count + 1) * sizeof(uint32_t));
    assert_memory_equal(left->objects, right->objects, left->entry_count * sizeof(*left->objects));
    assert_memory_equal(left->object_bytes, right->object_bytes, left->entry_count * sizeof(uint16_t));
}

static void assert_state_equal(const struct lua_state *left, const struct lua_state *right)
{
    assert_int_equal(left->address.value, right->address.value);
    assert_int_equal(left->collector.count_bytes, right->collector.count_bytes);
    assert_string_equal(left->collector.phase, right->collector.phase);
    assert_memory_equal(left->objects, right->objects, sizeof(left->objects));
    assert_heap_equal(&left->heap, &right->heap);
    assert_int_equal(left->checks.count, right->checks.count);
    assert_int_equal(!left->damage, !right->damage);
    if (left->damage)
        assert_string_equal(error_text(left->damage), error_text(right->damage));
    assert_int_equal(!left->graph, !right->graph);
    if (left->graph)
        assert_graph_equal(left->graph, right->graph);
    assert_rows_equal(&left->strings.patterns, &right->strings.patterns);
    assert_rows_equal(&left->strings.sizes, &right->strings.sizes);
    assert_pages_equal(&left->sparse_pages, &right->sparse_pages);
}

void model_assert_equal(const struct process *left, const struct process *right)
{
    assert_int_equal(left->pid, right->pid);
    assert_int_equal(left->state_count, right->state_count);
    assert_true(left->pause_ms == right->pause_ms);
    assert_int_equal(left->copied_bytes, right->copied_bytes);
    assert_int_equal(left->map.rss_bytes, right->map.rss_bytes);
    assert_int_equal(left->map.owner_count, right->map.owner_count);
    assert_memory_equal(left->map.owners, right->map.owners, left->map.owner_count * sizeof(*left->map.owners));
    for (unsigned kind = 0; kind < SYSTEM_KINDS; kind++)
        assert_string_equal(left->map.system[kind].name, right->map.system[kind].name);
    assert_int_equal(left->has_malloc, right->has_malloc);
    assert_int_equal(left->allocators, right->allocators);
    malloc_model_assert_equal(&left->malloc, &right->malloc);
    assert_int_equal(left->has_pools, right->has_pools);
    pools_model_assert_equal(&left->pools, &right->pools);
    assert_int_equal(left->has_zones, right->has_zones);
    zones_model_assert_equal(&left->zones, &right->zones);
    for (size_t i = 0; i < left->state_count; i++)
        assert_state_equal(&left->states[i], &right->states[i]);
}
