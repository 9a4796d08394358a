#include "locate/lua_states.h"

#include "base/array.h"
#include "target/memory_view.h"

/* Where a lua_State keeps the pointer to its global_State, and how far behind itself a main thread's may be. */
enum {
    THREAD_GLOBAL = 16,
    THREAD_HEADER_BYTES = 24,
    GLOBAL_DISTANCE_MIN = 80,
    GLOBAL_DISTANCE_MAX = 160,
    THREAD_TYPE = 9,
    THREAD_FUNCTION_KIND = 10, /* a fake C function, for frames without one */
};

/*
 * A candidate that names itself as main thread and has a string table is no chance: whatever else fails, it is
 * reported. A state must never be left out in silence.
 */
static const enum lua_layout_claim stranger = CLAIM_COLLECTOR;

static bool looks_like_main_thread(const unsigned char *bytes, uint64_t at)
{
    uint64_t global = field_u64(bytes, THREAD_GLOBAL);
    return global - at >= GLOBAL_DISTANCE_MIN && global - at <= GLOBAL_DISTANCE_MAX
        && field_u8(bytes, THREAD_TYPE) == LUA_TAG_THREAD && field_u8(bytes, THREAD_FUNCTION_KIND) == 1;
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
