#include "render/heap_text.h"

#include <inttypes.h>
#include <string.h>

#include "render/report_end.h"
#include "render/text.h"

static uint64_t held_bytes(const struct glibc_heap *heap)
{
    return heap->used_bytes + heap->free_bytes + heap->meta_bytes;
}

/* The power of two whose chunks take most. */
static unsigned largest_bin(const struct histogram *histogram)
{
    unsigned largest = 0;
    for (unsigned i = 1; i < HISTOGRAM_BINS; i++)
        if (histogram->bins[i].bytes > histogram->bins[largest].bytes)
            largest = i;
    return largest;
}

static void print_verdict(const struct heap_report *report)
{
    const struct process *process = report->process;
    const struct glibc_heap *heap = &process->malloc;
    unsigned bin = largest_bin(&heap->used);
    char most[160] = "", back[120] = "";
    if (heap->used.bins[bin].count)
        snprintf(most, sizeof(most), ", of which %s in %s of %s to %s", SIZE(heap->used.bins[bin].bytes),
            NUMBER_OF(heap->used.bins[bin].count, "chunk"), SIZE((uint64_t)1 << bin), SIZE((uint64_t)1 << (bin + 1)));
    if (process->has_residency)
        snprintf(back, sizeof(back), " (%s resident), of which malloc_trim(0) would return %s",
            SIZE(heap->free_resident_bytes), SIZE(heap->trim_bytes));
    text_verdict("%d %s: malloc holds %s: %s used%s; %s free%s", process->pid, report->name, SIZE(held_bytes(heap)),
        SIZE(heap->used_bytes), most, SIZE(heap->free_bytes), back);
}

static void print_arena(const char *name, const struct glibc_arena *arena, const struct process *process)
{
    printf("  %-18s %10s %10s %10s %10s %10s %10s %10s %10s\n", name, SIZE(arena->system_bytes),
        SIZE(arena->used.bytes), SIZE(arena->binned.bytes), SIZE(arena->fast.bytes), SIZE(arena->cached.bytes),
        SIZE(arena->top_bytes), SIZE(arena->meta_bytes), RESIDENT(process->has_residency, arena->trim_bytes));
}

static void print_arenas(const struct arena_rows *rows, const struct process *process)
{
    text_heading("%-20s %10s %10s %10s %10s %10s %10s %10s %10s", "Arenas", "held", "used", "free", "fastbins",
        "tcache", "top", "meta", "trim");
    for (size_t i = 0; i < rows->count; i++) {
        char name[24] = "main";
        if (!rows->items[i].is_main)
            snprintf(name, sizeof(name), "0x%" PRIx64, rows->items[i].address.value);
        print_arena(name, &rows->items[i], process);
    }
    char others[2 * SIZE_TEXT_BYTES];
    if (rows->other_count) {
        snprintf(others, sizeof(others), "(%s)", NUMBER_OF(rows->other_count, "other"));
        print_arena(others, &rows->others, process);
    }
}

static void print_mapped(const struct glibc_heap *heap)
{
    if (heap->mapped.count)
        printf("  %-18s %10s %10s   %s with a mapping of %s own\n", "mapped", SIZE(heap->mapped.bytes),
            SIZE(heap->mapped.bytes), NUMBER_OF(heap->mapped.count, "block"),
            heap->mapped.count == 1 ? "its" : "their");
}

static void print_sizes(const char *title, const struct size_rows *rows, uint64_t whole_bytes)
{
    if (!rows->count)
        return;
    text_heading("%-20s %14s %10s  %8s", title, "count", "bytes", "share");
    for (size_t i = 0; i < rows->count; i++) {
        uint64_t bytes = rows->items[i].bytes * rows->items[i].count;
        printf("  %-18s %14s %10s  %8s\n", COUNT(rows->items[i].bytes), COUNT(rows->items[i].count), SIZE(bytes),
            SHARE(bytes, whole_bytes));
    }
    if (rows->others.count)
        printf("  %-18s %14s %10s  %8s\n", "(others)", COUNT(rows->others.count), SIZE(rows->others.bytes),
            SHARE(rows->others.bytes, whole_bytes));
}

static void print_largest_free(const struct heap_report *report)
{
    const struct glibc_heap *heap = &report->process->malloc;
    if (!heap->largest_free_count)
        return;
    text_heading("%-20s %14s %10s", "Largest free chunks", "bytes", "resident");
    for (size_t i = 0; i < heap->largest_free_count && i < report->top; i++) {
        char place[24];
        snprintf(place, sizeof(place), "0x%" PRIx64, heap->largest_free[i].address.value);
        printf("  %-18s %14s %10s\n", place, SIZE(heap->largest_free[i].bytes),
            RESIDENT(report->process->has_residency, heap->largest_free[i].resident_bytes));
    }
}

static void print_other_allocators(const struct process *process)
{
    char others[ALLOCATORS_TEXT_BYTES];
    if (process->allocators)
        printf("\nThis is glibc's malloc alone. In the process is also %s, and respire does not look inside;\n"
               "respire mem says how much it has.\n", allocators_text(process->allocators, others));
}

/* Its program is called so in every package and in OpenResty, Kong, APISIX; pools themselves were not looked for. */
static void print_next_command(const struct heap_report *report)
{
    if (strcmp(report->name, "nginx") == 0)
        printf("\nNext: respire pools %d says what of this nginx's pools are, and who holds them.\n",
            report->process->pid);
}

void heap_text_print(const struct heap_report *report)
{
    const struct process *process = report->process;
    const struct glibc_heap *heap = &process->malloc;
    print_verdict(report);
    print_arenas(&report->rows.arenas, process);
    print_mapped(heap);
    text_heading("Chunks by size");
    text_histograms("size with header", &heap->used, &heap->free);
    print_sizes("Most in use, size", &report->rows.used, heap->used_bytes);
    print_sizes("Most free, size", &report->rows.unused, heap->free_bytes);
    print_largest_free(report);
    text_checks(&heap->checks);
    printf("\nThe layout is that of %s.\n", heap->layout);
    print_other_allocators(process);
    if (process->has_residency)
        malloc_remedy_print(heap->trim_bytes, held_bytes(heap));
    print_next_command(report);
}
