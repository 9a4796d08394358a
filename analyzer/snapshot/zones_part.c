/* The section of nginx's shared memory zones: what their books said, and what their modules keep there, summed. */
#include "snapshot/parts.h"

static void numbers_visit(struct codec *codec, uint64_t *const numbers[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        codec_number(codec, numbers[i], UINT64_MAX);
}

#define NUMBERS(codec, ...)                                                                          \
    numbers_visit((codec), (uint64_t *const[]){__VA_ARGS__},                                         \
        sizeof((uint64_t *const[]){__VA_ARGS__}) / sizeof(uint64_t *))

static void size_visit(struct codec *codec, struct slab_size *size)
{
    CODEC_NUMBER(codec, size->slab_bytes, UINT32_MAX);
    NUMBERS(codec, &size->pages, &size->used, &size->free, &size->bitmap_slabs, &size->requests, &size->failures,
        &size->sparse_pages, &size->sparse_used);
}

static void slabs_visit(struct codec *codec, struct slab_account *slabs)
{
    struct slab_pages *pages = &slabs->pages;
    NUMBERS(codec, &pages->total, &pages->free, &pages->free_loaded, &pages->free_runs, &pages->largest_free_run,
        &pages->small, &pages->exact, &pages->big, &pages->whole, &pages->whole_allocations);
    NUMBERS(codec, &slabs->page_bytes, &slabs->header_bytes, &slabs->largest_allocation);
    CODEC_NUMBER(codec, slabs->size_count, SLAB_SIZES_MAX);
    for (size_t i = 0; i < slabs->size_count && !codec->error; i++)
        size_visit(codec, &slabs->sizes[i]);
}

static void sum_visit(struct codec *codec, struct entry_sum *sum)
{
    NUMBERS(codec, &sum->count, &sum->bytes);
}

static void entry_visit(struct codec *codec, struct shown_entry *entry)
{
    codec_owned_text(codec, &entry->key);
    NUMBERS(codec, &entry->key_bytes, &entry->value_bytes);
    CODEC_NUMBER(codec, entry->type, DICT_VALUES - 1);
    codec_flag(codec, &entry->expires);
    CODEC_NUMBER(codec, entry->left_ms, UINT64_MAX);
    codec_flag(codec, &entry->has_age);
    CODEC_NUMBER(codec, entry->age_ms, UINT64_MAX);
}

static void largest_visit(struct codec *codec, struct zone_contents *contents)
{
    size_t capacity;
    CODEC_ITEMS(codec, contents->largest, contents->largest_count, capacity, 7);
    (void)capacity;
    for (size_t i = 0; i < contents->largest_count && !codec->error; i++)
        entry_visit(codec, &contents->largest[i]);
}

static void contents_visit(struct codec *codec, struct zone_contents *contents)
{
    codec_flag(codec, &contents->is_known);
    if (!contents->is_known)
        return;
    NUMBERS(codec, &contents->entries, &contents->expired, &contents->list_items, &contents->list_item_bytes,
        &contents->key_overhead, &contents->largest_value, &contents->pages_if_expired_went, &contents->disk_blocks);
    CODEC_NUMBER(codec, contents->tree_height, UINT32_MAX);
    for (size_t i = 0; i < DICT_VALUES; i++)
        sum_visit(codec, &contents->by_type[i]);
    histogram_visit(codec, &contents->sizes);
    sum_visit(codec, &contents->never);
    for (size_t i = 0; i < TTL_ROWS; i++)
        sum_visit(codec, &contents->by_ttl[i]);
    codec_flag(codec, &contents->has_ends);
    entry_visit(codec, &contents->newest);
    entry_visit(codec, &contents->oldest);
    largest_visit(codec, contents);
}

static void lineage_visit(struct codec *codec, struct zone_lineage *lineage)
{
    NUMBERS(codec, &lineage->made_ns, &lineage->before_process_ms, &lineage->others_loaded);
    CODEC_NUMBER(codec, lineage->processes, UINT32_MAX);
    CODEC_NUMBER(codec, lineage->others, UINT32_MAX);
    CODEC_NUMBER(codec, lineage->other_processes, UINT32_MAX);
    codec_flag(codec, &lineage->was_kept);
}

static void zone_visit(struct codec *codec, struct shared_zone *zone, struct process *process)
{
    codec_needed_text(codec, &zone->name);
    codec_needed_text(codec, &zone->module);
    CODEC_NUMBER(codec, zone->kind, ZONE_KINDS - 1);
    codec_address(codec, &zone->range.start);
    codec_address(codec, &zone->range.end);
    codec_flag(codec, &zone->has_residency);
    NUMBERS(codec, &zone->size_bytes, &zone->loaded_bytes, &zone->own_bytes, &zone->swapped_bytes, &zone->changes);
    CODEC_NUMBER(codec, zone->attempts, UINT32_MAX);
    lineage_visit(codec, &zone->lineage);
    damage_visit(codec, &zone->damage, process);
    codec_flag(codec, &zone->has_slabs);
    if (zone->has_slabs)
        slabs_visit(codec, &zone->slabs);
    contents_visit(codec, &zone->contents);
    checks_visit(codec, &zone->checks, process);
}

static void forecast_visit(struct codec *codec, struct zone_forecast *forecast)
{
    NUMBERS(codec, &forecast->rss_bytes, &forecast->zones_rss_bytes, &forecast->rss_grows_by, &forecast->memory_needed,
        &forecast->limit_bytes, &forecast->limit_used_bytes, &forecast->available_bytes);
    codec_flag(codec, &forecast->has_limit);
    codec_text(codec, forecast->limit_name, sizeof(forecast->limit_name));
    codec_flag(codec, &forecast->fits);
}

void zones_part_visit(struct codec *codec, struct snapshot_subject *subject)
{
    struct process *process = subject->process;
    struct shared_zones *zones = &process->zones;
    process->has_zones = true;
    CODEC_ITEMS(codec, zones->items, zones->count, zones->capacity, 20);
    for (size_t i = 0; i < zones->count && !codec->error; i++)
        zone_visit(codec, &zones->items[i], process);
    forecast_visit(codec, &zones->forecast);
}
