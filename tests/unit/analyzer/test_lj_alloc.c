/* The stock allocator's books: a heap made by hand adds up, and every kind of damage is noticed. */
#include "unit.h"

#include <string.h>

#include "fake_capture.h"
#include "layouts/lj_alloc_layout.h"
#include "walk/lj_alloc.h"

/*
 * One segment of 64 KiB: the allocator's state, a used chunk, a free chunk of 12 KiB, a used chunk, top.
 */
enum {
    SEGMENT = 0x20000000,
    SEGMENT_BYTES = 64 << 10,
    STATE_CHUNK_BYTES = 0x370,
    USED_AT = STATE_CHUNK_BYTES,
    USED_BYTES = 64,
    FREE_AT = USED_AT + USED_BYTES,
    FREE_BYTES = 12 << 10,
    LAST_AT = FREE_AT + FREE_BYTES,
    LAST_BYTES = 1024,
    TOP_AT = LAST_AT + LAST_BYTES,
    TOP_BYTES = SEGMENT_BYTES - LJ_TOP_FOOT - TOP_AT,
};

struct fixture {
    struct fake_capture fake;
    unsigned char *segment;
    struct heap heap;
    struct checks checks;
    struct lj_alloc_walk walk;
};

static void head(struct fixture *f, unsigned at, uint64_t value)
{
    put_u64(f->segment + at + LJ_CHUNK_HEAD, value);
}

static void build(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    fake_capture_start(&f->fake);
    f->segment = fake_capture_map(&f->fake, SEGMENT, SEGMENT_BYTES);
    unsigned char *state = f->segment + LJ_CHUNK_BLOCK;
    head(f, 0, STATE_CHUNK_BYTES | LJ_CHUNK_PREVIOUS_USED | LJ_CHUNK_USED);
    put_u64(state + LJ_ALLOC_TOP, SEGMENT + TOP_AT);
    put_u64(state + LJ_ALLOC_TOP_SIZE, TOP_BYTES);
    put_u64(state + LJ_ALLOC_SEGMENT + LJ_SEGMENT_BASE, SEGMENT);
    put_u64(state + LJ_ALLOC_SEGMENT + LJ_SEGMENT_SIZE, SEGMENT_BYTES);
    head(f, USED_AT, USED_BYTES | LJ_CHUNK_PREVIOUS_USED | LJ_CHUNK_USED);
    head(f, FREE_AT, FREE_BYTES | LJ_CHUNK_PREVIOUS_USED);
    put_u64(f->segment + LAST_AT + LJ_CHUNK_FOOT, FREE_BYTES);
    head(f, LAST_AT, LAST_BYTES | LJ_CHUNK_USED);
    head(f, TOP_AT, TOP_BYTES | LJ_CHUNK_PREVIOUS_USED);
}

static struct error *walk(struct fixture *f)
{
    return lj_alloc_walk_segments(&f->walk, &f->fake.capture, address(SEGMENT + LJ_CHUNK_BLOCK), &f->heap, &f->checks);
}

static void clean_up(struct fixture *f)
{
    heap_release(&f->heap);
    fake_capture_free(&f->fake);
}

static void a_sound_heap_adds_up(void **state)
{
    (void)state;
    struct fixture f;
    build(&f);
    assert_true(lj_alloc_recognise(&f.fake.capture, address(SEGMENT + LJ_CHUNK_BLOCK)));
    assert_null(walk(&f));
    assert_null(checks_first_failed(&f.checks));
    assert_int_equal(f.heap.held_bytes, SEGMENT_BYTES);
    assert_int_equal(f.heap.live_bytes, USED_BYTES + LAST_BYTES);
    assert_int_equal(f.heap.free_bytes, FREE_BYTES + TOP_BYTES);
    assert_int_equal(f.heap.meta_bytes, STATE_CHUNK_BYTES + LJ_TOP_FOOT);
    assert_int_equal(f.heap.live_bytes + f.heap.free_bytes + f.heap.meta_bytes, f.heap.held_bytes);
    assert_int_equal(f.heap.free_resident_bytes, f.heap.free_bytes);
    clean_up(&f);
}

static void reclaimable_spares_links_and_foot(void **state)
{
    (void)state;
    struct fixture f;
    build(&f);
    assert_null(walk(&f));
    heap_count_reclaimable(&f.heap, FAKE_PAGE_BYTES, &f.fake.capture.presence);
    /* By hand: whole pages inside [FREE_AT + 64, FREE_AT + 12 KiB) and [TOP_AT + 64, end of top). */
    unsigned first = (FREE_AT + LJ_CHUNK_LINKS + 4095) / 4096, last = (FREE_AT + FREE_BYTES) / 4096;
    unsigned top_first = (TOP_AT + LJ_CHUNK_LINKS + 4095) / 4096, top_last = (TOP_AT + TOP_BYTES) / 4096;
    assert_int_equal(f.heap.reclaimable_bytes, (last - first + top_last - top_first) * 4096);
    clean_up(&f);
}

static void a_wrong_previous_flag_fails_its_check(void **state)
{
    (void)state;
    struct fixture f;
    build(&f);
    head(&f, LAST_AT, LAST_BYTES | LJ_CHUNK_USED | LJ_CHUNK_PREVIOUS_USED);
    assert_null(walk(&f));
    assert_string_equal(checks_first_failed(&f.checks)->name, "chunks that contradict the chunk before");
    clean_up(&f);
}

static void a_wrong_foot_fails_its_check(void **state)
{
    (void)state;
    struct fixture f;
    build(&f);
    put_u64(f.segment + LAST_AT + LJ_CHUNK_FOOT, FREE_BYTES + 8);
    assert_null(walk(&f));
    assert_string_equal(checks_first_failed(&f.checks)->name, "free chunks that contradict their end");
    clean_up(&f);
}

static void impossible_chunks_and_ends_are_damage(void **state)
{
    (void)state;
    static const struct { unsigned at; uint64_t head; } damages[] = {
        {USED_AT, 0},
        {USED_AT, LJ_CHUNK_USED | LJ_CHUNK_PREVIOUS_USED | 16},
        {USED_AT, LJ_CHUNK_USED | LJ_CHUNK_PREVIOUS_USED | ((uint64_t)1 << 40)},
        {USED_AT, LJ_CHUNK_FENCEPOST},
        {TOP_AT, (TOP_BYTES - 8) | LJ_CHUNK_PREVIOUS_USED},
    };
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        struct fixture f;
        build(&f);
        head(&f, damages[i].at, damages[i].head);
        struct error *error = walk(&f);
        assert_non_null(error);
        assert_int_equal(error_kind(error), ERROR_NOT_UNDERSTOOD);
        error_free(error);
        clean_up(&f);
    }
}

static void a_list_of_segments_in_a_circle_ends(void **state)
{
    (void)state;
    struct fixture f;
    build(&f);
    unsigned char *allocator = f.segment + LJ_CHUNK_BLOCK;
    put_u64(allocator + LJ_ALLOC_SEGMENT + LJ_SEGMENT_NEXT, SEGMENT + LJ_CHUNK_BLOCK + LJ_ALLOC_SEGMENT);
    struct error *error = walk(&f);
    if (error)
        error_free(error);
    else
        assert_non_null(checks_first_failed(&f.checks));
    clean_up(&f);
}

static void blocks_are_held_against_their_chunks(void **state)
{
    (void)state;
    struct fixture f;
    build(&f);
    assert_null(walk(&f));
    assert_null(lj_alloc_note_block(&f.walk, address(SEGMENT + USED_AT + LJ_CHUNK_BLOCK), USED_BYTES - 8));
    assert_int_equal(f.walk.misfits, 0);
    assert_null(lj_alloc_note_block(&f.walk, address(SEGMENT + USED_AT + LJ_CHUNK_BLOCK), USED_BYTES));
    assert_int_equal(f.walk.misfits, 1);
    assert_null(lj_alloc_note_block(&f.walk, address(SEGMENT + FREE_AT + LJ_CHUNK_BLOCK), FREE_BYTES - 8));
    assert_int_equal(f.walk.misfits, 2);
    clean_up(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_heap_adds_up),
        cmocka_unit_test(reclaimable_spares_links_and_foot),
        cmocka_unit_test(a_wrong_previous_flag_fails_its_check),
        cmocka_unit_test(a_wrong_foot_fails_its_check),
        cmocka_unit_test(impossible_chunks_and_ends_are_damage),
        cmocka_unit_test(a_list_of_segments_in_a_circle_ends),
        cmocka_unit_test(blocks_are_held_against_their_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
