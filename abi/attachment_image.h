/*
 * attachment_image.h: how a state that was taken over while it lived describes itself.
 *
 * A state that respire_attach or `require "respire"` took over has two allocators: new blocks come from a respire
 * heap, and blocks from before go back to the allocator that made them. Its g->allocd points to this image, on a page
 * of its own; a page whose first 16 bytes are the magic and whose `self_address` is that address is one. Constant
 * while the state lives. Little-endian, 64-bit targets.
 */
#ifndef RESPIRE_ABI_ATTACHMENT_IMAGE_H
#define RESPIRE_ABI_ATTACHMENT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* 16 bytes, the last one NUL. */
#define RESPIRE_ATTACHMENT_MAGIC "\xC5respire both\n\x1A"
#define RESPIRE_ATTACHMENT_MAGIC_BYTES 16
#define RESPIRE_ATTACHMENT_VERSION 1u

struct respire_attachment_image {
    uint8_t magic[RESPIRE_ATTACHMENT_MAGIC_BYTES];
    uint32_t version;       /* RESPIRE_ATTACHMENT_VERSION */
    uint32_t image_bytes;   /* sizeof(struct respire_attachment_image) */
    uint64_t self_address;  /* where this image lies */
    uint64_t heap_address;  /* the heap image of what was allocated since (heap_image.h) */
    uint64_t state_address; /* the main lua_State, which the old allocator made */
    uint64_t old_function;  /* the old allocator's lua_Alloc function */
    uint64_t old_data;      /* and its data: for LuaJIT's own, its mspace */
    uint64_t old_is_stock;  /* 1: it is LuaJIT's own */
};

_Static_assert(sizeof(RESPIRE_ATTACHMENT_MAGIC) == RESPIRE_ATTACHMENT_MAGIC_BYTES, "the magic is 16 bytes");
_Static_assert(sizeof(struct respire_attachment_image) == 72, "attachment image");

#endif
