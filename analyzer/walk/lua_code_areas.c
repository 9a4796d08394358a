#include "walk/lua_code_areas.h"

#include <inttypes.h>

#include "base/array.h"
#include "base/size.h"
#include "target/memory_view.h"

enum {
    AREA_NEXT = 0,
    AREA_BYTES = 8,
    AREA_LINK_BYTES = 16,
    AREAS_MAX = 1 << 16,
};

static struct error *add_area(const struct capture *capture, address_t at, uint64_t bytes, struct lua_code_areas *areas)
{
    struct address_range range = {at, address_add(at, bytes)};
    const struct mapping *mapping = mappings_find(&capture->mappings, at);
    if (!mapping || bytes == 0 || bytes % capture->page_bytes || at.value % capture->page_bytes
        || address_equal(range.end, ADDRESS_NONE))
        return error_new(ERROR_NOT_UNDERSTOOD, "JIT code area at 0x%" PRIx64 " is not a mapping", at.value);
    struct address_range *added = ARRAY_ADD(areas);
    if (!added)
        return error_no_memory();
    *added = range;
    return NULL;
}

struct error *lua_code_areas_walk(const struct capture *capture, const struct lua_site *site, struct lua_state *state)
{
    struct memory_view view = view_of(capture);
    const struct lua_layout *layout = site->layout;
    address_t jit = address_add(site->thread, layout->jit.offset);
    uint64_t area, total, sum = 0;
    if (!view_u64(&view, address_add(jit, layout->jit.code_area), &area)
        || !view_u64(&view, address_add(jit, layout->jit.code_total_bytes), &total))
        return error_new(ERROR_NOT_UNDERSTOOD, "the JIT state of 0x%" PRIx64 " is not in memory", site->thread.value);
    for (unsigned i = 0; area != 0; i++) {
        const void *link = view_bytes(&view, address(area), AREA_LINK_BYTES);
        if (!link || i == AREAS_MAX)
            return error_new(ERROR_NOT_UNDERSTOOD, "the list of JIT code areas breaks off at 0x%" PRIx64, area);
        uint64_t bytes = field_u64(link, AREA_BYTES);
        struct error *error = add_area(capture, address(area), bytes, &state->code_areas);
        if (error)
            return error;
        sum += bytes;
        area = field_u64(link, AREA_NEXT);
    }
    checks_add(&state->checks, "sum of JIT code areas = counted", total, sum);
    return NULL;
}
