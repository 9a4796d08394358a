/* Each worker counts the strings among a share of the objects; the counts are then added up. */
#include "walk/lua_strings.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/size.h"
#include "model/histogram.h"
#include "target/memory_view.h"
#include "walk/object_shares.h"
#include "walk/pattern_groups.h"

enum {
    LENGTHS = 33, /* 0, and one for each power of two of 32 bits */
    SIZE_NAME_BYTES = 32,
};

struct string_worker {
    const struct lua_object_layout *layout;
    const struct object_graph *graph;
    struct memory_view view;
    struct object_share share;
    bool show_contents;
    struct pattern_groups patterns;
    struct histogram_bin lengths[LENGTHS];
};

static void count_string(struct string_worker *worker, address_t string, uint64_t bytes)
{
    uint32_t length;
    struct string_pattern pattern;
    if (!view_u32(&worker->view, address_add(string, worker->layout->string.length), &length))
        return;
    const unsigned char *text = view_bytes(&worker->view, address_add(string, worker->layout->string.bytes),
        size_min(length, PATTERN_TEXT_MAX));
    struct histogram_bin *bin = &worker->lengths[length ? 32 - __builtin_clz(length) : 0];
    bin->count++;
    bin->bytes += bytes;
    if (!text)
        return;
    string_pattern_make(text, length, worker->show_contents, &pattern);
    pattern_groups_add(&worker->patterns, &pattern, 1, bytes);
}

static void *count_share(void *argument)
{
    struct string_worker *worker = argument;
    struct object_cursor cursor = object_cursor_at(&worker->graph->index, worker->share.first);
    for (object_id id = worker->share.first; id < worker->share.end; id++) {
        address_t object = object_cursor_next(&cursor);
        if (worker->graph->types[id] == LUA_TYPE_STRING)
            count_string(worker, object, worker->graph->bytes[id]);
    }
    return NULL;
}

static void join_workers(struct string_worker *workers, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        pattern_groups_join(&workers[0].patterns, &workers[i].patterns);
        for (unsigned length = 0; length < LENGTHS; length++) {
            workers[0].lengths[length].count += workers[i].lengths[length].count;
            workers[0].lengths[length].bytes += workers[i].lengths[length].bytes;
        }
    }
}

static struct error *tell_sizes(const struct histogram_bin *lengths, struct group_rows *rows)
{
    struct error *error = NULL;
    for (unsigned i = 0; i < LENGTHS && !error; i++) {
        uint64_t low = i ? (uint64_t)1 << (i - 1) : 0, high = i ? low * 2 - 1 : 0;
        char name[SIZE_NAME_BYTES];
        int written = snprintf(name, sizeof(name), "%" PRIu64, low);
        if (high > low)
            snprintf(name + written, sizeof(name) - (size_t)written, "-%" PRIu64, high);
        if (lengths[i].count)
            error = group_rows_add(rows, name, lengths[i].count, lengths[i].bytes);
    }
    return error ? error : group_rows_finish(rows, LENGTHS);
}

static struct error *tell(struct string_worker *all, struct lua_strings *strings)
{
    struct lua_strings told = {0};
    struct error *error = pattern_groups_tell(&all->patterns, LUA_STRING_PATTERNS_MAX, &told.patterns);
    if (!error)
        error = tell_sizes(all->lengths, &told.sizes);
    if (error)
        lua_strings_free(&told);
    else
        *strings = told;
    return error;
}

struct error *lua_strings_group(const struct capture *capture, const struct lua_site *site,
    const struct object_graph *graph, bool show_contents, struct lua_strings *strings)
{
    struct string_worker workers[OBJECT_SHARES_MAX];
    unsigned count = object_shares(graph->index.count);
    struct error *error = NULL;
    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct string_worker){
            .layout = site->layout->objects,
            .graph = graph,
            .view = view_of(capture),
            .share = object_share(graph->index.count, i, count),
            .show_contents = show_contents,
        };
        struct error *made = pattern_groups_make(&workers[i].patterns);
        if (made) {
            error_free(error);
            error = made;
        }
    }
    if (!error) {
        object_shares_run(count_share, workers, sizeof(*workers), count);
        join_workers(workers, count);
        error = tell(&workers[0], strings);
    }
    for (unsigned i = 0; i < count; i++)
        pattern_groups_free(&workers[i].patterns);
    return error;
}
