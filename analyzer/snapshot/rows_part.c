/* Sections of what was made from the memory itself and can't be made again without it: strings, sparse pages. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "snapshot/parts.h"

enum { GROUP_NAME_BYTES = 1024 };

static void read_group(struct codec *codec, struct group_rows *rows)
{
    char name[GROUP_NAME_BYTES];
    codec_text(codec, name, sizeof(name));
    char *kept = codec_charge(codec, strlen(name) + 1) ? strdup(name) : NULL;
    struct group_row *row = kept ? ARRAY_ADD(rows) : NULL;
    if (!row) {
        codec->error = codec->error ? codec->error : error_no_memory();
        free(kept);
        return;
    }
    row->name = kept;
    CODEC_NUMBER(codec, row->count, UINT64_MAX);
    CODEC_NUMBER(codec, row->bytes, UINT64_MAX);
}

static void groups_visit(struct codec *codec, struct group_rows *rows)
{
    uint64_t count = rows->count;
    CODEC_NUMBER(codec, count, UINT32_MAX);
    if (!codec->writing) {
        for (uint64_t i = 0; i < count && codec_charge(codec, sizeof(*rows->items)); i++)
            read_group(codec, rows);
        return;
    }
    for (size_t i = 0; i < rows->count; i++) {
        codec_text(codec, rows->items[i].name, GROUP_NAME_BYTES);
        CODEC_NUMBER(codec, rows->items[i].count, UINT64_MAX);
        CODEC_NUMBER(codec, rows->items[i].bytes, UINT64_MAX);
    }
}

void strings_part_visit(struct codec *codec, struct snapshot_subject *subject)
{
    groups_visit(codec, &subject->state->strings.patterns);
    groups_visit(codec, &subject->state->strings.sizes);
}

static void allocate_pages(struct codec *codec, struct sparse_pages *pages)
{
    pages->addresses = codec_allocate(codec, pages->count, sizeof(*pages->addresses), 3);
    pages->free_bytes = codec_allocate(codec, pages->count, sizeof(*pages->free_bytes), 3);
    pages->first_entries = codec_allocate(codec, (uint64_t)pages->count + 1, sizeof(*pages->first_entries), 1);
    pages->objects = codec_allocate(codec, pages->entry_count, sizeof(*pages->objects), 2);
    pages->object_bytes = codec_allocate(codec, pages->entry_count, sizeof(*pages->object_bytes), 2);
}

static void page_visit(struct codec *codec, struct sparse_pages *pages, size_t page)
{
    uint64_t before = page ? pages->addresses[page - 1].value : 0, ahead = pages->addresses[page].value - before;
    uint32_t first = pages->first_entries[page], entries = pages->first_entries[page + 1] - first;
    CODEC_NUMBER(codec, ahead, UINT64_MAX - before);
    CODEC_NUMBER(codec, pages->free_bytes[page], UINT16_MAX);
    CODEC_NUMBER(codec, entries, pages->entry_count - first);
    pages->addresses[page].value = before + ahead;
    pages->first_entries[page + 1] = first + entries;
}

static void entries_visit(struct codec *codec, const struct object_graph *graph, struct sparse_pages *pages)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < pages->entry_count && !codec->error; i++) {
        codec_difference(codec, &pages->objects[i], &before);
        CODEC_NUMBER(codec, pages->object_bytes[i], UINT16_MAX);
        if (pages->objects[i] >= graph->count)
            codec_fail(codec, "an object on a page is none");
    }
}

void pages_part_visit(struct codec *codec, struct snapshot_subject *subject)
{
    struct sparse_pages *pages = &subject->state->sparse_pages;
    uint64_t count = pages->count;
    CODEC_NUMBER(codec, pages->page_bytes, INT_MAX);
    CODEC_NUMBER(codec, count, UINT32_MAX);
    CODEC_NUMBER(codec, pages->entry_count, UINT32_MAX);
    if (!codec->writing) {
        pages->count = count;
        allocate_pages(codec, pages);
    }
    for (size_t page = 0; page < count && !codec->error; page++)
        page_visit(codec, pages, page);
    if (codec->error)
        return;
    if (pages->first_entries[count] != pages->entry_count)
        codec_fail(codec, "its pages do not add up");
    entries_visit(codec, subject->state->graph, pages);
}
