/*
 * The memory of an nginx made by hand, damaged: no crash, no hang, and no pools that pass their checks while sums by
 * owner contradict them.
 *
 * Pools of every kind are in it, kept in every way (tests/unit/analyzer/fake_holders.h). malloc's own books are whole:
 * to damage those is fuzz_glibc_heap.c's. An input is a list of patches of 8 bytes:
 *
 *     u8 mode, u8 unused, u16 value, u32 place
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/pool_owners.h"
#include "damage.h"
#include "fake_holders.h"
#include "walk/nginx_anchors.h"
#include "walk/nginx_pools.h"

enum { WORD_BYTES = 8, CHUNK_HEAD = 8 };

static struct fake_nginx nginx;
static struct fake_holders holders;
static uint64_t words; /* that may be patched: what is in use of the heap, then what is of the data */
static struct damage damage;

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    fake_nginx_start(&nginx, &nginx_cycle_layouts[nginx_cycle_layout_count - 1]);
    fake_holders_add(&nginx, &holders);
    fake_pool_cleanup(&nginx, holders.leaked, FAKE_CODE + 64);
    fake_pool_block(&nginx, holders.ring[0]);
    fake_cycle(&nginx, 0);
    fake_nginx_seal(&nginx);
    words = (nginx.next - FAKE_HEAP + FAKE_VARIABLE + WORD_BYTES - FAKE_DATA) / WORD_BYTES;
    return 0;
}

static uint64_t place_of(uint64_t number)
{
    uint64_t offset = number % words * WORD_BYTES, heap_bytes = nginx.next - FAKE_HEAP;
    return offset < heap_bytes ? FAKE_HEAP + offset : FAKE_DATA + (offset - heap_bytes);
}

/* malloc's books are not to be touched. */
static bool is_chunk_head(uint64_t place)
{
    struct chunk chunk;
    return chunk_map_at(&nginx.heap.chunks, address(place - CHUNK_HEAD), &chunk);
}

static void apply(struct patch patch)
{
    uint64_t place = place_of(patch.place);
    if (is_chunk_head(place))
        return;
    unsigned char *word = fake_at(&nginx, place);
    const uint64_t value = patch_value(patch, patch.operation % 6, damage_note(&damage, word), place,
        place_of(patch_elsewhere(patch) + patch.small));
    memcpy(word, &value, sizeof(value));
}

/* Every pool is in one row of its kind, and rows sum to what pools have. */
static void check(const struct nginx_pools *pools)
{
    uint64_t in_rows = 0, bytes_in_rows = 0, bytes = 0;
    if (checks_first_failed(&pools->checks))
        abort();
    for (size_t i = 0; i < pools->owner_count; i++) {
        in_rows += pools->owners[i].pools;
        bytes_in_rows += pools->owners[i].block_bytes + pools->owners[i].large_bytes;
    }
    for (size_t i = 0; i < pools->count; i++) {
        const struct nginx_pool *pool = &pools->pools[i];
        bytes += pool_bytes(pool);
        if (pool->owner >= pools->owner_count || pools->owners[pool->owner].kind != pool->kind)
            abort();
    }
    if (in_rows != pools->count || bytes_in_rows != bytes)
        abort();
}

static void look_into_pools(const struct nginx_site *site)
{
    const struct capture *capture = &nginx.fake.capture;
    struct nginx_pools pools = {0};
    struct function_names *names;
    if (function_names_new(NULL, &capture->mappings, &holders.modules, &names)
        || nginx_anchor_functions(NULL, capture, site, names)
        || nginx_pools_walk(capture, site, &nginx.heap, names, &pools))
        abort(); /* only for want of memory */
    if (!pools.damage) {
        const struct pool_owners_input input = {
            .capture = capture, .modules = &holders.modules, .site = site, .heap = &nginx.heap, .names = names,
        };
        if (pool_owners_find(&input, &pools))
            abort();
        check(&pools);
    }
    nginx_pools_release(&pools);
    function_names_free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct nginx_site site;
    for (size_t i = 0; i < patch_count(count); i++)
        apply(patch_at(bytes, i));
    if (locate_nginx_cycle(NULL, &nginx.fake.capture, &nginx.heap.chunks, &site))
        abort();
    if (site.layout.cycle)
        look_into_pools(&site);
    nginx_site_free(&site);
    damage_undo(&damage);
    return 0;
}
