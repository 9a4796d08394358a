/* Choose and verify: each claim is one small question to the target's bytes. */
#include "layouts/choose_lua_layout.h"

#include "base/size.h"
#include "target/memory_view.h"

enum {
    GC_PHASE_LAST = 6,
    GC_WHITES = 3,
    STRING_TABLE_MAX_MASK = (1 << 26) - 1,
};

/* Value tag of a table in a 64-bit TValue: the upper 17 bits, ~11 as LuaJIT writes it. */
#define TVALUE_TAG_SHIFT 47
#define TVALUE_TABLE 0x1fff4u
#define TVALUE_POINTER(value) ((value) & (((uint64_t)1 << TVALUE_TAG_SHIFT) - 1))

struct claim_context {
    struct memory_view view;
    const struct lua_layout *layout;
    address_t thread;
    const unsigned char *global; /* all of global_State */
    address_t global_address;
};

static bool is_code(const struct claim_context *context, uint64_t value)
{
    const struct mapping *mapping = mappings_find(&context->view.capture->mappings, address(value));
    return mapping && mapping->executable;
}

static bool has_type(struct claim_context *context, uint64_t object, uint8_t tag)
{
    const struct lua_object_layout *objects = context->layout->objects;
    uint8_t type;
    return view_u8(&context->view, address_add(address(object), objects->header.type), &type) && type == tag;
}

static bool main_thread_holds(struct claim_context *context)
{
    return field_u64(context->global, context->layout->global.main_thread) == context->thread.value
        && has_type(context, context->thread.value, LUA_TAG_THREAD);
}

static bool string_table_holds(struct claim_context *context)
{
    const struct lua_layout *layout = context->layout;
    uint64_t table = field_u64(context->global, layout->global.string_table);
    uint32_t mask = field_u32(context->global, layout->global.string_mask);
    uint64_t first;
    return is_power_of_two((uint64_t)mask + 1) && mask <= STRING_TABLE_MAX_MASK
        && view_u64(&context->view, address(table), &first);
}

static bool collector_holds(struct claim_context *context)
{
    const struct lua_layout *layout = context->layout;
    const unsigned char *gc = context->global + layout->global.gc;
    uint8_t white = field_u8(gc, layout->gc.current_white) & GC_WHITES;
    uint64_t next;
    /* Not its type: a new object joins the chain before it is made. The walk is the judge of that. */
    return field_u8(gc, layout->gc.state) <= GC_PHASE_LAST && (white == 1 || white == 2)
        && view_u64(&context->view, address(field_u64(gc, layout->gc.root)), &next);
}

static bool registry_holds(struct claim_context *context)
{
    uint64_t value = field_u64(context->global, context->layout->global.registry);
    return value >> TVALUE_TAG_SHIFT == TVALUE_TABLE && has_type(context, TVALUE_POINTER(value), LUA_TAG_TABLE);
}

static bool allocator_holds(struct claim_context *context)
{
    return is_code(context, field_u64(context->global, context->layout->global.allocf));
}

static bool current_thread_holds(struct claim_context *context)
{
    uint64_t current = field_u64(context->global, context->layout->global.current_thread);
    uint64_t its_global;
    return has_type(context, current, LUA_TAG_THREAD)
        && view_u64(&context->view, address_add(address(current), context->layout->thread.global), &its_global)
        && its_global == context->global_address.value;
}

static bool upvalue_ring_holds(struct claim_context *context)
{
    const struct lua_layout *layout = context->layout;
    address_t head = address_add(context->global_address, layout->global.open_upvalue_head);
    const unsigned char *bytes = context->global + layout->global.open_upvalue_head;
    uint64_t next = field_u64(bytes, layout->upvalue_links.open_next);
    uint64_t previous = field_u64(bytes, layout->upvalue_links.open_previous);
    uint64_t back, forth;
    return view_u64(&context->view, address_add(address(previous), layout->upvalue_links.open_next), &forth)
        && view_u64(&context->view, address_add(address(next), layout->upvalue_links.open_previous), &back)
        && forth == head.value && back == head.value;
}

static bool dispatch_table_holds(struct claim_context *context)
{
    const struct lua_layout *layout = context->layout;
    const unsigned char *block = view_bytes(&context->view, context->thread, layout->block_bytes);
    if (!block)
        return false;
    unsigned first = layout->dispatch.offset;
    unsigned end = first + layout->dispatch.entries * 8u;
    for (unsigned offset = first; offset < end; offset += 8)
        if (!is_code(context, field_u64(block, offset)))
            return false;
    return !is_code(context, field_u64(block, first - 8)) && !is_code(context, field_u64(block, end));
}

static const struct {
    const char *name;
    bool (*holds)(struct claim_context *context);
} claims[LUA_LAYOUT_CLAIMS] = {
    [CLAIM_MAIN_THREAD] = {"main thread", main_thread_holds},
    [CLAIM_STRING_TABLE] = {"string table", string_table_holds},
    [CLAIM_COLLECTOR] = {"collector", collector_holds},
    [CLAIM_REGISTRY] = {"registry", registry_holds},
    [CLAIM_ALLOCATOR] = {"allocation function", allocator_holds},
    [CLAIM_CURRENT_THREAD] = {"current thread", current_thread_holds},
    [CLAIM_UPVALUE_RING] = {"ring of open upvalues", upvalue_ring_holds},
    [CLAIM_DISPATCH_TABLE] = {"dispatch table", dispatch_table_holds},
};

const char *lua_layout_claim_name(enum lua_layout_claim claim)
{
    return claim < LUA_LAYOUT_CLAIMS ? claims[claim].name : "exactly one layout fits";
}

enum lua_layout_claim lua_layout_verify(const struct capture *capture, const struct lua_layout *layout,
    address_t thread)
{
    struct claim_context context = {.view = view_of(capture), .layout = layout, .thread = thread};
    context.global_address = address_add(thread, layout->global.offset);
    context.global = view_bytes(&context.view, context.global_address, layout->global.bytes);
    uint64_t its_global;
    if (!context.global || !view_u64(&context.view, address_add(thread, layout->thread.global), &its_global)
        || its_global != context.global_address.value)
        return CLAIM_MAIN_THREAD;
    for (unsigned claim = 0; claim < LUA_LAYOUT_CLAIMS; claim++)
        if (!claims[claim].holds(&context))
            return claim;
    return LUA_LAYOUT_CLAIMS;
}

const struct lua_layout *lua_layout_choose(const struct capture *capture, address_t thread,
    const struct lua_layout **nearest, enum lua_layout_claim *failed)
{
    const struct lua_layout *chosen = NULL, *furthest = NULL;
    enum lua_layout_claim furthest_claim = CLAIM_MAIN_THREAD;
    bool two_fit = false;
    for (size_t i = 0; i < lua_layout_count; i++) {
        enum lua_layout_claim claim = lua_layout_verify(capture, lua_layouts[i], thread);
        if (claim == LUA_LAYOUT_CLAIMS) {
            two_fit = chosen != NULL;
            chosen = lua_layouts[i];
        }
        if (!furthest || claim > furthest_claim) {
            furthest = lua_layouts[i];
            furthest_claim = claim;
        }
    }
    if (chosen && !two_fit)
        return chosen;
    if (nearest)
        *nearest = furthest;
    if (failed)
        *failed = furthest_claim;
    return NULL;
}
