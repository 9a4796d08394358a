/*
 * A core leaves out what the kernel thinks can be read elsewhere: code and read-only data of programs and libraries.
 * This file finds those bytes again, in the files that NT_FILE names or copies of them (core_image.h), and only when a
 * file's build id equals that in the core's copy of the image's first page: another build of the same library would
 * yield nonsense that looks right.
 */
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/range_search.h"
#include "base/size.h"
#include "target/core_file.h"
#include "target/core_image.h"

enum { IMAGE_ROWS_MAX = 64 }; /* mappings of one program or library */

static struct error *add_part(struct core_file *core, struct core_part part)
{
    if (range_bytes(part.range) == 0)
        return NULL;
    struct core_part *added = ARRAY_ADD(&core->parts);
    if (!added)
        return error_no_memory();
    *added = part;
    return NULL;
}

static const struct core_segment *find_segment(const struct core_file *core, address_t a)
{
    return RANGE_HOLDING(core->segments.items, core->segments.count, a);
}

/* The row with which the image of `mapped` begins: its mappings follow each other, the file's start first. */
static const struct core_mapped_file *image_start(const struct core_file *core, const struct core_mapped_file *mapped)
{
    const struct core_mapped_file *first = mapped;
    for (int i = 0; i < IMAGE_ROWS_MAX && first > core->notes.files && first->file_offset > 0; i++) {
        if (strcmp(first[-1].path, mapped->path) != 0)
            break;
        first--;
    }
    return first;
}

/* The build id of an image as the core shows it. */
static struct build_id build_id_in_core(const struct core_file *core, const struct core_mapped_file *first)
{
    unsigned char page[IMAGE_PAGE_BYTES];
    const struct core_segment *segment = find_segment(core, first->range.start);
    uint64_t into = segment ? first->range.start.value - segment->range.start.value : 0;
    if (!segment || first->file_offset != 0 || into >= segment->bytes || segment->bytes - into < sizeof(page))
        return (struct build_id){0};
    return build_id_of_page(page, image_page_read(core->file, segment->offset + into, page, sizeof(page)));
}

/*
 * The image that `mapped` is part of. NULL: out of memory. The last one is mostly the one, because mappings of an
 * image are neighbours.
 */
static const struct core_image *image_of(struct core_file *core, const struct core_mapped_file *mapped)
{
    const struct core_mapped_file *first = image_start(core, mapped);
    if (core->images.count == 0 || core->images.items[core->images.count - 1].first != first) {
        struct core_image *added = ARRAY_ADD(&core->images);
        if (!added)
            return NULL;
        added->first = first;
        struct core_image_places places = {core->path, core->sysroot};
        struct build_id wanted = build_id_in_core(core, first);
        added->file = core_image_open(&places, first->path, &wanted, &added->file_bytes);
    }
    return &core->images.items[core->images.count - 1];
}

/* The part of `missing` that the mapped file can give. */
static struct error *overlay_file(struct core_file *core, const struct core_mapped_file *mapped,
                                  struct address_range missing)
{
    const struct core_image *image = image_of(core, mapped);
    if (!image)
        return error_no_memory();
    if (image->file < 0)
        return NULL;
    uint64_t into = missing.start.value - mapped->range.start.value;
    uint64_t offset;
    if (__builtin_add_overflow(mapped->file_offset, into, &offset) || offset >= image->file_bytes)
        return NULL;
    uint64_t bytes = size_min(range_bytes(missing), round_up(image->file_bytes - offset, IMAGE_PAGE_BYTES));
    return add_part(core, (struct core_part){
                              .range = {missing.start, address_add(missing.start, bytes)},
                              .file = image->file,
                              .file_offset = offset,
                              .state = PAGE_FILE,
                          });
}

/* What mapped files can give of memory that is not in the core. */
static struct error *overlay(struct core_file *core, struct address_range missing)
{
    struct error *error = NULL;
    while (!error && range_bytes(missing) > 0) {
        const struct core_mapped_file *mapped = core_notes_next(&core->notes, missing.start);
        if (!mapped || mapped->range.start.value >= missing.end.value)
            return NULL;
        struct address_range part = {
            address(size_max(missing.start.value, mapped->range.start.value)),
            address(size_min(missing.end.value, mapped->range.end.value)),
        };
        error = overlay_file(core, mapped, part);
        missing.start = part.end;
    }
    return error;
}

static struct error *add_dumped(struct core_file *core, const struct core_segment *segment)
{
    const struct core_mapped_file *mapped = core_notes_next(&core->notes, segment->range.start);
    bool shared = mapped && mapped->range.start.value <= segment->range.start.value && mapped->shared_memory;
    return add_part(core, (struct core_part){
                              .range = {segment->range.start, address_add(segment->range.start, segment->bytes)},
                              .file = core->file,
                              .file_offset = segment->offset,
                              .state = shared ? PAGE_FILE : PAGE_ANONYMOUS,
                          });
}

/* The kernel dumps a part of a segment, or nothing of it; gdb leaves out segments as a whole. */
struct error *core_file_overlay(struct core_file *core)
{
    struct error *error = NULL;
    address_t known = {0};
    for (size_t i = 0; i < core->segments.count && !error; i++) {
        const struct core_segment *segment = &core->segments.items[i];
        error = overlay(core, (struct address_range){known, segment->range.start});
        if (!error)
            error = add_dumped(core, segment);
        known = address_add(segment->range.start, segment->bytes);
    }
    return error ? error : overlay(core, (struct address_range){known, ADDRESS_NONE});
}
