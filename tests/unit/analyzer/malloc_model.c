#include "malloc_model.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void *copy_of(const void *items, size_t bytes)
{
    void *copy = malloc(bytes);
    assert_non_null(copy);
    return memcpy(copy, items, bytes);
}

#define COPY(...) copy_of(__VA_ARGS__, sizeof(__VA_ARGS__))

static void add_used(struct glibc_heap *heap, struct chunk_sum *sum, uint64_t bytes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        histogram_add(&heap->used, bytes);
    assert_null(chunk_sizes_add(&heap->used_sizes, bytes, count));
    *sum = (struct chunk_sum){sum->count + count, sum->bytes + count * bytes};
    heap->used_bytes += count * bytes;
}

static void add_free(struct glibc_heap *heap, struct chunk_sum *sum, uint64_t bytes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        histogram_add(&heap->free, bytes);
    assert_null(chunk_sizes_add(&heap->free_sizes, bytes, count));
    *sum = (struct chunk_sum){sum->count + count, sum->bytes + count * bytes};
    heap->free_bytes += count * bytes;
}

static void finish(struct glibc_heap *heap, struct glibc_arena *arena)
{
    struct chunk_sum top = {0};
    add_free(heap, &top, arena->top_bytes, 1);
    heap->meta_bytes += arena->meta_bytes;
    heap->trim_bytes += arena->trim_bytes;
    arena->system_bytes = arena->used.bytes + arena->binned.bytes + arena->fast.bytes + arena->cached.bytes
        + arena->top_bytes + arena->meta_bytes;
}

void malloc_model_make(struct glibc_heap *heap)
{
    *heap = (struct glibc_heap){
        .layout = "glibc 2.35 to 2.41",
        .arenas = COPY((struct glibc_arena[]){
            {.address = address(0x7f0000100000), .is_main = true, .threads = 1, .heaps = 1, .top_bytes = 132000,
                .trim_bytes = 421888},
            {.address = address(0x7e0000000030), .threads = 2, .heaps = 3, .top_bytes = 100000, .meta_bytes = 2288},
        }),
        .arena_count = 2,
        .arena_capacity = 2,
        .free_resident_bytes = 455000,
        .largest_free = {{address(0x55550000), 300000, 286720}, {address(0x55660000), 132000, 4096}},
        .largest_free_count = 2,
    };
    add_used(heap, &heap->arenas[0].used, 400016, 2240);
    add_used(heap, &heap->arenas[1].used, 48, 3);
    add_used(heap, &heap->mapped, 1003520, 1);
    add_free(heap, &heap->arenas[0].fast, 32, 5);
    add_free(heap, &heap->arenas[0].cached, 64, 7);
    add_free(heap, &heap->arenas[0].binned, 300000, 1);
    finish(heap, &heap->arenas[0]);
    finish(heap, &heap->arenas[1]);
    checks_add(&heap->checks, "chunks of the main arena sum to system_mem", heap->arenas[0].system_bytes,
        heap->arenas[0].system_bytes);
}

void pools_model_make(struct nginx_pools *pools)
{
    *pools = (struct nginx_pools){
        .layout = "nginx 1.20 to 1.30",
        .pools = COPY((struct nginx_pool[]){
            {.address = address(0x5000), .kind = POOL_UNOWNED, .blocks = 2, .block_bytes = 8192, .header_bytes = 112,
                .used_bytes = 8000, .spare_bytes = 80},
            {.address = address(0x9000), .kind = POOL_REQUEST, .owner = 1, .blocks = 1, .block_bytes = 4096,
                .large_count = 1, .large_bytes = 70000, .cleanup_count = 2,
                .request = {.uri_bytes = 77, .state = "processing", .phase = "access"}},
        }),
        .count = 2,
        .owners = COPY((struct pool_owner[]){
            {.name = strdup("unowned, 4096-byte blocks"), .kind = POOL_UNOWNED, .pools = 1, .blocks = 2,
                .block_bytes = 8192, .first_block_bytes = 4096, .contents = strdup("points to ngx_http_x_handler"),
                .lowest = address(0x5000), .highest = address(0x5000)},
            {.name = strdup("requests"), .kind = POOL_REQUEST, .pools = 1, .blocks = 1, .large = 1,
                .large_bytes = 70000},
        }),
        .owner_count = 2,
        .large = COPY((struct large_block[]){{address(0xa000), 70000}}),
        .large_count = 1,
        .cleanups = COPY((struct cleanup_handler[]){{1, 1}, {0, 4}}),
        .cleanup_count = 2,
        .names = COPY((char *[]){strdup("ngx_close_file"), strdup("ngx_http_x_cleanup")}),
        .name_count = 2,
        .connection_slots = 512,
        .connections_in_use = 3,
        .data_bytes = 150000,
    };
    checks_add(&pools->checks, "connections in use and free ones are all", 512, 512);
}

static void assert_damage_equal(const struct error *left, const struct error *right)
{
    assert_int_equal(left != NULL, right != NULL);
    if (left)
        assert_string_equal(error_text(left), error_text(right));
}

static void assert_checks_equal(const struct checks *left, const struct checks *right)
{
    assert_int_equal(left->count, right->count);
    for (size_t i = 0; i < left->count; i++) {
        assert_string_equal(left->items[i].name, right->items[i].name);
        assert_int_equal(left->items[i].expected, right->items[i].expected);
        assert_int_equal(left->items[i].actual, right->items[i].actual);
    }
}

static void assert_sizes_equal(const struct chunk_sizes *left, const struct chunk_sizes *right)
{
    assert_int_equal(left->count, right->count);
    assert_memory_equal(left->items, right->items, left->count * sizeof(*left->items));
}

static void assert_sum_equal(struct chunk_sum left, struct chunk_sum right)
{
    assert_memory_equal(&left, &right, sizeof(left));
}

static void assert_arena_equal(const struct glibc_arena *left, const struct glibc_arena *right)
{
    assert_int_equal(left->address.value, right->address.value);
    assert_int_equal(left->is_main, right->is_main);
    assert_int_equal(left->threads, right->threads);
    assert_int_equal(left->heaps, right->heaps);
    assert_int_equal(left->system_bytes, right->system_bytes);
    assert_sum_equal(left->used, right->used);
    assert_sum_equal(left->binned, right->binned);
    assert_sum_equal(left->fast, right->fast);
    assert_sum_equal(left->cached, right->cached);
    assert_int_equal(left->top_bytes, right->top_bytes);
    assert_int_equal(left->meta_bytes, right->meta_bytes);
    assert_int_equal(left->trim_bytes, right->trim_bytes);
}

void malloc_model_assert_equal(const struct glibc_heap *left, const struct glibc_heap *right)
{
    assert_string_equal(left->layout, right->layout);
    assert_damage_equal(left->damage, right->damage);
    assert_int_equal(left->arena_count, right->arena_count);
    for (size_t i = 0; i < left->arena_count; i++)
        assert_arena_equal(&left->arenas[i], &right->arenas[i]);
    assert_sum_equal(left->mapped, right->mapped);
    assert_int_equal(left->used_bytes, right->used_bytes);
    assert_int_equal(left->free_bytes, right->free_bytes);
    assert_int_equal(left->free_resident_bytes, right->free_resident_bytes);
    assert_int_equal(left->meta_bytes, right->meta_bytes);
    assert_int_equal(left->trim_bytes, right->trim_bytes);
    assert_memory_equal(&left->used, &right->used, sizeof(left->used));
    assert_memory_equal(&left->free, &right->free, sizeof(left->free));
    assert_sizes_equal(&left->used_sizes, &right->used_sizes);
    assert_sizes_equal(&left->free_sizes, &right->free_sizes);
    assert_int_equal(left->largest_free_count, right->largest_free_count);
    assert_memory_equal(left->largest_free, right->largest_free, sizeof(left->largest_free));
    assert_checks_equal(&left->checks, &right->checks);
}

static void assert_text_equal(const char *left, const char *right)
{
    assert_int_equal(left != NULL, right != NULL);
    if (left)
        assert_string_equal(left, right);
}

static void assert_pool_equal(const struct nginx_pool *left, const struct nginx_pool *right)
{
    assert_int_equal(left->address.value, right->address.value);
    assert_int_equal(left->kind, right->kind);
    assert_int_equal(left->owner, right->owner);
    assert_int_equal(left->blocks, right->blocks);
    assert_int_equal(left->block_bytes, right->block_bytes);
    assert_int_equal(left->header_bytes, right->header_bytes);
    assert_int_equal(left->used_bytes, right->used_bytes);
    assert_int_equal(left->wasted_bytes, right->wasted_bytes);
    assert_int_equal(left->spare_bytes, right->spare_bytes);
    assert_int_equal(left->first_large, right->first_large);
    assert_int_equal(left->large_count, right->large_count);
    assert_int_equal(left->large_bytes, right->large_bytes);
    assert_int_equal(left->first_cleanup, right->first_cleanup);
    assert_int_equal(left->cleanup_count, right->cleanup_count);
    assert_int_equal(left->request.uri_bytes, right->request.uri_bytes);
    assert_text_equal(left->request.state, right->request.state);
    assert_text_equal(left->request.phase, right->request.phase);
}

static void assert_owner_equal(const struct pool_owner *left, const struct pool_owner *right)
{
    assert_string_equal(left->name, right->name);
    assert_int_equal(left->kind, right->kind);
    assert_int_equal(left->pools, right->pools);
    assert_int_equal(left->blocks, right->blocks);
    assert_int_equal(left->block_bytes, right->block_bytes);
    assert_int_equal(left->large, right->large);
    assert_int_equal(left->large_bytes, right->large_bytes);
    assert_int_equal(left->first_block_bytes, right->first_block_bytes);
    assert_text_equal(left->contents, right->contents);
    assert_int_equal(left->lowest.value, right->lowest.value);
    assert_int_equal(left->highest.value, right->highest.value);
}

void pools_model_assert_equal(const struct nginx_pools *left, const struct nginx_pools *right)
{
    assert_string_equal(left->layout, right->layout);
    assert_damage_equal(left->damage, right->damage);
    assert_int_equal(left->count, right->count);
    for (size_t i = 0; i < left->count; i++)
        assert_pool_equal(&left->pools[i], &right->pools[i]);
    assert_int_equal(left->owner_count, right->owner_count);
    for (size_t i = 0; i < left->owner_count; i++)
        assert_owner_equal(&left->owners[i], &right->owners[i]);
    assert_int_equal(left->large_count, right->large_count);
    assert_memory_equal(left->large, right->large, left->large_count * sizeof(*left->large));
    assert_int_equal(left->cleanup_count, right->cleanup_count);
    assert_memory_equal(left->cleanups, right->cleanups, left->cleanup_count * sizeof(*left->cleanups));
    assert_int_equal(left->name_count, right->name_count);
    for (size_t i = 0; i < left->name_count; i++)
        assert_string_equal(left->names[i], right->names[i]);
    assert_int_equal(left->connection_slots, right->connection_slots);
    assert_int_equal(left->connections_in_use, right->connections_in_use);
    assert_int_equal(left->data_bytes, right->data_bytes);
    assert_checks_equal(&left->checks, &right->checks);
}
