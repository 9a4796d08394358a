/*
 * The purger's thread beside threads that allocate, fork and end heaps: for ThreadSanitizer as much as for itself.
 */
#include "unit.h"
#include "block.h"
#include "image_check.h"
#include "os_memory.h"
#include "purge.h"
#include "registry.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 3

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static struct heap *open_heap(void)
{
    struct heap *heap = registry_open();
    assert_non_null(heap);
    heap->held_open = true;
    return heap;
}

static bool purged_within(struct heap *heap, uint64_t bytes, uint64_t limit_ms)
{
    uint64_t deadline_ms = now_ms() + limit_ms;
    uint64_t purged_bytes = 0;
    while (purged_bytes < bytes && now_ms() < deadline_ms) {
        sleep_ms(20);
        heap_lock(heap);
        purged_bytes = heap->image.purged_bytes_total;
        heap_unlock(heap);
    }
    return purged_bytes >= bytes;
}

/* The shadow is checked without cmocka's jumps: a failed assertion in a thread ends the program, and the test. */
static void *mutate(void *argument)
{
    struct shadow *shadow = argument;
    uint64_t end_ms = now_ms() + 4000;
    while (now_ms() < end_ms) {
        for (unsigned i = 0; i < 3000; i++)
            shadow_step(shadow);
        heap_lock(shadow->heap);
        heap_unlock(shadow->heap);
        if (shadow_random(shadow, 8) == 0) {
            shadow_free_all(shadow);
            sleep_ms(300);
        }
    }
    shadow_free_all(shadow);
    return NULL;
}

static void purges_beside_mutators(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    struct shadow *shadows[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        shadows[i] = calloc(1, sizeof(*shadows[i]));
        shadow_start(shadows[i], open_heap(), i + 1);
        pthread_create(&threads[i], NULL, mutate, shadows[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(purged_within(shadows[i]->heap, 256 * KIB, 5000));
        registry_end(shadows[i]->heap);
        free(shadows[i]);
    }
}

/* The purger may be returning the last heap, or keeping it for a decay. */
static void assert_nothing_mapped(void)
{
    for (unsigned i = 0; i < 200 && os_test_mapped_bytes() != 0; i++)
        sleep_ms(20);
    assert_int_equal(os_test_mapped_bytes(), 0);
}

/* Heaps end while the purger is in them. */
static void *open_and_end(void *argument)
{
    struct shadow *shadow = argument;
    uint64_t end_ms = now_ms() + 2000;
    while (now_ms() < end_ms) {
        shadow_start(shadow, open_heap(), shadow->state + 1);
        for (unsigned i = 0; i < 2000; i++)
            shadow_step(shadow);
        if (shadow_random(shadow, 4) == 0) {
            shadow_free_all(shadow);
            sleep_ms((long)shadow_random(shadow, 600));
        }
        registry_end(shadow->heap);
    }
    return NULL;
}

static void heaps_end_any_time(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    struct shadow *shadows[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        shadows[i] = calloc(1, sizeof(*shadows[i]));
        pthread_create(&threads[i], NULL, open_and_end, shadows[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        free(shadows[i]);
    }
    assert_nothing_mapped();
}

/* A heap ends while the purger is in it: nobody waits, and the purger returns it when it comes out. */
static void ends_under_the_purger(void **state)
{
    (void)state;
    assert_nothing_mapped();
    struct heap *heap = open_heap();
    purge_gate_close();
    heap_note_work(heap);
    sleep_ms(700); /* it is at the gate now */
    registry_end(heap);
    assert_true(os_test_mapped_bytes() > 0);
    purge_gate_open();
    assert_nothing_mapped();
}

/* A state that was closed by a lua_close we never saw: the free of its first object is the heap's end. */
static void closed_behind_our_back(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        struct heap *heap = registry_open();
        assert_non_null(heap);
        void *first = heap_reallocate(heap, NULL, 0, 6000);
        assert_ptr_equal(first, heap->state_block);
        void *second = heap_reallocate(heap, NULL, 0, 100);
        void *large = heap_reallocate(heap, NULL, 0, MIB);
        assert_ptr_equal(registry_find(second), heap);
        heap_reallocate(heap, second, 100, 0);
        heap_reallocate(heap, large, MIB, 0);
        heap_reallocate(heap, first, 6000, 0);
        assert_null(registry_find(second));
    }
    assert_nothing_mapped();
}

/* ThreadSanitizer does not follow threads that are started in the child of a threaded process. */
#ifndef RESPIRE_SANITIZE_THREAD

static int child_of(struct heap *heap, struct shadow *shadow)
{
    /* In the child: the inherited heap works, and a purger of its own gives back. */
    uint64_t purged_bytes = heap->image.purged_bytes_total;
    for (unsigned i = 0; i < 8000; i++)
        shadow_step(shadow);
    shadow_check(shadow);
    shadow_free_all(shadow);
    shadow_check(shadow);
    return purged_within(heap, purged_bytes + 256 * KIB, 10000) ? 0 : 1;
}

/* fork at any moment, while another thread allocates and the purger purges. */
static void fork_any_time(void **state)
{
    (void)state;
    struct shadow *busy = calloc(1, sizeof(*busy));
    struct shadow *shadow = calloc(1, sizeof(*shadow));
    shadow_start(busy, open_heap(), 5);
    shadow_start(shadow, open_heap(), 6);
    pthread_t thread;
    pthread_create(&thread, NULL, mutate, busy);
    enum { CHILDREN = 12 };
    pid_t children[CHILDREN];
    for (unsigned i = 0; i < CHILDREN; i++) {
        for (unsigned j = 0; j < 2000; j++)
            shadow_step(shadow);
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            _exit(child_of(shadow->heap, shadow));
        sleep_ms(200);
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    pthread_join(thread, NULL);
    shadow_check(shadow);
    registry_end(busy->heap);
    registry_end(shadow->heap);
    free(busy);
    free(shadow);
}

#endif

/* How often the purger went to sleep; 0 when there is no such thread. */
static unsigned long switches_of_purger(void)
{
    unsigned long switches = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *task = readdir(tasks); task; task = readdir(tasks)) {
        char path[300];
        char line[256];
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
        FILE *file = fopen(path, "re");
        bool purger = false;
        while (file && fgets(line, sizeof(line), file)) {
            purger |= strcmp(line, "Name:\trespire\n") == 0;
            if (purger)
                sscanf(line, "voluntary_ctxt_switches: %lu", &switches);
        }
        if (file)
            fclose(file);
    }
    closedir(tasks);
    return switches;
}

/* Nothing to do: not one wake-up. */
static void sleeps_when_idle(void **state)
{
    (void)state;
    struct heap *heap = open_heap();
    sleep_ms(1200);
    unsigned long before = switches_of_purger();
    assert_true(before > 0);
    sleep_ms(1500);
    assert_int_equal(switches_of_purger(), before);
    registry_end(heap);
}

int main(void)
{
    setenv("RESPIRE_OPTIONS", "decay_ms=500", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(purges_beside_mutators),
        cmocka_unit_test(heaps_end_any_time),
#ifndef RESPIRE_SANITIZE_THREAD
        cmocka_unit_test(fork_any_time),
#endif
        cmocka_unit_test(ends_under_the_purger),
        cmocka_unit_test(closed_behind_our_back),
        cmocka_unit_test(sleeps_when_idle),
    };
    return cmocka_run_group_tests_name("runtime threads", tests, NULL, NULL);
}
