#include "analyze/pool_contents.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range_search.h"
#include "base/size.h"
#include "walk/pool_memory.h"

enum {
    SAMPLES_MAX = 64, /* pools of a row, evenly chosen */
    WORDS_MAX = 64,   /* at the start of each */
    WORD_BYTES = 8,
    NAMES_MAX = 64,   /* different ones in a row */
    NAMES_SHOWN = 3,
    TEXT_BYTES_MIN = 4,
    ROWS_MAX = 100,
};

struct common_name {
    const char *name; /* NULL: none */
    unsigned pools;   /* so many of the sample have it */
    uint32_t last;    /* the last of them */
};

struct common_names {
    struct common_name items[NAMES_MAX]; /* those without a name are last */
};

struct sample {
    unsigned pools, texts;
    uint64_t shortest, longest; /* text */
    struct common_names pointed_to, cleanups;
};

static void count_name(struct common_names *names, const char *name, uint32_t pool)
{
    size_t i = 0;
    while (i < NAMES_MAX && names->items[i].name && strcmp(names->items[i].name, name) != 0)
        i++;
    struct common_name *common = &names->items[i];
    if (i == NAMES_MAX || (common->name && common->last == pool))
        return;
    *common = (struct common_name){name, common->pools + 1, pool};
}

static void count_pointers(struct function_names *names, const unsigned char *data, uint64_t bytes, uint32_t pool,
    struct sample *sample)
{
    for (uint64_t at = 0; at + WORD_BYTES <= bytes; at += WORD_BYTES) {
        address_t to = address(field_u64(data + at, 0));
        const char *function = function_name(names, to), *name = function ? function : variable_name(names, to);
        if (name)
            count_name(&sample->pointed_to, name, pool);
    }
}

static bool is_of_identifier(unsigned char byte)
{
    return isalnum(byte) || byte == '_' || byte == '-' || byte == '.' || byte == '/' || byte == ':';
}

/* The first run of characters that looks like an identifier, a path or a key: its length. */
static void measure_text(const unsigned char *data, uint64_t bytes, struct sample *sample)
{
    for (uint64_t at = 0; at < bytes; at++) {
        uint64_t start = at;
        while (at < bytes && is_of_identifier(data[at]))
            at++;
        if (at - start < TEXT_BYTES_MIN || !(isalpha(data[start]) || data[start] == '_' || data[start] == '/'))
            continue;
        sample->shortest = sample->texts ? size_min(sample->shortest, at - start) : at - start;
        sample->longest = size_max(sample->longest, at - start);
        sample->texts++;
        return;
    }
}

static const struct pool_chunk *first_block(const struct nginx_pools *pools, uint32_t pool)
{
    return RANGE_HOLDING(pools->chunks, pools->chunk_count, pools->pools[pool].address);
}

static void look_into(struct memory_view *view, struct function_names *names, const struct nginx_pools *pools,
    uint32_t pool, struct sample *sample)
{
    const struct nginx_pool *about = &pools->pools[pool];
    const struct pool_chunk *block = first_block(pools, pool);
    struct address_range contents = block ? pool_chunk_contents(view, pools, block) : (struct address_range){0};
    uint64_t bytes = size_min(range_bytes(contents), WORDS_MAX * WORD_BYTES);
    const unsigned char *data = view_bytes(view, contents.start, bytes);
    sample->pools++;
    for (uint32_t i = 0; i < about->cleanup_count; i++)
        count_name(&sample->cleanups, pools->names[pools->cleanups[about->first_cleanup + i].name], pool);
    if (!data)
        return;
    count_pointers(names, data, bytes, pool, sample);
    measure_text(data, bytes, sample);
}

/* The most frequent name that at least half of the sample has. */
static struct common_name *most_frequent(struct common_names *names, unsigned pools)
{
    struct common_name *best = NULL;
    for (size_t i = 0; i < NAMES_MAX && names->items[i].name; i++) {
        struct common_name *common = &names->items[i];
        if (common->pools && common->pools * 2 >= pools && (!best || common->pools > best->pools))
            best = common;
    }
    return best;
}

/* A cleanup handler stands in the pool's memory like any function that it points to: it is told once. */
static void forget_names(struct common_names *names, const struct common_names *told)
{
    for (size_t i = 0; i < NAMES_MAX && names->items[i].name; i++)
        for (size_t k = 0; k < NAMES_MAX && told->items[k].name; k++)
            if (strcmp(names->items[i].name, told->items[k].name) == 0)
                names->items[i].pools = 0;
}

static void write_names(FILE *out, const char *heading, struct common_names *names, unsigned pools)
{
    for (unsigned shown = 0; shown < NAMES_SHOWN; shown++) {
        struct common_name *common = most_frequent(names, pools);
        if (!common)
            return;
        if (shown == 0 && ftell(out) > 0)
            fputs("; ", out);
        fprintf(out, "%s%s", shown ? ", " : heading, common->name);
        common->pools = 0;
    }
}

static void write_texts(FILE *out, const struct sample *sample)
{
    if (sample->texts == 0 || sample->texts * 2 < sample->pools)
        return;
    fprintf(out, "%stext of %" PRIu64, ftell(out) > 0 ? "; " : "", sample->shortest);
    if (sample->longest > sample->shortest)
        fprintf(out, " to %" PRIu64, sample->longest);
    fputs(" bytes", out);
}

/* Some of a row's pools, evenly chosen by address. */
static void take_sample(const struct capture *capture, struct function_names *names, const struct nginx_pools *pools,
    uint32_t row, struct sample *sample)
{
    struct memory_view view = view_of(capture);
    uint64_t step = pools->owners[row].pools / SAMPLES_MAX + 1, met = 0;
    for (size_t i = 0; i < pools->count; i++)
        if (pools->pools[i].owner == row && met++ % step == 0)
            look_into(&view, names, pools, (uint32_t)i, sample);
}

static struct error *describe(const struct capture *capture, struct function_names *names, struct nginx_pools *pools,
    uint32_t row)
{
    struct pool_owner *owner = &pools->owners[row];
    struct sample sample = {0};
    size_t bytes;
    take_sample(capture, names, pools, row, &sample);
    FILE *out = open_memstream(&owner->contents, &bytes);
    if (!out)
        return error_no_memory();
    forget_names(&sample.pointed_to, &sample.cleanups);
    write_names(out, "points to ", &sample.pointed_to, sample.pools);
    write_names(out, "cleanup by ", &sample.cleanups, sample.pools);
    write_texts(out, &sample);
    if (fclose(out) != 0)
        return error_no_memory();
    if (bytes == 0) {
        free(owner->contents);
        owner->contents = NULL;
    }
    return NULL;
}

struct error *pool_contents_describe(const struct capture *capture, struct function_names *names,
    struct nginx_pools *pools)
{
    struct error *error = NULL;
    for (uint32_t row = 0; row < pools->owner_count && row < ROWS_MAX && !error; row++)
        if (pools->owners[row].kind == POOL_UNOWNED && !pools->owners[row].contents)
            error = describe(capture, names, pools, row);
    return error;
}
