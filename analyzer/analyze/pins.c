/* Holders are numbers while pages are counted: steps of the path tree, and three of those that have no path. */
#include "analyze/pins.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/step_path.h"
#include "base/array.h"

enum {
    PAGE_HOLDERS_MAX = 64, /* of one page; what more of them have on it does not count for the page's choice */
    BLOCK_BYTES_MIN = 32,  /* with what the allocator adds */
};

static const char varying_step[] = "[*]";

/* What keeps pages but has no path: numbers behind those of the tree's steps. */
enum pathless { PATHLESS_GARBAGE, PATHLESS_AWAITED, PATHLESS_STATE, PATHLESS_KINDS };

static const char *const pathless_names[PATHLESS_KINDS] = {
    [PATHLESS_GARBAGE] = "(garbage, not collected yet)",
    [PATHLESS_AWAITED] = "(garbage that waits for its finalizer)",
    [PATHLESS_STATE] = "(LuaJIT itself)",
};

static const char unnamed_holder[] = "(others)"; /* the tree was too large to have a step for it */

struct pinned {
    uint32_t holder;
    uint64_t objects, bytes, pages, free_bytes;
};

struct pinning {
    const struct object_paths *paths;
    const struct sparse_pages *pages;
    const struct path_tree *tree;
    const uint32_t *steps;
    uint32_t *holders;       /* of each step; owned */
    uint32_t *places;        /* of each holder in `pinned`, plus one; owned */
    uint8_t *counted;        /* a bit by object: an object may lie on several pages; owned */
    ARRAY(struct pinned) pinned;
};

/* What the objects of one page add up to. */
struct page_share {
    uint32_t holder;
    uint32_t bytes;
};

static bool is_varying(const struct path_tree *tree, uint32_t step)
{
    return strncmp(path_tree_name(tree, step), varying_step, sizeof(varying_step) - 1) == 0;
}

/*
 * The step that holds many on the way to this one; where no step does, the one before. A parent stands before its
 * children, and so do their holders.
 */
static struct error *find_holders(struct pinning *pinning)
{
    const struct path_tree *tree = pinning->tree;
    uint32_t *holders = calloc(tree->count + 1, sizeof(*holders));
    uint8_t *below_varying = calloc(tree->count + 1, sizeof(*below_varying));
    pinning->holders = holders;
    for (uint32_t step = 1; step < tree->count && holders && below_varying; step++) {
        uint32_t parent = tree->nodes[step].parent;
        below_varying[step] = below_varying[parent];
        if (is_varying(tree, step) && parent != 0) {
            holders[step] = parent;
            below_varying[step] = 1;
        } else if (below_varying[parent]) {
            holders[step] = holders[parent];
        } else {
            holders[step] = parent != 0 ? parent : step;
        }
    }
    free(below_varying);
    return holders && below_varying ? NULL : error_no_memory();
}

static uint32_t pathless(const struct pinning *pinning, enum pathless kind)
{
    return (uint32_t)pinning->tree->count + kind;
}

static uint32_t holder_of(const struct pinning *pinning, object_id object)
{
    uint32_t step = pinning->steps[object];
    if (step < pinning->tree->count)
        return pinning->holders[step];
    bool awaited = reach_is_awaited(pinning->paths->reach, object);
    return pathless(pinning, awaited ? PATHLESS_AWAITED : PATHLESS_GARBAGE);
}

/* The holder with most bytes on the page; of equals the one whose object lies first. */
static uint32_t choose_holder(const struct pinning *pinning, size_t page)
{
    struct page_share shares[PAGE_HOLDERS_MAX];
    unsigned count = 0, best = 0;
    const struct sparse_pages *pages = pinning->pages;
    for (uint32_t entry = pages->first_entries[page]; entry < pages->first_entries[page + 1]; entry++) {
        uint32_t holder = holder_of(pinning, pages->objects[entry]);
        unsigned i = 0;
        while (i < count && shares[i].holder != holder)
            i++;
        if (i == PAGE_HOLDERS_MAX)
            continue;
        if (i == count)
            shares[count++] = (struct page_share){.holder = holder};
        shares[i].bytes += pages->object_bytes[entry];
    }
    for (unsigned i = 1; i < count; i++)
        if (shares[i].bytes > shares[best].bytes)
            best = i;
    return count ? shares[best].holder : pathless(pinning, PATHLESS_STATE);
}

static struct pinned *find_or_make(struct pinning *pinning, uint32_t holder)
{
    if (!pinning->places[holder]) {
        struct pinned *added = ARRAY_ADD(&pinning->pinned);
        if (!added)
            return NULL;
        added->holder = holder;
        pinning->places[holder] = (uint32_t)pinning->pinned.count;
    }
    return &pinning->pinned.items[pinning->places[holder] - 1];
}

static bool count_once(struct pinning *pinning, object_id object)
{
    uint8_t bit = (uint8_t)(1 << object % 8);
    bool first = !(pinning->counted[object / 8] & bit);
    pinning->counted[object / 8] |= bit;
    return first;
}

/* The end of a block on the page before, without a byte of its object. */
static bool is_remainder(const struct sparse_pages *pages, size_t page)
{
    return pages->first_entries[page] == pages->first_entries[page + 1]
        && pages->page_bytes - pages->free_bytes[page] < BLOCK_BYTES_MIN;
}

static struct error *count_page(struct pinning *pinning, size_t page)
{
    const struct sparse_pages *pages = pinning->pages;
    uint32_t holder = choose_holder(pinning, page);
    struct pinned *pinned = find_or_make(pinning, holder);
    if (!pinned)
        return error_no_memory();
    pinned->pages++;
    pinned->free_bytes += pages->free_bytes[page];
    for (uint32_t entry = pages->first_entries[page]; entry < pages->first_entries[page + 1]; entry++) {
        if (holder_of(pinning, pages->objects[entry]) != holder)
            continue;
        pinned->objects += count_once(pinning, pages->objects[entry]);
        pinned->bytes += pages->object_bytes[entry];
    }
    return NULL;
}

static int compare_pinned(const void *left, const void *right)
{
    const struct pinned *a = left, *b = right;
    if (a->pages != b->pages)
        return a->pages < b->pages ? 1 : -1;
    if (a->free_bytes != b->free_bytes)
        return a->free_bytes < b->free_bytes ? 1 : -1;
    return (a->holder > b->holder) - (a->holder < b->holder);
}

static char *name_holder(const struct pinning *pinning, uint32_t holder)
{
    char path[OBJECT_PATH_BYTES];
    if (holder >= pinning->tree->count)
        return strdup(pathless_names[holder - pinning->tree->count]);
    if (holder == 0)
        return strdup(unnamed_holder);
    step_path(pinning->tree, holder, path);
    return strdup(path);
}

static struct error *tell_row(const struct pinning *pinning, const struct pinned *pinned, struct pin_rows *rows)
{
    struct pin_row *row = ARRAY_ADD(rows);
    if (!row)
        return error_no_memory();
    *row = (struct pin_row){
        .path = name_holder(pinning, pinned->holder),
        .objects = pinned->objects,
        .bytes = pinned->bytes,
        .pinned_bytes = pinned->pages * pinning->pages->page_bytes,
        .free_bytes = pinned->free_bytes,
    };
    return row->path ? NULL : error_no_memory();
}

static struct error *tell(struct pinning *pinning, size_t limit, struct pin_rows *rows)
{
    struct pin_rows told = {0};
    struct error *error = NULL;
    if (pinning->pinned.count)
        qsort(pinning->pinned.items, pinning->pinned.count, sizeof(*pinning->pinned.items), compare_pinned);
    for (size_t i = 0; i < pinning->pinned.count && !error; i++) {
        const struct pinned *pinned = &pinning->pinned.items[i];
        told.pages += pinned->pages;
        told.pinned_bytes += pinned->pages * pinning->pages->page_bytes;
        told.free_bytes += pinned->free_bytes;
        if (i < limit)
            error = tell_row(pinning, pinned, &told);
    }
    if (!error) {
        *rows = told;
        return NULL;
    }
    for (size_t i = 0; i < told.count; i++)
        free(told.items[i].path);
    ARRAY_FREE(&told);
    return error;
}

struct error *pins_find(const struct object_paths *paths, const struct sparse_pages *pages,
    const struct path_tree *tree, const uint32_t *steps, size_t limit, struct pin_rows *rows)
{
    struct pinning pinning = {
        .paths = paths,
        .pages = pages,
        .tree = tree,
        .steps = steps,
        .places = calloc(tree->count + PATHLESS_KINDS, sizeof(*pinning.places)),
        .counted = calloc(paths->graph->count / 8 + 1, sizeof(*pinning.counted)),
    };
    struct error *error = pinning.places && pinning.counted ? find_holders(&pinning) : error_no_memory();
    for (size_t page = 0; page < pages->count && !error; page++)
        if (!is_remainder(pages, page))
            error = count_page(&pinning, page);
    if (!error)
        error = tell(&pinning, limit, rows);
    free(pinning.holders);
    free(pinning.places);
    free(pinning.counted);
    ARRAY_FREE(&pinning.pinned);
    return error;
}
