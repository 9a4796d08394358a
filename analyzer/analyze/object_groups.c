/* One pass sums the objects up by numbers; names are asked for afterwards. */
#include "analyze/object_groups.h"

#include <stdio.h>
#include <string.h>

#include "analyze/group_sums.h"

enum { THREAD_YIELDED = 1 };

/* Keys of coroutines that wait at no line: no hash of a name is as small. */
enum { KEY_ENDED, KEY_FAILED };

static const char nameless_userdata[] = "userdata"; /* what names tell of one whose type has no name */
static const char ended_coroutine[] = "ended";

struct object_groups {
    const struct object_paths *paths;
    object_id main_thread;
    struct group_sums cdata, finalized, userdata, protos, traces, coroutines;
};

static void copy_name(char name[OBJECT_NAME_BYTES], const char *text)
{
    snprintf(name, OBJECT_NAME_BYTES, "%s", text);
}

/* The string that names the file of a proto. */
static object_id chunk_name(const struct object_graph *graph, object_id proto)
{
    return proto == OBJECT_NONE ? OBJECT_NONE : graph_referred(graph, proto, REFERENCE_CHUNK_NAME);
}

static uint64_t text_key(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

/* The graph has no number for a line: here the name itself is asked for, of each coroutine. */
static uint64_t coroutine_key(const struct object_groups *groups, object_id thread)
{
    char name[OBJECT_NAME_BYTES];
    if (groups->paths->graph->details[thread] > THREAD_YIELDED)
        return KEY_FAILED;
    if (!object_name(groups->paths->names, NAME_PLACE, thread, 0, name) || strcmp(name, ended_coroutine) == 0)
        return KEY_ENDED;
    return text_key(name);
}

static void add_object(struct object_groups *groups, object_id object)
{
    const struct object_graph *graph = groups->paths->graph;
    uint64_t bytes = graph->bytes[object];
    switch (graph->types[object]) {
    case LUA_TYPE_CDATA:
        group_sums_add(&groups->cdata, graph->details[object], object, bytes);
        if (graph->flags[object] & OBJECT_HAS_FINALIZER)
            group_sums_add(&groups->finalized, graph->details[object], object, bytes);
        break;
    case LUA_TYPE_USERDATA:
        group_sums_add(&groups->userdata, graph_referred(graph, object, REFERENCE_METATABLE), object, bytes);
        break;
    case LUA_TYPE_PROTO:
        group_sums_add(&groups->protos, chunk_name(graph, object), object, bytes);
        break;
    case LUA_TYPE_TRACE:
        group_sums_add(&groups->traces, chunk_name(graph, graph_referred(graph, object, REFERENCE_PROTO)), object,
            bytes);
        break;
    case LUA_TYPE_THREAD:
        if (object != groups->main_thread)
            group_sums_add(&groups->coroutines, coroutine_key(groups, object), object, bytes);
        break;
    default:
        break;
    }
}

static void name_c_type(const struct object_paths *paths, const struct group_sum *sum, char *name)
{
    if (!object_name(paths->names, NAME_TYPE, sum->example, 0, name))
        snprintf(name, OBJECT_NAME_BYTES, "C type %u", (unsigned)sum->key);
}

static void name_userdata(const struct object_paths *paths, const struct group_sum *sum, char *name)
{
    char path[OBJECT_PATH_BYTES];
    if (object_name(paths->names, NAME_TYPE, sum->example, 0, name) && strcmp(name, nameless_userdata) != 0)
        return;
    if (sum->key == OBJECT_NONE)
        return copy_name(name, "(no metatable)");
    object_path(paths, (object_id)sum->key, path);
    snprintf(name, OBJECT_NAME_BYTES, "metatable %.*s", OBJECT_NAME_BYTES - 16, path);
}

/* A place without its line. */
static void name_file(const struct object_paths *paths, object_id object, char name[OBJECT_NAME_BYTES])
{
    if (!object_name(paths->names, NAME_PLACE, object, 0, name))
        return copy_name(name, "(unknown)");
    char *colon = strrchr(name, ':');
    if (colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1))
        *colon = '\0';
}

static void name_proto_file(const struct object_paths *paths, const struct group_sum *sum, char *name)
{
    name_file(paths, sum->example, name);
}

static void name_trace_file(const struct object_paths *paths, const struct group_sum *sum, char *name)
{
    object_id proto = graph_referred(paths->graph, sum->example, REFERENCE_PROTO);
    if (proto == OBJECT_NONE)
        return copy_name(name, "(unknown)");
    name_file(paths, proto, name);
}

static void name_coroutine(const struct object_paths *paths, const struct group_sum *sum, char *name)
{
    if (sum->key == KEY_FAILED)
        copy_name(name, "(ended by an error)");
    else if (sum->key == KEY_ENDED || !object_name(paths->names, NAME_PLACE, sum->example, 0, name))
        copy_name(name, "(ended)");
}

struct error *object_groups_find(const struct object_paths *paths, size_t limit, struct lua_holders *holders)
{
    const struct object_graph *graph = paths->graph;
    struct object_groups groups = {.paths = paths, .main_thread = graph_referred(graph, graph->root, ROOT_MAIN_THREAD)};
    for (object_id object = 0; object < graph->count; object++)
        if (paths->reach->via[object] != REACH_NONE)
            add_object(&groups, object);
    const struct {
        struct group_sums *sums;
        group_namer namer;
        struct group_rows *rows;
    } parts[] = {
        {&groups.cdata, name_c_type, &holders->cdata_types},
        {&groups.finalized, name_c_type, &holders->cdata_finalized},
        {&groups.userdata, name_userdata, &holders->userdata_types},
        {&groups.protos, name_proto_file, &holders->proto_files},
        {&groups.traces, name_trace_file, &holders->trace_files},
        {&groups.coroutines, name_coroutine, &holders->coroutine_lines},
    };
    struct error *error = NULL;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (error)
            group_sums_free(parts[i].sums);
        else
            error = group_sums_name(parts[i].sums, parts[i].namer, paths, limit, parts[i].rows);
    }
    return error;
}

static void name_type(const struct object_paths *paths, const struct group_sum *sum, char *name)
{
    (void)paths;
    copy_name(name, lua_type_name((enum lua_type)sum->key));
}

static void name_function(const struct object_paths *paths, const struct group_sum *sum, char *name)
{
    if (sum->key == OBJECT_NONE)
        copy_name(name, "(C function)");
    else if (!object_name(paths->names, NAME_PLACE, (object_id)sum->key, 0, name))
        copy_name(name, "(unknown)");
}

struct error *object_groups_find_garbage(const struct object_paths *paths, size_t limit, struct lua_holders *holders)
{
    const struct object_graph *graph = paths->graph;
    struct group_sums types = {0}, functions = {0};
    for (object_id object = 0; object < graph->count; object++) {
        if (paths->reach->via[object] != REACH_NONE || reach_is_awaited(paths->reach, object))
            continue;
        group_sums_add(&types, graph->types[object], object, graph->bytes[object]);
        if (graph->types[object] == LUA_TYPE_FUNCTION)
            group_sums_add(&functions, graph_referred(graph, object, REFERENCE_PROTO), object, graph->bytes[object]);
    }
    struct error *error = group_sums_name(&types, name_type, paths, limit, &holders->garbage_types);
    if (error)
        group_sums_free(&functions);
    else
        error = group_sums_name(&functions, name_function, paths, limit, &holders->garbage_functions);
    return error;
}
