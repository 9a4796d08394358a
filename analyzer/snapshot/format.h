/*
 * The headers of a snapshot file; docs/SNAPSHOT.md draws it. All integers little-endian, as this machine's.
 *
 *     file header:     magic[8] | version u32 | checksum u32
 *     section header:  name[8] | version u32 | state u32 | raw bytes u64 | stored bytes u64 | flags u32 | checksum u32
 */
#ifndef RESPIRE_SNAPSHOT_FORMAT_H
#define RESPIRE_SNAPSHOT_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define SNAPSHOT_MAGIC "\x89rsp\r\n\x1a\n"
#define SECTION_OF_PROCESS UINT32_MAX /* instead of a state's number */

enum {
    SNAPSHOT_VERSION = 1,
    SECTION_NAME_BYTES = 8,
    SECTION_NEEDED = 1,       /* flag: whoever does not know it must refuse the file */
    STORED_RATIO_MAX = 32768, /* no zstd frame says more: a block of 4 bytes stands for 128 KiB at most */
    SNAPSHOT_PAGE_BYTES = 4096,
};

struct file_header {
    char magic[8];
    uint32_t version;
    uint32_t checksum;
};

struct section_header {
    char name[SECTION_NAME_BYTES]; /* filled up with zeros */
    uint32_t version;
    uint32_t state;
    uint64_t raw_bytes, stored_bytes;
    uint32_t flags;
    uint32_t checksum;
};

_Static_assert(sizeof(struct file_header) == 16 && sizeof(struct section_header) == 40, "headers have no holes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words and headers are stored as they are");

/* FNV-1a of `bytes` bytes: both headers end with that of what stands before it. */
static inline uint32_t header_checksum(const void *header, size_t bytes)
{
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < bytes; i++)
        sum = (sum ^ ((const unsigned char *)header)[i]) * 16777619u;
    return sum;
}

#endif
