#include "walk/lua_roots.h"

#include "walk/lua_table_references.h"

enum {
    /* The references at the end of global_State, in their order; what follows them is there since 2024, or padding. */
    ROOTS_OF_NAMES = 22, /* of metamethods */
    ROOTS_OF_TYPES = 14, /* a metatable for each type of value */
    ROOTS_OF_FILES = 2,  /* standard input and output */
    ROOT_OF_FFI = ROOTS_OF_NAMES + ROOTS_OF_TYPES + ROOTS_OF_FILES, /* the table of finalizers */
    FINALIZER_QUEUE_MAX = 1 << 30,
};

static uint32_t label_of_root(unsigned index)
{
    if (index >= ROOTS_OF_NAMES && index < ROOTS_OF_NAMES + ROOTS_OF_TYPES)
        return reference_label(ROOT_METATABLE, index - ROOTS_OF_NAMES);
    return reference_label(index == ROOT_OF_FFI ? ROOT_FINALIZERS : ROOT_INTERNAL, 0);
}

static void add_fixed_roots(struct lua_reference_reader *reader, const unsigned char *global)
{
    const struct lua_layout *layout = reader->layout;
    unsigned each = layout->objects->reference_bytes;
    unsigned count = (layout->global.bytes - layout->global.roots) / each;
    for (unsigned i = 0; i < count; i++)
        lua_reference_add(reader, lua_reference(layout->objects, global, layout->global.roots + i * each),
            label_of_root(i));
}

/* Objects that wait for their finalizer: a ring, anchored at its last member. */
static bool add_finalizer_queue(struct lua_reference_reader *reader, const unsigned char *global)
{
    const struct lua_layout *layout = reader->layout;
    address_t last = lua_reference(layout->objects, global, layout->global.gc + layout->gc.finalize);
    address_t object = last;
    for (uint32_t i = 0; !address_is_null(object) && i < FINALIZER_QUEUE_MAX; i++) {
        lua_reference_add(reader, object, reference_label(ROOT_PENDING, 0));
        address_t next = address_add(object, layout->objects->header.next);
        if (!lua_reference_at(&reader->distant, layout->objects, next, &object))
            return false;
        if (address_equal(object, last))
            break;
    }
    return true;
}

static void add_loaded(struct lua_reference_reader *reader, uint64_t registry)
{
    enum lua_tag tag;
    address_t table;
    uint64_t loaded;
    if (lua_value_object(reader->layout->objects, registry, &tag, &table) && tag == LUA_TAG_TABLE
        && lua_table_field(reader, table, "_LOADED", &loaded))
        lua_reference_add_value(reader, loaded, reference_label(ROOT_LOADED, 0));
}

bool lua_roots_read(struct lua_reference_reader *reader, const struct lua_site *site)
{
    const struct lua_layout *layout = reader->layout;
    struct memory_view view = reader->view;
    const unsigned char *block = view_bytes(&view, site->thread, layout->block_bytes);
    if (!block)
        return false;
    const unsigned char *global = block + layout->global.offset;
    uint64_t registry = field_u64(global, layout->global.registry);
    lua_reference_add(reader, lua_reference(layout->objects, block, layout->thread.environment),
        reference_label(ROOT_GLOBALS, 0));
    add_loaded(reader, registry);
    lua_reference_add_value(reader, registry, reference_label(ROOT_REGISTRY, 0));
    lua_reference_try(reader, site->thread, reference_label(ROOT_MAIN_THREAD, 0));
    lua_reference_try(reader, lua_reference(layout->objects, global, layout->global.current_thread),
        reference_label(ROOT_RUNNING_THREAD, 0));
    if (layout->global.vm_thread != LUA_FIELD_ABSENT)
        lua_reference_try(reader, lua_reference(layout->objects, global, layout->global.vm_thread),
            reference_label(ROOT_INTERNAL, 0));
    add_fixed_roots(reader, global);
    return add_finalizer_queue(reader, global);
}
