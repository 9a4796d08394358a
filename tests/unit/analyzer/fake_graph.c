#include "fake_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool get_name(void *context, enum object_name_kind kind, object_id object, uint32_t index, char *name)
{
    const struct fake_graph *fake = context;
    (void)kind;
    (void)index;
    if (object >= fake->graph.count || !fake->texts[object])
        return false;
    snprintf(name, OBJECT_NAME_BYTES, "%s", fake->texts[object]);
    return true;
}

void fake_graph_start(struct fake_graph *fake)
{
    memset(fake, 0, sizeof(*fake));
    fake->graph.types = fake->types;
    fake->graph.flags = fake->flags;
    fake->graph.details = fake->details;
    fake->graph.bytes = fake->bytes;
    fake->graph.first_reference = fake->first_reference;
    fake->graph.references = fake->references;
    fake->reach.via = fake->via;
    fake->reach.order = fake->order;
    fake->reach.awaited = fake->awaited;
    fake->names = (struct object_names){.get = get_name, .context = fake};
    fake->paths = (struct object_paths){&fake->graph, &fake->reach, &fake->names};
}

object_id fake_object(struct fake_graph *fake, enum lua_type type, uint32_t bytes, const char *text)
{
    if (fake->graph.count == FAKE_OBJECTS_MAX)
        abort();
    object_id object = fake->graph.count++;
    fake->types[object] = (uint8_t)type;
    fake->bytes[object] = bytes;
    fake->texts[object] = text;
    return object;
}

void fake_refer(struct fake_graph *fake, object_id from, enum reference_kind kind, uint64_t payload, object_id to)
{
    if (fake->listed_count == FAKE_REFERENCES_MAX)
        abort();
    fake->listed[fake->listed_count++] = (struct fake_reference){from, {to, reference_label(kind, payload)}};
}

static void add_references_of(struct fake_graph *fake, object_id from, object_id listed_as)
{
    fake->first_reference[from] = fake->graph.reference_count;
    for (size_t i = 0; i < fake->listed_count; i++)
        if (fake->listed[i].from == listed_as)
            fake->references[fake->graph.reference_count++] = fake->listed[i].reference;
    fake->first_reference[from + 1] = fake->graph.reference_count;
}

static void reach_targets(struct fake_graph *fake, object_id from)
{
    for (uint32_t i = fake->first_reference[from]; i < fake->first_reference[from + 1]; i++) {
        object_id target = fake->references[i].target;
        if (fake->via[target] != REACH_NONE)
            continue;
        fake->via[target] = i;
        fake->order[fake->reach.live_objects++] = target;
    }
}

void fake_graph_finish(struct fake_graph *fake)
{
    fake->graph.root = fake->graph.index.count = fake->graph.count;
    for (object_id from = 0; from < fake->graph.count; from++)
        add_references_of(fake, from, from);
    add_references_of(fake, fake->graph.root, FAKE_ROOT);
    memset(fake->via, 0xff, sizeof(fake->via));
    reach_targets(fake, fake->graph.root);
    for (uint64_t i = 0; i < fake->reach.live_objects; i++)
        reach_targets(fake, fake->order[i]);
}
