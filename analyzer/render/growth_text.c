#include <stdio.h>
#include <stdlib.h>

#include "render/growth_report.h"
#include "render/text.h"

enum { SIGNED_TEXT_BYTES = SIZE_TEXT_BYTES + 1, MOMENT_TEXT_BYTES = 2 * NAME_TEXT_BYTES };

static const char *signed_size(int64_t bytes, char text[SIGNED_TEXT_BYTES])
{
    snprintf(text, SIGNED_TEXT_BYTES, "%s%s", bytes > 0 ? "+" : bytes < 0 ? "-" : "", SIZE((uint64_t)llabs(bytes)));
    return text;
}

static const char *signed_count(int64_t count, char text[SIGNED_TEXT_BYTES])
{
    snprintf(text, SIGNED_TEXT_BYTES, "%s%s", count > 0 ? "+" : count < 0 ? "-" : "", COUNT((uint64_t)llabs(count)));
    return text;
}

#define SIGNED_SIZE(before, after) signed_size(growth_of(before, after), (char[SIGNED_TEXT_BYTES]){0})
#define SIGNED_COUNT(before, after) signed_count(growth_of(before, after), (char[SIGNED_TEXT_BYTES]){0})

static const char *moment_text(const struct growth_moment *moment, char text[MOMENT_TEXT_BYTES])
{
    if (moment->path)
        snprintf(text, MOMENT_TEXT_BYTES, "%s (%d %s)", NAME(moment->path), moment->moment->pid, moment->name);
    else
        snprintf(text, MOMENT_TEXT_BYTES, "%d %s", moment->moment->pid, moment->name);
    return text;
}

static bool are_looks_at_processes(const struct growth_report *report)
{
    return !report->before.path && !report->after.path;
}

/* Whom it is about: one process, or two moments. */
static void subject_text(const struct growth_report *report, char text[2 * MOMENT_TEXT_BYTES + 4])
{
    char before[MOMENT_TEXT_BYTES], after[MOMENT_TEXT_BYTES];
    moment_text(&report->before, before);
    moment_text(&report->after, after);
    if (are_looks_at_processes(report) && report->before.moment->pid == report->after.moment->pid)
        snprintf(text, 2 * MOMENT_TEXT_BYTES + 4, "%s", after);
    else
        snprintf(text, 2 * MOMENT_TEXT_BYTES + 4, "%s -> %s", before, after);
}

/* "grew by 12.3 MiB in 60 s"; of two processes side by side no time has passed. */
static void change_text(const struct growth_report *report, int64_t grown, char text[4 * SIZE_TEXT_BYTES])
{
    const char *size = SIZE((uint64_t)llabs(grown));
    double seconds = growth_seconds(report);
    char time[SIZE_TEXT_BYTES + 4] = "";
    if (seconds > 0)
        snprintf(time, sizeof(time), " in %s", DURATION(seconds));
    if (are_looks_at_processes(report) && report->before.moment->pid != report->after.moment->pid)
        snprintf(text, 4 * SIZE_TEXT_BYTES, "the second has %s %s live objects", grown ? size : "as many bytes",
            grown > 0 ? "more in" : grown < 0 ? "less in" : "of");
    else if (grown)
        snprintf(text, 4 * SIZE_TEXT_BYTES, "live objects %s by %s%s", grown > 0 ? "grew" : "shrank", size, time);
    else
        snprintf(text, 4 * SIZE_TEXT_BYTES, "live objects did not grow%s", time);
}

static void print_verdict(const struct growth_report *report)
{
    char subject[2 * MOMENT_TEXT_BYTES + 4], change[4 * SIZE_TEXT_BYTES];
    const struct growth *growth = report->growth;
    int64_t grown = growth_of(report->before.moment->live.bytes, report->after.moment->live.bytes);
    subject_text(report, subject);
    change_text(report, grown, change);
    if (grown == 0 || !growth->path_count) {
        text_verdict("%s: %s", subject, change);
        return;
    }
    const struct growth_path *first = grown < 0 ? &growth->paths[growth->path_count - 1] : growth->paths;
    text_verdict("%s: %s; %s of it in %s", subject, change,
        SIZE((uint64_t)llabs(growth_of(first->before.bytes, first->after.bytes))), NAME(first->path));
}

static void print_sum(const char *name, bool known, uint64_t before, uint64_t after)
{
    if (known)
        printf("  %-12s %12s %12s %12s\n", name, SIZE(before), SIZE(after), SIGNED_SIZE(before, after));
}

static void print_sums(const struct moment *before, const struct moment *after)
{
    printf("\n  %-12s %12s %12s %12s\n", "", "before", "after", "growth");
    print_sum("resident", before->has_residency && after->has_residency, before->rss_bytes, after->rss_bytes);
    print_sum("held", before->has_heaps && after->has_heaps, before->held_bytes, after->held_bytes);
    print_sum("count", true, before->count_bytes, after->count_bytes);
    print_sum("live", true, before->live.bytes, after->live.bytes);
    print_sum("garbage", true, before->garbage.bytes, after->garbage.bytes);
}

static void print_amounts(const struct amount *before, const struct amount *after, const char *name)
{
    printf("  %12s %14s %12s %12s  %s\n", SIGNED_SIZE(before->bytes, after->bytes),
        SIGNED_COUNT(before->objects, after->objects), SIZE(before->bytes), SIZE(after->bytes), name);
}

static void print_heading(const char *what)
{
    printf("\n  %12s %14s %12s %12s  %s\n", "growth", "objects", "before", "after", what);
}

static void print_paths(const struct growth_report *report)
{
    const struct growth *growth = report->growth;
    if (growth->path_count)
        print_heading("where");
    for (size_t i = 0; i < growth->path_count; i++) {
        const struct growth_path *row = &growth->paths[i];
        if (growth_is_shown(report, i, growth->path_count))
            print_amounts(&row->before, &row->after, NAME(row->path));
        else if (i == report->top)
            printf("  %12s\n", "...");
    }
}

static void print_tables(const struct growth_report *report)
{
    const struct growth *growth = report->growth;
    if (growth->table_count)
        printf("\n  %12s %14s %12s %12s  %s\n", "more records", "before", "after", "bytes", "table");
    for (size_t i = 0; i < growth->table_count; i++) {
        const struct growth_table *row = &growth->tables[i];
        if (!growth_is_shown(report, i, growth->table_count))
            continue;
        printf("  %12s %14s %12s %12s  %s", signed_count((int64_t)row->more_records, (char[SIGNED_TEXT_BYTES]){0}),
            COUNT(row->before.records), COUNT(row->after.records), SIGNED_SIZE(row->before.bytes, row->after.bytes),
            NAME(row->path));
        if (row->after.tables > 1)
            printf(" (%s tables)", COUNT(row->after.tables));
        puts("");
    }
}

/* Most growth first: few rows, so each round looks for the next. */
static void print_sorted(const char *what, const struct amount *before, const struct amount *after, unsigned count,
    void (*name)(unsigned row, char text[2 * SIZE_TEXT_BYTES + 4]))
{
    bool printed[HISTOGRAM_BINS] = {false}, any = false;
    for (unsigned round = 0; round < count; round++) {
        unsigned next = count;
        for (unsigned i = 0; i < count; i++)
            if (!printed[i] && amount_differs(&before[i], &after[i]) && (next == count
                || growth_of(before[i].bytes, after[i].bytes) > growth_of(before[next].bytes, after[next].bytes)))
                next = i;
        if (next == count)
            return;
        if (!any)
            print_heading(what);
        any = printed[next] = true;
        char text[2 * SIZE_TEXT_BYTES + 4];
        name(next, text);
        print_amounts(&before[next], &after[next], text);
    }
}

static void name_type(unsigned type, char text[2 * SIZE_TEXT_BYTES + 4])
{
    snprintf(text, 2 * SIZE_TEXT_BYTES + 4, "%s", lua_type_name((enum lua_type)type));
}

static void name_size(unsigned bin, char text[2 * SIZE_TEXT_BYTES + 4])
{
    snprintf(text, 2 * SIZE_TEXT_BYTES + 4, "%s .. %s", SIZE((uint64_t)1 << bin), SIZE((uint64_t)1 << (bin + 1)));
}

void growth_text_print(const struct growth_report *report)
{
    const struct moment *before = report->before.moment, *after = report->after.moment;
    print_verdict(report);
    print_sums(before, after);
    print_paths(report);
    print_tables(report);
    print_sorted("live objects by type", before->types, after->types, LUA_TYPES, name_type);
    print_sorted("live objects by size", before->sizes, after->sizes, HISTOGRAM_BINS, name_size);
    text_checks(&report->growth->checks);
}
