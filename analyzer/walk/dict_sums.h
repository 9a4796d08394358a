/* What the entries of a lua_shared_dict add up to. One for each thread; joined at the end. Private to the walkers. */
#ifndef RESPIRE_WALK_DICT_SUMS_H
#define RESPIRE_WALK_DICT_SUMS_H

#include "walk/zone_walk.h"

struct dict_entry {
    address_t at;              /* its node */
    enum dict_value type;
    uint64_t key_bytes, value_bytes; /* of a list: its items' */
    uint64_t items;            /* of a list */
    uint64_t expires_ms;       /* since 1970; 0: never */
};

struct dict_sums {
    uint64_t now_ms;
    address_t newest, oldest;  /* the nodes at the ends of the queue */
    struct zone_contents contents; /* entries, by type, by time left, … but nothing that is owned */
    struct dict_entry *largest; /* owned; descending */
    size_t largest_count, largest_room;
    struct dict_entry newest_entry, oldest_entry; /* at ADDRESS_NONE until they were met */
};

/* False: no memory. Free the sums in any case. */
bool dict_sums_make(struct dict_sums *sums, uint64_t now_ms, size_t largest_room, address_t newest, address_t oldest);

static inline bool dict_entry_expired(uint64_t expires_ms, uint64_t now_ms)
{
    return expires_ms != 0 && expires_ms <= now_ms;
}

void dict_sums_add(struct dict_sums *sums, const struct dict_entry *entry);

void dict_sums_join(struct dict_sums *sums, const struct dict_sums *other);

/* What goes into the model; keys are read when they may be. */
struct error *dict_sums_tell(const struct dict_sums *sums, const struct zone_reading *reading,
    struct zone_contents *contents);

void dict_sums_free(struct dict_sums *sums);

#endif
