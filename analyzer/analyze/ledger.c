#include "analyze/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/ledger_claims.h"
#include "base/array.h"
#include "base/size.h"

struct ledger {
    const struct ledger_input *input;
    const struct presence *presence;
    uint64_t page_bytes;
    struct memory_map *map;
};

static struct owner *find_owner(struct memory_map *map, const char *name)
{
    for (size_t i = 0; i < map->owner_count; i++)
        if (strcmp(map->owners[i].name, name) == 0)
            return &map->owners[i];
    return NULL;
}

static struct error *give(struct ledger *ledger, struct address_range range, const char *name, bool is_private)
{
    struct memory_map *map = ledger->map;
    if (range_bytes(range) == 0)
        return NULL;
    struct owner *owner = find_owner(map, name);
    if (!owner) {
        if (!array_reserve_one((void **)&map->owners, &map->owner_capacity, map->owner_count, sizeof(*map->owners)))
            return error_no_memory();
        owner = &map->owners[map->owner_count++];
        *owner = (struct owner){.is_private = is_private};
        snprintf(owner->name, sizeof(owner->name), "%s", name);
    }
    owner->virtual_bytes += range_bytes(range);
    owner->resident_bytes += presence_resident_bytes(ledger->presence, range);
    owner->anonymous_bytes += presence_state_bytes(ledger->presence, range, PAGE_ANONYMOUS);
    return NULL;
}

/* A page that holds anything live belongs to live; then to metadata; else to free. */
static const char *heap_page_owner(enum heap_kind kind, uint8_t use)
{
    static const char *const names[][3] = {
        [HEAP_STOCK] = {"luajit.live", "luajit.meta", "luajit.free"},
        [HEAP_RESPIRE] = {"respire.live", "respire.meta", "respire.free"},
    };
    if (use & PAGE_USE_LIVE)
        return names[kind][0];
    return use & PAGE_USE_META ? names[kind][1] : names[kind][2];
}

static struct error *give_heap(struct ledger *ledger, const struct claim *claim, struct address_range part)
{
    uint64_t page_bytes = ledger->page_bytes;
    uint64_t base = claim->region->range.start.value;
    uint64_t page = (part.start.value - base) / page_bytes;
    uint64_t end = (part.end.value - base) / page_bytes;
    while (page < end) {
        uint64_t first = page;
        const char *owner = heap_page_owner(claim->heap_kind, claim->region->page_use[page]);
        while (page < end && heap_page_owner(claim->heap_kind, claim->region->page_use[page]) == owner)
            page++;
        struct address_range run = {address(base + first * page_bytes), address(base + page * page_bytes)};
        struct error *error = give(ledger, run, owner, true);
        if (error)
            return error;
    }
    return NULL;
}

static struct error *give_shared(struct ledger *ledger, const struct mapping *mapping, struct address_range part)
{
    char name[OWNER_NAME_MAX];
    const struct nginx_zone *zone = nginx_zones_find(ledger->input->zones, part.start);
    if (zone)
        snprintf(name, sizeof(name), "nginx.shm.%.80s", zone->name);
    else if (mapping->path && strcmp(mapping->path, "/dev/zero") != 0)
        snprintf(name, sizeof(name), "file");
    else
        snprintf(name, sizeof(name), "other.shared");
    return give(ledger, part, name, false);
}

static struct error *give_file(struct ledger *ledger, const struct mapping *mapping, struct address_range part)
{
    if (!elf_modules_of(ledger->input->modules, mapping))
        return give(ledger, part, "file", false);
    return give(ledger, part, mapping->executable ? "elf.code" : "elf.data", false);
}

/* "[vdso]" is other.vdso, "[anon:name]" other.name. */
static struct error *give_named(struct ledger *ledger, const struct mapping *mapping, struct address_range part)
{
    char name[OWNER_NAME_MAX];
    const char *start = mapping->path + 1;
    const char *colon = strchr(start, ':');
    if (colon)
        start = colon + 1;
    snprintf(name, sizeof(name), "other.%.*s", (int)strcspn(start, "]"), start);
    return give(ledger, part, name, true);
}

/* What nobody claimed, by the kind of its mapping. */
static struct error *give_unclaimed(struct ledger *ledger, const struct mapping *mapping, struct address_range part)
{
    if (mapping->shared)
        return give_shared(ledger, mapping, part);
    if (mapping_has_file(mapping))
        return give_file(ledger, mapping, part);
    if (!mapping->path || mapping->path[0] != '[' || strcmp(mapping->path, "[heap]") == 0)
        return give(ledger, part, "unknown", true);
    if (strncmp(mapping->path, "[stack", 6) == 0)
        return give(ledger, part, "stack", true);
    return give_named(ledger, mapping, part);
}

/* One mapping: claims inside it, and the gaps between them. `next_claim` moves on as claims are used up. */
static struct error *give_mapping(struct ledger *ledger, const struct mapping *mapping, const struct claims *claims,
    size_t *next_claim)
{
    address_t at = mapping->range.start;
    while (at.value < mapping->range.end.value) {
        while (*next_claim < claims->count && claims->items[*next_claim].range.end.value <= at.value)
            ++*next_claim;
        const struct claim *claim = *next_claim < claims->count ? &claims->items[*next_claim] : NULL;
        bool inside = claim && claim->range.start.value <= at.value;
        uint64_t end = mapping->range.end.value;
        if (claim)
            end = size_min(end, inside ? claim->range.end.value : claim->range.start.value);
        struct address_range part = {at, address(end)};
        struct error *error = !inside ? give_unclaimed(ledger, mapping, part)
            : claim->region           ? give_heap(ledger, claim, part)
                                      : give(ledger, part, claim->owner, claim->is_private);
        if (error)
            return error;
        at = part.end;
    }
    return NULL;
}

static int compare_owners(const void *a, const void *b)
{
    const struct owner *left = a, *right = b;
    if (left->resident_bytes != right->resident_bytes)
        return left->resident_bytes < right->resident_bytes ? 1 : -1;
    return left->virtual_bytes < right->virtual_bytes ? 1 : left->virtual_bytes > right->virtual_bytes ? -1 : 0;
}

static void sum_up(struct memory_map *map)
{
    for (size_t i = 0; i < map->owner_count; i++)
        map->anonymous_bytes += map->owners[i].anonymous_bytes;
    const struct owner *unknown = find_owner(map, "unknown");
    map->unknown_bytes = unknown ? unknown->resident_bytes : 0;
    if (map->owner_count)
        qsort(map->owners, map->owner_count, sizeof(*map->owners), compare_owners);
}

struct error *ledger_make(const struct ledger_input *input, struct memory_map *map)
{
    struct claims claims = {0};
    struct error *error = claims_gather(input, &claims);
    if (error)
        return error;
    struct ledger ledger = {input, &input->capture->presence, input->capture->page_bytes, map};
    size_t next_claim = 0;
    for (size_t i = 0; i < input->capture->mappings.count && !error; i++)
        if (mapping_is_own(&input->capture->mappings.items[i]))
            error = give_mapping(&ledger, &input->capture->mappings.items[i], &claims, &next_claim);
    claims_free(&claims);
    if (!error)
        sum_up(map);
    return error;
}
