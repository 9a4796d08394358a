#include "render/zone_text.h"

#include <inttypes.h>
#include <time.h>

#include "render/text.h"
#include "render/zone_contents_text.h"

enum { EXACT_SLABS = 64, EXPIRED_SHARE = 4 }; /* a word's bits; expired entries are worth a remedy from a quarter on */

static uint64_t page_share(const struct slab_account *slabs, uint64_t pages)
{
    return pages * slabs->page_bytes;
}

static void print_verdict(const struct shm_report *report)
{
    const struct shared_zone *zone = report->only;
    const struct zone_contents *contents = &zone->contents;
    char loaded[2 * SIZE_TEXT_BYTES] = "", entries[4 * SIZE_TEXT_BYTES] = "", room[2 * SIZE_TEXT_BYTES] = "";
    if (zone->has_residency)
        snprintf(loaded, sizeof(loaded), ", %s loaded", SIZE(zone->loaded_bytes));
    if (zone->has_slabs)
        snprintf(room, sizeof(room), ", %s free", SIZE(page_share(&zone->slabs, zone->slabs.pages.free)));
    if (contents->is_known)
        snprintf(entries, sizeof(entries), "; %s entr%s, %s expired", COUNT(contents->entries),
            contents->entries == 1 ? "y" : "ies", COUNT(contents->expired));
    text_verdict("%d %s: %s: %s%s%s%s", report->process->pid, report->name, NAME(zone->name), SIZE(zone->size_bytes),
        loaded, room, entries);
}

static void print_lineage(const struct zone_lineage *lineage)
{
    char made[64] = "";
    time_t seconds = (time_t)(lineage->made_ns / 1000000000);
    struct tm parts;
    if (!seconds || !gmtime_r(&seconds, &parts) || !strftime(made, sizeof(made), "%Y-%m-%d %H:%M:%S UTC", &parts))
        return;
    printf("made %s", made);
    if (lineage->before_process_ms)
        printf(", %s before this process", DURATION((double)lineage->before_process_ms / 1000));
    if (lineage->was_kept)
        printf(", kept over a reload");
    if (lineage->processes == 1)
        printf("; in this process alone");
    else if (lineage->processes)
        printf("; in %s processes", COUNT(lineage->processes));
    puts("");
}

static void print_origin(const struct shared_zone *zone)
{
    printf("%s of %s, at 0x%" PRIx64 "\n", zone_kind_name(zone->kind), NAME(zone->module), zone->range.start.value);
    print_lineage(&zone->lineage);
}

static void print_page_row(const char *name, uint64_t pages, const struct slab_account *slabs, const char *note)
{
    printf("  %-30s %12s %10s%s%s\n", name, COUNT(pages), SIZE(page_share(slabs, pages)), *note ? "  " : "", note);
}

static void print_pages(const struct shared_zone *zone)
{
    const struct slab_account *slabs = &zone->slabs;
    const struct slab_pages *pages = &slabs->pages;
    uint64_t exact_bytes = slabs->page_bytes / EXACT_SLABS;
    char smaller[64], exact[64], larger[64], whole[64], runs[64];
    snprintf(smaller, sizeof(smaller), "slabs below %s", SIZE(exact_bytes));
    snprintf(exact, sizeof(exact), "slabs of %s", SIZE(exact_bytes));
    snprintf(larger, sizeof(larger), "larger slabs");
    snprintf(whole, sizeof(whole), "in %s", NUMBER_OF(pages->whole_allocations, "allocation"));
    snprintf(runs, sizeof(runs), "in %s", NUMBER_OF(pages->free_runs, "run"));
    text_heading("%-32s %12s %10s", "Pages", "pages", "bytes");
    print_page_row(smaller, pages->small, slabs, "");
    print_page_row(exact, pages->exact, slabs, "");
    print_page_row(larger, pages->big, slabs, "");
    print_page_row("given out whole", pages->whole, slabs, pages->whole ? whole : "");
    print_page_row("free", pages->free, slabs, pages->free ? runs : "");
    print_page_row("sum", pages->total, slabs, "");
    if (zone->has_residency)
        print_page_row("free, and loaded already", pages->free_loaded, slabs, "");
    print_page_row("largest free run", pages->largest_free_run, slabs, "");
    printf("  %-30s %12s %10s\n", "the pool's books", "", SIZE(slabs->header_bytes));
}

static void print_slabs(const struct slab_account *slabs)
{
    uint64_t used = 0, unused = 0, bitmaps = 0;
    text_heading("%-10s %9s %12s %12s %14s %12s %14s", "Slabs", "pages", "used", "free", "requests", "no room",
        "sparse pages");
    for (size_t i = 0; i < slabs->size_count; i++) {
        const struct slab_size *size = &slabs->sizes[i];
        used += size->used + size->bitmap_slabs;
        bitmaps += size->bitmap_slabs;
        unused += size->free;
        if (size->pages || size->requests || size->failures)
            printf("  %-8s %9s %12s %12s %14s %12s %14s\n", SIZE(size->slab_bytes), COUNT(size->pages),
                COUNT(size->used + size->bitmap_slabs), COUNT(size->free), COUNT(size->requests),
                COUNT(size->failures), COUNT(size->sparse_pages));
    }
    printf("  %-8s %9s %12s %12s\n", "sum", "", COUNT(used), COUNT(unused));
    if (bitmaps)
        printf("  %s of those used %s the bitmap of %s own page; nginx's statistics leave %s out and say %s.\n",
            COUNT(bitmaps), bitmaps == 1 ? "holds" : "hold", bitmaps == 1 ? "its" : "their",
            bitmaps == 1 ? "it" : "them", COUNT(used - bitmaps));
}

/* Pages that cannot serve another size because a few slabs on them are in use. One of a size may just be its latest. */
static void print_pinned(const struct slab_account *slabs)
{
    for (size_t i = 0; i < slabs->size_count; i++) {
        const struct slab_size *size = &slabs->sizes[i];
        if (size->sparse_pages > 1)
            printf("  %s slabs pin %s: %s in use on %s that are at most a quarter used\n", SIZE(size->slab_bytes),
                SIZE(page_share(slabs, size->sparse_pages)), NUMBER_OF(size->sparse_used, "slab"),
                NUMBER_OF(size->sparse_pages, "page"));
    }
}

static uint64_t free_slab_bytes(const struct slab_account *slabs)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < slabs->size_count; i++)
        bytes += slabs->sizes[i].free * slabs->sizes[i].slab_bytes;
    return bytes;
}

static void print_room(const struct shared_zone *zone)
{
    const struct slab_account *slabs = &zone->slabs;
    const struct zone_contents *contents = &zone->contents;
    text_heading("Room: why an allocation succeeds or fails");
    printf("  the largest allocation that would succeed now: %s\n", SIZE(slabs->largest_allocation));
    printf("  %s are in free slabs, each for an allocation of its own size alone\n", SIZE(free_slab_bytes(slabs)));
    if (zone->kind == ZONE_LUA_DICT && contents->is_known) {
        printf("  the largest key and value, together, that safe_set() could store now: %s bytes\n",
            COUNT(contents->largest_value));
        printf("  an entry takes %s bytes beside its key and value, and the sum is rounded up to a slab or to pages\n",
            COUNT(contents->key_overhead));
        printf("  if what has expired went, %s (%s) more would be free\n",
            NUMBER_OF(contents->pages_if_expired_went, "page"),
            SIZE(page_share(slabs, contents->pages_if_expired_went)));
    }
    print_pinned(slabs);
}

static void print_remedy(const struct shared_zone *zone)
{
    const struct zone_contents *contents = &zone->contents;
    if (zone->kind == ZONE_LUA_DICT && contents->is_known && contents->expired > contents->entries / EXPIRED_SHARE)
        printf("\nRemedy: ngx.shared.%s:flush_expired() frees what has expired. Other calls free\n"
            "two entries at most, and only those unused for longest.\n",
            NAME(zone->name));
    if (!shared_zone_failures(zone))
        return;
    if (zone->kind == ZONE_LUA_DICT)
        puts("\nWhere no room is found, set() evicts up to 30 entries, trying again, and then says \"no memory\".");
    puts("\nA page serves slabs of one size, and is free again only when all of them are. Remedy: a larger zone,\n"
         "or zones of their own for values of different size (docs/ZONES.md).");
}

static void print_other_generations(const struct shared_zone *zone)
{
    const struct zone_lineage *lineage = &zone->lineage;
    if (lineage->others)
        printf("\n%s: %s process%s of this nginx %s another generation of it, %s loaded:\n"
            "an upgrade is under way, or old workers have not ended yet.\n", NAME(zone->name),
            COUNT(lineage->other_processes), lineage->other_processes == 1 ? "" : "es",
            lineage->other_processes == 1 ? "has" : "have", SIZE(lineage->others_loaded));
}

void zone_notes_print(const struct shared_zone *zone)
{
    if (zone->damage)
        printf("\n%s was not understood: %s\n", NAME(zone->name), error_text(zone->damage));
    if (zone->changes)
        printf("\n%s was in use meanwhile: its counts are right within %s.\n", NAME(zone->name),
            NUMBER_OF(zone->changes, "change"));
    if (zone->swapped_bytes)
        printf("\n%s: %s of it is in swap.\n", NAME(zone->name), SIZE(zone->swapped_bytes));
    print_other_generations(zone);
}

void zone_text_print(const struct shm_report *report)
{
    const struct shared_zone *zone = report->only;
    print_verdict(report);
    print_origin(zone);
    if (zone->has_slabs) {
        print_pages(zone);
        print_slabs(&zone->slabs);
    }
    zone_contents_text_print(report);
    if (zone->has_slabs)
        print_room(zone);
    if (zone->checks.count && !zone->damage)
        text_checks(&zone->checks);
    zone_notes_print(zone);
    print_remedy(zone);
}
