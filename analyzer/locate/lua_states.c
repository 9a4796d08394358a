#include "locate/lua_states.h"

#include "base/array.h"
#include "target/memory_view.h"

/* How far behind itself a main thread's global_State may be. */
enum {
    GLOBAL_DISTANCE_MIN = 56,
    GLOBAL_DISTANCE_MAX = 160,
    THREAD_HEADER_BYTES = 24,
};

/* The start of a lua_State, by the width of references: the same in all rows. */
enum {
    WIDE_TYPE = 9,
    WIDE_FUNCTION_KIND = 10, /* a fake C function, for frames without one */
    WIDE_GLOBAL = 16,
    NARROW_TYPE = 5,
    NARROW_FUNCTION_KIND = 6,
    NARROW_GLOBAL = 8,
};

/* Narrow references end here. */
static const uint64_t narrow_end = (uint64_t)1 << 32;

/*
 * A candidate that names itself as main thread and has a string table is no chance: whatever else fails, it is
 * reported. A state must never be left out in silence.
 */
static const enum lua_layout_claim stranger = CLAIM_COLLECTOR;

static bool is_near(uint64_t global, uint64_t at)
{
    return global - at >= GLOBAL_DISTANCE_MIN && global - at <= GLOBAL_DISTANCE_MAX;
}

static bool looks_like_main_thread(const unsigned char *bytes, uint64_t at)
{
    if (is_near(field_u64(bytes, WIDE_GLOBAL), at))
        return field_u8(bytes, WIDE_TYPE) == LUA_TAG_THREAD && field_u8(bytes, WIDE_FUNCTION_KIND) == 1;
    return at < narrow_end && is_near(field_u32(bytes, NARROW_GLOBAL), at)
        && field_u8(bytes, NARROW_TYPE) == LUA_TAG_THREAD && field_u8(bytes, NARROW_FUNCTION_KIND) == 1;
}

static struct error *add_site(const struct capture *capture, address_t thread, struct lua_sites *sites)
{
    struct lua_site site = {.thread = thread};
    site.layout = lua_layout_choose(capture, thread, &site.nearest, &site.failed);
    if (!site.layout && site.failed < stranger)
        return NULL;
    if (sites->count == LUA_SITES_MAX)
        return error_new(ERROR_NOT_UNDERSTOOD, "more than %d Lua states in one process", LUA_SITES_MAX);
    struct lua_site *added = ARRAY_ADD(sites);
    if (!added)
        return error_no_memory();
    *added = site;
    return NULL;
}

struct error *locate_lua_states(const struct capture *capture, struct lua_sites *sites)
{
    struct lua_sites found = {0};
    struct error *error = NULL;
    for (size_t i = 0; i < capture->piece_count && !error; i++) {
        const struct capture_piece *piece = &capture->pieces[i];
        uint64_t end = range_bytes(piece->range);
        for (uint64_t at = 0; at + THREAD_HEADER_BYTES <= end && !error; at += 8) {
            uint64_t start = piece->range.start.value + at;
            if (looks_like_main_thread(piece->data + at, start))
                error = add_site(capture, address(start), &found);
        }
    }
    if (error) {
        lua_sites_free(&found);
        return error;
    }
    *sites = found;
    return NULL;
}

void lua_sites_free(struct lua_sites *sites)
{
    ARRAY_FREE(sites);
}
