#include "render/holders_text.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/holders.h"
#include "render/references_text.h"
#include "render/text.h"

/* Tables of less than a thousandth of what is reachable are no news, behind the first few. */
enum { SMALLEST_SHARE = 1000, TABLES_MIN = 3 };

static void print_groups(const char *heading, const struct group_rows *rows)
{
    if (rows->count == 0)
        return;
    uint64_t whole = 0;
    for (size_t i = 0; i < rows->count; i++)
        whole += rows->items[i].bytes;
    printf("\n  %10s %9s %12s  %s\n", "bytes", "share", "count", heading);
    for (size_t i = 0; i < rows->count; i++) {
        const struct group_row *row = &rows->items[i];
        printf("  %10s %9s %12s  %s\n", SIZE(row->bytes), SHARE(row->bytes, whole), COUNT(row->count), NAME(row->name));
    }
}

static int compare_retained(const void *left, const void *right)
{
    const struct table_row *a = *(const struct table_row *const *)left, *b = *(const struct table_row *const *)right;
    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    return (a->bytes < b->bytes) - (a->bytes > b->bytes);
}

static void print_table(const struct table_row *row, uint64_t live_bytes)
{
    printf("  %10s %9s %10s %12s  %s", SIZE(row->retained_bytes), SHARE(row->retained_bytes, live_bytes),
        SIZE(row->bytes), COUNT(row->records), NAME(row->path));
    if (row->other_references)
        printf("  +%s", NUMBER_OF(row->other_references, "other reference"));
    puts("");
}

/* The rows are the largest by three measures; they are shown by the one that says most: what would go with them. */
static void print_tables(const struct lua_holders *holders)
{
    size_t count = holders->tables.count;
    const struct table_row **rows = count ? calloc(count, sizeof(*rows)) : NULL;
    if (!rows)
        return;
    for (size_t i = 0; i < count; i++)
        rows[i] = &holders->tables.items[i];
    qsort(rows, count, sizeof(*rows), compare_retained);
    printf("\n  %10s %9s %10s %12s  %s\n", "retained", "share", "own", "records", "largest tables");
    for (size_t i = 0; i < count; i++)
        if (i < TABLES_MIN || rows[i]->retained_bytes >= holders->live_bytes / SMALLEST_SHARE)
            print_table(rows[i], holders->live_bytes);
    free(rows);
}

static bool is_before(const struct table_row *row, const struct table_row *first, uint64_t half)
{
    bool has_half = row->retained_bytes >= half, first_has_half = first && first->retained_bytes >= half;
    if (!first || has_half != first_has_half)
        return !first || has_half;
    return has_half ? row->retained_bytes < first->retained_bytes : row->retained_bytes > first->retained_bytes;
}

/* Everything hangs on these, so that it says nothing to name them. */
static bool holds_all(const struct table_row *row)
{
    static const char *const paths[] = {"_G", "package.loaded", "registry"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (strcmp(row->path, paths[i]) == 0)
            return true;
    return false;
}

const struct table_row *holders_first_table(const struct lua_holders *holders)
{
    const struct table_row *first = NULL, *named = NULL;
    for (size_t i = 0; i < holders->tables.count; i++) {
        const struct table_row *row = &holders->tables.items[i];
        if (is_before(row, first, holders->live_bytes / 2))
            first = row;
        if (!holds_all(row) && is_before(row, named, holders->live_bytes / 2))
            named = row;
    }
    return named && named->retained_bytes >= holders->live_bytes / 10 ? named : first;
}

void holders_text_garbage_line(const struct lua_state *state, const struct lua_holders *holders)
{
    printf("\n  garbage      %s of the count is garbage that a full collection would free now (%s)",
        SIZE(holders->garbage_bytes), SHARE(holders->garbage_bytes, state->collector.count_bytes));
    if (holders->awaited_objects)
        printf(",\n               %s more once finalizers were called", SIZE(holders->awaited_bytes));
    puts("");
}

static void print_garbage(const struct lua_state *state, const struct lua_holders *holders)
{
    holders_text_garbage_line(state, holders);
    if (holders->garbage_objects == 0)
        return;
    print_groups("garbage by type", &holders->garbage_types);
    print_groups("garbage functions, by the line that made them", &holders->garbage_functions);
}

static void print_strings(const struct lua_state *state, const struct lua_holders *holders)
{
    const struct lua_objects *strings = &state->objects[LUA_TYPE_STRING];
    uint64_t slots = state->string_table_slots;
    printf("\n  strings      %s in %s; %s of the string table, load %.2f\n", SIZE(strings->bytes),
        NUMBER_OF(strings->count, "string"), NUMBER_OF(slots, "slot"),
        slots ? (double)strings->count / (double)slots : 0);
    print_groups("strings that look alike", &holders->string_patterns);
    if (holders->string_patterns.count)
        puts("\n  %d stands for digits, %x for a hexadecimal number, %u for a UUID, * for anything; a{4} for four\n"
             "  letters that are hidden (--show-strings shows them).");
    print_groups("strings by size in bytes", &holders->string_sizes);
}

static void print_objects(const struct lua_holders *holders)
{
    const struct {
        const char *heading;
        const struct group_rows *rows;
    } lists[] = {
        {"cdata, by C type", &holders->cdata_types},
        {"cdata with a finalizer, by C type", &holders->cdata_finalized},
        {"userdata, by metatable", &holders->userdata_types},
        {"code of functions, by file", &holders->proto_files},
        {"JIT traces, by file", &holders->trace_files},
        {"coroutines, by the line where they wait", &holders->coroutine_lines},
    };
    const size_t count = sizeof(lists) / sizeof(lists[0]);
    for (size_t i = 0; i < count; i++)
        print_groups(lists[i].heading, lists[i].rows);
    const char *before = "\n  None: ";
    for (size_t i = 0; i < count; i++) {
        if (lists[i].rows->count)
            continue;
        printf("%s%.*s", before, (int)strcspn(lists[i].heading, ","), lists[i].heading);
        before = "; ";
    }
    if (*before == ';')
        puts("");
}

static void print_pins(const struct lua_state *state, const struct lua_holders *holders, size_t top)
{
    const struct pin_rows *pins = &holders->pins;
    if (state->heap.kind == HEAP_OTHER && !state->taken_over) {
        puts("\n  Which pages its objects pin is not known: the host gave LuaJIT an allocator of its own.");
        return;
    }
    if (pins->pages == 0) {
        puts("\n  No page is kept resident by a few objects alone.");
        return;
    }
    printf("\n  pinned       %s in %s that hold little: %s of it is free, and can't go back\n",
        SIZE(pins->pinned_bytes), NUMBER_OF(pins->pages, "page"), SIZE(pins->free_bytes));
    for (size_t i = 0; i < pins->count && i < 1; i++)
        printf("               %s of %s %s %s of pages resident\n", NUMBER_OF(pins->items[i].objects, "object"),
            NAME(pins->items[i].path), pins->items[i].objects == 1 ? "keeps" : "keep",
            SIZE(pins->items[i].pinned_bytes));
    printf("\n  %10s %9s %10s %12s %10s  %s\n", "pinned", "share", "free", "objects", "bytes", "kept resident by");
    for (size_t i = 0; i < pins->count && i < top; i++) {
        const struct pin_row *row = &pins->items[i];
        printf("  %10s %9s %10s %12s %10s  %s\n", SIZE(row->pinned_bytes), SHARE(row->pinned_bytes, pins->pinned_bytes),
            SIZE(row->free_bytes), COUNT(row->objects), SIZE(row->bytes), NAME(row->path));
    }
    puts("\n  LuaJIT never moves an object: such a page goes back when the last object on it does. What lives long\n"
         "  is best made early, before the burst whose garbage would lie around it.");
}

void holders_text_print(const struct lua_state *state, const struct lua_holders *holders, unsigned parts, size_t top)
{
    if (parts & HOLDERS_TABLES)
        print_tables(holders);
    if (parts & HOLDERS_REFERENCES)
        references_text_print(&holders->references, top);
    if (parts & HOLDERS_GARBAGE)
        print_garbage(state, holders);
    if (parts & HOLDERS_STRINGS)
        print_strings(state, holders);
    if (parts & HOLDERS_GROUPS)
        print_objects(holders);
    if (parts & HOLDERS_PINS)
        print_pins(state, holders, top);
}
