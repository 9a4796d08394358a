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
#define BLOCK_BYTES (4 * MIB)

/* The size of Lua's tables, and of little else. They are what the collector visits most, so they have blocks of their
   own: one cache line each, one behind the other, in an order that the processor's prefetchers can follow. */
#define LINE_BYTES ((size_t)64)

/* What a block holds. */
enum kind { KIND_ANY, KIND_LINES, KINDS };

#define PAGES_PER_SECTION ((uint32_t)(SECTION_BYTES / PAGE_BYTES))
#define SECTIONS_PER_BLOCK RESPIRE_SECTIONS_PER_BLOCK

/* A block begins with its image, on a page of its own, and its bitmap. */
#define BITMAP_OFFSET PAGE_BYTES

/* LuaJIT's own allocator maps directly from the same size on. */
#define LARGE_BYTES (128 * KIB)

/* LuaJIT's GC64 values hold 47 bits of an address. */
#define ADDRESS_LIMIT ((uint64_t)1 << 47)

_Static_assert(PAGES_PER_SECTION == 16, "page masks of a section are 16 bits");
_Static_assert(SECTION_BYTES * SECTIONS_PER_BLOCK == BLOCK_BYTES, "sections tile the block");

struct block {
    struct respire_block_image image;
    uint8_t unused[BITMAP_OFFSET - sizeof(struct respire_block_image)];
    uint64_t bitmap[]; /* BLOCK_BYTES / granule / 64 words */
};

_Static_assert(offsetof(struct block, bitmap) == BITMAP_OFFSET, "the bitmap starts on a page");

static inline struct block *block_of(const void *address)
{
    return (struct block *)((uintptr_t)address & ~(uintptr_t)(BLOCK_BYTES - 1));
}

static inline uint32_t offset_in_block(const void *address)
{
    return (uint32_t)((uintptr_t)address & (BLOCK_BYTES - 1));
}

static inline size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) & ~(unit - 1);
}

static inline enum kind kind_of_size(size_t rounded)
{
    return rounded == LINE_BYTES ? KIND_LINES : KIND_ANY;
}

static inline size_t kind_granule_bytes(enum kind kind)
{
    return kind == KIND_LINES ? LINE_BYTES : GRANULE_BYTES;
}

static inline enum kind block_kind(const struct block *block)
{
    return block->image.granule_bytes == LINE_BYTES ? KIND_LINES : KIND_ANY;
}

static inline uint32_t section_granules(enum kind kind)
{
    return (uint32_t)(SECTION_BYTES / kind_granule_bytes(kind));
}

static inline size_t header_bytes(enum kind kind)
{
    return BITMAP_OFFSET + BLOCK_BYTES / kind_granule_bytes(kind) / 8;
}

/* The first granule of a section that may hold objects. */
static inline uint32_t section_first_granule(enum kind kind, uint32_t section)
{
    return section == 0 ? (uint32_t)(header_bytes(kind) / kind_granule_bytes(kind)) : section * section_granules(kind);
}

static inline uint32_t section_capacity(enum kind kind, uint32_t section)
{
    return (section + 1) * section_granules(kind) - section_first_granule(kind, section);
}

/* The pages of a section that hold objects, as a mask. */
static inline uint16_t section_pages(enum kind kind, uint32_t section)
{
    uint32_t skipped = section == 0 ? (uint32_t)(header_bytes(kind) / PAGE_BYTES) : 0;
    return (uint16_t)(0xFFFFu << skipped);
}

#endif
