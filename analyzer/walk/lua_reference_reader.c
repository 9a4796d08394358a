#include "walk/lua_reference_reader.h"

#include <stdlib.h>

enum {
    MARK_WHITES = 0x03,
    STATE_IN_C = -2, /* ~LJ_VMST_C: the running thread's base and top are true */
    LIST_FIRST_CAPACITY = 1024,
    METATABLE_READINGS = 64,
};

struct error *lua_reference_reader_make(const struct capture *capture, const struct lua_site *site,
    const struct object_index *index, struct lua_reference_reader *reader)
{
    const struct lua_layout *layout = site->layout;
    *reader = (struct lua_reference_reader){
        .view = view_of(capture), .distant = view_of(capture), .layout = layout, .index = index,
        .global_block = {site->thread, address_add(site->thread, layout->block_bytes)},
    };
    reader->parts_budget_bytes = capture->copied_bytes;
    reader->metatables_budget_bytes = capture->copied_bytes * METATABLE_READINGS;
    const unsigned char *block = view_bytes(&reader->view, site->thread, layout->block_bytes);
    if (!block)
        return error_new(ERROR_NOT_UNDERSTOOD, "its global state is not in memory");
    const unsigned char *global = block + layout->global.offset, *jit = block + layout->jit.offset;
    reader->traces = address(field_u64(jit, layout->jit.traces));
    reader->trace_slots = field_u32(jit, layout->jit.trace_slots);
    reader->dead_white = (field_u8(global + layout->global.gc, layout->gc.current_white) ^ MARK_WHITES) & MARK_WHITES;
    if ((int32_t)field_u32(global, layout->global.vm_state) != STATE_IN_C)
        reader->running_thread = lua_reference(layout->objects, global, layout->global.current_thread);
    return NULL;
}

void lua_reference_reader_free(struct lua_reference_reader *reader)
{
    free(reader->list.items);
    reader->list = (struct reference_list){0};
}

const void *lua_part(struct lua_reference_reader *reader, address_t at, uint64_t bytes)
{
    if (bytes == 0 || bytes > reader->parts_budget_bytes)
        return NULL;
    reader->parts_budget_bytes -= bytes;
    return view_bytes(&reader->distant, at, bytes);
}

static void append(struct lua_reference_reader *reader, object_id target, uint32_t label)
{
    struct reference_list *list = &reader->list;
    if (list->count == list->capacity) {
        size_t wanted = list->capacity ? list->capacity + list->capacity / 2 : LIST_FIRST_CAPACITY;
        void *grown = reallocarray(list->items, wanted, sizeof(*list->items));
        if (!grown) {
            reader->no_memory = true;
            return;
        }
        list->items = grown;
        list->capacity = wanted;
    }
    list->items[list->count++] = (struct reference){target, label};
}

void lua_reference_try(struct lua_reference_reader *reader, address_t target, uint32_t label)
{
    object_id id = object_index_find(reader->index, target);
    if (id != OBJECT_NONE)
        append(reader, id, label);
}

object_id lua_reference_add(struct lua_reference_reader *reader, address_t target, uint32_t label)
{
    if (address_is_null(target))
        return OBJECT_NONE;
    object_id id = object_index_find(reader->index, target);
    if (id != OBJECT_NONE)
        append(reader, id, label);
    else if (!range_holds(reader->global_block, target, 1))
        reader->dangling++;
    return id;
}

void lua_reference_add_value(struct lua_reference_reader *reader, uint64_t value, uint32_t label)
{
    enum lua_tag tag;
    address_t object;
    if (lua_value_object(reader->layout->objects, value, &tag, &object))
        lua_reference_add(reader, object, label);
}
