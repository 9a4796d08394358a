/*
 * nginx's shared memory zones, as one process sees them: what is loaded of each, what its slab pool has given out, and
 * what its module keeps in it. Bytes, unless a name says otherwise.
 *
 * A zone's pages are shared: `loaded` is of the zone, whoever touched it; `own` is what this process has touched, its
 * part of the process's RSS.
 */
#ifndef RESPIRE_MODEL_SHARED_ZONES_H
#define RESPIRE_MODEL_SHARED_ZONES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/address.h"
#include "base/error.h"
#include "model/checks.h"
#include "model/histogram.h"

enum zone_kind {
    ZONE_OTHER,        /* a slab pool of a module whose contents respire does not know */
    ZONE_LUA_DICT,     /* lua_shared_dict, of HTTP and stream */
    ZONE_LIMIT_REQ,
    ZONE_LIMIT_CONN,
    ZONE_CACHE,        /* keys_zone of proxy_cache_path, fastcgi_cache_path, … */
    ZONE_SSL_SESSIONS, /* ssl_session_cache shared:… */
    ZONE_UPSTREAM,
    ZONE_COUNTERS,     /* nginx's own: the accept mutex and the counters of stub_status; no slab pool */
    ZONE_KINDS,
};

enum { SLAB_SIZES_MAX = 16, SLAB_KINDS_MAX = 4 };

/* Slabs of one size. What holds a page's own bitmap is no slab: nginx's statistics do not count it either. */
struct slab_size {
    uint32_t slab_bytes;
    uint64_t pages;
    uint64_t used, free;             /* slabs, by the bitmaps */
    uint64_t bitmap_slabs;           /* slabs in which pages of this size keep their bitmaps */
    uint64_t requests, failures;     /* ngx_slab_stat_t's reqs and fails */
    uint64_t sparse_pages;           /* pages of which at most a quarter is used: what pins memory */
    uint64_t sparse_used;            /* the slabs used on those */
};

struct slab_pages {
    uint64_t total, free;
    uint64_t free_loaded;            /* free, and in memory all the same: room that costs no more RSS */
    uint64_t free_runs, largest_free_run;
    uint64_t small, exact, big;      /* pages of slabs, by where their bitmap is */
    uint64_t whole;                  /* pages given out as such */
    uint64_t whole_allocations;
};

struct slab_account {
    struct slab_pages pages;
    struct slab_size sizes[SLAB_SIZES_MAX]; /* ascending */
    size_t size_count;
    uint64_t page_bytes;
    uint64_t header_bytes;           /* of the zone, before its first page: books of the pool */
    uint64_t largest_allocation;     /* what could be had now, without evicting anything */
};

enum dict_value {
    DICT_NIL,
    DICT_BOOLEAN,
    DICT_NUMBER,
    DICT_STRING,
    DICT_LIST,
    DICT_VALUES,
};

enum { TTL_ROWS = 8 };

/* Bounds of the rows of entries by time left: below a second, ten seconds, a minute, … ; the last has none. */
extern const uint64_t ttl_bounds_ms[TTL_ROWS];

struct entry_sum {
    uint64_t count, bytes; /* keys and values; of a list, its items */
};

/* One entry that is shown by itself. */
struct shown_entry {
    char *key;              /* owned; NULL unless contents may be shown */
    uint64_t key_bytes, value_bytes;
    enum dict_value type;   /* ZONE_LUA_DICT */
    bool expires;
    int64_t left_ms;        /* until it expires; below 0: it has. Only where `expires` */
    bool has_age;
    int64_t age_ms;         /* since it was last used, where the module notes that */
};

struct zone_contents {
    bool is_known;            /* entries were counted */
    uint64_t entries, expired;
    unsigned tree_height;     /* nodes on the longest way from the root; 0: none, or it changed meanwhile */
    /* ZONE_LUA_DICT */
    struct entry_sum by_type[DICT_VALUES];
    struct histogram sizes;   /* of entries: key and value */
    struct entry_sum never;   /* without a time to live */
    struct entry_sum by_ttl[TTL_ROWS]; /* those that live, by time left */
    uint64_t list_items, list_item_bytes;
    uint64_t key_overhead;    /* what an entry takes beside key and value */
    uint64_t largest_value;   /* key and value together that could be stored now without evicting an entry */
    uint64_t pages_if_expired_went; /* how many more pages would be free */
    bool has_ends;
    struct shown_entry newest, oldest; /* the ends of the queue: used last, and next to be evicted */
    struct shown_entry *largest;       /* by bytes, descending */
    size_t largest_count;
    /* ZONE_CACHE */
    uint64_t disk_blocks;     /* of the cache's files, in blocks of its file system */
};

/* How long zones of one name have lived, over reloads and upgrades. */
struct zone_lineage {
    uint64_t made_ns;          /* since 1970: when nginx made it; 0: not known */
    uint64_t before_process_ms;/* that long before this process started; 0 also when it was made after that */
    bool was_kept;             /* workers have started for another configuration since it was made */
    size_t processes;          /* of the same nginx that map it, this one among them; 0: not known */
    /* Other generations: zones of the same name in processes of the same nginx, with pages of their own. */
    size_t others, other_processes;
    uint64_t others_loaded;    /* bytes of those zones */
};

struct shared_zone {
    char *name;               /* owned */
    char *module;             /* "ngx_http_lua_module"; owned; "?" when its tag is no module's */
    enum zone_kind kind;
    struct address_range range;
    uint64_t size_bytes;
    bool has_residency;       /* false in a core file */
    uint64_t loaded_bytes, own_bytes, swapped_bytes;
    struct zone_lineage lineage;
    struct error *damage;     /* why its inside is not understood; owned */
    bool has_slabs;
    struct slab_account slabs;
    struct zone_contents contents;
    unsigned attempts;        /* how often it was read */
    uint64_t changes;         /* of the zone while it was read: numbers are right within these */
    struct checks checks;
};

/* Can the process grow by all that its zones have not loaded yet? Bytes. All 0 without residency. */
struct zone_forecast {
    uint64_t rss_bytes;        /* of the process now */
    uint64_t zones_rss_bytes;  /* of that: pages of zones */
    uint64_t rss_grows_by;     /* when the process has touched every page of every zone */
    uint64_t memory_needed;    /* for pages that are not in memory yet: charged once, whoever touches them */
    bool has_limit;
    /* Of the control group that leaves the least room; file pages that the kernel would drop count as not used. */
    uint64_t limit_bytes, limit_used_bytes;
    char limit_name[256];      /* its path below the mount point */
    uint64_t available_bytes;  /* MemAvailable */
    bool fits;                 /* memory_needed is to be had of the group and of the machine */
};

struct shared_zones {
    struct shared_zone *items; /* largest loaded first */
    size_t count, capacity;
    struct zone_forecast forecast;
};

/* "lua_shared_dict", "limit_req", … as people see it. */
const char *zone_kind_name(enum zone_kind kind);
const char *dict_value_name(enum dict_value value);

/* Pages that nobody has touched yet, or that are in swap. */
uint64_t shared_zone_unloaded_bytes(const struct shared_zone *zone);

/* Allocations for which there was no room, since the zone was made; nginx counts those of slabs, not of whole pages. */
uint64_t shared_zone_failures(const struct shared_zone *zone);

/* What it owns; it is empty then. */
void zone_contents_release(struct zone_contents *contents);
void shared_zone_release(struct shared_zone *zone);
void shared_zones_release(struct shared_zones *zones);

#endif
