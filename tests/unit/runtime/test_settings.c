/*
 * Settings that change while heaps live: every heap obeys and shows it at once, from whichever thread it comes.
 */
#include "unit.h"
#include "event_log.h"
#include "registry.h"
#include "settings.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct heap *open_heap(void)
{
    struct heap *heap = registry_open();
    assert_non_null(heap);
    heap->held_open = true;
    return heap;
}

static void set(const char *name, const char *value)
{
    char sentence[OPTION_SENTENCE_BYTES] = "";
    if (!settings_set(name, value, sentence))
        fail_msg("%s", sentence);
}

static uint64_t shown(const uint64_t *field)
{
    return __atomic_load_n(field, __ATOMIC_RELAXED);
}

static void heaps_show_them(void **state)
{
    (void)state;
    struct heap *one = open_heap(), *two = open_heap();
    assert_int_equal(shown(&one->image.decay_ms), 1000);
    set("decay_ms", "700");
    set("background", "off");
    struct heap *three = open_heap();
    struct heap *const heaps[] = {one, two, three};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(shown(&heaps[i]->image.decay_ms), 700);
        assert_int_equal(shown(&heaps[i]->image.background), 0);
    }
    set("background", "on");
    set("decay_ms", "1000");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(shown(&heaps[i]->image.decay_ms), 1000);
        assert_int_equal(shown(&heaps[i]->image.background), 1);
        registry_end(heaps[i]);
    }
}

static void wrong_ones_change_nothing(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {{"decay_ms", "1"}, {"decay_ms", ""}, {"nothing", "1"}, {"background", "1"},
                                           {"log", "/nonexistent/log"}, {"log", ""}};
    struct heap *heap = open_heap();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char sentence[OPTION_SENTENCE_BYTES] = "";
        assert_false(settings_set(wrong[i][0], wrong[i][1], sentence));
        assert_true(strlen(sentence) > 0);
        assert_int_equal(SETTING(decay_ms), 1000);
        assert_int_equal(SETTING(background), 1);
        assert_int_equal(shown(&heap->image.decay_ms), 1000);
    }
    char value[OPTION_VALUE_BYTES], sentence[OPTION_SENTENCE_BYTES];
    enum option_kind kind;
    assert_true(settings_get("log", value, &kind, sentence));
    assert_string_equal(value, "off");
    assert_false(settings_set("log", "/nonexistent/log", sentence));
    assert_string_equal(sentence,
                        "log can't be written to /nonexistent/log: No such file or directory; it stays off");
    registry_end(heap);
}

static size_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (size_t)status.st_size : 0;
}

static void log_moves(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof(path), "/tmp/respire-settings-%d.log", (int)getpid());
    unlink(path);
    event_log("nobody reads this");
    set("log", path);
    event_log("a line");
    size_t bytes = size_of(path);
    assert_true(bytes > strlen("a line"));
    set("log", "off");
    event_log("nobody reads this");
    assert_int_equal(size_of(path), bytes);
    unlink(path);
}

static uint64_t purged(struct heap *heap)
{
    heap_lock(heap);
    uint64_t bytes = heap->image.purged_bytes_total;
    heap_unlock(heap);
    return bytes;
}

static void sleep_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Objects, all freed again: something to give back. */
static void make_garbage(struct heap *heap)
{
    enum { COUNT = 4096, BYTES = 1000 };
    static void *objects[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        objects[i] = heap_reallocate(heap, NULL, 0, BYTES);
        assert_non_null(objects[i]);
        memset(objects[i], 1, BYTES);
    }
    for (size_t i = 0; i < COUNT; i++)
        heap_reallocate(heap, objects[i], BYTES, 0);
}

/* A pause of half an hour, or none at all, ends when the settings say so. */
static void purger_obeys_at_once(void **state)
{
    (void)state;
    struct heap *heap = open_heap();
    set("background", "off");
    make_garbage(heap);
    sleep_ms(1500);
    assert_int_equal(purged(heap), 0);
    set("decay_ms", "3600000");
    set("background", "on");
    sleep_ms(300);
    set("decay_ms", "500");
    for (unsigned tries = 0; tries < 100 && purged(heap) < 1 << 20; tries++)
        sleep_ms(50);
    assert_true(purged(heap) >= 1 << 20);
    set("decay_ms", "1000");
    registry_end(heap);
}

static atomic_bool stop;

static void *change(void *argument)
{
    const char *const *values = argument;
    char sentence[OPTION_SENTENCE_BYTES];
    for (unsigned i = 0; !atomic_load(&stop); i++) {
        if (!settings_set("decay_ms", values[i % 2], sentence))
            abort();
        char value[OPTION_VALUE_BYTES];
        enum option_kind kind;
        if (!settings_get("decay_ms", value, &kind, sentence) || strlen(value) < 3)
            abort();
    }
    return NULL;
}

static void any_thread_may_change_them(void **state)
{
    (void)state;
    static const char *values[][2] = {{"500", "600"}, {"700", "800"}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, change, values[i]);
    for (unsigned round = 0; round < 50; round++) {
        struct heap *heap = open_heap();
        pid_t child = fork();
        if (child == 0) {
            char sentence[OPTION_SENTENCE_BYTES];
            /* Not one that starts a thread: ThreadSanitizer can't follow that in a child. */
            _exit(settings_set("background", "off", sentence) && shown(&heap->image.background) == 0 ? 0 : 1);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        registry_end(heap);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    set("decay_ms", "1000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heaps_show_them),      cmocka_unit_test(wrong_ones_change_nothing),
        cmocka_unit_test(log_moves),            cmocka_unit_test(purger_obeys_at_once),
        cmocka_unit_test(any_thread_may_change_them),
    };
    return cmocka_run_group_tests_name("runtime settings", tests, NULL, NULL);
}
