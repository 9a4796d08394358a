#include "walk/dict_sums.h"

#include <stdlib.h>
#include <string.h>

#include "layouts/nginx_zone_contents.h"
#include "walk/zone_walk.h"

bool dict_sums_make(struct dict_sums *sums, uint64_t now_ms, size_t largest_room, address_t newest, address_t oldest)
{
    *sums = (struct dict_sums){
        .now_ms = now_ms,
        .newest = newest,
        .oldest = oldest,
        .largest = calloc(largest_room + 1, sizeof(*sums->largest)),
        .largest_room = largest_room,
        .newest_entry = {.at = ADDRESS_NONE},
        .oldest_entry = {.at = ADDRESS_NONE},
    };
    return sums->largest != NULL;
}

static uint64_t entry_bytes(const struct dict_entry *entry)
{
    return entry->key_bytes + entry->value_bytes;
}

static void sum(struct entry_sum *sum, uint64_t bytes)
{
    sum->count++;
    sum->bytes += bytes;
}

static void add_time_left(struct dict_sums *sums, const struct dict_entry *entry, uint64_t bytes)
{
    struct zone_contents *contents = &sums->contents;
    unsigned row = 0;
    if (entry->expires_ms == 0) {
        sum(&contents->never, bytes);
        return;
    }
    if (dict_entry_expired(entry->expires_ms, sums->now_ms)) {
        contents->expired++;
        return;
    }
    while (row < TTL_ROWS - 1 && entry->expires_ms - sums->now_ms >= ttl_bounds_ms[row])
        row++;
    sum(&contents->by_ttl[row], bytes);
}

/* Of equals the one that lies first, so that the order of meeting them does not matter. */
static bool is_larger(const struct dict_entry *a, const struct dict_entry *b)
{
    return entry_bytes(a) != entry_bytes(b) ? entry_bytes(a) > entry_bytes(b) : a->at.value < b->at.value;
}

static void keep_if_large(struct dict_sums *sums, const struct dict_entry *entry)
{
    size_t count = sums->largest_count;
    if (count == sums->largest_room) {
        if (count == 0 || !is_larger(entry, &sums->largest[count - 1]))
            return;
        count--;
    }
    size_t place = count;
    while (place > 0 && is_larger(entry, &sums->largest[place - 1]))
        place--;
    memmove(&sums->largest[place + 1], &sums->largest[place], (count - place) * sizeof(*entry));
    sums->largest[place] = *entry;
    sums->largest_count = count + 1;
}

void dict_sums_add(struct dict_sums *sums, const struct dict_entry *entry)
{
    struct zone_contents *contents = &sums->contents;
    const uint64_t bytes = entry_bytes(entry);
    sum(&contents->by_type[entry->type], bytes);
    histogram_add(&contents->sizes, bytes);
    add_time_left(sums, entry, bytes);
    if (entry->type == DICT_LIST) {
        contents->list_items += entry->items;
        contents->list_item_bytes += entry->value_bytes;
    }
    keep_if_large(sums, entry);
    if (address_equal(entry->at, sums->newest))
        sums->newest_entry = *entry;
    if (address_equal(entry->at, sums->oldest))
        sums->oldest_entry = *entry;
}

static void join(struct entry_sum *sum, const struct entry_sum *other)
{
    sum->count += other->count;
    sum->bytes += other->bytes;
}

void dict_sums_join(struct dict_sums *sums, const struct dict_sums *other)
{
    struct zone_contents *contents = &sums->contents;
    for (unsigned i = 0; i < DICT_VALUES; i++)
        join(&contents->by_type[i], &other->contents.by_type[i]);
    for (unsigned i = 0; i < TTL_ROWS; i++)
        join(&contents->by_ttl[i], &other->contents.by_ttl[i]);
    for (unsigned i = 0; i < HISTOGRAM_BINS; i++) {
        contents->sizes.bins[i].count += other->contents.sizes.bins[i].count;
        contents->sizes.bins[i].bytes += other->contents.sizes.bins[i].bytes;
    }
    join(&contents->never, &other->contents.never);
    contents->expired += other->contents.expired;
    contents->list_items += other->contents.list_items;
    contents->list_item_bytes += other->contents.list_item_bytes;
    for (size_t i = 0; i < other->largest_count; i++)
        keep_if_large(sums, &other->largest[i]);
    if (!address_equal(other->newest_entry.at, ADDRESS_NONE))
        sums->newest_entry = other->newest_entry;
    if (!address_equal(other->oldest_entry.at, ADDRESS_NONE))
        sums->oldest_entry = other->oldest_entry;
}

static struct error *tell_entry(const struct dict_entry *entry, const struct zone_reading *reading,
    struct shown_entry *shown)
{
    *shown = (struct shown_entry){
        .key_bytes = entry->key_bytes,
        .value_bytes = entry->value_bytes,
        .type = entry->type,
        .expires = entry->expires_ms != 0,
        .left_ms = entry->expires_ms ? (int64_t)(entry->expires_ms - reading->now_ms) : 0,
    };
    return zone_show_key(reading, address_add(entry->at, NGINX_DICT_KEY), shown);
}

struct error *dict_sums_tell(const struct dict_sums *sums, const struct zone_reading *reading,
    struct zone_contents *contents)
{
    struct error *error = NULL;
    const struct zone_contents told = *contents;
    *contents = sums->contents;
    contents->entries = told.entries;
    contents->tree_height = told.tree_height;
    contents->largest = calloc(sums->largest_count + 1, sizeof(*contents->largest));
    if (!contents->largest)
        return error_no_memory();
    for (size_t i = 0; i < sums->largest_count && !error; i++)
        error = tell_entry(&sums->largest[i], reading, &contents->largest[contents->largest_count++]);
    contents->has_ends = !address_equal(sums->newest_entry.at, ADDRESS_NONE)
        && !address_equal(sums->oldest_entry.at, ADDRESS_NONE);
    if (!error && contents->has_ends)
        error = tell_entry(&sums->newest_entry, reading, &contents->newest);
    if (!error && contents->has_ends)
        error = tell_entry(&sums->oldest_entry, reading, &contents->oldest);
    return error;
}

void dict_sums_free(struct dict_sums *sums)
{
    free(sums->largest);
    sums->largest = NULL;
}
