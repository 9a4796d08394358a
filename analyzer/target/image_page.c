/* Parses an image's first page, from a file or from a dead process's memory: both are foreign input. */
#include "target/image_page.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"

/* Notes as in a program's image: 12 bytes of header, then name and description, each padded to 4 bytes. */
static struct build_id build_id_of_notes(const unsigned char *notes, uint64_t bytes)
{
    struct build_id id = {0};
    for (uint64_t at = 0; bytes - at >= sizeof(Elf64_Nhdr);) {
        Elf64_Nhdr header;
        memcpy(&header, notes + at, sizeof(header));
        uint64_t name_at = at + sizeof(header);
        uint64_t data_at = name_at + round_up(header.n_namesz, 4);
        uint64_t next = data_at + round_up(header.n_descsz, 4);
        if (data_at > bytes || header.n_descsz > bytes - data_at)
            break;
        if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == sizeof("GNU") && header.n_descsz <= sizeof(id.bytes)
            && memcmp(notes + name_at, "GNU", sizeof("GNU")) == 0) {
            id.count = header.n_descsz;
            memcpy(id.bytes, notes + data_at, id.count);
            break;
        }
        if (next > bytes)
            break;
        at = next;
    }
    return id;
}

/* Program header number `i`; false when there is none, or it does not lie in the page. */
static bool program_header(const unsigned char *page, size_t bytes, size_t i, Elf64_Phdr *segment)
{
    Elf64_Ehdr header;
    if (bytes < sizeof(header))
        return false;
    memcpy(&header, page, sizeof(header));
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64
        || header.e_phentsize != sizeof(*segment) || i >= header.e_phnum || header.e_phoff > bytes)
        return false;
    uint64_t at = header.e_phoff + i * sizeof(*segment);
    if (at + sizeof(*segment) > bytes)
        return false;
    memcpy(segment, page + at, sizeof(*segment));
    return true;
}

struct build_id build_id_of_page(const unsigned char *page, size_t bytes)
{
    Elf64_Phdr segment;
    struct build_id id = {0};
    for (size_t i = 0; id.count == 0 && program_header(page, bytes, i, &segment); i++)
        if (segment.p_type == PT_NOTE && segment.p_offset <= bytes && segment.p_filesz <= bytes - segment.p_offset)
            id = build_id_of_notes(page + segment.p_offset, segment.p_filesz);
    return id;
}

uint32_t segment_flags_of_page(const unsigned char *page, size_t bytes, uint64_t file_offset)
{
    Elf64_Phdr segment;
    for (size_t i = 0; program_header(page, bytes, i, &segment); i++)
        if (segment.p_type == PT_LOAD && file_offset >= round_down(segment.p_offset, IMAGE_PAGE_BYTES)
            && file_offset - round_down(segment.p_offset, IMAGE_PAGE_BYTES) < segment.p_filesz)
            return segment.p_flags;
    return 0;
}

size_t image_page_read(int file, uint64_t offset, unsigned char *page, size_t bytes)
{
    size_t count = 0;
    for (ssize_t got = 1; got > 0 && count < bytes; count += got > 0 ? (size_t)got : 0)
        got = pread(file, page + count, bytes - count, (off_t)(offset + count));
    return count;
}
