/*
 * What modules keep in a zone made by hand, as rows of layouts have it: a record at pool->data, entries in a tree and
 * a queue. The tree is one of search, by key; nobody balances it, so a test decides on its shape by the keys.
 */
#ifndef RESPIRE_TESTS_FAKE_CONTENTS_H
#define RESPIRE_TESTS_FAKE_CONTENTS_H

#include "fake_zone.h"
#include "layouts/nginx_zone_contents.h"

/* A record with an empty tree and, where the row has one, an empty queue; and the text for the log. Its address. */
uint64_t fake_record(struct fake_zone *zone, const struct nginx_zone_row *row, const char *name);

/* `node` is in memory; it gets that key and becomes a leaf. */
void fake_tree_insert(struct fake_zone *zone, uint64_t record, uint64_t node, uint64_t key);

/* Behind the element, or the head, at `before`. */
void fake_queue_insert(struct fake_zone *zone, uint64_t before, uint64_t at);

/* An entry as the row has it, at the head of the queue. A field that the row does not have is left out. */
struct fake_row_entry {
    uint64_t key;         /* in the tree; made 32 bits short where the row says so */
    uint64_t key_bytes, expires_s, last_ms;
    uint64_t other_bytes; /* of its second slab */
};

/* Its node; 0: no memory. */
uint64_t fake_row_add(struct fake_zone *zone, const struct nginx_zone_row *row, uint64_t record,
    const struct fake_row_entry *entry);

/* A group of servers as the row has it, in the name of `name`; `servers` of them have a slab each. Its address. */
uint64_t fake_peers(struct fake_zone *zone, const struct nginx_peers_row *row, const char *name, uint64_t servers);

/* As lua_shared_dict makes it. */
uint64_t fake_dict(struct fake_zone *zone, const char *name);

struct fake_entry {
    uint64_t key;         /* in the tree */
    uint64_t key_bytes, value_bytes;
    unsigned type;        /* enum nginx_dict_type */
    uint64_t expires_ms;
};

/* As dict:set(), at the head of the queue; a list is an empty one. Its node; 0: no memory. */
uint64_t fake_dict_add(struct fake_zone *zone, uint64_t record, const struct fake_entry *entry);

/* As dict:rpush(), of a string. The item; 0: no memory. */
uint64_t fake_dict_push(struct fake_zone *zone, uint64_t node, uint64_t value_bytes);

/* Where the head of a list is. */
uint64_t fake_dict_list(const struct fake_zone *zone, uint64_t node);

#endif
