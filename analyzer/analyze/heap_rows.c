#include "analyze/heap_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"

static int most_bytes_first(const void *left, const void *right)
{
    const struct chunk_size *a = left, *b = right;
    uint64_t a_bytes = a->bytes * a->count, b_bytes = b->bytes * b->count;
    if (a_bytes != b_bytes)
        return a_bytes < b_bytes ? 1 : -1;
    return (a->bytes < b->bytes) - (a->bytes > b->bytes);
}

static int main_and_largest_first(const void *left, const void *right)
{
    const struct glibc_arena *a = left, *b = right;
    if (a->is_main != b->is_main)
        return a->is_main ? -1 : 1;
    if (a->system_bytes != b->system_bytes)
        return a->system_bytes < b->system_bytes ? 1 : -1;
    return (a->address.value > b->address.value) - (a->address.value < b->address.value);
}

/* A sorted copy, at least one record long; NULL when out of memory. */
static void *sorted_copy(const void *items, size_t count, size_t item_bytes, int (*compare)(const void *, const void *))
{
    void *copy = calloc(count + 1, item_bytes);
    if (copy && count) {
        memcpy(copy, items, count * item_bytes);
        qsort(copy, count, item_bytes, compare);
    }
    return copy;
}

static struct error *size_rows_make(const struct chunk_sizes *sizes, size_t limit, struct size_rows *rows)
{
    rows->items = sorted_copy(sizes->items, sizes->count, sizeof(*sizes->items), most_bytes_first);
    if (!rows->items)
        return error_no_memory();
    rows->count = size_min(sizes->count, limit);
    for (size_t i = rows->count; i < sizes->count; i++) {
        rows->others.count += rows->items[i].count;
        rows->others.bytes += rows->items[i].count * rows->items[i].bytes;
    }
    return NULL;
}

static void add_sum(struct chunk_sum *sum, struct chunk_sum more)
{
    sum->count += more.count;
    sum->bytes += more.bytes;
}

static void add_arena(struct glibc_arena *sum, const struct glibc_arena *arena)
{
    sum->threads += arena->threads;
    sum->heaps += arena->heaps;
    sum->system_bytes += arena->system_bytes;
    add_sum(&sum->used, arena->used);
    add_sum(&sum->binned, arena->binned);
    add_sum(&sum->fast, arena->fast);
    add_sum(&sum->cached, arena->cached);
    sum->top_bytes += arena->top_bytes;
    sum->meta_bytes += arena->meta_bytes;
    sum->trim_bytes += arena->trim_bytes;
}

static struct error *arena_rows_make(const struct glibc_heap *heap, size_t limit, struct arena_rows *rows)
{
    rows->items = sorted_copy(heap->arenas, heap->arena_count, sizeof(*heap->arenas), main_and_largest_first);
    if (!rows->items)
        return error_no_memory();
    rows->count = size_min(heap->arena_count, limit);
    rows->other_count = heap->arena_count - rows->count;
    for (size_t i = rows->count; i < heap->arena_count; i++)
        add_arena(&rows->others, &rows->items[i]);
    return NULL;
}

struct error *heap_rows_make(const struct glibc_heap *heap, size_t limit, struct heap_rows *rows)
{
    struct heap_rows made = {0};
    struct error *error = size_rows_make(&heap->used_sizes, limit, &made.used);
    if (!error)
        error = size_rows_make(&heap->free_sizes, limit, &made.unused);
    if (!error)
        error = arena_rows_make(heap, limit, &made.arenas);
    if (error)
        heap_rows_free(&made);
    else
        *rows = made;
    return error;
}

void heap_rows_free(struct heap_rows *rows)
{
    free(rows->used.items);
    free(rows->unused.items);
    free(rows->arenas.items);
    *rows = (struct heap_rows){0};
}
