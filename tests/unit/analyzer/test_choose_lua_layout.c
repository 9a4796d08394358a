/*
 * A state built from any row is recognised as that row and no other, and each claim, broken alone, is the one
 * that is named.
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
    STRINGS_AT = 0x9000,
};

struct fake_state {
    struct fake_capture fake;
    unsigned char *heap, *thread, *global;
    const struct lua_layout *layout;
};

static void build_dispatch(struct fake_state *s)
{
    const struct lua_layout *layout = s->layout;
    for (unsigned i = 0; i < layout->dispatch.entries; i++)
        put_u64(s->thread + layout->dispatch.offset + i * 8, CODE + i * 16);
    put_u64(s->thread + layout->dispatch.offset - 8, 0x006f006f006f006f); /* hot counters */
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
    uint64_t thread = HEAP + THREAD_AT, global = thread + layout->global.offset;
    s->thread[9] = LUA_TAG_THREAD;
    s->thread[10] = 1;
    put_u64(s->thread + layout->thread.global, global);
    put_u64(s->global + layout->global.main_thread, thread);
    put_u64(s->global + layout->global.current_thread, thread);
    put_u64(s->global + layout->global.allocf, CODE + 64);
    put_u64(s->global + layout->global.string_table, HEAP + STRINGS_AT);
    put_u32(s->global + layout->global.string_mask, 255);
    put_u64(s->global + layout->global.registry, (uint64_t)0x1fff4 << 47 | (HEAP + REGISTRY_AT));
    s->heap[REGISTRY_AT + 9] = LUA_TAG_TABLE;
    put_u64(s->global + layout->global.gc + layout->gc.root, HEAP + REGISTRY_AT);
    s->global[layout->global.gc + layout->gc.current_white] = 1;
    uint64_t head = global + layout->global.open_upvalue_head;
    put_u64(s->global + layout->global.open_upvalue_head + layout->upvalue_links.open_next, head);
    put_u64(s->global + layout->global.open_upvalue_head + layout->upvalue_links.open_previous, head);
    build_dispatch(s);
}

static void every_row_is_recognised_as_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < lua_layout_count; i++) {
        struct fake_state s;
        build(&s, lua_layouts[i]);
        const struct lua_layout *chosen = lua_layout_choose(&s.fake.capture, address(HEAP + THREAD_AT), NULL, NULL);
        assert_ptr_equal(chosen, lua_layouts[i]);
        fake_capture_free(&s.fake);
    }
}

static void locating_finds_the_state_and_nothing_else(void **state)
{
    (void)state;
    struct fake_state s;
    struct lua_sites sites;
    build(&s, lua_layouts[0]);
    assert_null(locate_lua_states(&s.fake.capture, &sites));
    assert_int_equal(sites.count, 1);
    assert_true(sites.items[0].thread.value == HEAP + THREAD_AT);
    lua_sites_free(&sites);
    fake_capture_free(&s.fake);
}

static void break_claim(struct fake_state *s, enum lua_layout_claim claim)
{
    const struct lua_layout *layout = s->layout;
    switch (claim) {
    case CLAIM_MAIN_THREAD:
        put_u64(s->global + layout->global.main_thread, HEAP);
        break;
    case CLAIM_STRING_TABLE:
        put_u32(s->global + layout->global.string_mask, 254);
        break;
    case CLAIM_COLLECTOR:
        s->global[layout->global.gc + layout->gc.state] = 9;
        break;
    case CLAIM_REGISTRY:
        s->heap[REGISTRY_AT + 9] = LUA_TAG_STRING;
        break;
    case CLAIM_ALLOCATOR:
        put_u64(s->global + layout->global.allocf, HEAP);
        break;
    case CLAIM_CURRENT_THREAD:
        put_u64(s->global + layout->global.current_thread, HEAP + REGISTRY_AT);
        break;
    case CLAIM_UPVALUE_RING:
        put_u64(s->global + layout->global.open_upvalue_head + layout->upvalue_links.open_next, HEAP);
        break;
    case CLAIM_DISPATCH_TABLE:
        put_u64(s->thread + layout->dispatch.offset + layout->dispatch.entries * 8, CODE);
        break;
    case LUA_LAYOUT_CLAIMS:
        break;
    }
}

static void each_broken_claim_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < lua_layout_count; i++) {
        for (unsigned claim = 0; claim < LUA_LAYOUT_CLAIMS; claim++) {
            struct fake_state s;
            build(&s, lua_layouts[i]);
            break_claim(&s, claim);
            assert_int_equal(lua_layout_verify(&s.fake.capture, lua_layouts[i], address(HEAP + THREAD_AT)), claim);
            assert_null(lua_layout_choose(&s.fake.capture, address(HEAP + THREAD_AT), NULL, NULL));
            fake_capture_free(&s.fake);
        }
    }
}

static void a_stranger_is_reported_with_its_nearest_row(void **state)
{
    (void)state;
    struct fake_state s;
    struct lua_sites sites;
    build(&s, lua_layouts[1]);
    break_claim(&s, CLAIM_DISPATCH_TABLE);
    assert_null(locate_lua_states(&s.fake.capture, &sites));
    assert_int_equal(sites.count, 1);
    assert_null(sites.items[0].layout);
    assert_non_null(sites.items[0].nearest);
    assert_int_equal(sites.items[0].failed, CLAIM_DISPATCH_TABLE);
    lua_sites_free(&sites);
    fake_capture_free(&s.fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_recognised_as_itself),
        cmocka_unit_test(locating_finds_the_state_and_nothing_else),
        cmocka_unit_test(each_broken_claim_is_named),
        cmocka_unit_test(a_stranger_is_reported_with_its_nearest_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
