/*
 * What the first page of a program or library says: its ELF header and program headers. Only target/ includes this
 * file.
 */
#ifndef RESPIRE_TARGET_IMAGE_PAGE_H
#define RESPIRE_TARGET_IMAGE_PAGE_H

#include <stddef.h>
#include <stdint.h>

#define IMAGE_PAGE_BYTES 4096

#define BUILD_ID_BYTES_MAX 64

struct build_id {
    size_t count; /* 0: none */
    unsigned char bytes[BUILD_ID_BYTES_MAX];
};

/* The bytes of `file` at `offset`, as many as there are of `bytes`. */
size_t image_page_read(int file, uint64_t offset, unsigned char *page, size_t bytes);

/*
 * The build id that the program headers in the first page of an ELF file lead to, when its note lies in that page
 * too.
 */
struct build_id build_id_of_page(const unsigned char *page, size_t bytes);

/* The permissions (PF_R, PF_W, PF_X) of the segment that holds this offset of the file; 0: none does. */
uint32_t segment_flags_of_page(const unsigned char *page, size_t bytes, uint64_t file_offset);

#endif
