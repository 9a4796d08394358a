#include "analyze/object_step.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char cut_mark[] = "...";

void path_print(char *text, size_t bytes, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text, bytes, format, arguments);
    va_end(arguments);
    if (wanted >= 0 && (size_t)wanted >= bytes)
        memcpy(text + bytes - sizeof(cut_mark), cut_mark, sizeof(cut_mark));
}

bool path_begins_at(const struct object_graph *graph, object_id object)
{
    switch (graph->types[object]) {
    case LUA_TYPE_FUNCTION: return graph->details[object] == DETAIL_FUNCTION_LUA;
    case LUA_TYPE_THREAD:
    case LUA_TYPE_PROTO:
    case LUA_TYPE_TRACE: return true;
    default: return false;
    }
}

static bool is_main_thread(const struct object_graph *graph, object_id object)
{
    return graph_referred(graph, graph->root, ROOT_MAIN_THREAD) == object;
}

static void thread_text(const struct object_paths *paths, object_id thread, char *text)
{
    char place[OBJECT_NAME_BYTES];
    if (is_main_thread(paths->graph, thread))
        path_print(text, OBJECT_PATH_BYTES, "main thread");
    else if (!object_name(paths->names, NAME_PLACE, thread, 0, place))
        path_print(text, OBJECT_PATH_BYTES, "coroutine");
    else if (strcmp(place, "ended") == 0)
        path_print(text, OBJECT_PATH_BYTES, "ended coroutine");
    else
        path_print(text, OBJECT_PATH_BYTES, "coroutine at %s", place);
}

/* Names in brackets are those of the language's own variables. */
static bool is_internal(const char *name)
{
    return name[0] == '(';
}

/* The name under which the function is held. */
static bool function_name(const struct object_paths *paths, object_id function, char name[OBJECT_NAME_BYTES])
{
    const struct object_graph *graph = paths->graph;
    uint32_t via = paths->reach->via[function];
    if (via != REACH_NONE && reference_kind(graph->references[via].label) == REFERENCE_VALUE)
        via = paths->reach->via[reach_holder(graph, via)];
    if (via == REACH_NONE)
        return false;
    uint32_t label = graph->references[via].label, payload = reference_payload(label);
    switch (reference_kind(label)) {
    case REFERENCE_FIELD: return object_name(paths->names, NAME_STRING, payload, 0, name);
    case REFERENCE_UPVALUE:
        return object_name(paths->names, NAME_UPVALUE, reach_holder(graph, via), payload, name);
    case REFERENCE_SLOT:
        return object_name(paths->names, NAME_LOCAL, reach_holder(graph, via), payload, name) && !is_internal(name);
    default: return false;
    }
}

static void function_text(const struct object_paths *paths, object_id function, char *text)
{
    char name[OBJECT_NAME_BYTES], place[OBJECT_NAME_BYTES];
    if (!function_name(paths, function, name))
        memcpy(name, "function", sizeof("function"));
    if (object_name(paths->names, NAME_PLACE, function, 0, place))
        path_print(text, OBJECT_PATH_BYTES, "%s (%s)", name, place);
    else
        path_print(text, OBJECT_PATH_BYTES, "%s", name);
}

/* Code goes by the name of the function that led to it. */
static void proto_text(const struct object_paths *paths, object_id proto, char *text)
{
    const struct object_graph *graph = paths->graph;
    char place[OBJECT_NAME_BYTES];
    uint32_t via = paths->reach->via[proto];
    object_id holder = via == REACH_NONE ? graph->root : reach_holder(graph, via);
    if (holder != graph->root && graph->types[holder] == LUA_TYPE_FUNCTION)
        function_text(paths, holder, text);
    else if (object_name(paths->names, NAME_PLACE, proto, 0, place))
        path_print(text, OBJECT_PATH_BYTES, "function (%s)", place);
    else
        path_print(text, OBJECT_PATH_BYTES, "function");
}

void path_beginning(const struct object_paths *paths, object_id object, char text[OBJECT_PATH_BYTES])
{
    char place[OBJECT_NAME_BYTES];
    switch (paths->graph->types[object]) {
    case LUA_TYPE_THREAD:
        thread_text(paths, object, text);
        break;
    case LUA_TYPE_FUNCTION:
        function_text(paths, object, text);
        break;
    case LUA_TYPE_PROTO:
        proto_text(paths, object, text);
        break;
    default:
        if (object_name(paths->names, NAME_PLACE, object, 0, place))
            path_print(text, OBJECT_PATH_BYTES, "trace (%s)", place);
        else
            path_print(text, OBJECT_PATH_BYTES, "trace");
    }
}

/* What may stand behind a dot. */
static bool is_word(const char *name)
{
    static const char *const reserved[] = {
        "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
        "not", "or", "repeat", "return", "then", "true", "until", "while",
    };
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (strcmp(name, reserved[i]) == 0)
            return false;
    return (*name < '0' || *name > '9') && !strpbrk(name, ".-:/");
}

static void object_key(const struct object_paths *paths, object_id key, char *text)
{
    char name[OBJECT_NAME_BYTES];
    const char *type = lua_type_name(paths->graph->types[key]);
    if (object_name(paths->names, NAME_TYPE, key, 0, name) || object_name(paths->names, NAME_PLACE, key, 0, name))
        path_print(text, OBJECT_NAME_BYTES, "[key: %s %s]", type, name);
    else
        path_print(text, OBJECT_NAME_BYTES, "[key: %s]", type);
}

void path_key(const struct object_paths *paths, uint32_t label, char text[OBJECT_NAME_BYTES])
{
    char name[OBJECT_NAME_BYTES];
    uint32_t payload = reference_payload(label);
    enum reference_kind kind = reference_kind(label);
    if (kind == REFERENCE_OTHER_ENTRY || payload == REFERENCE_PAYLOAD_NONE)
        path_print(text, OBJECT_NAME_BYTES, "[?]");
    else if (kind == REFERENCE_ITEM)
        path_print(text, OBJECT_NAME_BYTES, "[%u]", payload);
    else if (kind == REFERENCE_ENTRY)
        object_key(paths, payload, text);
    else if (!object_name(paths->names, NAME_STRING, payload, 0, name))
        path_print(text, OBJECT_NAME_BYTES, "[\"...\"]");
    else
        path_print(text, OBJECT_NAME_BYTES, is_word(name) ? ".%s" : "[\"%s\"]", name);
}

void path_slot(const struct object_paths *paths, object_id thread, uint32_t slot, char text[OBJECT_NAME_BYTES])
{
    char name[OBJECT_NAME_BYTES];
    if (!object_name(paths->names, NAME_LOCAL, thread, slot, name))
        path_print(text, OBJECT_NAME_BYTES, "temporary");
    else
        path_print(text, OBJECT_NAME_BYTES, is_internal(name) ? "%s" : "local %s", name);
}

void path_upvalue(const struct object_paths *paths, object_id function, uint32_t upvalue, char text[OBJECT_NAME_BYTES])
{
    char name[OBJECT_NAME_BYTES];
    if (object_name(paths->names, NAME_UPVALUE, function, upvalue, name))
        path_print(text, OBJECT_NAME_BYTES, "upvalue %s", name);
    else
        path_print(text, OBJECT_NAME_BYTES, "upvalue %u", upvalue + 1);
}

static const char *metatable_of_type(uint32_t type)
{
    static const char *const words[] = {
        "metatable of nil", "metatable of boolean", "metatable of boolean", "metatable of lightuserdata",
        "metatable of string", "metatable of upvalue", "metatable of thread", "metatable of proto",
        "metatable of function", "metatable of trace", "metatable of cdata", "metatable of table",
        "metatable of userdata", "metatable of number",
    };
    return type < sizeof(words) / sizeof(words[0]) ? words[type] : "metatable";
}

const char *path_word(uint32_t label)
{
    static const char *const words[REFERENCE_KINDS] = {
        [REFERENCE_KEY] = "key", [REFERENCE_METATABLE] = "metatable", [REFERENCE_ENVIRONMENT] = "environment",
        [REFERENCE_VALUE] = "", [REFERENCE_PROTO] = "code", [REFERENCE_CONSTANT] = "constant",
        [REFERENCE_CHUNK_NAME] = "chunk name", [REFERENCE_TRACE] = "trace", [REFERENCE_BUFFER] = "buffer",
        [ROOT_GLOBALS] = "_G", [ROOT_LOADED] = "package.loaded", [ROOT_REGISTRY] = "registry",
        [ROOT_MAIN_THREAD] = "main thread", [ROOT_RUNNING_THREAD] = "running coroutine",
        [ROOT_FINALIZERS] = "ffi finalizers", [ROOT_INTERNAL] = "internal", [ROOT_FIXED] = "fixed strings",
        [ROOT_PENDING] = "waits for its finalizer",
    };
    enum reference_kind kind = reference_kind(label);
    if (kind == ROOT_METATABLE)
        return metatable_of_type(reference_payload(label));
    return kind < REFERENCE_KINDS && words[kind] ? words[kind] : "";
}
