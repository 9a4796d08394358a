/* The section of malloc: what its books said, but neither its pages nor where each chunk is. */
#include <stdlib.h>

#include "base/array.h"
#include "snapshot/parts.h"

static void sum_visit(struct codec *codec, struct chunk_sum *sum)
{
    CODEC_NUMBER(codec, sum->count, UINT64_MAX);
    CODEC_NUMBER(codec, sum->bytes, UINT64_MAX);
}

static void arena_visit(struct codec *codec, struct glibc_arena *arena)
{
    codec_address(codec, &arena->address);
    codec_flag(codec, &arena->is_main);
    CODEC_NUMBER(codec, arena->threads, UINT64_MAX);
    CODEC_NUMBER(codec, arena->heaps, UINT64_MAX);
    CODEC_NUMBER(codec, arena->system_bytes, UINT64_MAX);
    sum_visit(codec, &arena->used);
    sum_visit(codec, &arena->binned);
    sum_visit(codec, &arena->fast);
    sum_visit(codec, &arena->cached);
    CODEC_NUMBER(codec, arena->top_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, arena->meta_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, arena->trim_bytes, UINT64_MAX);
}

static void arenas_visit(struct codec *codec, struct glibc_heap *heap)
{
    CODEC_ITEMS(codec, heap->arenas, heap->arena_count, heap->arena_capacity, 14);
    for (size_t i = 0; i < heap->arena_count && !codec->error; i++)
        arena_visit(codec, &heap->arenas[i]);
}

static void sizes_visit(struct codec *codec, struct chunk_sizes *sizes)
{
    uint64_t before = 0;
    CODEC_ITEMS(codec, sizes->items, sizes->count, sizes->capacity, 2);
    for (size_t i = 0; i < sizes->count && !codec->error; i++) {
        uint64_t ahead = sizes->items[i].bytes - before;
        CODEC_NUMBER(codec, ahead, UINT64_MAX - before);
        CODEC_NUMBER(codec, sizes->items[i].count, UINT64_MAX);
        sizes->items[i].bytes = before += ahead;
    }
}

static void largest_free_visit(struct codec *codec, struct glibc_heap *heap)
{
    CODEC_NUMBER(codec, heap->largest_free_count, LARGEST_FREE_MAX);
    for (size_t i = 0; i < heap->largest_free_count; i++) {
        codec_address(codec, &heap->largest_free[i].address);
        CODEC_NUMBER(codec, heap->largest_free[i].bytes, UINT64_MAX);
        CODEC_NUMBER(codec, heap->largest_free[i].resident_bytes, UINT64_MAX);
    }
}

void malloc_part_visit(struct codec *codec, struct snapshot_subject *subject)
{
    struct process *process = subject->process;
    struct glibc_heap *heap = &process->malloc;
    process->has_malloc = true;
    CODEC_NUMBER(codec, process->allocators, (1u << ALLOCATORS) - 1);
    codec_kept_text(codec, &heap->layout, &process->texts);
    damage_visit(codec, &heap->damage, process);
    arenas_visit(codec, heap);
    sum_visit(codec, &heap->mapped);
    CODEC_NUMBER(codec, heap->used_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, heap->free_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, heap->free_resident_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, heap->meta_bytes, UINT64_MAX);
    CODEC_NUMBER(codec, heap->trim_bytes, UINT64_MAX);
    histogram_visit(codec, &heap->used);
    histogram_visit(codec, &heap->free);
    sizes_visit(codec, &heap->used_sizes);
    sizes_visit(codec, &heap->free_sizes);
    largest_free_visit(codec, heap);
    checks_visit(codec, &heap->checks, process);
}
