#include "model/glibc_heap.h"

#include <stdlib.h>

#include "base/array.h"

/* The first place whose size is not below `bytes`. */
static size_t place_of(const struct chunk_sizes *sizes, uint64_t bytes)
{
    size_t low = 0, high = sizes->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sizes->items[middle].bytes < bytes)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct error *chunk_sizes_add(struct chunk_sizes *sizes, uint64_t bytes, uint64_t count)
{
    size_t place = place_of(sizes, bytes);
    if (place < sizes->count && sizes->items[place].bytes == bytes) {
        sizes->items[place].count += count;
        return NULL;
    }
    if (!ARRAY_ADD(sizes))
        return error_no_memory();
    memmove(&sizes->items[place + 1], &sizes->items[place], (sizes->count - 1 - place) * sizeof(*sizes->items));
    sizes->items[place] = (struct chunk_size){bytes, count};
    return NULL;
}

void glibc_heap_release(struct glibc_heap *heap)
{
    error_free(heap->damage);
    free(heap->arenas);
    ARRAY_FREE(&heap->used_sizes);
    ARRAY_FREE(&heap->free_sizes);
    heap_release(&heap->pages);
    chunk_map_free(&heap->chunks);
    *heap = (struct glibc_heap){0};
}
