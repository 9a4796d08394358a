/*
 * geometry.h: the sizes that the heap is cut into, and the arithmetic between them.
 *
 * The words (granule, section, block, hole, large) are defined in abi/heap_image.h. All sizes are compile-time
 * constants, so that the fast path is shifts and masks; a machine with other pages than 4 KiB is left to
 * LuaJIT's own allocator (heap_create refuses).
 */
#ifndef RESPIRE_RUNTIME_GEOMETRY_H
#define RESPIRE_RUNTIME_GEOMETRY_H

#include "heap_image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

#define GRANULE_BYTES ((size_t)16)
#define PAGE_BYTES (4 * KIB)
#define SECTION_BYTES (64 * KIB)
#define BLOCK_BYTES (1 * MIB)

#define GRANULES_PER_PAGE ((uint32_t)(PAGE_BYTES / GRANULE_BYTES))
#define GRANULES_PER_SECTION ((uint32_t)(SECTION_BYTES / GRANULE_BYTES))
#define GRANULES_PER_BLOCK ((uint32_t)(BLOCK_BYTES / GRANULE_BYTES))
#define PAGES_PER_SECTION ((uint32_t)(SECTION_BYTES / PAGE_BYTES))
#define SECTIONS_PER_BLOCK RESPIRE_SECTIONS_PER_BLOCK

#define BITMAP_BYTES (GRANULES_PER_BLOCK / 8)
#define BLOCK_IMAGE_OFFSET BITMAP_BYTES
#define BLOCK_HEADER_BYTES (BLOCK_IMAGE_OFFSET + sizeof(struct respire_block_image))
#define HEADER_GRANULES ((uint32_t)(BLOCK_HEADER_BYTES / GRANULE_BYTES))
/* Pages of section 0 that hold some of the header, never returned on their own. */
#define HEADER_PAGES ((uint32_t)((BLOCK_HEADER_BYTES + PAGE_BYTES - 1) / PAGE_BYTES))

/* LuaJIT's own allocator maps directly from the same size on. */
#define LARGE_BYTES (128 * KIB)

/* LuaJIT's GC64 values hold 47 bits of an address. */
#define ADDRESS_LIMIT ((uint64_t)1 << 47)

_Static_assert(PAGES_PER_SECTION == 16, "page masks of a section are 16 bits");
_Static_assert(SECTION_BYTES * SECTIONS_PER_BLOCK == BLOCK_BYTES, "sections tile the block");
_Static_assert(BLOCK_HEADER_BYTES % GRANULE_BYTES == 0, "objects start on a granule");

struct block {
    uint64_t bitmap[GRANULES_PER_BLOCK / 64];
    struct respire_block_image image;
};

_Static_assert(offsetof(struct block, image) == BLOCK_IMAGE_OFFSET, "the image follows the bitmap");

static inline struct block *block_of(const void *address)
{
    return (struct block *)((uintptr_t)address & ~(uintptr_t)(BLOCK_BYTES - 1));
}

static inline uint32_t granule_of(const void *address)
{
    return (uint32_t)(((uintptr_t)address & (BLOCK_BYTES - 1)) / GRANULE_BYTES);
}

static inline void *granule_address(struct block *block, uint32_t granule)
{
    return (char *)block + granule * GRANULE_BYTES;
}

static inline size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) & ~(unit - 1);
}

/* The first granule of a section that may hold objects. */
static inline uint32_t section_first_granule(uint32_t section)
{
    return section == 0 ? HEADER_GRANULES : section * GRANULES_PER_SECTION;
}

static inline uint32_t section_capacity_granules(uint32_t section)
{
    return (section + 1) * GRANULES_PER_SECTION - section_first_granule(section);
}

/* The pages of a section that hold objects only, as a mask. */
static inline uint16_t section_pages(uint32_t section)
{
    return section == 0 ? (uint16_t)(0xFFFFu << HEADER_PAGES) : 0xFFFFu;
}

#endif
