/* Owns the order in which the collector's lists are walked. What an object is made of: lua_blocks.c. */
#include "walk/lua_objects.h"

#include <inttypes.h>

#include "layouts/lua_value.h"
#include "walk/lua_blocks.h"

enum {
    OBJECT_BYTES_MIN = 16,
    COUNT_TOLERANCE_BYTES = 64 << 10, /* what the FFI, the parser and buffers hold privately; 530 at rest */
    STRING_BUCKET_FLAG = 1,           /* lowest bit of a bucket head: secondary hashing */
};

struct object_walk {
    struct memory_view view;
    const struct lua_layout *layout;
    struct lua_block_reader reader;
    const unsigned char *global; /* the state's global_State */
    lua_block_visitor visit;
    void *visit_context;
    struct object_index *index; /* where objects are noted; NULL: nowhere */
    uint64_t budget;            /* objects that the capture can hold at most */
    struct lua_state *state;
};

static struct error *damage(address_t at, const char *what)
{
    return error_new(ERROR_NOT_UNDERSTOOD, "Lua objects: %s at 0x%" PRIx64, what, at.value);
}

static struct error *visit_block(struct object_walk *walk, address_t object, address_t at,
    uint64_t bytes)
{
    return walk->visit && bytes ? walk->visit(walk->visit_context, object, at, bytes) : NULL;
}

/* Count one object and visit its blocks. */
static struct error *count_object(struct object_walk *walk, address_t object, uint8_t tag)
{
    struct lua_blocks blocks;
    if (walk->budget-- == 0)
        return damage(object, "more objects than memory can hold: a cycle");
    if (tag < LUA_TAG_STRING || tag >= LUA_TAG_END || !lua_object_blocks(&walk->reader, tag, object, &blocks))
        return damage(object, "an object that can't be");
    if (walk->index && !object_index_add(walk->index, object))
        return damage(object, "an object that is met twice, or lies where none can be");
    struct lua_objects *total = &walk->state->objects[tag - LUA_TAG_STRING];
    total->count++;
    for (unsigned i = 0; i < blocks.count; i++) {
        total->bytes += blocks.items[i].bytes;
        struct error *error = visit_block(walk, object, blocks.items[i].at, blocks.items[i].bytes);
        if (error)
            return error;
    }
    return NULL;
}

static bool read_header(struct object_walk *walk, address_t object, address_t *next, uint8_t *tag)
{
    const struct lua_object_layout *layout = walk->layout->objects;
    const void *header = view_bytes(&walk->view, object, OBJECT_BYTES_MIN);
    if (!header)
        return false;
    *next = lua_reference(layout, header, layout->header.next);
    *tag = field_u8(header, layout->header.type);
    return true;
}

static struct error *walk_open_upvalues(struct object_walk *walk, address_t thread)
{
    address_t object, next;
    if (!lua_reference_at(&walk->view, walk->layout->objects, address_add(thread, walk->layout->thread.open_upvalues),
            &object))
        return damage(thread, "a thread that is not in memory");
    for (; !address_is_null(object); object = next) {
        uint8_t tag;
        if (!read_header(walk, object, &next, &tag) || tag != LUA_TAG_UPVALUE)
            return damage(object, "a broken list of open upvalues");
        struct error *error = count_object(walk, object, tag);
        if (error)
            return error;
    }
    return NULL;
}

static struct error *walk_object(struct object_walk *walk, address_t object, uint8_t tag)
{
    struct error *error = count_object(walk, object, tag);
    return error || tag != LUA_TAG_THREAD ? error : walk_open_upvalues(walk, object);
}

static struct error *walk_chain(struct object_walk *walk)
{
    const struct lua_layout *layout = walk->layout;
    address_t next;
    address_t object = lua_reference(layout->objects, walk->global, layout->global.gc + layout->gc.root);
    for (; !address_is_null(object); object = next) {
        uint8_t tag;
        if (!read_header(walk, object, &next, &tag))
            return damage(object, "the chain of objects leaves memory");
        struct error *error = walk_object(walk, object, tag);
        if (error)
            return error;
    }
    return NULL;
}

/* A ring, anchored at its last member. */
static struct error *walk_finalizer_queue(struct object_walk *walk)
{
    const struct lua_layout *layout = walk->layout;
    address_t last = lua_reference(layout->objects, walk->global, layout->global.gc + layout->gc.finalize);
    if (address_is_null(last))
        return NULL;
    address_t object = last;
    do {
        address_t next;
        uint8_t tag;
        if (!read_header(walk, object, &next, &tag))
            return damage(object, "the finalizer queue leaves memory");
        struct error *error = count_object(walk, object, tag);
        if (error)
            return error;
        object = next;
    } while (!address_equal(object, last));
    return NULL;
}

static struct error *walk_bucket(struct object_walk *walk, address_t head)
{
    address_t object = address(head.value & ~(uint64_t)STRING_BUCKET_FLAG), next;
    for (; !address_is_null(object); object = next) {
        uint8_t tag;
        if (!read_header(walk, object, &next, &tag) || tag != LUA_TAG_STRING)
            return damage(object, "a broken bucket of the string table");
        struct error *error = count_object(walk, object, tag);
        if (error)
            return error;
    }
    return NULL;
}

static struct error *walk_strings(struct object_walk *walk)
{
    const struct lua_layout *layout = walk->layout;
    address_t table = address(field_u64(walk->global, layout->global.string_table));
    uint64_t slots = (uint64_t)field_u32(walk->global, layout->global.string_mask) + 1;
    struct memory_view buckets = view_of(walk->view.capture);
    for (uint64_t slot = 0; slot < slots; slot++) {
        address_t at = address_add(table, slot * layout->objects->reference_bytes), head;
        /* A bucket page that was never written holds no string. */
        if (!lua_reference_at(&buckets, layout->objects, at, &head) || address_is_null(head))
            continue;
        struct error *error = walk_bucket(walk, head);
        if (error)
            return error;
    }
    walk->state->string_table_slots = slots;
    return NULL;
}

static struct error *count_global(struct object_walk *walk, address_t at, uint64_t bytes)
{
    if (address_is_null(at) || bytes == 0)
        return NULL;
    walk->state->global_bytes += bytes;
    return visit_block(walk, ADDRESS_NONE, at, bytes);
}

/* What the state keeps for itself: in the collector's count, but no object. */
static struct error *count_globals(struct object_walk *walk, address_t thread)
{
    const struct lua_layout *layout = walk->layout;
    const unsigned char *global = walk->global;
    const unsigned char *jit = view_bytes(&walk->view, address_add(thread, layout->jit.offset),
        layout->block_bytes - layout->jit.offset);
    if (!jit)
        return damage(thread, "the JIT state is not in memory");
    const struct lua_object_layout *objects = layout->objects;
    const unsigned char *buffer = global + layout->global.temporary_buffer;
    uint64_t buffer_base = lua_word(buffer, objects->string_buffer.base, objects->string_buffer.pointer_bytes);
    uint64_t buffer_end = lua_word(buffer, objects->string_buffer.end, objects->string_buffer.pointer_bytes);
    uint64_t ir_bottom = field_u32(jit, layout->jit.ir_bottom), ir_top = field_u32(jit, layout->jit.ir_top);
    /* The recorder's buffer is addressed as if it began at instruction 0. */
    address_t ir_biased = address(ir_top ? field_u64(jit, layout->jit.ir_buffer) : 0);
    uint64_t ir_skipped = ir_top ? ir_bottom * objects->trace_parts.instruction_bytes : 0;
    const struct lua_block globals[] = {
        {thread, layout->block_bytes},
        {address(field_u64(global, layout->global.string_table)),
            ((uint64_t)field_u32(global, layout->global.string_mask) + 1) * objects->reference_bytes},
        {address(buffer_base), buffer_end - buffer_base},
        {address(field_u64(jit, layout->jit.traces)),
            (uint64_t)field_u32(jit, layout->jit.trace_slots) * objects->reference_bytes},
        {address_add(ir_biased, ir_skipped), (ir_top - ir_bottom) * objects->trace_parts.instruction_bytes},
        {address(field_u64(jit, layout->jit.snapshots)),
            (uint64_t)field_u32(jit, layout->jit.snapshot_slots) * objects->trace_parts.snapshot_bytes},
        {address(field_u64(jit, layout->jit.snapshot_map)),
            (uint64_t)field_u32(jit, layout->jit.snapshot_map_slots) * objects->trace_parts.snapshot_map_entry_bytes},
        {walk->reader.c_types, (uint64_t)walk->reader.c_type_slots * objects->c_types.type_bytes},
    };
    struct error *error = NULL;
    for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]) && !error; i++)
        error = count_global(walk, globals[i].at, globals[i].bytes);
    return error;
}

static void add_equations(struct object_walk *walk)
{
    struct lua_state *state = walk->state;
    uint64_t sum = state->global_bytes;
    for (unsigned type = 0; type < LUA_TYPES; type++)
        sum += state->objects[type].bytes;
    checks_add(&state->checks, "strings walked = strings counted",
        field_u32(walk->global, walk->layout->global.string_count), state->objects[LUA_TYPE_STRING].count);
    checks_add_within(&state->checks, "sum of objects = collector's count", state->collector.count_bytes, sum,
        COUNT_TOLERANCE_BYTES);
}

struct error *lua_objects_walk(const struct capture *capture, const struct lua_site *site, lua_block_visitor visit,
    void *visit_context, struct object_index *index, struct lua_state *state)
{
    struct object_walk walk = {
        .view = view_of(capture),
        .layout = site->layout,
        .reader = lua_block_reader_make(capture, site->layout, site->thread),
        .visit = visit,
        .visit_context = visit_context,
        .index = index,
        .budget = capture->copied_bytes / OBJECT_BYTES_MIN,
        .state = state,
    };
    struct memory_view global_view = view_of(capture);
    walk.global = view_bytes(&global_view, address_add(site->thread, site->layout->global.offset),
        site->layout->global.bytes);
    if (!walk.global)
        return damage(site->thread, "the global state is not in memory");
    struct error *error = walk_chain(&walk);
    if (!error)
        error = walk_finalizer_queue(&walk);
    if (!error)
        error = walk_strings(&walk);
    if (!error)
        error = count_globals(&walk, site->thread);
    if (!error)
        add_equations(&walk);
    return error;
}
