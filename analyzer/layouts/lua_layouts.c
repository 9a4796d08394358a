#include "layouts/lua_layout.h"

#include "layouts/lua_rows.h"

const struct lua_layout_branch *lua_layout_branch(size_t index)
{
    static const struct lua_layout_branch *const branches[] = {
        &luajit_gc64,
        &luajit2_gc64,
        &luajit_gc32,
        &luajit2_gc32,
    };
    return index < sizeof(branches) / sizeof(branches[0]) ? branches[index] : NULL;
}

const struct lua_layout *lua_layout_row(size_t index)
{
    const struct lua_layout_branch *branch;
    for (size_t i = 0; (branch = lua_layout_branch(i)); i++) {
        if (index < branch->count)
            return &branch->rows[index];
        index -= branch->count;
    }
    return NULL;
}
