/* Paths: graphs made by hand, and how a Lua programmer would write the way to their objects. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/object_path.h"

enum { OBJECTS_MAX = 700, REFERENCES_MAX = 1400, NAMES_MAX = 64 };

struct known_name {
    enum object_name_kind kind;
    object_id object;
    uint32_t index;
    const char *name;
};

struct drawn_reference {
    object_id holder;
    struct reference reference;
};

/* A graph that grows by drawing references; the object that stands for the roots is ROOT until it is sealed. */
struct drawing {
    struct object_graph graph;
    struct reach reach;
    struct drawn_reference drawn[REFERENCES_MAX];
    uint32_t drawn_count;
    struct known_name known[NAMES_MAX];
    size_t known_count;
    struct object_names names;
};

#define ROOT OBJECT_NONE

static struct drawing drawing;

static bool known(void *context, enum object_name_kind kind, object_id object, uint32_t index, char *name)
{
    (void)context;
    for (size_t i = 0; i < drawing.known_count; i++) {
        const struct known_name *row = &drawing.known[i];
        if (row->kind == kind && row->object == object && row->index == index) {
            strcpy(name, row->name);
            return true;
        }
    }
    return false;
}

static int begin(void **state)
{
    (void)state;
    memset(&drawing, 0, sizeof(drawing));
    drawing.graph.types = calloc(OBJECTS_MAX, sizeof(*drawing.graph.types));
    drawing.graph.flags = calloc(OBJECTS_MAX, sizeof(*drawing.graph.flags));
    drawing.graph.details = calloc(OBJECTS_MAX, sizeof(*drawing.graph.details));
    drawing.graph.bytes = calloc(OBJECTS_MAX, sizeof(*drawing.graph.bytes));
    drawing.graph.first_reference = calloc(OBJECTS_MAX + 2, sizeof(*drawing.graph.first_reference));
    drawing.graph.references = calloc(REFERENCES_MAX, sizeof(*drawing.graph.references));
    drawing.names = (struct object_names){.get = known};
    return 0;
}

static int end(void **state)
{
    (void)state;
    object_graph_free(&drawing.graph);
    reach_free(&drawing.reach);
    return 0;
}

static object_id object(enum lua_type type)
{
    drawing.graph.types[drawing.graph.count] = (uint8_t)type;
    return drawing.graph.count++;
}

static void name(enum object_name_kind kind, object_id of, uint32_t index, const char *text)
{
    drawing.known[drawing.known_count++] = (struct known_name){kind, of, index, text};
}

static object_id string(const char *text)
{
    object_id id = object(LUA_TYPE_STRING);
    if (text)
        name(NAME_STRING, id, 0, text);
    return id;
}

static object_id draw(object_id holder, enum reference_kind kind, uint32_t payload, object_id target)
{
    drawing.drawn[drawing.drawn_count++] =
        (struct drawn_reference){holder, {target, reference_label(kind, payload)}};
    return target;
}

/* A new table behind a reference. */
static object_id table(object_id holder, enum reference_kind kind, uint32_t payload)
{
    return draw(holder, kind, payload, object(LUA_TYPE_TABLE));
}

static object_id field(object_id holder, const char *key)
{
    return table(holder, REFERENCE_FIELD, string(key));
}

static object_id function(object_id holder, enum reference_kind kind, uint32_t payload, const char *place)
{
    object_id id = draw(holder, kind, payload, object(LUA_TYPE_FUNCTION));
    name(NAME_PLACE, id, 0, place);
    return id;
}

static void collect(object_id holder, object_id id)
{
    struct object_graph *graph = &drawing.graph;
    graph->first_reference[id] = graph->reference_count;
    for (uint32_t i = 0; i < drawing.drawn_count; i++)
        if (drawing.drawn[i].holder == holder)
            graph->references[graph->reference_count++] = drawing.drawn[i].reference;
}

static void seal(void)
{
    struct object_graph *graph = &drawing.graph;
    graph->root = graph->count;
    for (object_id id = 0; id < graph->count; id++)
        collect(id, id);
    collect(ROOT, graph->root);
    graph->first_reference[graph->count + 1] = graph->reference_count;
    assert_null(reach_find(graph, &drawing.reach));
}

static void assert_path(object_id id, const char *expected)
{
    const struct object_paths paths = {&drawing.graph, &drawing.reach, &drawing.names};
    char path[OBJECT_PATH_BYTES];
    object_path(&paths, id, path);
    assert_string_equal(path, expected);
}

static void assert_step(object_id id, const char *expected)
{
    const struct object_paths paths = {&drawing.graph, &drawing.reach, &drawing.names};
    char step[OBJECT_NAME_BYTES];
    object_path_step(&paths, drawing.reach.via[id], step);
    assert_string_equal(step, expected);
}

static void keys_of_every_kind(void **state)
{
    (void)state;
    object_id loaded = table(ROOT, ROOT_LOADED, 0);
    object_id module = field(loaded, "my.cache");
    object_id items = field(module, "items");
    object_id item = table(items, REFERENCE_ITEM, 17), far = table(items, REFERENCE_ITEM, UINT32_MAX);
    object_id secret = field(items, NULL), reserved = field(items, "end"), digit = field(items, "2nd");
    object_id by_table = table(items, REFERENCE_ENTRY, item), by_number = table(items, REFERENCE_OTHER_ENTRY, 0);
    object_id point = draw(items, REFERENCE_ITEM, 2, object(LUA_TYPE_CDATA));
    object_id by_point = table(items, REFERENCE_ENTRY, point), key = table(items, REFERENCE_KEY, 0);
    object_id of_key = field(key, "x"), lost = object(LUA_TYPE_TABLE);
    name(NAME_TYPE, point, 0, "struct point");
    seal();
    assert_path(items, "package.loaded[\"my.cache\"].items");
    assert_path(item, "package.loaded[\"my.cache\"].items[17]");
    assert_path(far, "package.loaded[\"my.cache\"].items[?]");
    assert_path(secret, "package.loaded[\"my.cache\"].items[\"...\"]");
    assert_path(reserved, "package.loaded[\"my.cache\"].items[\"end\"]");
    assert_path(digit, "package.loaded[\"my.cache\"].items[\"2nd\"]");
    assert_path(by_table, "package.loaded[\"my.cache\"].items[key: table]");
    assert_path(by_point, "package.loaded[\"my.cache\"].items[key: cdata struct point]");
    assert_path(by_number, "package.loaded[\"my.cache\"].items[?]");
    assert_path(key, "key of package.loaded[\"my.cache\"].items");
    assert_path(of_key, "(key of package.loaded[\"my.cache\"].items).x");
    assert_path(lost, "(unreachable)");
    assert_step(module, "[\"my.cache\"]");
    assert_step(items, ".items");
    assert_step(key, "key");
}

static void roots(void **state)
{
    (void)state;
    object_id globals = table(ROOT, ROOT_GLOBALS, 0), registry = table(ROOT, ROOT_REGISTRY, 0);
    object_id session = field(globals, "sessions"), loaded = field(registry, "_LOADED");
    object_id handle = field(registry, "FILE"), strings = table(ROOT, ROOT_METATABLE, 4);
    object_id index = field(strings, "__index"), pending = table(ROOT, ROOT_PENDING, 0);
    seal();
    assert_path(session, "_G.sessions");
    assert_path(loaded, "package.loaded");
    assert_path(handle, "registry.FILE");
    assert_path(strings, "metatable of string");
    assert_path(index, "metatable of string.__index");
    assert_path(pending, "waits for its finalizer");
    assert_step(globals, "_G");
    assert_step(pending, "waits for its finalizer");
}

static void a_path_begins_at_the_last_function(void **state)
{
    (void)state;
    object_id globals = table(ROOT, ROOT_GLOBALS, 0);
    object_id handler = function(globals, REFERENCE_FIELD, string("handler"), "app/router.lua:42");
    object_id upvalue = draw(handler, REFERENCE_UPVALUE, 3, object(LUA_TYPE_UPVALUE));
    object_id cache = table(upvalue, REFERENCE_VALUE, 0), items = field(cache, "items");
    object_id inner = function(items, REFERENCE_ITEM, 1, "app/inner.lua:7");
    object_id inner_upvalue = draw(inner, REFERENCE_UPVALUE, 0, object(LUA_TYPE_UPVALUE));
    object_id deep = table(inner_upvalue, REFERENCE_VALUE, 0);
    object_id code = draw(handler, REFERENCE_PROTO, 0, object(LUA_TYPE_PROTO));
    object_id constant = table(code, REFERENCE_CONSTANT, 1), environment = table(handler, REFERENCE_ENVIRONMENT, 0);
    object_id child = draw(code, REFERENCE_CONSTANT, 2, object(LUA_TYPE_PROTO));
    object_id child_constant = table(child, REFERENCE_CONSTANT, 0), metatable = table(cache, REFERENCE_METATABLE, 0);
    object_id method = function(metatable, REFERENCE_FIELD, string("__gc"), "app/gc.lua:1");
    object_id setting = field(metatable, "setting"), of_environment = field(environment, "settings");
    object_id local_upvalue = draw(inner, REFERENCE_UPVALUE, 1, object(LUA_TYPE_UPVALUE));
    object_id helper = function(local_upvalue, REFERENCE_VALUE, 0, "app/inner.lua:3");
    name(NAME_UPVALUE, handler, 3, "cache");
    name(NAME_UPVALUE, inner, 1, "helper");
    name(NAME_PLACE, child, 0, "app/router.lua:50");
    seal();
    assert_path(handler, "handler (app/router.lua:42)");
    assert_path(cache, "upvalue cache of handler (app/router.lua:42)");
    assert_path(items, "upvalue cache of handler (app/router.lua:42).items");
    assert_path(deep, "upvalue 1 of function (app/inner.lua:7)");
    assert_path(helper, "helper (app/inner.lua:3)");
    assert_path(code, "code of handler (app/router.lua:42)");
    assert_path(constant, "constant of handler (app/router.lua:42)");
    assert_path(child_constant, "constant of function (app/router.lua:50)");
    assert_path(environment, "environment of handler (app/router.lua:42)");
    assert_path(of_environment, "environment of handler (app/router.lua:42).settings");
    assert_path(metatable, "metatable of upvalue cache of handler (app/router.lua:42)");
    assert_path(setting, "(metatable of upvalue cache of handler (app/router.lua:42)).setting");
    assert_path(method, "__gc (app/gc.lua:1)");
    assert_step(handler, ".handler (app/router.lua:42)");
    assert_step(helper, "function (app/inner.lua:3)");
    assert_step(upvalue, "upvalue cache");
    assert_step(cache, "");
    assert_step(code, "code");
    assert_step(child, "function (app/router.lua:50)");
    assert_step(metatable, "metatable");
}

static void or_at_the_last_coroutine(void **state)
{
    (void)state;
    object_id main_thread = draw(ROOT, ROOT_MAIN_THREAD, 0, object(LUA_TYPE_THREAD));
    object_id jobs = table(main_thread, REFERENCE_SLOT, 5);
    object_id job = draw(jobs, REFERENCE_ITEM, 1, object(LUA_TYPE_THREAD));
    object_id rows = table(job, REFERENCE_SLOT, 3), row = table(rows, REFERENCE_ITEM, 3);
    object_id unnamed = table(job, REFERENCE_SLOT, 4), state_table = table(job, REFERENCE_SLOT, 6);
    object_id ended = draw(jobs, REFERENCE_ITEM, 2, object(LUA_TYPE_THREAD));
    name(NAME_LOCAL, main_thread, 5, "jobs");
    name(NAME_LOCAL, job, 3, "rows");
    name(NAME_LOCAL, job, 6, "(for state)");
    name(NAME_PLACE, job, 0, "app/job.lua:17");
    name(NAME_PLACE, ended, 0, "ended");
    seal();
    assert_path(jobs, "main thread, local jobs");
    assert_path(job, "coroutine at app/job.lua:17");
    assert_path(rows, "coroutine at app/job.lua:17, local rows");
    assert_path(row, "coroutine at app/job.lua:17, local rows[3]");
    assert_path(unnamed, "coroutine at app/job.lua:17, temporary");
    assert_path(state_table, "coroutine at app/job.lua:17, (for state)");
    assert_path(ended, "ended coroutine");
    assert_step(job, "coroutine at app/job.lua:17");
    assert_step(rows, "local rows");
}

static void a_function_of_c_is_no_beginning(void **state)
{
    (void)state;
    object_id globals = table(ROOT, ROOT_GLOBALS, 0);
    object_id next = draw(globals, REFERENCE_FIELD, string("next_row"), object(LUA_TYPE_FUNCTION));
    drawing.graph.details[next] = DETAIL_FUNCTION_C;
    object_id held = table(next, REFERENCE_UPVALUE, 0), row = field(held, "row");
    seal();
    assert_path(next, "_G.next_row");
    assert_path(held, "upvalue 1 of _G.next_row");
    assert_path(row, "(upvalue 1 of _G.next_row).row");
}

/* Both ends of a path stay, however long it is. */
static void the_middle_of_a_long_path_is_cut(void **state)
{
    (void)state;
    object_id item = table(ROOT, ROOT_GLOBALS, 0), next = string("next_item");
    item = field(item, "queue");
    for (unsigned i = 0; i < 600; i++)
        item = table(item, REFERENCE_FIELD, next);
    item = field(item, "data");
    seal();
    const struct object_paths paths = {&drawing.graph, &drawing.reach, &drawing.names};
    char path[OBJECT_PATH_BYTES];
    object_path(&paths, item, path);
    assert_int_equal(strlen(path), OBJECT_PATH_BYTES - 1);
    assert_memory_equal(path, "_G.queue.next_item.next_item", 28);
    assert_non_null(strstr(path, " ... "));
    assert_string_equal(path + strlen(path) - 19, "item.next_item.data");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_of_every_kind, begin, end),
        cmocka_unit_test_setup_teardown(roots, begin, end),
        cmocka_unit_test_setup_teardown(a_path_begins_at_the_last_function, begin, end),
        cmocka_unit_test_setup_teardown(or_at_the_last_coroutine, begin, end),
        cmocka_unit_test_setup_teardown(a_function_of_c_is_no_beginning, begin, end),
        cmocka_unit_test_setup_teardown(the_middle_of_a_long_path_is_cut, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
