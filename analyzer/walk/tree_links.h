/*
 * Who is below whom in a tree in shared memory, noted while its nodes are met in the order of addresses, and how high
 * the tree is. Following the nodes themselves would wait for memory, and for page tables, at every step: each lies on a
 * page of its own. Noted down it is small, an eighth of the memory that slabs of 64 bytes take, and lies on huge pages.
 */
#ifndef RESPIRE_WALK_TREE_LINKS_H
#define RESPIRE_WALK_TREE_LINKS_H

#include "walk/slab_pool.h"

/* Of a node's children: their places, and 1; 0: none. */
struct tree_link {
    uint32_t left, right;
};

/* A place is as much memory as the smallest slab takes that can hold a node. */
struct tree_links {
    struct tree_link *items; /* by place; owned */
    address_t start;
    uint64_t count, bytes;
    unsigned place_shift;
};

struct tree_measure {
    uint64_t nodes;
    unsigned height; /* nodes on the longest way from the root */
};

/* What the links take of so many bytes of slabs. */
static inline uint64_t tree_links_bytes(uint64_t slab_bytes, unsigned node_bytes)
{
    return slab_bytes / node_bytes * sizeof(struct tree_link);
}

/* `node_bytes`: of the smallest node. Free the links in any case. */
struct error *tree_links_make(const struct slab_pool *pool, unsigned node_bytes, struct tree_links *links);

/* What a link to `at` is; 0 when no node can be there. */
static inline uint32_t tree_link_to(const struct tree_links *links, uint64_t at)
{
    const uint64_t place = (at - links->start.value) >> links->place_shift;
    return at >= links->start.value && place < links->count ? (uint32_t)place + 1 : 0;
}

/* `at` is a node, below which are those. Several threads may note different nodes. */
static inline void tree_links_note(struct tree_links *links, address_t at, uint64_t left, uint64_t right)
{
    const uint32_t link = tree_link_to(links, at.value);
    if (link)
        links->items[link - 1] = (struct tree_link){tree_link_to(links, left), tree_link_to(links, right)};
}

/* From the root down, by so many threads; no more than `nodes_max` nodes. */
struct error *tree_links_measure(const struct tree_links *links, address_t root, uint64_t nodes_max, unsigned workers,
    struct tree_measure *measure);

void tree_links_free(struct tree_links *links);

#endif
