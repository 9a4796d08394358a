#include "render/heap_json.h"

static json_t *sum(struct chunk_sum chunks)
{
    return json_pack("{s:o, s:o}", "count", json_number(chunks.count), "bytes", json_number(chunks.bytes));
}

static json_t *arena(const struct glibc_arena *arena, bool has_residency)
{
    json_t *object = json_pack("{s:o, s:b, s:o, s:o, s:o}", "address", json_address(arena->address), "main",
        arena->is_main, "threads", json_number(arena->threads), "heaps", json_number(arena->heaps), "system_bytes",
        json_number(arena->system_bytes));
    json_t *parts = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "used", sum(arena->used), "binned",
        sum(arena->binned), "fast", sum(arena->fast), "cached", sum(arena->cached), "top_bytes",
        json_number(arena->top_bytes), "meta_bytes", json_number(arena->meta_bytes), "trim_bytes",
        json_resident(has_residency, arena->trim_bytes));
    json_object_update_new(object, parts);
    return object;
}

static json_t *arenas(const struct glibc_heap *heap, bool has_residency)
{
    json_t *list = json_array();
    for (size_t i = 0; i < heap->arena_count; i++)
        json_array_append_new(list, arena(&heap->arenas[i], has_residency));
    return list;
}

static json_t *sizes(const struct size_rows *rows)
{
    json_t *list = json_array();
    for (size_t i = 0; i < rows->count; i++) {
        const struct chunk_size *size = &rows->items[i];
        json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "size_bytes", json_number(size->bytes), "count",
            json_number(size->count), "bytes", json_number(size->bytes * size->count)));
    }
    if (rows->others.count)
        json_array_append_new(list, json_pack("{s:n, s:o, s:o}", "size_bytes", "count", json_number(rows->others.count),
            "bytes", json_number(rows->others.bytes)));
    return list;
}

static json_t *largest_free(const struct heap_report *report)
{
    const struct glibc_heap *heap = &report->process->malloc;
    json_t *list = json_array();
    for (size_t i = 0; i < heap->largest_free_count && i < report->top; i++) {
        const struct free_chunk *chunk = &heap->largest_free[i];
        json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "address", json_address(chunk->address), "bytes",
            json_number(chunk->bytes), "resident_bytes",
            json_resident(report->process->has_residency, chunk->resident_bytes)));
    }
    return list;
}

static json_t *other_allocators(unsigned set)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < ALLOCATORS; i++)
        if (set >> i & 1)
            json_array_append_new(list, json_string(allocator_name(i)));
    return list;
}

json_t *json_heap(const struct heap_report *report)
{
    const struct process *process = report->process;
    const struct glibc_heap *heap = &process->malloc;
    json_t *document = json_document("heap");
    json_object_set_new(document, "pid", json_integer(process->pid));
    json_object_set_new(document, "layout", json_string(heap->layout));
    json_object_set_new(document, "used_bytes", json_number(heap->used_bytes));
    json_object_set_new(document, "free_bytes", json_number(heap->free_bytes));
    json_object_set_new(document, "free_resident_bytes",
        json_resident(process->has_residency, heap->free_resident_bytes));
    json_object_set_new(document, "meta_bytes", json_number(heap->meta_bytes));
    json_object_set_new(document, "mmapped_bytes", json_number(heap->mapped.bytes));
    json_object_set_new(document, "mmapped_count", json_number(heap->mapped.count));
    json_object_set_new(document, "trim_bytes", json_resident(process->has_residency, heap->trim_bytes));
    json_object_set_new(document, "arenas", arenas(heap, process->has_residency));
    json_object_set_new(document, "histogram", json_pack("{s:o, s:o}", "used", json_histogram(&heap->used), "free",
        json_histogram(&heap->free)));
    json_object_set_new(document, "sizes", json_pack("{s:o, s:o}", "used", sizes(&report->rows.used), "free",
        sizes(&report->rows.unused)));
    json_object_set_new(document, "largest_free", largest_free(report));
    json_object_set_new(document, "other_allocators", other_allocators(process->allocators));
    json_object_set_new(document, "checks", json_checks(&heap->checks));
    json_add_look(document, process);
    return document;
}
