/* The section of names: a table that was gathered, or that names will be asked from. */
#include <stdlib.h>

#include "snapshot/parts.h"

static void write_list(struct codec *codec, struct name_table *table, struct name_list *list)
{
    uint32_t bearer = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct name_entry *entry = &list->items[i];
        codec_difference(codec, &entry->bearer, &bearer);
        CODEC_NUMBER(codec, entry->index, UINT32_MAX);
        codec_text(codec, table->texts + entry->text, OBJECT_NAME_BYTES);
    }
}

static void read_list(struct codec *codec, struct name_table *table, unsigned number, uint64_t count)
{
    struct name_list *list = &table->lists[number];
    uint32_t bearer = 0;
    for (uint64_t i = 0; i < count && !codec->error; i++) {
        struct name_entry entry = {0};
        char text[OBJECT_NAME_BYTES];
        codec_difference(codec, &entry.bearer, &bearer);
        CODEC_NUMBER(codec, entry.index, UINT32_MAX);
        codec_text(codec, text, sizeof(text));
        if (i && name_entry_compare(&list->items[i - 1], &entry) >= 0)
            codec_fail(codec, "its names are not in order");
        if (codec_charge(codec, 2 * (sizeof(entry) + sizeof(text) / 4)))
            codec->error = name_table_add(table, number, entry, text);
    }
}

void name_table_visit(struct codec *codec, struct name_table *table)
{
    for (unsigned number = 0; number < NAME_TABLE_KINDS; number++) {
        uint64_t count = table->lists[number].count;
        CODEC_NUMBER(codec, count, UINT32_MAX);
        if (codec->writing)
            write_list(codec, table, &table->lists[number]);
        else
            read_list(codec, table, number, count);
    }
}

void names_part_visit(struct codec *codec, struct snapshot_subject *subject)
{
    struct lua_state *state = subject->state;
    if (codec->writing) {
        name_table_visit(codec, subject->names);
        return;
    }
    struct name_table *table = state->graph->references ? calloc(1, sizeof(*table)) : NULL;
    if (!table) {
        codec_fail(codec, "it has no objects to name");
        return;
    }
    table->graph = state->graph;
    state->names = name_table_names(table);
    name_table_visit(codec, table);
}
