/*
 * From the object up to where its path begins, and from there down again word by word. A chain can be a million
 * objects long, so only the steps at its two ends are kept: the text is cut in its middle anyway.
 */
#include "analyze/object_path.h"

#include <string.h>

#include "analyze/object_step.h"

enum {
    STEPS_KEPT = 256,       /* at each end */
    STEPS_MAX = 64 << 10,   /* what is held by a longer chain begins with "..." */
    TEXT_BYTES = 4 * OBJECT_PATH_BYTES,
};

static const char cut_mark[] = " ... ";

struct route {
    uint32_t near[STEPS_KEPT]; /* references, from the object upwards */
    uint32_t far[STEPS_KEPT];  /* the last ones, as a ring */
    uint32_t count;
    object_id beginning;       /* graph->root: the last step is a root; OBJECT_NONE: too long a chain */
};

struct path_text {
    char bytes[TEXT_BYTES];
    bool is_place; /* it is a function's place alone, and so closed by itself */
    bool is_open;  /* what is added at the end would seem to belong to a part of it alone */
};

static void find_route(const struct object_paths *paths, object_id object, struct route *route)
{
    route->count = 0;
    while (!path_begins_at(paths->graph, object)) {
        uint32_t via = paths->reach->via[object];
        if (route->count == STEPS_MAX || via == REACH_NONE) {
            route->beginning = OBJECT_NONE;
            return;
        }
        if (route->count < STEPS_KEPT)
            route->near[route->count] = via;
        route->far[route->count++ % STEPS_KEPT] = via;
        object = reach_holder(paths->graph, via);
        if (object == paths->graph->root)
            break;
    }
    route->beginning = object;
}

/* Shorten to less than `bytes` by what is in the middle. */
static void cut_middle(char *text, size_t bytes)
{
    size_t length = strlen(text);
    if (length < bytes)
        return;
    size_t kept = bytes - sizeof(cut_mark), head = kept / 2, tail = kept - head;
    memcpy(text + head, cut_mark, sizeof(cut_mark) - 1);
    memmove(text + head + sizeof(cut_mark) - 1, text + length - tail, tail + 1);
}

static void set(struct path_text *text, const char *words)
{
    path_print(text->bytes, sizeof(text->bytes), "%s", words);
    text->is_place = text->is_open = false;
}

static void add_behind(struct path_text *text, const char *between, const char *words)
{
    char before[TEXT_BYTES];
    cut_middle(text->bytes, TEXT_BYTES / 2);
    memcpy(before, text->bytes, sizeof(before));
    path_print(text->bytes, sizeof(text->bytes), text->is_open ? "(%s)%s%s" : "%s%s%s", before, between, words);
    text->is_place = text->is_open = false;
}

/* "metatable of ..." */
static void add_before(struct path_text *text, const char *words)
{
    char behind[TEXT_BYTES];
    cut_middle(text->bytes, TEXT_BYTES / 2);
    memcpy(behind, text->bytes, sizeof(behind));
    path_print(text->bytes, sizeof(text->bytes), "%s of %s", words, behind);
    text->is_open = !text->is_place;
    text->is_place = false;
}

/* Tables that have a better name than their path. */
static void rename_known(struct path_text *text)
{
    if (strcmp(text->bytes, "registry._LOADED") == 0 || strcmp(text->bytes, "_G.package.loaded") == 0)
        set(text, "package.loaded");
    else if (strcmp(text->bytes, "package.loaded._G") == 0)
        set(text, "_G");
}

static void add_step(const struct object_paths *paths, uint32_t reference, struct path_text *text)
{
    uint32_t label = paths->graph->references[reference].label;
    char words[OBJECT_NAME_BYTES];
    switch (reference_kind(label)) {
    case REFERENCE_ITEM:
    case REFERENCE_FIELD:
    case REFERENCE_ENTRY:
    case REFERENCE_OTHER_ENTRY:
        path_key(paths, label, words);
        add_behind(text, "", words);
        rename_known(text);
        break;
    case REFERENCE_SLOT:
        path_slot(paths, reach_holder(paths->graph, reference), reference_payload(label), words);
        add_behind(text, ", ", words);
        break;
    case REFERENCE_UPVALUE:
        path_upvalue(paths, reach_holder(paths->graph, reference), reference_payload(label), words);
        add_before(text, words);
        break;
    case REFERENCE_VALUE:
        break;
    default:
        if (reference_kind(label) >= ROOT_GLOBALS)
            set(text, path_word(label));
        else
            add_before(text, path_word(label));
    }
}

static void add_steps(const struct object_paths *paths, const struct route *route, struct path_text *text)
{
    for (uint32_t left = route->count; left > 0; left--) {
        uint32_t step = left - 1;
        if (step < STEPS_KEPT)
            add_step(paths, route->near[step], text);
        else if (step + STEPS_KEPT >= route->count)
            add_step(paths, route->far[step % STEPS_KEPT], text);
    }
}

static void begin(const struct object_paths *paths, object_id beginning, struct path_text *text)
{
    char words[OBJECT_PATH_BYTES];
    if (beginning == OBJECT_NONE || beginning == paths->graph->root) {
        set(text, "...");
        return;
    }
    path_beginning(paths, beginning, words);
    set(text, words);
    text->is_place = words[strlen(words) - 1] == ')';
}

void object_path(const struct object_paths *paths, object_id object, char path[OBJECT_PATH_BYTES])
{
    struct route route;
    struct path_text text;
    if (paths->reach->via[object] == REACH_NONE) {
        path_print(path, OBJECT_PATH_BYTES, "(unreachable)");
        return;
    }
    /* The key of a field is told by its table, as other keys are. */
    uint32_t via = paths->reach->via[object];
    bool is_field_key = paths->graph->references[via].target != object;
    if (is_field_key)
        object = reach_holder(paths->graph, via);
    find_route(paths, object, &route);
    begin(paths, route.beginning, &text);
    add_steps(paths, &route, &text);
    if (route.count == 0 && paths->graph->types[object] == LUA_TYPE_PROTO)
        add_before(&text, "code");
    if (is_field_key)
        add_before(&text, path_word(reference_label(REFERENCE_KEY, 0)));
    cut_middle(text.bytes, OBJECT_PATH_BYTES);
    memcpy(path, text.bytes, strlen(text.bytes) + 1);
}

/* The step without regard to what it leads to. */
static void plain_step(const struct object_paths *paths, uint32_t reference, char step[OBJECT_NAME_BYTES])
{
    uint32_t label = paths->graph->references[reference].label;
    switch (reference_kind(label)) {
    case REFERENCE_ITEM:
    case REFERENCE_FIELD:
    case REFERENCE_ENTRY:
    case REFERENCE_OTHER_ENTRY:
        path_key(paths, label, step);
        break;
    case REFERENCE_SLOT:
        path_slot(paths, reach_holder(paths->graph, reference), reference_payload(label), step);
        break;
    case REFERENCE_UPVALUE:
        path_upvalue(paths, reach_holder(paths->graph, reference), reference_payload(label), step);
        break;
    default:
        path_print(step, OBJECT_NAME_BYTES, "%s", path_word(label));
    }
}

/* True when the step tells where its target is in the source. The function itself has told where its code is. */
static bool is_placed(const struct object_graph *graph, uint32_t reference)
{
    const struct reference *step = &graph->references[reference];
    return path_begins_at(graph, step->target)
        && (reference_kind(step->label) != REFERENCE_PROTO
            || graph->types[reach_holder(graph, reference)] != LUA_TYPE_FUNCTION);
}

void object_path_step(const struct object_paths *paths, uint32_t reference, char step[OBJECT_NAME_BYTES])
{
    object_id target = paths->graph->references[reference].target;
    char words[OBJECT_PATH_BYTES], plain[OBJECT_NAME_BYTES];
    plain_step(paths, reference, plain);
    if (!is_placed(paths->graph, reference)) {
        path_print(step, OBJECT_NAME_BYTES, "%s", plain);
    } else if (paths->graph->types[target] != LUA_TYPE_FUNCTION) {
        path_beginning(paths, target, words);
        path_print(step, OBJECT_NAME_BYTES, "%s", words);
    } else if (!object_name(paths->names, NAME_PLACE, target, 0, words)) {
        path_print(step, OBJECT_NAME_BYTES, "%s", plain[0] ? plain : "function");
    } else {
        path_print(step, OBJECT_NAME_BYTES, "%s (%s)", plain[0] ? plain : "function", words);
    }
}
