#include "render/pools_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/size.h"
#include "render/text.h"

enum { NAME_COLUMN_MIN = 36, NAME_COLUMN_MAX = 72, ADDRESS_COLUMN = 15, LARGES_SHOWN = 8 };

/* Wide enough for the names of owners in `rows`, and in a list for addresses before them. */
static int name_column(const struct pools_report *report)
{
    const struct nginx_pools *pools = &report->process->pools;
    size_t width = NAME_COLUMN_MIN, before = report->rows.list ? ADDRESS_COLUMN : 0;
    for (size_t i = 0; i < report->rows.owners; i++)
        width = size_max(width, strlen(NAME(pools->owners[i].name)) + before);
    return (int)size_min(width, NAME_COLUMN_MAX);
}

static uint64_t owner_bytes(const struct pool_owner *owner)
{
    return owner->block_bytes + owner->large_bytes;
}

static void print_verdict(const struct pools_report *report)
{
    const struct process *process = report->process;
    const struct nginx_pools *pools = &process->pools;
    const struct pool_owner *whole = &report->rows.whole, *unowned = &report->rows.kinds[POOL_UNOWNED];
    if (unowned->pools)
        text_verdict("%d %s: unowned: %s %s %s: nothing that lives refers to %s; all %s have %s", process->pid,
            report->name, NUMBER_OF(unowned->pools, "pool"), unowned->pools == 1 ? "holds" : "hold",
            SIZE(owner_bytes(unowned)), unowned->pools == 1 ? "it" : "them", NUMBER_OF(whole->pools, "pool"),
            SIZE(owner_bytes(whole)));
    else if (pools->owner_count)
        text_verdict("%d %s: %s with %s, none without an owner; most is held by %s: %s (%s)", process->pid,
            report->name, NUMBER_OF(whole->pools, "pool"), SIZE(owner_bytes(whole)), NAME(pools->owners[0].name),
            SIZE(owner_bytes(&pools->owners[0])), SHARE(owner_bytes(&pools->owners[0]), owner_bytes(whole)));
}

static void print_sums(int column, const char *name, const struct pool_owner *sums)
{
    printf("  %-*.*s %9s %10s %9s %10s %10s %10s %8s %10s\n", column, column, name, COUNT(sums->pools),
        SIZE(owner_bytes(sums)), COUNT(sums->blocks), SIZE(sums->used_bytes), SIZE(sums->wasted_bytes),
        SIZE(sums->spare_bytes), COUNT(sums->large), SIZE(sums->large_bytes));
}

static void print_owners(const struct pools_report *report)
{
    const struct nginx_pools *pools = &report->process->pools;
    const int column = name_column(report);
    text_heading("%-*s %9s %10s %9s %10s %10s %10s %8s %10s", column + 2, "Who holds them", "pools", "bytes",
        "blocks", "used", "wasted", "spare", "large", "in large");
    for (size_t i = 0; i < report->rows.owners; i++)
        print_sums(column, NAME(pools->owners[i].name), &pools->owners[i]);
    if (report->rows.other_owners) {
        char others[2 * SIZE_TEXT_BYTES];
        snprintf(others, sizeof(others), "(%s)", NUMBER_OF(report->rows.other_owners, "other"));
        print_sums(column, others, &report->rows.others);
    }
    print_sums(column, "sum", &report->rows.whole);
}

/* What leak suspects of one group have in common. */
static void print_suspects(const struct pools_report *report)
{
    const struct nginx_pools *pools = &report->process->pools;
    if (!report->rows.kinds[POOL_UNOWNED].pools)
        return;
    text_heading("Nothing refers to these");
    for (size_t i = 0; i < report->rows.owners && pools->owners[i].kind == POOL_UNOWNED; i++) {
        const struct pool_owner *owner = &pools->owners[i];
        printf("  %s: %s, %s, at 0x%" PRIx64 " to 0x%" PRIx64 "\n", NAME(owner->name),
            NUMBER_OF(owner->pools, "pool"), SIZE(owner_bytes(owner)), owner->lowest.value, owner->highest.value);
        if (owner->contents)
            printf("    %s\n", NAME(owner->contents));
    }
}

static void print_larges(const struct nginx_pools *pools, const struct nginx_pool *pool)
{
    if (!pool->large_count)
        return;
    printf("    large:");
    for (uint32_t i = 0; i < pool->large_count && i < LARGES_SHOWN; i++)
        printf(" %s", SIZE(pools->large[pool->first_large + i].bytes));
    if (pool->large_count > LARGES_SHOWN)
        printf(" and %s more", COUNT(pool->large_count - LARGES_SHOWN));
    printf("\n");
}

static void print_cleanups(const struct nginx_pools *pools, const struct nginx_pool *pool)
{
    if (!pool->cleanup_count)
        return;
    printf("    cleanup:");
    for (uint32_t i = 0; i < pool->cleanup_count; i++) {
        const struct cleanup_handler *handler = &pools->cleanups[pool->first_cleanup + i];
        printf(" %s", NAME(pools->names[handler->name]));
        if (handler->count > 1)
            printf(" x %s", COUNT(handler->count));
    }
    printf("\n");
}

static void print_request(const struct nginx_pool *pool)
{
    const struct pool_request *request = &pool->request;
    if (pool->kind != POOL_REQUEST)
        return;
    printf("    request: URI of %s", NUMBER_OF(request->uri_bytes, "byte"));
    if (request->state)
        printf(", %s", request->state);
    if (request->phase)
        printf(", %s phase", request->phase);
    printf("\n");
}

static void print_list(const struct pools_report *report)
{
    const struct nginx_pools *pools = &report->process->pools;
    const int column = name_column(report);
    if (!report->rows.list)
        return;
    text_heading("%-*s %9s %10s %9s %10s %10s %10s %8s %10s", column + 2, "Each pool", "", "bytes", "blocks", "used",
        "wasted", "spare", "large", "in large");
    for (size_t i = 0; i < report->rows.list_count; i++) {
        const struct nginx_pool *pool = &pools->pools[report->rows.list[i]];
        char name[NAME_TEXT_BYTES + ADDRESS_COLUMN];
        snprintf(name, sizeof(name), "0x%" PRIx64 " %s", pool->address.value, NAME(pools->owners[pool->owner].name));
        printf("  %-*.*s %9s %10s %9s %10s %10s %10s %8s %10s\n", column, column, name, "", SIZE(pool_bytes(pool)),
            COUNT(pool->blocks), SIZE(pool->used_bytes), SIZE(pool->wasted_bytes), SIZE(pool->spare_bytes),
            COUNT(pool->large_count), SIZE(pool->large_bytes));
        print_request(pool);
        print_larges(pools, pool);
        print_cleanups(pools, pool);
    }
    if (report->rows.list_count < pools->count)
        printf("  (%s)\n", NUMBER_OF(pools->count - report->rows.list_count, "other"));
}

static void print_beside(const struct nginx_pools *pools)
{
    if (pools->connection_slots)
        printf("\nBeside pools: %s in arrays of %s, %s in use, and their events.", SIZE(pools->data_bytes),
            NUMBER_OF(pools->connection_slots, "connection"), COUNT(pools->connections_in_use));
    printf("\nStructures of %s.\n", pools->layout);
}

void pools_text_print(const struct pools_report *report)
{
    const struct nginx_pools *pools = &report->process->pools;
    print_verdict(report);
    print_owners(report);
    print_suspects(report);
    print_list(report);
    text_checks(&pools->checks);
    print_beside(pools);
}
