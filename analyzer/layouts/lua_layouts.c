#include "layouts/lua_layout.h"

#include "layouts/lua_rows.h"

static const struct lua_rows *const branches[] = {
    &luajit_gc64_rows,
    &luajit2_gc64_rows,
    &luajit_gc32_rows,
    &luajit2_gc32_rows,
};

const struct lua_layout *lua_layout_row(size_t index)
{
    for (size_t i = 0; i < sizeof(branches) / sizeof(branches[0]); i++) {
        if (index < branches[i]->count)
            return &branches[i]->items[index];
        index -= branches[i]->count;
    }
    return NULL;
}
