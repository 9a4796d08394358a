#include "walk/lua_payloads.h"

#include "layouts/choose_lua_layout.h"
#include "target/memory_view.h"
#include "walk/lua_objects.h"

struct payload_walk {
    struct memory_view view;
    const struct lua_object_layout *layout;
    lua_payload_visitor visit;
    void *context;
};

/* Where an object's payload starts; ADDRESS_NONE: it has none. */
static address_t payload_of(struct payload_walk *walk, address_t object)
{
    const unsigned char *tag = view_bytes(&walk->view, address_add(object, walk->layout->header.type), 1);
    if (!tag)
        return ADDRESS_NONE;
    switch (*tag) {
    case LUA_TAG_USERDATA:
        return address_add(object, walk->layout->userdata.bytes);
    case LUA_TAG_CDATA:
        return address_add(object, walk->layout->cdata.bytes);
    default:
        return ADDRESS_NONE;
    }
}

static struct error *visit_block(void *context, address_t object, address_t block, uint64_t bytes)
{
    struct payload_walk *walk = context;
    struct address_range payload = {payload_of(walk, object), address_add(block, bytes)};
    if (payload.start.value < block.value || payload.start.value >= payload.end.value)
        return NULL;
    return walk->visit(walk->context, payload);
}

struct error *lua_payloads_visit(const struct capture *capture, address_t thread, lua_payload_visitor visit,
    void *context)
{
    struct lua_site site = {.thread = thread};
    site.layout = lua_layout_choose(capture, thread, &site.nearest, &site.failed);
    if (!site.layout)
        return NULL;
    struct payload_walk walk = {view_of(capture), site.layout->objects, visit, context};
    struct lua_state walked = {.address = thread};
    struct error *error = lua_objects_walk(capture, &site, visit_block, &walk, NULL, &walked);
    lua_state_release(&walked);
    if (error && error_kind(error) == ERROR_NOT_UNDERSTOOD) {
        error_free(error);
        return NULL;
    }
    return error;
}
