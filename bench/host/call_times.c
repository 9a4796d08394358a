/*
 * call_times.c: two readings of the clock round each call, one bucket of a histogram counted up.
 *
 * What happened in a slow call can only be told from the thread's counters (getrusage), and to read them costs more
 * than most calls. So they are read once in COUNTERS_CALLS calls, and again after a call that is among the slowest so
 * far: what they gained in between was in that call or in the few before it.
 */
#include "call_times.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

enum {
    SUB_BUCKETS_SHIFT = 4,
    SUB_BUCKETS = 1 << SUB_BUCKETS_SHIFT,
    BUCKETS = 40 * SUB_BUCKETS,
    WORST = 10,
    COUNTERS_CALLS = 64,
};

struct slow_call {
    uint64_t nanoseconds;
    double at_seconds;
    size_t old_bytes, new_bytes;
    long minor_faults, major_faults, waits, preemptions;
    unsigned calls_since;
};

static lua_Alloc watched;
static void *watched_heap;
static uint64_t begun;
static uint64_t buckets[BUCKETS];
static struct slow_call worst[WORST];   /* slowest first, none in which the thread was preempted */
static struct slow_call worst_preempted;
static unsigned long preempted_calls;
static struct rusage counters;
static unsigned calls_since;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Values below SUB_BUCKETS have a bucket each; above, each power of two has SUB_BUCKETS. */
static unsigned bucket_of(uint64_t value)
{
    if (value < SUB_BUCKETS)
        return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - SUB_BUCKETS_SHIFT;
    unsigned bucket = (shift << SUB_BUCKETS_SHIFT) + (unsigned)(value >> shift);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static uint64_t lowest_of(unsigned bucket)
{
    if (bucket < SUB_BUCKETS)
        return bucket;
    unsigned shift = (bucket >> SUB_BUCKETS_SHIFT) - 1;
    return (uint64_t)(bucket - (shift << SUB_BUCKETS_SHIFT)) << shift;
}

static void read_counters(void)
{
    getrusage(RUSAGE_THREAD, &counters);
    calls_since = 0;
}

/* A preemption is seldom the allocator's doing, and would hide what is: such calls are counted apart. */
static void remember(uint64_t nanoseconds, uint64_t at, size_t old_bytes, size_t new_bytes)
{
    struct rusage before = counters;
    struct slow_call call = {
        .nanoseconds = nanoseconds,
        .at_seconds = (double)(at - begun) / 1e9,
        .old_bytes = old_bytes,
        .new_bytes = new_bytes,
        .calls_since = calls_since,
    };
    read_counters();
    call.minor_faults = counters.ru_minflt - before.ru_minflt;
    call.major_faults = counters.ru_majflt - before.ru_majflt;
    call.waits = counters.ru_nvcsw - before.ru_nvcsw;
    call.preemptions = counters.ru_nivcsw - before.ru_nivcsw;

    if (call.preemptions > 0) {
        preempted_calls++;
        if (nanoseconds > worst_preempted.nanoseconds)
            worst_preempted = call;
        return;
    }
    int place = WORST - 1;
    for (; place > 0 && worst[place - 1].nanoseconds < nanoseconds; place--)
        worst[place] = worst[place - 1];
    worst[place] = call;
}

static void *time_call(void *unused, void *block, size_t old_bytes, size_t new_bytes)
{
    (void)unused;
    if (++calls_since > COUNTERS_CALLS)
        read_counters();
    uint64_t start = now();
    void *result = watched(watched_heap, block, old_bytes, new_bytes);
    uint64_t end = now();
    buckets[bucket_of(end - start)]++;
    if (end - start > worst[WORST - 1].nanoseconds)
        remember(end - start, start, old_bytes, new_bytes);
    return result;
}

void call_times_watch(lua_State *lua)
{
    watched = lua_getallocf(lua, &watched_heap);
    begun = now();
    read_counters();
    lua_setallocf(lua, time_call, NULL);
}

static void print_slow_call(const struct slow_call *call)
{
    printf("{\"nanoseconds\":%lu,\"at_seconds\":%.3f,\"old_bytes\":%zu,\"new_bytes\":%zu,\"minor_faults\":%ld,"
           "\"major_faults\":%ld,\"waits\":%ld,\"preemptions\":%ld,\"calls_since\":%u}",
           call->nanoseconds, call->at_seconds, call->old_bytes, call->new_bytes, call->minor_faults,
           call->major_faults, call->waits, call->preemptions, call->calls_since);
}

void call_times_print(void)
{
    const char *separator = "";
    printf("{\"histogram\":[");
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        if (!buckets[bucket])
            continue;
        printf("%s[%lu,%lu]", separator, lowest_of(bucket), buckets[bucket]);
        separator = ",";
    }
    printf("],\"worst\":[");
    for (int i = 0; i < WORST && worst[i].nanoseconds > 0; i++) {
        printf("%s", i > 0 ? "," : "");
        print_slow_call(&worst[i]);
    }
    printf("],\"preempted_calls\":%lu,\"worst_preempted\":", preempted_calls);
    print_slow_call(&worst_preempted);
    printf("}");
}
