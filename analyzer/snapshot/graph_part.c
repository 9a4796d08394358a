/*
 * The object graph: its objects column by column, then its references. What was read is fit to be walked: every type,
 * kind and number of an object is held against its limit here, because nobody asks again later.
 */
#include <stdlib.h>

#include "snapshot/parts.h"

enum {
    LABEL_KIND_BITS = 32 - REFERENCE_PAYLOAD_BITS,
    OBJECT_TOLD_BYTES = 5, /* at least: type, flags, details, bytes, references */
};

/* The stretches of memory, without their bits. */
static void ranges_visit(struct codec *codec, struct object_graph *graph)
{
    uint64_t count = graph->index.part_count, last = 0, memory = 0;
    CODEC_NUMBER(codec, count, UINT32_MAX);
    struct address_range *ranges = codec->writing ? NULL : codec_allocate(codec, count, sizeof(*ranges), 2);
    for (uint64_t i = 0; i < count && !codec->error; i++) {
        struct address_range range = codec->writing ? graph->index.parts[i].range : (struct address_range){0};
        uint64_t bytes = range_bytes(range);
        codec_address(codec, &range.start);
        CODEC_NUMBER(codec, bytes, UINT64_MAX);
        if (!ranges)
            continue;
        range.end = address_add(range.start, bytes);
        if (range.start.value < last || range_bytes(range) != bytes || bytes == 0
            || (range.start.value | bytes) % OBJECT_INDEX_STRIDE)
            codec_fail(codec, "stretches of memory contradict each other");
        last = range.end.value + 1; /* neighbours would be one stretch */
        memory += bytes / OBJECT_ALIGNMENT / 8 + bytes / OBJECT_INDEX_STRIDE * sizeof(object_id);
        ranges[i] = range;
    }
    if (memory / 2 > codec->raw_bytes && !codec->writing)
        codec_fail(codec, "it counts more memory than it can tell");
    if (ranges && codec_charge(codec, memory))
        codec->error = object_index_make(ranges, count, &graph->index);
    free(ranges);
}

static void index_visit(struct codec *codec, struct object_graph *graph)
{
    ranges_visit(codec, graph);
    for (size_t i = 0; i < graph->index.part_count && !codec->error; i++) {
        struct object_index_part *part = &graph->index.parts[i];
        codec_bytes(codec, part->bits, range_bytes(part->range) / OBJECT_ALIGNMENT / 8);
    }
    if (codec->writing || codec->error)
        return;
    object_index_seal(&graph->index);
    if (graph->index.count != graph->count)
        codec_fail(codec, "its objects are not as many as it says");
}

static void allocate_objects(struct codec *codec, struct object_graph *graph)
{
    graph->types = codec_allocate(codec, graph->count, sizeof(*graph->types), OBJECT_TOLD_BYTES);
    graph->flags = codec_allocate(codec, graph->count, sizeof(*graph->flags), OBJECT_TOLD_BYTES);
    graph->details = codec_allocate(codec, graph->count, sizeof(*graph->details), OBJECT_TOLD_BYTES);
    graph->bytes = codec_allocate(codec, graph->count, sizeof(*graph->bytes), OBJECT_TOLD_BYTES);
    graph->first_reference = codec_allocate(codec, (uint64_t)graph->count + 2, sizeof(*graph->first_reference), 1);
}

static void columns_visit(struct codec *codec, struct object_graph *graph)
{
    codec_bytes(codec, graph->types, graph->count);
    codec_bytes(codec, graph->flags, graph->count);
    for (object_id id = 0; id < graph->count && !codec->error; id++)
        CODEC_NUMBER(codec, graph->details[id], UINT16_MAX);
    for (object_id id = 0; id < graph->count && !codec->error; id++)
        CODEC_NUMBER(codec, graph->bytes[id], UINT32_MAX);
    for (uint64_t id = 0; id <= graph->count && !codec->error; id++) {
        uint32_t first = graph->first_reference[id], references = graph->first_reference[id + 1] - first;
        CODEC_NUMBER(codec, references, graph->reference_count - first);
        graph->first_reference[id + 1] = first + references;
    }
    for (object_id id = 0; id < graph->count && !codec->error; id++)
        if (graph->types[id] >= LUA_TYPES)
            codec_fail(codec, "an object has no known type");
        else if (graph->types[id] == LUA_TYPE_STRING && graph->first_reference[id] != graph->first_reference[id + 1])
            codec_fail(codec, "a string refers to something");
    if (!codec->error && graph->first_reference[graph->count + 1] != graph->reference_count)
        codec_fail(codec, "its references are not as many as it says");
}

/* Tables by id, each with a number. */
static void table_numbers_visit(struct codec *codec, const struct object_graph *graph, struct table_numbers *list)
{
    CODEC_ITEMS(codec, list->items, list->count, list->capacity, 2);
    uint32_t before = 0;
    for (size_t i = 0; i < list->count && !codec->error; i++) {
        object_id last = before;
        codec_difference(codec, &list->items[i].table, &before);
        CODEC_NUMBER(codec, list->items[i].number, UINT32_MAX);
        object_id table = list->items[i].table;
        if ((i && table <= last) || table >= graph->count || graph->types[table] != LUA_TYPE_TABLE)
            codec_fail(codec, "a number is told of no table");
    }
}

void objects_part_visit(struct codec *codec, struct snapshot_subject *subject)
{
    struct object_graph *graph = subject->state->graph;
    CODEC_NUMBER(codec, graph->count, UINT32_MAX - 2);
    CODEC_NUMBER(codec, graph->reference_count, UINT32_MAX);
    graph->root = graph->count;
    if (!codec->writing)
        allocate_objects(codec, graph);
    if (codec->error)
        return;
    index_visit(codec, graph);
    columns_visit(codec, graph);
    if (codec->error)
        return;
    table_numbers_visit(codec, graph, &graph->many_records);
    table_numbers_visit(codec, graph, &graph->array_slots);
}

/* The kind in the low bits: labels that follow each other differ by small numbers. */
static uint32_t rotate_label(uint32_t label)
{
    return label << LABEL_KIND_BITS | label >> REFERENCE_PAYLOAD_BITS;
}

static uint32_t rotate_back(uint32_t rotated)
{
    return rotated >> LABEL_KIND_BITS | rotated << REFERENCE_PAYLOAD_BITS;
}

static void labels_visit(struct codec *codec, const struct object_graph *graph, struct reference *references,
    uint32_t count)
{
    uint32_t previous = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rotated = rotate_label(references[i].label);
        codec_difference(codec, &rotated, &previous);
        uint32_t label = references[i].label = rotate_back(rotated), payload = reference_payload(label);
        enum reference_kind kind = reference_kind(label);
        bool names_object = (kind == REFERENCE_FIELD || kind == REFERENCE_ENTRY) && payload != REFERENCE_PAYLOAD_NONE;
        if (kind >= REFERENCE_KINDS || (names_object && payload >= graph->count))
            codec_fail(codec, "a reference has no known kind");
        else if (names_object && kind == REFERENCE_FIELD && graph->types[payload] != LUA_TYPE_STRING)
            codec_fail(codec, "a field is not called by a string");
    }
}

/*
 * Where a target is looked for: near the one before it, or near its holder; but a key is the one by which the
 * reference before it was called, or one that many tables have.
 */
static uint32_t guess_target(const struct reference *references, uint32_t i, object_id holder)
{
    if (reference_kind(references[i].label) == REFERENCE_KEY) {
        uint32_t before = i ? references[i - 1].label : 0;
        bool is_called = reference_kind(before) == REFERENCE_FIELD || reference_kind(before) == REFERENCE_ENTRY;
        return is_called ? reference_payload(before) : 0;
    }
    return i ? references[i - 1].target : holder;
}

static void targets_visit(struct codec *codec, const struct object_graph *graph, struct reference *references,
    uint32_t count, object_id holder)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t guess = guess_target(references, i, holder);
        codec_difference(codec, &references[i].target, &guess);
        if (references[i].target >= graph->count)
            codec_fail(codec, "a reference leads nowhere");
    }
}

void links_part_visit(struct codec *codec, struct snapshot_subject *subject)
{
    struct object_graph *graph = subject->state->graph;
    if (!graph->types) {
        codec_fail(codec, "it has no objects to refer to");
        return;
    }
    if (!codec->writing)
        graph->references = codec_allocate(codec, graph->reference_count, sizeof(*graph->references), 2);
    for (uint64_t id = 0; id <= graph->count && !codec->error; id++) {
        struct reference *references = graph->references + graph->first_reference[id];
        uint32_t count = graph->first_reference[id + 1] - graph->first_reference[id];
        labels_visit(codec, graph, references, count);
        targets_visit(codec, graph, references, count, (object_id)id);
    }
}
