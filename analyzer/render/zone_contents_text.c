#include "render/zone_contents_text.h"

#include "render/text.h"

static void print_sum_row(const char *name, const struct entry_sum *sum, const struct zone_contents *contents)
{
    if (sum->count)
        printf("  %-22s %12s %10s %9s\n", name, COUNT(sum->count), SIZE(sum->bytes),
            SHARE(sum->count, contents->entries));
}

static void print_types(const struct zone_contents *contents)
{
    text_heading("%-24s %12s %10s %9s", "By type of value", "entries", "bytes", "share");
    for (unsigned type = 0; type < DICT_VALUES; type++)
        print_sum_row(dict_value_name(type), &contents->by_type[type], contents);
    if (contents->list_items)
        printf("  %s of %s in lists\n", NUMBER_OF(contents->list_items, "item"), SIZE(contents->list_item_bytes));
}

static void print_sizes(const struct zone_contents *contents)
{
    text_heading("%-24s %12s %10s %9s", "By size, key and value", "entries", "bytes", "share");
    for (unsigned i = 0; i < HISTOGRAM_BINS; i++) {
        char range[2 * SIZE_TEXT_BYTES + 4];
        const struct entry_sum sum = {contents->sizes.bins[i].count, contents->sizes.bins[i].bytes};
        snprintf(range, sizeof(range), "%s .. %s", i ? SIZE((uint64_t)1 << i) : "0", SIZE((uint64_t)1 << (i + 1)));
        print_sum_row(range, &sum, contents);
    }
}

static void print_times(const struct zone_contents *contents)
{
    text_heading("%-24s %12s %10s %9s", "By time left to live", "entries", "bytes", "share");
    if (contents->expired)
        printf("  %-22s %12s %10s %9s\n", "expired", COUNT(contents->expired), "",
            SHARE(contents->expired, contents->entries));
    for (unsigned i = 0; i < TTL_ROWS; i++) {
        char name[2 * SIZE_TEXT_BYTES];
        if (ttl_bounds_ms[i] == UINT64_MAX)
            snprintf(name, sizeof(name), "more");
        else
            snprintf(name, sizeof(name), "below %s", DURATION((double)ttl_bounds_ms[i] / 1000));
        print_sum_row(name, &contents->by_ttl[i], contents);
    }
    print_sum_row("for ever", &contents->never, contents);
}

static void print_entry(const struct shm_report *report, const char *place, const struct shown_entry *entry)
{
    printf("  %-22s %12s %10s  %-8s", place, SIZE(entry->key_bytes), SIZE(entry->value_bytes),
        dict_value_name(entry->type));
    if (entry->has_age)
        printf(" used %s ago,", DURATION((double)entry->age_ms / 1000));
    if (!entry->expires)
        printf(" never expires");
    else if (entry->left_ms > 0)
        printf(" expires in %s", DURATION((double)entry->left_ms / 1000));
    else
        printf(" expired %s ago", DURATION(-(double)entry->left_ms / 1000));
    if (report->show_strings && entry->key)
        printf("  %s", NAME(entry->key));
    puts("");
}

static void print_entries(const struct shm_report *report)
{
    const struct zone_contents *contents = &report->only->contents;
    if (!contents->has_ends && !contents->largest_count)
        return;
    text_heading("%-24s %12s %10s  %s", "Single entries", "key", "value", "type");
    if (contents->has_ends) {
        print_entry(report, "used last", &contents->newest);
        print_entry(report, "next to be evicted", &contents->oldest);
    }
    size_t shown = report->show_strings ? report->top : 1; /* without their keys one is as good as another */
    for (size_t i = 0; i < contents->largest_count && i < shown; i++)
        print_entry(report, i ? "" : "largest", &contents->largest[i]);
}

void zone_contents_text_print(const struct shm_report *report)
{
    const struct zone_contents *contents = &report->only->contents;
    if (!contents->is_known || report->only->kind != ZONE_LUA_DICT || !contents->entries)
        return;
    print_types(contents);
    print_sizes(contents);
    print_times(contents);
    print_entries(report);
}
