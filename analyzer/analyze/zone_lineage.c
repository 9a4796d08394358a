#include "analyze/zone_lineage.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/size.h"
#include "locate/nginx_zones.h"
#include "target/process_family.h"
#include "target/shared_image.h"

enum {
    LOOKS_MAX = 16, /* at other processes' lists: one a generation */
    NS_PER_MS = 1000000,
    /* What nginx takes at most, even on a busy machine, from its first configuration to the first worker; and from
     * making a zone to it. */
    KEPT_AFTER_MS = 1000,
    CONFIGURING_MS = 5000,
};

/* Shared memory that other processes of the same nginx have and the target has not. */
struct foreign_zone {
    uint64_t inode;
    char name[NGINX_ZONE_NAME_MAX]; /* "": no zone's */
    uint64_t loaded_bytes;
    size_t processes;
};

struct lineages {
    struct target *target;
    struct shared_zones *zones;
    uint64_t *inodes;              /* of each zone; owned */
    struct family_member self;
    /* When the first of the target's children started, and of its master's others; UINT64_MAX: there are none. */
    uint64_t children_ms, siblings_ms;
    unsigned looks;
    ARRAY(struct foreign_zone) foreign;
};

static bool is_shared_anonymous(const struct mapping *mapping)
{
    return mapping->shared && mapping->inode && mapping->path && strcmp(mapping->path, "/dev/zero") == 0;
}

static struct shared_zone *zone_of(const struct lineages *lineages, uint64_t inode)
{
    for (size_t i = 0; i < lineages->zones->count; i++)
        if (lineages->inodes[i] == inode)
            return &lineages->zones->items[i];
    return NULL;
}

static struct foreign_zone *foreign_of(const struct lineages *lineages, uint64_t inode)
{
    for (size_t i = 0; i < lineages->foreign.count; i++)
        if (lineages->foreign.items[i].inode == inode)
            return &lineages->foreign.items[i];
    return NULL;
}

/* What it is called, and how much of it is loaded. */
static void identify(struct target *owner, const struct nginx_zones *sites, const struct mapping *mapping,
    struct foreign_zone *foreign)
{
    const struct nginx_zone *site = nginx_zones_find(sites, mapping->range.start);
    struct shared_image image;
    if (!site)
        return;
    memcpy(foreign->name, site->name, sizeof(foreign->name));
    struct error *error = shared_image_open(owner, mapping, &image);
    if (!error)
        foreign->loaded_bytes = image.loaded_pages * image.page_bytes;
    shared_image_close(&image);
    error_free(error);
}

/* Ask a process what those of its zones are called that nobody asked about before. */
static struct error *add_foreign(struct lineages *lineages, pid_t pid, const struct mappings *mappings)
{
    CLEANUP(target_close_cleanup) struct target *owner = NULL;
    struct nginx_zones sites = {0};
    struct error *error = target_open_process(pid, &owner);
    if (!error)
        error = locate_nginx_zones(owner, &sites);
    error_free(error); /* it has ended, or is in the middle of something: its zones stay without a name */
    error = NULL;
    for (size_t i = 0; i < mappings->count && !error; i++) {
        const struct mapping *mapping = &mappings->items[i];
        if (!is_shared_anonymous(mapping) || zone_of(lineages, mapping->inode)
            || foreign_of(lineages, mapping->inode))
            continue;
        struct foreign_zone *foreign = ARRAY_ADD(&lineages->foreign);
        if (!foreign) {
            error = error_no_memory();
            break;
        }
        foreign->inode = mapping->inode;
        identify(owner, &sites, mapping, foreign);
    }
    nginx_zones_free(&sites);
    return error;
}

static bool has_unknown(const struct lineages *lineages, const struct mappings *mappings)
{
    for (size_t i = 0; i < mappings->count; i++)
        if (is_shared_anonymous(&mappings->items[i]) && !zone_of(lineages, mappings->items[i].inode)
            && !foreign_of(lineages, mappings->items[i].inode))
            return true;
    return false;
}

/* Has it one of the target's zones? Counts whose it has. */
static bool count_zones(struct lineages *lineages, const struct mappings *mappings)
{
    bool shares = false;
    for (size_t i = 0; i < mappings->count; i++) {
        if (!is_shared_anonymous(&mappings->items[i]))
            continue;
        struct shared_zone *zone = zone_of(lineages, mappings->items[i].inode);
        struct foreign_zone *foreign = foreign_of(lineages, mappings->items[i].inode);
        if (zone)
            zone->lineage.processes++;
        if (foreign)
            foreign->processes++;
        shares |= zone != NULL;
    }
    return shares;
}

/* Whoever is to end was started for a configuration before. */
static bool is_ending(const struct family_member *member)
{
    return strstr(member->title, "is shutting down") != NULL;
}

/* When the first worker of the target's generation started: of those that it has, or that its master has. */
static void note_start(struct lineages *lineages, const struct family_member *member)
{
    const struct family_member *self = &lineages->self;
    bool is_self = member->pid == self->pid;
    if (member->parent == self->pid && !is_ending(member))
        lineages->children_ms = size_min(lineages->children_ms, member->started_ms);
    if (is_self || (member->parent == self->parent && !is_ending(member) && !is_ending(self)))
        lineages->siblings_ms = size_min(lineages->siblings_ms, member->started_ms);
}

static struct error *ask_member(struct lineages *lineages, const struct family_member *member)
{
    struct mappings mappings = {0};
    struct error *error = process_mappings(member->pid, &mappings);
    if (!error && has_unknown(lineages, &mappings) && lineages->looks < LOOKS_MAX) {
        lineages->looks++;
        error = add_foreign(lineages, member->pid, &mappings);
    }
    if (!error && count_zones(lineages, &mappings))
        note_start(lineages, member);
    mappings_free(&mappings);
    return error;
}

/* nginx makes its counters once, when all zones of its first configuration are ready. */
static uint64_t first_configured_ns(const struct shared_zones *zones)
{
    for (size_t i = 0; i < zones->count; i++)
        if (zones->items[i].kind == ZONE_COUNTERS)
            return zones->items[i].lineage.made_ns;
    return 0;
}

/* A zone is older than the workers by more than configuring takes if there was a configuration in between. */
static bool was_kept(const struct lineages *lineages, const struct zone_lineage *lineage)
{
    uint64_t start_ms = lineages->children_ms != UINT64_MAX ? lineages->children_ms : lineages->siblings_ms;
    uint64_t first_ns = first_configured_ns(lineages->zones);
    uint64_t ready_ms = lineage->made_ns <= first_ns ? first_ns / NS_PER_MS + KEPT_AFTER_MS
                                                     : lineage->made_ns / NS_PER_MS + CONFIGURING_MS;
    return lineage->made_ns && start_ms != UINT64_MAX && start_ms > ready_ms;
}

static void fill_in(const struct lineages *lineages, struct shared_zone *zone)
{
    struct zone_lineage *lineage = &zone->lineage;
    uint64_t made_ms = lineage->made_ns / NS_PER_MS;
    if (made_ms && lineages->self.started_ms > made_ms)
        lineage->before_process_ms = lineages->self.started_ms - made_ms;
    lineage->was_kept = was_kept(lineages, lineage);
    for (size_t i = 0; i < lineages->foreign.count; i++) {
        const struct foreign_zone *foreign = &lineages->foreign.items[i];
        if (strcmp(foreign->name, zone->name) != 0)
            continue;
        lineage->others++;
        lineage->other_processes += foreign->processes;
        lineage->others_loaded += foreign->loaded_bytes;
    }
}

static struct error *ask_family(struct lineages *lineages, const struct mappings *mappings)
{
    struct shared_zones *zones = lineages->zones;
    struct process_family family;
    struct error *error = process_family_find(target_pid(lineages->target), &family);
    const struct family_member *self = error ? NULL : process_family_member(&family, target_pid(lineages->target));
    for (size_t i = 0; i < zones->count; i++) {
        const struct mapping *mapping = mappings_find(mappings, zones->items[i].range.start);
        lineages->inodes[i] = mapping ? mapping->inode : 0;
    }
    if (self)
        lineages->self = *self;
    for (size_t i = 0; i < family.count && self && !error; i++)
        error = ask_member(lineages, &family.items[i]);
    for (size_t i = 0; i < zones->count && self && !error; i++)
        fill_in(lineages, &zones->items[i]);
    process_family_free(&family);
    return error;
}

struct error *zone_lineage_find(struct target *target, const struct mappings *mappings, struct shared_zones *zones)
{
    if (target_kind(target) != TARGET_LIVE_PROCESS)
        return NULL;
    struct lineages lineages = {
        .target = target,
        .zones = zones,
        .inodes = calloc(zones->count + 1, sizeof(*lineages.inodes)),
        .children_ms = UINT64_MAX,
        .siblings_ms = UINT64_MAX,
    };
    struct error *error = lineages.inodes ? ask_family(&lineages, mappings) : error_no_memory();
    ARRAY_FREE(&lineages.foreign);
    free(lineages.inodes);
    return error;
}
