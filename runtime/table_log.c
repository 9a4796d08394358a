/*
 * table_log.c: notes growths of tables in a ring.
 *
 * Owns the ring, its lock, and what a table's size looks like. The lock is held to copy one entry and never while Lua
 * is asked or allocates, so a growth noted while the log is being read does no harm.
 *
 * And owns the memory of how LuaJIT tells where it is (lua_rest.h), since finding that out is slow: what was learnt
 * holds for later states of the same LuaJIT, as long as no library was unloaded, whose place another may have taken.
 */
#include "table_log.h"

#include "lua_where.h"
#include "settings.h"
#include "table_part.h"

#include <link.h>
#include <time.h>

static struct table_growth ring[TABLE_LOG_GROWTHS];
static uint64_t count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
    struct lua_State *(*newstate)(lua_allocator *, void *, unsigned long); /* NULL: nothing was learnt yet */
    unsigned long long unloads;
    struct lua_rest_words words; /* zero: in vain */
} learnt;

void table_log_lock(void)
{
    pthread_mutex_lock(&lock);
}

void table_log_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

static int count_unloads(struct dl_phdr_info *info, size_t bytes, void *data)
{
    (void)bytes;
    *(unsigned long long *)data = info->dlpi_subs;
    return 1;
}

static bool recall(struct heap *heap, unsigned long long unloads)
{
    table_log_lock();
    bool known = learnt.newstate == heap->functions.newstate && learnt.unloads == unloads;
    if (known)
        heap->idle.words = learnt.words;
    table_log_unlock();
    return known;
}

void table_log_prepare(struct heap *heap)
{
    unsigned long long unloads = 0;
    if (SETTING(table_log) == 0 || !heap->functions.can_step)
        return;
    dl_iterate_phdr(count_unloads, &unloads);
    if (recall(heap, unloads))
        return;
    struct lua_rest_words words = {0};
    lua_rest_learn(&heap->functions, &words);
    heap->idle.words = words;
    table_log_lock();
    learnt.newstate = heap->functions.newstate;
    learnt.unloads = unloads;
    learnt.words = words;
    table_log_unlock();
}

/* False: no part of a table has this size. */
static bool recognize(size_t bytes, struct table_growth *growth)
{
    growth->bytes = bytes;
    growth->records = table_array_records(bytes);
    growth->kind = growth->records > 0 ? "array" : "hash";
    if (growth->records == 0)
        growth->records = table_hash_records(bytes);
    return growth->records > 0;
}

void table_log_look(struct heap *heap, size_t bytes)
{
    struct table_growth growth;
    struct lua_State *state = (struct lua_State *)(uintptr_t)heap->image.state_address;
    uint64_t limit = SETTING(table_log);
    if (limit == 0 || !state || !recognize(bytes, &growth) || growth.records < limit)
        return;
    growth.where[0] = '\0';
    if (heap->idle.words.current_offset != 0)
        lua_where(&heap->functions, state, heap->idle.words, growth.where, sizeof(growth.where));
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    growth.time_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    table_log_lock();
    ring[count++ % TABLE_LOG_GROWTHS] = growth;
    table_log_unlock();
}

uint64_t table_log_count(void)
{
    table_log_lock();
    uint64_t present = count;
    table_log_unlock();
    return present;
}

bool table_log_read(uint64_t number, struct table_growth *growth)
{
    table_log_lock();
    bool found = number >= 1 && number <= count && count - number < TABLE_LOG_GROWTHS;
    if (found)
        *growth = ring[(number - 1) % TABLE_LOG_GROWTHS];
    table_log_unlock();
    return found;
}
