/* Choose and verify: each claim is one small question to the target's bytes. */
#include "layouts/choose_lua_layout.h"

#include "base/size.h"
#include "layouts/lua_value.h"

enum {
    GC_PHASE_LAST = 6,
    GC_WHITES = 3,
    STRING_TABLE_MAX_MASK = (1 << 26) - 1,
    TRACE_SLOTS_MAX = 1 << 16,
    TRACES_TRIED = 16,
};

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

static bool has_type(struct claim_context *context, address_t object, uint8_t tag)
{
    const struct lua_object_layout *objects = context->layout->objects;
    uint8_t type;
    return view_u8(&context->view, address_add(object, objects->header.type), &type) && type == tag;
}

static address_t global_reference(const struct claim_context *context, unsigned offset)
{
    return lua_reference(context->layout->objects, context->global, offset);
}

/* Does the reference at `at` lead to `expected`? */
static bool refers_to(struct claim_context *context, address_t at, address_t expected)
{
    address_t target;
    return lua_reference_at(&context->view, context->layout->objects, at, &target) && address_equal(target, expected);
}

static bool main_thread_holds(struct claim_context *context)
{
    return address_equal(global_reference(context, context->layout->global.main_thread), context->thread)
        && has_type(context, context->thread, LUA_TAG_THREAD);
}

static bool string_table_holds(struct claim_context *context)
{
    const struct lua_layout *layout = context->layout;
    uint64_t table = field_u64(context->global, layout->global.string_table);
    uint32_t mask = field_u32(context->global, layout->global.string_mask);
    address_t first;
    return is_power_of_two((uint64_t)mask + 1) && mask <= STRING_TABLE_MAX_MASK
        && lua_reference_at(&context->view, layout->objects, address(table), &first);
}

static bool collector_holds(struct claim_context *context)
{
    const struct lua_layout *layout = context->layout;
    const unsigned char *gc = context->global + layout->global.gc;
    uint8_t white = field_u8(gc, layout->gc.current_white) & GC_WHITES;
    address_t next;
    /* Not its type: a new object joins the chain before it is made. The walk is the judge of that. */
    return field_u8(gc, layout->gc.state) <= GC_PHASE_LAST && (white == 1 || white == 2)
        && lua_reference_at(&context->view, layout->objects, lua_reference(layout->objects, gc, layout->gc.root),
               &next);
}

static bool registry_holds(struct claim_context *context)
{
    uint64_t value = field_u64(context->global, context->layout->global.registry);
    enum lua_tag tag;
    address_t table;
    return lua_value_object(context->layout->objects, value, &tag, &table) && tag == LUA_TAG_TABLE
        && has_type(context, table, LUA_TAG_TABLE);
}

static bool allocator_holds(struct claim_context *context)
{
    return is_code(context, field_u64(context->global, context->layout->global.allocf));
}

static bool current_thread_holds(struct claim_context *context)
{
    address_t current = global_reference(context, context->layout->global.current_thread);
    return has_type(context, current, LUA_TAG_THREAD)
        && refers_to(context, address_add(current, context->layout->thread.global), context->global_address);
}

static bool upvalue_ring_holds(struct claim_context *context)
{
    const struct lua_layout *layout = context->layout;
    address_t head = address_add(context->global_address, layout->global.open_upvalue_head);
    address_t next = global_reference(context, layout->global.open_upvalue_head + layout->upvalue_links.open_next);
    address_t previous = global_reference(context,
        layout->global.open_upvalue_head + layout->upvalue_links.open_previous);
    return refers_to(context, address_add(previous, layout->upvalue_links.open_next), head)
        && refers_to(context, address_add(next, layout->upvalue_links.open_previous), head);
}

/*
 * The roots begin with the names of the metamethods, and what lies before them is no string. Narrow rows of LuaJIT and
 * luajit2 differ in this alone.
 */
static bool roots_hold(struct claim_context *context)
{
    unsigned first = context->layout->global.roots;
    return has_type(context, global_reference(context, first), LUA_TAG_STRING)
        && !has_type(context, global_reference(context, first - context->layout->objects->reference_bytes),
               LUA_TAG_STRING);
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

struct snapshots {
    uint64_t count, map_entries;
};

static struct snapshots trace_snapshots(const struct lua_object_layout *objects, const void *trace)
{
    return (struct snapshots){
        .count = field_u16(trace, objects->trace.snapshots),
        .map_entries = lua_word(trace, objects->trace.snapshot_map_entries, objects->trace.snapshot_map_entries_bytes),
    };
}

/* A trace is one block: its snapshots lie between two addresses that it also knows. */
static bool trace_holds(struct claim_context *context, address_t at)
{
    const struct lua_object_layout *objects = context->layout->objects;
    const void *trace = view_bytes(&context->view, at, objects->trace.bytes);
    if (!trace || field_u8(trace, objects->header.type) != LUA_TAG_TRACE)
        return false;
    struct snapshots snapshots = trace_snapshots(objects, trace);
    uint64_t list = field_u64(trace, objects->trace.snapshot_list), map = field_u64(trace, objects->trace.snapshot_map);
    return snapshots.count > 0 && snapshots.map_entries > 0
        && map - list == snapshots.count * objects->trace_parts.snapshot_bytes;
}

/* The JIT state begins with the trace that was recorded last: its snapshots are in the recorder's buffers. */
static bool recorder_holds(const struct claim_context *context, const unsigned char *jit)
{
    const struct lua_layout *layout = context->layout;
    struct snapshots snapshots = trace_snapshots(layout->objects, jit);
    return (snapshots.count > 0) == (snapshots.map_entries > 0)
        && snapshots.count <= field_u32(jit, layout->jit.snapshot_slots)
        && snapshots.map_entries <= field_u32(jit, layout->jit.snapshot_map_slots);
}

/* Machine code lies in areas of whole pages. */
static bool code_area_holds(const struct claim_context *context, const unsigned char *jit)
{
    uint64_t area = field_u64(jit, context->layout->jit.code_area);
    uint64_t total = field_u64(jit, context->layout->jit.code_total_bytes);
    if (area == 0 || total == 0)
        return area == total;
    return area % context->view.capture->page_bytes == 0
        && mappings_find(&context->view.capture->mappings, address(area));
}

static bool traces_hold(struct claim_context *context)
{
    const struct lua_layout *layout = context->layout;
    const unsigned char *jit = view_bytes(&context->view, address_add(context->thread, layout->jit.offset),
        layout->block_bytes - layout->jit.offset);
    if (!jit || !code_area_holds(context, jit) || !recorder_holds(context, jit))
        return false;
    uint64_t traces = field_u64(jit, layout->jit.traces), slots = field_u32(jit, layout->jit.trace_slots);
    struct address_range block = {context->thread, address_add(context->thread, layout->block_bytes)};
    unsigned tried = 0;
    for (uint64_t slot = 0; slot < slots && slot < TRACE_SLOTS_MAX && tried < TRACES_TRIED; slot++) {
        address_t trace;
        if (!lua_reference_at(&context->view, layout->objects,
                address_add(address(traces), slot * layout->objects->reference_bytes), &trace))
            return false;
        /* One that is being recorded lies in the JIT state, its parts in the recorder's buffers. */
        if (address_is_null(trace) || range_holds(block, trace, 1))
            continue;
        if (!trace_holds(context, trace))
            return false;
        tried++;
    }
    return true;
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
    [CLAIM_ROOTS] = {"roots", roots_hold},
    [CLAIM_DISPATCH_TABLE] = {"dispatch table", dispatch_table_holds},
    [CLAIM_TRACES] = {"traces", traces_hold},
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
    if (!context.global || !refers_to(&context, address_add(thread, layout->thread.global), context.global_address))
        return CLAIM_MAIN_THREAD;
    for (unsigned claim = 0; claim < LUA_LAYOUT_CLAIMS; claim++)
        if (!claims[claim].holds(&context))
            return claim;
    return LUA_LAYOUT_CLAIMS;
}

/* Rows that differ in their traces alone: where there is no trace, both describe the state. */
static bool differ_in_traces_alone(const struct lua_layout *a, const struct lua_layout *b)
{
    size_t start = offsetof(struct lua_layout, thread);
    size_t end = offsetof(struct lua_layout, block_bytes) + sizeof(a->block_bytes);
    return memcmp((const char *)a + start, (const char *)b + start, end - start) == 0;
}

const struct lua_layout *lua_layout_choose(const struct capture *capture, address_t thread,
    const struct lua_layout **nearest, enum lua_layout_claim *failed)
{
    const struct lua_layout *chosen = NULL, *furthest = NULL, *layout;
    enum lua_layout_claim furthest_claim = CLAIM_MAIN_THREAD;
    bool two_fit = false;
    for (size_t i = 0; (layout = lua_layout_row(i)); i++) {
        enum lua_layout_claim claim = lua_layout_verify(capture, layout, thread);
        if (claim == LUA_LAYOUT_CLAIMS && !chosen)
            chosen = layout;
        else if (claim == LUA_LAYOUT_CLAIMS && !differ_in_traces_alone(chosen, layout))
            two_fit = true;
        if (!furthest || claim > furthest_claim) {
            furthest = layout;
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
