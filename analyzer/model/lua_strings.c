#include "model/lua_strings.h"

void lua_strings_free(struct lua_strings *strings)
{
    group_rows_free(&strings->patterns);
    group_rows_free(&strings->sizes);
}
