/* The list of rows. A new family is a row in its file and a line here. */
#include "layouts/lua_layouts_gc64.h"

const struct lua_layout *const lua_layouts[] = {
    &luajit_gc64_2026_07,
    &luajit_gc64_2025_11_10,
    &luajit_gc64_2025_11_06,
    &luajit_gc64_2024_04,
    &luajit_gc64_2021_03,
    &luajit_gc64_2020_09,
    &luajit2_gc64_2024_04,
    &luajit2_gc64_2021_06,
    &luajit2_gc64_2020_10,
};

const size_t lua_layout_count = sizeof(lua_layouts) / sizeof(lua_layouts[0]);
