/*
 * block.h: blocks come, go, and offer their sections to the allocator.
 *
 * A section is "offered" when it is worth looking for holes in it: warm if it has pages, cold if it has none. The
 * lowest warm section of the lowest slot is taken first, so that a heap that shrinks settles in few blocks.
 */
#ifndef RESPIRE_RUNTIME_BLOCK_H
#define RESPIRE_RUNTIME_BLOCK_H

#include "heap.h"

/* Fewer free granules than this (4 KiB) are not worth a visit. */
static inline uint32_t worth_a_visit(enum kind kind)
{
    return section_granules(kind) / 16;
}

/* seen_live of a section in which something was allocated since the purger looked. */
#define SECTION_UNSEEN UINT16_MAX

static inline uint32_t section_live(const struct respire_section_image *section)
{
    return __atomic_load_n(&section->live_granules, __ATOMIC_RELAXED);
}

static inline void section_set_live(struct respire_section_image *section, uint32_t live)
{
    __atomic_store_n(&section->live_granules, (uint16_t)live, __ATOMIC_RELAXED);
}

/* The page of the bitmap that speaks of a section, as a bit of absent_bitmap. */
static inline uint64_t bitmap_page_bit(const struct block *block, uint32_t section)
{
    return (uint64_t)1 << (section * (block->image.bitmap_bytes / PAGE_BYTES) / SECTIONS_PER_BLOCK);
}

/* True: nothing in it and no page behind it. Lock held, or the section is claimed by the caller. */
bool section_is_cold(const struct block *block, uint32_t section);

/* Map a block and offer all its sections. NULL: no memory. Called by the mutator without the lock. */
struct block *block_add(struct heap *heap, enum kind kind);

/* Enter a block of a heap that starts anew, as if nothing had ever been allocated in it. */
void block_reset(struct heap *heap, struct block *block);

/* Take an empty block out of the table. Lock held. The caller unmaps it after it has let go of the lock. */
void block_detach(struct heap *heap, struct block *block);

/* Offer a section to the allocator. Mutator only (it reads available_below without the lock), lock held. */
void section_offer(struct heap *heap, struct block *block, uint32_t section);

/* An offered section may have become cold, or warm. Lock held. */
void section_changed_temperature(struct heap *heap, struct block *block, uint32_t section);

/* Claim an offered section for a lane; `roomy`: only one of which half is free. False: no memory. No lock held. */
bool section_claim(struct heap *heap, struct lane *lane, enum kind kind, bool roomy);

/* Let go of the lane's section; its hole is closed already. `unscanned`: it may hold holes nobody looked at. */
void section_release(struct heap *heap, struct lane *lane, bool unscanned);

/* The free path found section->available_below reached. No lock held. Returns NULL, so that it can be a tail call. */
void *section_became_free(struct heap *heap, struct block *block, uint32_t section) __attribute__((cold));

/* Tell the purger that there may be something to purge. */
void heap_note_work(struct heap *heap);

#endif
