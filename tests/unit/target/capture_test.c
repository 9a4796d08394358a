/* A capture is a copy of one moment: equal byte for byte, under threads that write, and without a stop when asleep. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "captured.h"
#include "checks.h"
#include "pattern.h"
#include "target/capture.h"
#include "target/target.h"

static struct address_range page_range(const struct region *region, unsigned page)
{
    address_t start = address((uintptr_t)region->start + (size_t)page * PAGE);
    return (struct address_range){start, address_add(start, PAGE)};
}

static void assert_region(const struct capture *capture, const struct region *region, enum region_kind kind)
{
    for (unsigned i = 0; i < REGION_PAGES; i++) {
        unsigned char expected[PAGE];
        struct address_range page = page_range(region, i);
        const void *copied = capture_bytes(capture, page.start, PAGE);
        bool present = pattern_is_present(kind, i) && kind != REGION_SHARED;
        if (kind == REGION_STACK && !present)
            continue;
        if (present)
            assert_non_null(copied);
        else if (kind != REGION_COPIED)
            assert_null(copied);
        if (!copied)
            continue;
        pattern_fill(expected, kind, i);
        assert_memory_equal(copied, expected, PAGE);
        assert_int_equal(presence_resident_bytes(&capture->presence, page), PAGE);
    }
}

static void assert_sound(const struct capture *capture)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < capture->piece_count; i++) {
        const struct capture_piece *piece = &capture->pieces[i];
        assert_int_equal(piece->range.start.value % PAGE, 0);
        assert_true(range_bytes(piece->range) > 0);
        assert_true(i == 0 || capture->pieces[i - 1].range.end.value < piece->range.start.value);
        assert_ptr_equal(capture_bytes(capture, piece->range.start, range_bytes(piece->range)), piece->data);
        assert_null(capture_bytes(capture, piece->range.start, range_bytes(piece->range) + 1));
        assert_int_equal(capture_available(capture, piece->range.start), range_bytes(piece->range));
        assert_int_equal(capture_available(capture, address(piece->range.end.value - 1)), 1);
        bytes += range_bytes(piece->range);
    }
    assert_int_equal(bytes, capture->copied_bytes);
    assert_int_equal(capture_available(capture, address(0)), 0);
    assert_null(capture_bytes(capture, ADDRESS_NONE, 1));
}

static void copies_every_kind_of_page(void **state)
{
    (void)state;
    skip_unless_root();
    struct pattern pattern;
    struct target *target;
    struct child child = pattern_start(&pattern);
    assert_ok(target_open_process(child.pid, &target));
    for (int mode = 0; mode < 4; mode++) {
        struct capture capture;
        struct capture_options options = {.want_sizes = mode & 1, .always_stop = mode & 2};
        assert_ok(capture_take(target, &options, &capture));
        for (int kind = 0; kind < REGION_COUNT; kind++)
            assert_region(&capture, &pattern.regions[kind], kind);
        assert_sound(&capture);
        assert_int_equal(capture.stopped, options.always_stop);
        if (options.always_stop)
            assert_true(capture.pause_ms > 0);
        else
            assert_true(capture.pause_ms <= 0);
        struct address_range shared = page_range(&pattern.regions[REGION_SHARED], 0);
        assert_int_equal(presence_resident_bytes(&capture.presence, shared), options.want_sizes ? PAGE : 0);
        assert_int_equal(capture.resident_bytes > 0, options.want_sizes);
        capture_free(&capture);
    }
    target_close(target);
    child_end(&child);
}

static struct address_range pages_range(const struct region *region, unsigned first, unsigned end)
{
    return (struct address_range){page_range(region, first).start, page_range(region, end).start};
}

/* Half of one region is left out, and a quarter of another, of which the second half is copied later. */
static void what_is_left_out_is_not_copied_or_later(void **state)
{
    (void)state;
    skip_unless_root();
    struct pattern pattern;
    struct target *target;
    struct child child = pattern_start(&pattern);
    const struct region *dotted = &pattern.regions[REGION_ANONYMOUS], *full = &pattern.regions[REGION_PROTECTED];
    bool dotted_first = dotted->start < full->start;
    struct address_range of_dotted = pages_range(dotted, 0, 32), of_full = pages_range(full, 16, 32);
    struct address_range left_out[] = {dotted_first ? of_dotted : of_full, dotted_first ? of_full : of_dotted};
    struct address_range later[] = {pages_range(full, 24, 32)};
    const struct capture_spares spares = {{left_out, 2, 2}, {later, 1, 1}};
    assert_ok(target_open_process(child.pid, &target));
    for (int mode = 0; mode < 2; mode++) {
        struct capture capture;
        struct capture_options options = {.spares = &spares, .always_stop = mode};
        assert_ok(capture_take(target, &options, &capture));
        assert_true(capture.has_spares);
        assert_sound(&capture);
        for (unsigned i = 0; i < REGION_PAGES; i++) {
            struct address_range page = page_range(dotted, i);
            bool present = pattern_is_present(REGION_ANONYMOUS, i);
            assert_int_equal(capture_bytes(&capture, page.start, PAGE) != NULL, present && i >= 32);
            assert_int_equal(presence_resident_bytes(&capture.presence, page), present ? PAGE : 0);
        }
        for (unsigned i = 0; i < REGION_PAGES; i++) {
            const void *copied = capture_bytes(&capture, page_range(full, i).start, PAGE);
            unsigned char expected[PAGE];
            pattern_fill(expected, REGION_PROTECTED, i);
            assert_int_equal(copied != NULL, i < 16 || i >= 24);
            if (copied)
                assert_memory_equal(copied, expected, PAGE);
        }
        assert_true(capture_available(&capture, later[0].start) >= (REGION_PAGES - 24) * PAGE);
        capture_free(&capture);
    }
    target_close(target);
    child_end(&child);
}

enum {
    WRITERS = 4,
    PAIR_DISTANCE = 64 << 20, /* so that a copy that is not of one moment takes a while between the two */
};

/* Two counters that are equal, or the first is one ahead: whatever the moment. */
struct pair {
    _Atomic uint64_t *first, *second;
};

struct writers {
    struct pair pairs[WRITERS];
};

static void *write_pair(void *argument)
{
    struct pair *pair = argument;
    for (uint64_t i = 1;; i++) {
        atomic_store(pair->first, i);
        atomic_store(pair->second, i);
    }
    return NULL;
}

static void writers_body(int to_parent, int from_parent, void *argument)
{
    (void)from_parent;
    (void)argument;
    static struct writers writers; /* outlives this function, as the threads do */
    pthread_t threads[WRITERS];
    unsigned char *memory =
        mmap(NULL, PAIR_DISTANCE + WRITERS * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 0, PAIR_DISTANCE);
    for (int i = 0; i < WRITERS; i++) {
        writers.pairs[i].first = (_Atomic uint64_t *)(memory + (size_t)i * PAGE);
        writers.pairs[i].second = (_Atomic uint64_t *)(memory + PAIR_DISTANCE + (size_t)i * PAGE);
        pthread_create(&threads[i], NULL, write_pair, &writers.pairs[i]);
    }
    sleep_ms(10);
    send_bytes(to_parent, &writers, sizeof(writers));
}

static bool is_consistent(uint64_t first, uint64_t second)
{
    return first == second || first == second + 1;
}

static uint64_t captured_word(const struct capture *capture, const void *at)
{
    uint64_t word;
    const void *bytes = capture_bytes(capture, address((uintptr_t)at), sizeof(word));
    assert_non_null(bytes);
    memcpy(&word, bytes, sizeof(word));
    return word;
}

static void is_of_one_moment_under_writers(void **state)
{
    (void)state;
    skip_unless_root();
    enum { CAPTURES = 60 };
    struct writers writers;
    struct target *target;
    struct child child = child_start(writers_body, NULL);
    receive_bytes(child.from, &writers, sizeof(writers));
    assert_ok(target_open_process(child.pid, &target));
    for (int round = 0; round < CAPTURES; round++) {
        struct capture capture;
        assert_ok(capture_take(target, &(struct capture_options){.always_stop = round % 2}, &capture));
        assert_true(capture.stopped);
        for (int i = 0; i < WRITERS; i++) {
            uint64_t first = captured_word(&capture, writers.pairs[i].first);
            uint64_t second = captured_word(&capture, writers.pairs[i].second);
            assert_true(first > 0);
            assert_true(is_consistent(first, second));
        }
        capture_free(&capture);
    }
    target_close(target);
    child_end(&child);
}

/* The check of the test above: without a stop, the pairs are soon seen to differ. */
static void plain_reading_is_not_of_one_moment(void **state)
{
    (void)state;
    skip_unless_root();
    struct writers writers;
    struct target *target;
    struct child child = child_start(writers_body, NULL);
    receive_bytes(child.from, &writers, sizeof(writers));
    assert_ok(target_open_process(child.pid, &target));
    bool differed = false;
    for (int round = 0; round < 10000 && !differed; round++) {
        uint64_t first, second;
        const struct pair *pair = &writers.pairs[round % WRITERS];
        assert_ok(target_read(target, address((uintptr_t)pair->first), &first, sizeof(first)));
        assert_ok(target_read(target, address((uintptr_t)pair->second), &second, sizeof(second)));
        differed = !is_consistent(first, second);
    }
    assert_true(differed);
    target_close(target);
    child_end(&child);
}

/* Wakes thousands of times a second to write its pair: an unsound proof of sleep would let it through. */
static void blinker_body(int to_parent, int from_parent, void *argument)
{
    (void)from_parent;
    (void)argument;
    struct writers writers = {0};
    const struct timespec pause = {.tv_nsec = 100000};
    size_t bytes = PAIR_DISTANCE / 8;
    unsigned char *memory = mmap(NULL, bytes + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 0, bytes + PAGE);
    writers.pairs[0].first = (_Atomic uint64_t *)memory;
    writers.pairs[0].second = (_Atomic uint64_t *)(memory + bytes);
    send_bytes(to_parent, &writers, sizeof(writers));
    for (uint64_t i = 1;; i++) {
        atomic_store(writers.pairs[0].first, i);
        nanosleep(&pause, NULL);
        atomic_store(writers.pairs[0].second, i);
        nanosleep(&pause, NULL);
    }
}

static void no_proof_of_sleep_for_one_that_blinks(void **state)
{
    (void)state;
    skip_unless_root();
    struct writers writers;
    struct target *target;
    struct child child = child_start(blinker_body, NULL);
    receive_bytes(child.from, &writers, sizeof(writers));
    assert_ok(target_open_process(child.pid, &target));
    for (int round = 0; round < 200; round++) {
        struct capture capture;
        assert_ok(capture_take(target, &(struct capture_options){0}, &capture));
        assert_true(is_consistent(captured_word(&capture, writers.pairs[0].first),
                                  captured_word(&capture, writers.pairs[0].second)));
        capture_free(&capture);
    }
    target_close(target);
    child_end(&child);
}

static void does_not_stop_a_sleeper(void **state)
{
    (void)state;
    skip_unless_root();
    struct pattern pattern;
    struct target *target;
    struct child child = pattern_start(&pattern);
    assert_ok(target_open_process(child.pid, &target));
    for (int round = 0; round < 20; round++) {
        struct capture capture;
        struct capture_options options = {.never_stop = true, .want_sizes = round % 2};
        assert_ok(capture_take(target, &options, &capture));
        assert_false(capture.stopped);
        assert_true(capture.pause_ms <= 0);
        capture_free(&capture);
    }
    target_close(target);
    child_end(&child);
}

static void fails_rather_than_stops(void **state)
{
    (void)state;
    skip_unless_root();
    struct writers writers;
    struct target *target;
    struct capture capture = {.page_bytes = 42};
    struct child child = child_start(writers_body, NULL);
    receive_bytes(child.from, &writers, sizeof(writers));
    assert_ok(target_open_process(child.pid, &target));
    assert_error(capture_take(target, &(struct capture_options){.never_stop = true}, &capture), ERROR_UNREADABLE,
                 "does not sleep long enough");
    assert_int_equal(capture.page_bytes, 42);
    target_close(target);
    child_end(&child);
}

/* Maps, writes and unmaps all the time: what was seen before the stop is wrong when it comes. */
static void churner_body(int to_parent, int from_parent, void *argument)
{
    (void)from_parent;
    (void)argument;
    send_bytes(to_parent, "!", 1);
    for (unsigned i = 0;; i++) {
        size_t bytes = (size_t)(1 + i * 7 % 64) << 20;
        unsigned char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (size_t at = 0; at < bytes; at += PAGE)
            memory[at] = 1;
        munmap(memory, bytes);
    }
}

static void follows_a_target_that_remaps(void **state)
{
    (void)state;
    skip_unless_root();
    char ready;
    struct target *target;
    struct child child = child_start(churner_body, NULL);
    receive_bytes(child.from, &ready, 1);
    assert_ok(target_open_process(child.pid, &target));
    for (int round = 0; round < 40; round++) {
        struct capture capture;
        assert_ok(capture_take(target, &(struct capture_options){.want_sizes = round % 2}, &capture));
        assert_sound(&capture);
        for (size_t i = 0; i < capture.mappings.count && round % 2; i++)
            assert_int_equal(presence_resident_bytes(&capture.presence, capture.mappings.items[i].range),
                             capture.mappings.items[i].sizes.resident_bytes);
        capture_free(&capture);
    }
    target_close(target);
    child_end(&child);
}

static void busy_body(int to_parent, int from_parent, void *argument)
{
    (void)from_parent;
    unsigned life_ms = *(unsigned *)argument;
    pthread_t thread;
    static struct pair pair;
    unsigned char *memory = mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 1, 32 << 20);
    pair.first = (_Atomic uint64_t *)memory;
    pair.second = pair.first + PAGE;
    pthread_create(&thread, NULL, write_pair, &pair);
    send_bytes(to_parent, "!", 1);
    sleep_ms(life_ms);
    if (life_ms % 2)
        execl("/bin/true", "true", NULL);
    _exit(0);
}

/* Exit, exec and kill at any moment of a capture: a good copy or one clear error, and never a hang. */
static void survives_the_end_of_the_target(void **state)
{
    (void)state;
    skip_unless_root();
    for (unsigned round = 0; round < 60; round++) {
        char ready;
        unsigned life_ms = round % 3 == 2 ? 10000 : round / 2;
        struct target *target;
        struct child child = child_start(busy_body, &life_ms);
        receive_bytes(child.from, &ready, 1);
        struct error *error = target_open_process(child.pid, &target);
        for (int captures = 0; !error && captures < 1000; captures++) {
            struct capture capture;
            error = capture_take(target, &(struct capture_options){.want_sizes = true}, &capture);
            if (!error)
                capture_free(&capture);
            if (error || captures == 2)
                kill(child.pid, SIGKILL);
            if (error)
                target_close(target);
        }
        assert_non_null(error);
        if (error_kind(error) != ERROR_UNREADABLE)
            fail_msg("%s", error_text(error));
        error_free(error);
        child_end(&child);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_every_kind_of_page),
        cmocka_unit_test(what_is_left_out_is_not_copied_or_later),
        cmocka_unit_test(is_of_one_moment_under_writers),
        cmocka_unit_test(plain_reading_is_not_of_one_moment),
        cmocka_unit_test(no_proof_of_sleep_for_one_that_blinks),
        cmocka_unit_test(does_not_stop_a_sleeper),
        cmocka_unit_test(fails_rather_than_stops),
        cmocka_unit_test(follows_a_target_that_remaps),
        cmocka_unit_test(survives_the_end_of_the_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
