/*
 * A state built from any row, wide or narrow, is recognised as that row and no other, and each claim, broken alone, is
 * the one that is named.
 */
#include "unit.h"

#include <string.h>

#include "fake_capture.h"
#include "layouts/choose_lua_layout.h"
#include "locate/lua_states.h"

enum {
    CODE = 0x400000,
    HEAP = 0x10000000,
    HEAP_BYTES = 64 << 10,
    THREAD_AT = 0x1010, /* offset of the state in the heap */
    REGISTRY_AT = 0x8000,
    NAME_AT = 0x8800,   /* a string */
    STRINGS_AT = 0x9000,
    TRACE_AT = 0xa000,
    TRACES_AT = 0xb000, /* the table of traces */
    AREA = 0x20000000,  /* their machine code */
    AREA_BYTES = 64 << 10,
    ROOTS = 3,
    SNAPSHOTS = 2,
};

struct fake_state {
    struct fake_capture fake;
    unsigned char *heap, *thread, *global;
    const struct lua_layout *layout;
};

static void put_reference(const struct fake_state *s, unsigned char *at, uint64_t value)
{
    if (s->layout->objects->reference_bytes == 8)
        put_u64(at, value);
    else
        put_u32(at, (uint32_t)value);
}

static void put_type(const struct fake_state *s, unsigned at, uint8_t type)
{
    s->heap[at + s->layout->objects->header.type] = type;
}

static uint64_t table_value(const struct fake_state *s, uint64_t table)
{
    bool wide = s->layout->objects->value_coding == LUA_VALUE_HIGH_17;
    return ~(uint64_t)LUA_TAG_TABLE << (wide ? 47 : 32) | table;
}

static void build_dispatch(struct fake_state *s)
{
    const struct lua_layout *layout = s->layout;
    for (unsigned i = 0; i < layout->dispatch.entries; i++)
        put_u64(s->thread + layout->dispatch.offset + i * 8, CODE + i * 16);
    put_u64(s->thread + layout->dispatch.offset - 8, 0x006f006f006f006f); /* hot counters */
}

static void build_roots(struct fake_state *s)
{
    put_type(s, NAME_AT, LUA_TAG_STRING);
    for (unsigned i = 0; i < ROOTS; i++)
        put_reference(s, s->global + s->layout->global.roots + i * s->layout->objects->reference_bytes, HEAP + NAME_AT);
}

static void build_global(struct fake_state *s)
{
    const struct lua_layout *layout = s->layout;
    uint64_t thread = HEAP + THREAD_AT, global = thread + layout->global.offset;
    put_reference(s, s->global + layout->global.main_thread, thread);
    put_reference(s, s->global + layout->global.current_thread, thread);
    put_u64(s->global + layout->global.allocf, CODE + 64);
    put_u64(s->global + layout->global.string_table, HEAP + STRINGS_AT);
    put_u32(s->global + layout->global.string_mask, 255);
    put_u64(s->global + layout->global.registry, table_value(s, HEAP + REGISTRY_AT));
    put_type(s, REGISTRY_AT, LUA_TAG_TABLE);
    put_reference(s, s->global + layout->global.gc + layout->gc.root, HEAP + REGISTRY_AT);
    s->global[layout->global.gc + layout->gc.current_white] = 1;
    uint64_t head = global + layout->global.open_upvalue_head;
    put_reference(s, s->global + layout->global.open_upvalue_head + layout->upvalue_links.open_next, head);
    put_reference(s, s->global + layout->global.open_upvalue_head + layout->upvalue_links.open_previous, head);
}

static void build(struct fake_state *s, const struct lua_layout *layout)
{
    memset(s, 0, sizeof(*s));
    s->layout = layout;
    fake_capture_start(&s->fake);
    fake_capture_map_only(&s->fake, CODE, 1 << 20)->executable = true;
    s->heap = fake_capture_map(&s->fake, HEAP, HEAP_BYTES);
    s->thread = s->heap + THREAD_AT;
    s->global = s->thread + layout->global.offset;
    put_type(s, THREAD_AT, LUA_TAG_THREAD);
    s->thread[layout->objects->header.function_kind] = 1;
    put_reference(s, s->thread + layout->thread.global, HEAP + THREAD_AT + layout->global.offset);
    build_global(s);
    build_roots(s);
    build_dispatch(s);
}

static void put_count(unsigned char *at, uint32_t value, unsigned bytes)
{
    memcpy(at, &value, bytes);
}

/* Trace 1, and trace 2 that is being recorded. */
static void build_traces(struct fake_state *s)
{
    const struct lua_layout *layout = s->layout;
    const struct lua_object_layout *objects = layout->objects;
    unsigned char *trace = s->heap + TRACE_AT, *jit = s->thread + layout->jit.offset;
    uint64_t snapshots = HEAP + TRACE_AT + objects->trace.bytes + 160;
    put_type(s, TRACE_AT, LUA_TAG_TRACE);
    put_u32(trace + objects->trace.instructions_high, 32778);
    put_u32(trace + objects->trace.constants_low, 32758);
    trace[10] |= 3; /* an older trace has its stack's height and its link's type here */
    put_count(trace + objects->trace.snapshots, SNAPSHOTS, 2);
    put_count(trace + objects->trace.snapshot_map_entries, 3, objects->trace.snapshot_map_entries_bytes);
    put_u64(trace + objects->trace.snapshot_list, snapshots);
    put_u64(trace + objects->trace.snapshot_map, snapshots + SNAPSHOTS * objects->trace_parts.snapshot_bytes);
    put_u64(jit + layout->jit.traces, HEAP + TRACES_AT);
    put_u32(jit + layout->jit.trace_slots, 8);
    put_u64(jit + layout->jit.code_area, AREA);
    put_u64(jit + layout->jit.code_total_bytes, AREA_BYTES);
    fake_capture_map_only(&s->fake, AREA, AREA_BYTES)->executable = true;
    put_reference(s, s->heap + TRACES_AT + objects->reference_bytes, HEAP + TRACE_AT);
    put_reference(s, s->heap + TRACES_AT + 2 * objects->reference_bytes, HEAP + THREAD_AT + layout->jit.offset);
}

static const struct lua_layout *choose(const struct fake_state *s)
{
    return lua_layout_choose(&s->fake.capture, address(HEAP + THREAD_AT), NULL, NULL);
}

static void every_row_is_recognised_as_itself(void **state)
{
    (void)state;
    const struct lua_layout *layout;
    for (size_t i = 0; (layout = lua_layout_row(i)); i++) {
        struct fake_state s;
        build(&s, layout);
        build_traces(&s);
        assert_string_equal(choose(&s)->name, layout->name);
        fake_capture_free(&s.fake);
    }
}

/* All but name, commits and objects. */
static bool same_numbers(const struct lua_layout *a, const struct lua_layout *b)
{
    return a->block_bytes == b->block_bytes && memcmp(&a->thread, &b->thread, sizeof(a->thread)) == 0
        && memcmp(&a->global, &b->global, sizeof(a->global)) == 0 && memcmp(&a->gc, &b->gc, sizeof(a->gc)) == 0
        && memcmp(&a->jit, &b->jit, sizeof(a->jit)) == 0
        && memcmp(&a->dispatch, &b->dispatch, sizeof(a->dispatch)) == 0;
}

static void without_traces_a_row_of_the_same_numbers_is_chosen(void **state)
{
    (void)state;
    const struct lua_layout *layout;
    for (size_t i = 0; (layout = lua_layout_row(i)); i++) {
        struct fake_state s;
        build(&s, layout);
        const struct lua_layout *chosen = choose(&s);
        assert_non_null(chosen);
        assert_true(same_numbers(chosen, layout));
        struct lua_object_layout objects = *chosen->objects;
        objects.trace = layout->objects->trace;
        objects.trace_parts = layout->objects->trace_parts;
        assert_memory_equal(&objects, layout->objects, sizeof(objects));
        fake_capture_free(&s.fake);
    }
}

static void no_two_rows_have_one_name(void **state)
{
    (void)state;
    const struct lua_layout *layout, *other;
    for (size_t i = 0; (layout = lua_layout_row(i)); i++)
        for (size_t k = i + 1; (other = lua_layout_row(k)); k++)
            assert_string_not_equal(layout->name, other->name);
}

static void locating_finds_the_state_and_nothing_else(void **state)
{
    (void)state;
    const struct lua_layout *layout;
    for (size_t i = 0; (layout = lua_layout_row(i)); i++) {
        struct fake_state s;
        struct lua_sites sites;
        build(&s, layout);
        assert_null(locate_lua_states(&s.fake.capture, &sites));
        assert_int_equal(sites.count, 1);
        assert_true(sites.items[0].thread.value == HEAP + THREAD_AT);
        lua_sites_free(&sites);
        fake_capture_free(&s.fake);
    }
}

static void break_claim(struct fake_state *s, enum lua_layout_claim claim)
{
    const struct lua_layout *layout = s->layout;
    switch (claim) {
    case CLAIM_MAIN_THREAD:
        put_reference(s, s->global + layout->global.main_thread, HEAP);
        break;
    case CLAIM_STRING_TABLE:
        put_u32(s->global + layout->global.string_mask, 254);
        break;
    case CLAIM_COLLECTOR:
        s->global[layout->global.gc + layout->gc.state] = 9;
        break;
    case CLAIM_REGISTRY:
        put_type(s, REGISTRY_AT, LUA_TAG_STRING);
        break;
    case CLAIM_ALLOCATOR:
        put_u64(s->global + layout->global.allocf, HEAP);
        break;
    case CLAIM_CURRENT_THREAD:
        put_reference(s, s->global + layout->global.current_thread, HEAP + REGISTRY_AT);
        break;
    case CLAIM_UPVALUE_RING:
        put_reference(s, s->global + layout->global.open_upvalue_head + layout->upvalue_links.open_next, HEAP);
        break;
    case CLAIM_ROOTS:
        memset(s->global + layout->global.roots, 0, ROOTS * layout->objects->reference_bytes);
        break;
    case CLAIM_DISPATCH_TABLE:
        put_u64(s->thread + layout->dispatch.offset + layout->dispatch.entries * 8, CODE);
        break;
    case CLAIM_TRACES:
        put_type(s, TRACE_AT, LUA_TAG_PROTO);
        break;
    case LUA_LAYOUT_CLAIMS:
        break;
    }
}

static void each_broken_claim_is_named(void **state)
{
    (void)state;
    const struct lua_layout *layout;
    for (size_t i = 0; (layout = lua_layout_row(i)); i++) {
        for (unsigned claim = 0; claim < LUA_LAYOUT_CLAIMS; claim++) {
            struct fake_state s;
            build(&s, layout);
            build_traces(&s);
            break_claim(&s, claim);
            assert_int_equal(lua_layout_verify(&s.fake.capture, layout, address(HEAP + THREAD_AT)), claim);
            assert_null(choose(&s));
            fake_capture_free(&s.fake);
        }
    }
}

static void a_stranger_is_reported_with_its_nearest_row(void **state)
{
    (void)state;
    const struct lua_layout *layout;
    for (size_t i = 0; (layout = lua_layout_row(i)); i++) {
        struct fake_state s;
        struct lua_sites sites;
        build(&s, layout);
        break_claim(&s, CLAIM_DISPATCH_TABLE);
        assert_null(locate_lua_states(&s.fake.capture, &sites));
        assert_int_equal(sites.count, 1);
        assert_null(sites.items[0].layout);
        assert_non_null(sites.items[0].nearest);
        assert_int_equal(sites.items[0].failed, CLAIM_DISPATCH_TABLE);
        lua_sites_free(&sites);
        fake_capture_free(&s.fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_recognised_as_itself),
        cmocka_unit_test(without_traces_a_row_of_the_same_numbers_is_chosen),
        cmocka_unit_test(no_two_rows_have_one_name),
        cmocka_unit_test(locating_finds_the_state_and_nothing_else),
        cmocka_unit_test(each_broken_claim_is_named),
        cmocka_unit_test(a_stranger_is_reported_with_its_nearest_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
