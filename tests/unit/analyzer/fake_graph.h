/* An object graph made by hand: objects, references between them, and names. */
#ifndef RESPIRE_TESTS_FAKE_GRAPH_H
#define RESPIRE_TESTS_FAKE_GRAPH_H

#include "analyze/object_path.h"

enum { FAKE_OBJECTS_MAX = 512, FAKE_REFERENCES_MAX = 1024 };

struct fake_reference {
    object_id from;
    struct reference reference;
};

struct fake_graph {
    struct object_graph graph;
    struct reach reach;
    struct object_names names;
    struct object_paths paths; /* of the three above */
    uint8_t types[FAKE_OBJECTS_MAX + 1], flags[FAKE_OBJECTS_MAX + 1];
    uint16_t details[FAKE_OBJECTS_MAX + 1];
    uint32_t bytes[FAKE_OBJECTS_MAX + 1], first_reference[FAKE_OBJECTS_MAX + 2], via[FAKE_OBJECTS_MAX + 1];
    uint8_t awaited[FAKE_OBJECTS_MAX / 8 + 1];
    object_id order[FAKE_OBJECTS_MAX];
    struct reference references[FAKE_REFERENCES_MAX];
    struct fake_reference listed[FAKE_REFERENCES_MAX];
    size_t listed_count;
    const char *texts[FAKE_OBJECTS_MAX]; /* what each object is called, whatever kind of name is asked for */
};

#define FAKE_ROOT OBJECT_NONE

void fake_graph_start(struct fake_graph *fake);

object_id fake_object(struct fake_graph *fake, enum lua_type type, uint32_t bytes, const char *text);

/* From FAKE_ROOT: a root. */
void fake_refer(struct fake_graph *fake, object_id from, enum reference_kind kind, uint64_t payload, object_id to);

/* Everything is made: order the references, and find what can be reached, breadth first. Nothing needs to be freed. */
void fake_graph_finish(struct fake_graph *fake);

#endif
