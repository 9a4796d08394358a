/*
 * heap_image.h: how a respire heap describes itself to a reader outside the process.
 *
 * The only knowledge that the runtime (writer) and the analyzer (reader) share. A reader needs no symbols: a
 * state's `g->allocd` is the address of a heap image, and an address whose page starts with the magic and whose
 * `self_address` is that address is a heap image (a copy of it elsewhere, such as a stale page in a swapped-out
 * buffer, fails that test). Everything else is found from the image. Little-endian, 64-bit targets, 4 KiB pages.
 *
 *   heap image (page-aligned, RESPIRE_IMAGE_BYTES)
 *   +------------------------------------------------+
 *   | 0    magic, version, self address, geometry     |  constant after creation
 *   | 128  open holes                                 |  written by the mutator, without a lock
 *   | 192  structure: tables, counts, regions         |  written between two steps of change_count
 *   | 384  settings in force, purge totals            |  written by whoever sets or purges
 *   +------------------------------------------------+
 *        | block_table_address                | large_table_address          | regions[]
 *        v                                    v                              v
 *   block slots (address or 0)           large slots (address or 0)     the mappings that hold the image
 *        |                                                              and the tables
 *        v
 *   block (block_bytes long and aligned to it: 4 MiB)
 *   +------------------------------------------------+ 0
 *   | struct respire_block_image, 64 sections         |
 *   +------------------------------------------------+ bitmap_offset: 4,096
 *   | bitmap: one bit per granule of the whole block  |  32,768 bytes; 8,192 in a block of lines
 *   +------------------------------------------------+ header_bytes
 *   | objects, any sizes mixed, no object headers     |  section 0 is the rest of the first 64 KiB
 *   |  ...                                            |  section 1..63: 64 KiB each
 *   +------------------------------------------------+ block_bytes
 *
 * Words
 *   granule   the unit of allocation in a block: 16 bytes, or 64 in a block of lines, which holds objects of 49 to 64
 *             bytes only (Lua's tables, above all). Any other object takes whole granules of 16.
 *   bit       bit (g & 63) of 64-bit word (g >> 6) of the bitmap is granule g of the block, counted from the
 *             block's first byte. 1 = taken. The bits of the header's own granules are always 0: the header
 *             belongs to the metadata, not to live and not to free.
 *   section   64 KiB of a block: the unit in which the mutator claims memory and the purger returns it.
 *   open hole [next, end): the run of free granules into which the mutator is allocating now. To keep the fast
 *             path to one addition, the bits and counts of the WHOLE hole are set when it is opened. So the
 *             remainder [next, end) counts as taken everywhere, though nothing lives there: the reader subtracts
 *             it (it is free memory, kept resident for the next allocations). A hole with next = end is closed.
 *   large     an object of `large_threshold_bytes` or more, on a mapping of its own. A slot with live_bytes = 0 is
 *             a free mapping that waits for reuse or for its decay.
 *
 * Equations (all exact whenever the mutator is outside a call of the allocator and change_count is even)
 *   1  block_count x block_bytes + sum(large.mapped_bytes) + sum(regions.bytes) = held_bytes
 *   2  sum(regions.bytes) = meta_bytes
 *   3  per section: popcount(its bits) = live_granules
 *   4  non-empty block slots = block_count; non-empty large slots = large_count
 *   bytes in objects = sum over blocks and sections(live_granules x the block's granule_bytes)
 *                      + sum(large.live_bytes) - sum over holes (end - next)
 *   free inside a block = block_bytes - header_bytes - sum(live_granules) x granule_bytes, and the holes in it
 *
 * When a stop hits in the middle of a call (the purger's calls included)
 *   - change_count odd: lists, counts of lists and held/meta bytes are being changed: equations 1, 2, 4 may be off
 *     by one block, large mapping or region, and a table may have moved: read again, or trust nothing from them.
 *   - change_count even: 1, 2, 4 hold. Equation 3 may be off by ONE operation: the object being allocated or
 *     freed (up to large_threshold_bytes), or the hole being opened or closed (up to section_bytes).
 *   - Memory on its way back to the system has left the tables and the totals a moment before it leaves the address
 *     space: a mapping that no table knows may be that.
 *   - A reader without a stop copies, and compares change_count before and after; bits and counts move meanwhile.
 *
 * Every loop over the image is bounded by block_slots, large_slots, hole_count, region_count and
 * sections_per_block, and a reader should bound those by held_bytes first.
 *
 * Pages of a block, its bitmap included, may be absent (never touched, or purged): an absent page reads as zeros,
 * which means free. `purged_pages` says which pages the purger returned since the section was last claimed.
 *
 * Fixed-width types only. A change of meaning or place raises RESPIRE_IMAGE_VERSION; new fields go into reserved
 * space at the end and leave it.
 */
#ifndef RESPIRE_ABI_HEAP_IMAGE_H
#define RESPIRE_ABI_HEAP_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* 16 bytes, the last one NUL. The first byte keeps text searches of memory from matching by accident. */
#define RESPIRE_IMAGE_MAGIC "\xC5respire heap\n\x1A"
#define RESPIRE_IMAGE_MAGIC_BYTES 16
#define RESPIRE_IMAGE_VERSION 2u

#define RESPIRE_IMAGE_BYTES 512
#define RESPIRE_IMAGE_HOLES 3
#define RESPIRE_IMAGE_REGIONS 6
#define RESPIRE_SECTIONS_PER_BLOCK 64

/* An open hole. Addresses in the process; equal when closed. The first is for objects of 16-byte granules, the second
   for lines, the third for bigger objects that did not fit into the first. */
struct respire_hole_image {
    uint64_t next; /* where the next object goes; aligned to a granule */
    uint64_t end;  /* first byte behind the hole */
};

/* One mapping that holds metadata: the image itself (always region 0) or a table that outgrew it. */
struct respire_region_image {
    uint64_t address;
    uint64_t bytes;
};

/* One slot of the block table. Slots are reused and their order means nothing. */
struct respire_block_slot {
    uint64_t address; /* of the block; 0 = empty slot */
};

/* One slot of the large table (a hash table: full and empty slots are mixed). */
struct respire_large_slot {
    uint64_t address;      /* of the mapping and of the object; 0 = empty slot */
    uint64_t mapped_bytes; /* whole pages */
    uint64_t live_bytes;   /* what the program asked for; 0 = free, waiting for reuse or decay */
    uint64_t freed_ms;     /* when live_bytes became 0: CLOCK_MONOTONIC in ms; else 0 */
};

enum respire_section_state {
    RESPIRE_SECTION_IDLE = 0,    /* nobody works in it; objects in it may be freed at any time */
    RESPIRE_SECTION_CLAIMED = 1, /* the mutator allocates in it: not for the purger */
    RESPIRE_SECTION_PURGING = 2, /* the purger returns pages of it: not for allocation */
};

struct respire_section_image {
    uint16_t live_granules;  /* set bits in this section, open hole included */
    int16_t available_below; /* runtime only: offered to the allocator when live_granules falls to this; -1 = not */
    uint16_t purged_pages;   /* bit i: page i of the section was returned and not handed out since */
    uint16_t free_pages;     /* purger only: pages seen wholly free, ... */
    uint16_t seen_live;      /* ... when live_granules was this */
    uint8_t state;           /* enum respire_section_state */
    uint8_t available;       /* runtime only: 1 = offered to the allocator */
    uint32_t reserved;
};

/* At the start of a block. */
struct respire_block_image {
    uint64_t self_address;  /* the block's address: a guard against reading what is not a block */
    uint64_t heap_address;  /* of the heap image that owns it */
    uint32_t slot;          /* its index in the block table */
    uint32_t granule_bytes; /* 16 or 64 */
    uint32_t header_bytes;  /* objects start here, from the block's start */
    uint32_t bitmap_bytes;
    uint64_t absent_bitmap; /* purger only: bit i: page i of the bitmap was returned, being all zero */
    uint64_t reserved[3];
    struct respire_section_image sections[RESPIRE_SECTIONS_PER_BLOCK];
};

struct respire_heap_image {
    /* 0: constant after creation */
    uint8_t magic[RESPIRE_IMAGE_MAGIC_BYTES];
    uint32_t version;               /* RESPIRE_IMAGE_VERSION */
    uint32_t image_bytes;           /* RESPIRE_IMAGE_BYTES */
    uint64_t self_address;          /* where this image lies */
    uint64_t state_address;         /* the main lua_State; 0 while it is being made */
    uint64_t block_bytes;           /* 4 MiB: length and alignment of every block */
    uint64_t large_threshold_bytes; /* objects of this size and more are mapped on their own */
    uint32_t page_bytes;            /* 4096 */
    uint32_t section_bytes;         /* 65536 */
    uint32_t sections_per_block;    /* 64 */
    uint32_t bitmap_offset;         /* 4096, from a block's start */
    uint32_t hole_count;            /* RESPIRE_IMAGE_HOLES */
    uint32_t reserved_number;
    uint64_t reserved_constant[6];

    /* 128: written by the mutator without a lock */
    struct respire_hole_image holes[RESPIRE_IMAGE_HOLES];
    uint64_t reserved_mutator[2];

    /* 192: written under the heap's lock, between two steps of change_count */
    uint64_t change_count;        /* odd while what follows, up to reserved_structure, is being changed */
    uint64_t held_bytes;          /* equation 1 */
    uint64_t meta_bytes;          /* equation 2 */
    uint64_t block_table_address; /* struct respire_block_slot[block_slots] */
    uint64_t block_slots;
    uint64_t block_count;
    uint64_t large_table_address; /* struct respire_large_slot[large_slots] */
    uint64_t large_slots;
    uint64_t large_count; /* non-empty slots, free mappings included */
    uint64_t region_count;
    struct respire_region_image regions[RESPIRE_IMAGE_REGIONS]; /* the first region_count are in use */
    uint64_t reserved_structure[2];

    /* 384: settings in force and purge totals */
    uint64_t decay_ms;           /* free pages go back after this long */
    uint64_t background;         /* 1: the purger thread does so by itself; 0: only an explicit trim does */
    uint64_t purged_bytes_total; /* returned to the system since creation: pages, free blocks, free mappings */
    uint64_t purge_count;        /* system calls that returned them */
    uint64_t created_ms;         /* CLOCK_REALTIME in ms */
    uint64_t reserved[11];
};

_Static_assert(sizeof(RESPIRE_IMAGE_MAGIC) == RESPIRE_IMAGE_MAGIC_BYTES, "the magic is 16 bytes with its NUL");
_Static_assert(sizeof(struct respire_section_image) == 16, "section image");
_Static_assert(sizeof(struct respire_block_image) == 64 + 16 * RESPIRE_SECTIONS_PER_BLOCK, "block image");
_Static_assert(sizeof(struct respire_block_slot) == 8, "block slot");
_Static_assert(sizeof(struct respire_large_slot) == 32, "large slot");
_Static_assert(offsetof(struct respire_heap_image, self_address) == 24, "self_address");
_Static_assert(offsetof(struct respire_heap_image, state_address) == 32, "state_address");
_Static_assert(offsetof(struct respire_heap_image, holes) == 128, "holes");
_Static_assert(offsetof(struct respire_heap_image, change_count) == 192, "change_count");
_Static_assert(offsetof(struct respire_heap_image, regions) == 272, "regions");
_Static_assert(offsetof(struct respire_heap_image, decay_ms) == 384, "decay_ms");
_Static_assert(sizeof(struct respire_heap_image) == RESPIRE_IMAGE_BYTES, "heap image");

#endif
