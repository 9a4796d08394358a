/*
 * Facts: below a frame's base lie its function and its link, in two slots with 64-bit references and in one with
 * 32-bit ones. The lowest bits of the link tell what it is: 0, the address at which the calling Lua function goes
 * on (the instruction before it is the call, and says in which register the frame starts); else the distance to the
 * frame below, in bytes. A function with "..." has two frames: the one of its caller's making, which holds the values
 * of "...", and above it a copy in which it runs. A metamethod's frame goes on at an address one place further below.
 */
#include "walk/lua_frames.h"

#include "layouts/lua_value.h"

enum {
    STATUS_YIELDED = 1,
    LINK_TYPE_MASK = 3,
    LINK_KIND_MASK = 7,
    LINK_LUA = 0,
    LINK_CONTINUATION = 2,
    LINK_VARIABLE_VALUES = 3,
    INSTRUCTION_BYTES = 4,
    OPERAND_A_SHIFT = 8,
    STACK_SLOTS_MAX = 1 << 20, /* LuaJIT stops at a sixteenth of that */
};

static bool has_wide_frames(const struct lua_frames *frames)
{
    return frames->reader->layout->objects->value_coding == LUA_VALUE_HIGH_17;
}

/* Slots between the frames of two functions. */
static uint32_t link_slots(const struct lua_frames *frames)
{
    return has_wide_frames(frames) ? 2 : 1;
}

bool lua_frames_slot(const struct lua_frames *frames, uint32_t slot, uint64_t *value)
{
    return slot < frames->slots
        && view_u64(&frames->reader->view, address_add(frames->stack, (uint64_t)slot * LUA_VALUE_BYTES), value);
}

static bool slot_of(const struct lua_frames *frames, uint64_t pointer, uint32_t *slot)
{
    uint64_t distance = pointer - frames->stack.value;
    if (pointer < frames->stack.value || distance % LUA_VALUE_BYTES || distance / LUA_VALUE_BYTES >= frames->slots)
        return false;
    *slot = (uint32_t)(distance / LUA_VALUE_BYTES);
    return true;
}

bool lua_frames_begin(struct lua_frames *frames, struct lua_reader *reader, address_t thread,
    enum lua_thread_rest *rest)
{
    const struct lua_layout *layout = reader->layout;
    const void *fields = view_bytes(&reader->view, thread, layout->thread.bytes);
    if (!fields || field_u8(fields, layout->objects->header.type) != LUA_TAG_THREAD)
        return false;
    *frames = (struct lua_frames){
        .reader = reader,
        .thread = thread,
        .stack = lua_reference(layout->objects, fields, layout->thread.stack),
        .slots = field_u32(fields, layout->thread.stack_slots),
    };
    frames->bottom = link_slots(frames);
    if (frames->slots > STACK_SLOTS_MAX || !slot_of(frames, field_u64(fields, layout->thread.base), &frames->base)
        || !slot_of(frames, field_u64(fields, layout->thread.top), &frames->end) || frames->base < frames->bottom)
        return false;
    uint8_t status = field_u8(fields, layout->thread.status);
    if (status == STATUS_YIELDED || (status == 0 && frames->base > frames->bottom))
        *rest = LUA_THREAD_IN_FUNCTION;
    else
        *rest = status == 0 && frames->end > frames->base ? LUA_THREAD_NOT_STARTED : LUA_THREAD_ENDED;
    return true;
}

/* What lies below a frame's base. */
struct link {
    address_t function;
    int64_t word; /* address or distance */
};

static bool read_link(const struct lua_frames *frames, uint32_t base, struct link *link)
{
    uint64_t function, word;
    if (!lua_frames_slot(frames, base - 1, &word))
        return false;
    if (!has_wide_frames(frames)) {
        *link = (struct link){address((uint32_t)word), (int32_t)(word >> 32)};
        return true;
    }
    enum lua_tag tag;
    if (!lua_frames_slot(frames, base - 2, &function)
        || !lua_value_object(frames->reader->layout->objects, function, &tag, &link->function))
        return false;
    link->word = (int64_t)word;
    return true;
}

static address_t link_address(const struct lua_frames *frames, const struct link *link)
{
    return address(has_wide_frames(frames) ? (uint64_t)link->word : (uint32_t)link->word);
}

/* How far below this base the next one is, in slots; 0: the link can't be followed. */
static uint32_t link_distance(const struct lua_frames *frames, const struct link *link)
{
    if ((link->word & LINK_TYPE_MASK) == LINK_LUA) {
        uint32_t call;
        if (!view_u32(&frames->reader->view, address_subtract(link_address(frames, link), INSTRUCTION_BYTES), &call))
            return 0;
        return link_slots(frames) + (call >> OPERAND_A_SHIFT & 0xff);
    }
    int64_t distance = (link->word & ~(int64_t)LINK_KIND_MASK) / LUA_VALUE_BYTES;
    return distance > 0 && distance < frames->slots ? (uint32_t)distance : 0;
}

/* Where the function below goes on. */
static address_t return_address(const struct lua_frames *frames, const struct link *link)
{
    uint64_t word;
    if ((link->word & LINK_TYPE_MASK) == LINK_LUA)
        return link_address(frames, link);
    if ((link->word & LINK_KIND_MASK) != LINK_CONTINUATION
        || !lua_frames_slot(frames, frames->base - 1 - link_slots(frames), &word))
        return address(0);
    return address(has_wide_frames(frames) ? word : word >> 32);
}

/* Go from the frame at frames->base to the one below it. */
static bool step_down(struct lua_frames *frames, struct link *link)
{
    if (frames->base <= frames->bottom || !read_link(frames, frames->base, link))
        return false;
    uint32_t distance = link_distance(frames, link);
    if (distance == 0 || distance > frames->base - frames->bottom)
        return false;
    frames->next_instruction = return_address(frames, link);
    frames->end = frames->base - link_slots(frames);
    frames->base -= distance;
    return true;
}

bool lua_frames_next(struct lua_frames *frames, struct lua_frame *frame)
{
    struct link link;
    do {
        *frame = (struct lua_frame){
            .base = frames->base,
            .end = frames->end,
            .variable_values = frames->base,
            .next_instruction = frames->next_instruction,
        };
        if (!step_down(frames, &link))
            return false;
        frame->function = link.function;
    } while (address_equal(link.function, frames->thread)); /* stands for an error in a call */
    if ((link.word & LINK_KIND_MASK) == LINK_VARIABLE_VALUES) {
        frame->variable_values = frames->base;
        return step_down(frames, &link);
    }
    return true;
}
