/*
 * Growths of tables are told from all else by their sizes, each once, and the last ones stay.
 */
#include "unit.h"
#include "registry.h"
#include "settings.h"
#include "small.h"
#include "table_log.h"

#include <string.h>
#include <time.h>

static struct heap *heap;

static int start(void **state)
{
    (void)state;
    char sentence[OPTION_SENTENCE_BYTES];
    assert_true(settings_set("table_log", "4096", sentence));
    heap = registry_open();
    heap->held_open = true;
    heap->image.state_address = 1; /* which nobody looks at, as long as heap->idle.words are not known */
    return 0;
}

static int end(void **state)
{
    (void)state;
    registry_end(heap);
    return 0;
}

static void set_limit(const char *records)
{
    char sentence[OPTION_SENTENCE_BYTES];
    assert_true(settings_set("table_log", records, sentence));
}

static size_t array_bytes(size_t records)
{
    return 8 * (records + 1);
}

static size_t hash_bytes(size_t records)
{
    return 24 * records;
}

/* The only growth that was noted since `before`. */
static struct table_growth only_since(uint64_t before)
{
    struct table_growth growth;
    assert_int_equal(table_log_count(), before + 1);
    assert_true(table_log_read(before + 1, &growth));
    return growth;
}

static void test_array_grows(void **state)
{
    (void)state;
    size_t bytes = 8 * 5;
    void *object = heap_reallocate(heap, NULL, 0, bytes);
    for (size_t records = 8; records <= ((size_t)1 << 22); records *= 2) {
        uint64_t before = table_log_count();
        object = heap_reallocate(heap, object, bytes, array_bytes(records));
        bytes = array_bytes(records);
        if (records < 4096) {
            assert_int_equal(table_log_count(), before);
            continue;
        }
        struct table_growth growth = only_since(before);
        assert_string_equal(growth.kind, "array");
        assert_int_equal(growth.records, records);
        assert_int_equal(growth.bytes, bytes);
        assert_string_equal(growth.where, "");
    }
    uint64_t before = table_log_count();
    /* Shrinks are none, whether the object moves to another place or stays. */
    for (size_t records = (size_t)1 << 21; records >= 4; records /= 2) {
        object = heap_reallocate(heap, object, bytes, array_bytes(records));
        bytes = array_bytes(records);
    }
    heap_reallocate(heap, object, bytes, 0);
    assert_int_equal(table_log_count(), before);
}

static void test_hash_grows(void **state)
{
    (void)state;
    for (size_t records = 8; records <= ((size_t)1 << 20); records *= 2) {
        uint64_t before = table_log_count();
        time_t now = time(NULL);
        void *object = heap_reallocate(heap, NULL, 0, hash_bytes(records));
        if (records >= 4096) {
            struct table_growth growth = only_since(before);
            assert_string_equal(growth.kind, "hash");
            assert_int_equal(growth.records, records);
            assert_int_equal(growth.bytes, hash_bytes(records));
            assert_in_range(growth.time_ms / 1000, now - 1, now + 60);
        } else {
            assert_int_equal(table_log_count(), before);
        }
        heap_reallocate(heap, object, hash_bytes(records), 0);
    }
}

/* Such objects may come out of an open hole, where no slow path runs. */
static void test_least_sizes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2000; i++)
        heap_reallocate(heap, NULL, 0, 700);
    set_limit("1");
    uint64_t before = table_log_count();
    for (unsigned i = 0; i < 100; i++) {
        heap_reallocate(heap, NULL, 0, array_bytes(1024));
        heap_reallocate(heap, NULL, 0, hash_bytes(1024));
        heap_reallocate(heap, NULL, 0, array_bytes(512));
    }
    assert_int_equal(table_log_count(), before + 200);
    set_limit("2048");
    heap_reallocate(heap, NULL, 0, array_bytes(1024));
    assert_int_equal(table_log_count(), before + 200);
    heap_reallocate(heap, NULL, 0, array_bytes(2048));
    assert_int_equal(table_log_count(), before + 201);
}

static void test_other_sizes(void **state)
{
    (void)state;
    uint64_t before = table_log_count();
    for (size_t bytes = 8200; bytes < 600000; bytes += 8) {
        size_t array = bytes / 8 - 1;
        bool is_part = (array & (array - 1)) == 0
            || (bytes % 24 == 0 && (bytes / 24 & (bytes / 24 - 1)) == 0);
        if (!is_part)
            heap_reallocate(heap, heap_reallocate(heap, NULL, 0, bytes), bytes, 0);
    }
    assert_int_equal(table_log_count(), before);
}

static void test_off(void **state)
{
    (void)state;
    uint64_t before = table_log_count();
    set_limit("0");
    heap_reallocate(heap, NULL, 0, array_bytes(1 << 20));
    assert_int_equal(table_log_count(), before);
}

static void test_last_ones_stay(void **state)
{
    (void)state;
    uint64_t before = table_log_count();
    struct table_growth growth;
    for (unsigned i = 0; i < TABLE_LOG_GROWTHS + 10; i++) {
        size_t bytes = i % 2 == 0 ? array_bytes(4096) : hash_bytes(8192);
        heap_reallocate(heap, heap_reallocate(heap, NULL, 0, bytes), bytes, 0);
    }
    uint64_t last = table_log_count();
    assert_int_equal(last, before + TABLE_LOG_GROWTHS + 10);
    for (unsigned i = 0; i < TABLE_LOG_GROWTHS; i++) {
        assert_true(table_log_read(last - i, &growth));
        assert_string_equal(growth.kind, (TABLE_LOG_GROWTHS + 9 - i) % 2 == 0 ? "array" : "hash");
    }
    assert_false(table_log_read(last - TABLE_LOG_GROWTHS, &growth));
    assert_false(table_log_read(last + 1, &growth));
    assert_false(table_log_read(0, &growth));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_array_grows, start, end),
        cmocka_unit_test_setup_teardown(test_hash_grows, start, end),
        cmocka_unit_test_setup_teardown(test_least_sizes, start, end),
        cmocka_unit_test_setup_teardown(test_other_sizes, start, end),
        cmocka_unit_test_setup_teardown(test_off, start, end),
        cmocka_unit_test_setup_teardown(test_last_ones_stay, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
