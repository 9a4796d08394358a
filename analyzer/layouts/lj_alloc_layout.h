/*
 * LuaJIT's own allocator (lj_alloc.c, a dlmalloc derivative): struct malloc_state, its chunks and segments.
 * The same numbers on every 64-bit build from 2016 to 2026, with wide and with narrow references; in June 2020
 * malloc_state got one more field at its end.
 */
#ifndef RESPIRE_LAYOUTS_LJ_ALLOC_LAYOUT_H
#define RESPIRE_LAYOUTS_LJ_ALLOC_LAYOUT_H

enum lj_alloc_layout {
    /* malloc_state */
    LJ_ALLOC_VICTIM_SIZE = 8,  /* dvsize */
    LJ_ALLOC_TOP_SIZE = 16,
    LJ_ALLOC_VICTIM = 24,      /* dv: the preferred free chunk */
    LJ_ALLOC_TOP = 32,
    LJ_ALLOC_SEGMENT = 840,    /* the first segment record: base, size, next */
    LJ_ALLOC_STATE_BYTES = 864,  /* without that field */
    LJ_ALLOC_STATE_HEAD = 0x372, /* head of the chunk that holds malloc_state, without its lowest bit */
    LJ_ALLOC_STATE_HEAD_2016 = 0x36a,

    /* segment record */
    LJ_SEGMENT_BASE = 0,
    LJ_SEGMENT_SIZE = 8,
    LJ_SEGMENT_NEXT = 16,
    LJ_SEGMENT_BYTES = 24,

    /* chunk: 8 bytes foot of the chunk before, 8 bytes head, then the block */
    LJ_CHUNK_FOOT = 0,
    LJ_CHUNK_HEAD = 8,
    LJ_CHUNK_BLOCK = 16,
    LJ_CHUNK_OVERHEAD = 8,     /* bytes of a used chunk that its user does not get */
    LJ_CHUNK_MINIMUM = 32,
    LJ_CHUNK_ALIGNMENT = 8,
    LJ_CHUNK_PREVIOUS_USED = 1,
    LJ_CHUNK_USED = 2,
    LJ_CHUNK_FLAGS = 3,
    LJ_CHUNK_FENCEPOST = 11,   /* head that ends a segment which is not the newest */
    LJ_CHUNK_LINKS = 64,       /* header and tree links of a free chunk: never given back */
    LJ_TOP_FOOT = 64,          /* kept behind top for a segment record and fenceposts */

    /* direct maps: blocks of 128 KiB and more, one mapping each, linked from nowhere */
    LJ_DIRECT_FLAG = 1,        /* in the foot: this is a direct map; the other bits are its offset */
    LJ_DIRECT_TAIL = 32,       /* bytes behind the chunk */
    LJ_DIRECT_SLACK = 65536 + 4096, /* a shrunken block keeps up to half of 128 KiB and a page */
};

#endif
