/*
 * A core file behind target.h. It owns the open core, the mapped files that stand in for what the core left out, and
 * the list of parts that says where each byte of the dead process is. Kinds of pages are guessed: what the core holds
 * was worth dumping and counts as anonymous, except shared memory; what mapped files give counts as file pages.
 */
#include "target/core_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/range_search.h"
#include "base/size.h"
#include "target/image_page.h"

enum { PAGE_BYTES = 4096 };

static struct core_file *core_of(struct target *target)
{
    return (struct core_file *)target;
}

static void core_close(struct target *target)
{
    struct core_file *core = core_of(target);
    for (size_t i = 0; i < core->images.count; i++)
        if (core->images.items[i].file >= 0)
            close(core->images.items[i].file);
    ARRAY_FREE(&core->images);
    ARRAY_FREE(&core->segments);
    ARRAY_FREE(&core->parts);
    core_notes_free(&core->notes);
    if (core->file >= 0)
        close(core->file);
    free(core->path);
    free(core);
}

/* The index of the first part that ends behind `a`. */
static size_t first_part(const struct core_file *core, address_t a)
{
    return FIRST_ENDING_BEHIND(core->parts.items, core->parts.count, a);
}

/*
 * The permissions of memory that the core does not tell of, from the program headers of the file that was mapped
 * there.
 */
static uint32_t flags_in_file(const struct core_file *core, address_t a)
{
    unsigned char page[IMAGE_PAGE_BYTES];
    size_t i = first_part(core, a);
    const struct core_part *part = i < core->parts.count ? &core->parts.items[i] : NULL;
    if (!part || part->range.start.value > a.value)
        return PF_R;
    ssize_t got = pread(part->file, page, sizeof(page), 0);
    uint64_t offset = part->file_offset + (a.value - part->range.start.value);
    uint32_t flags = got > 0 ? segment_flags_of_page(page, (size_t)got, offset) : 0;
    return flags ? flags : PF_R;
}

/* A mapping of `range`, which lies in one row of NT_FILE or in none, and in one segment or in none. */
static struct error *add_mapping(const struct core_file *core, const struct core_segment *segment,
                                 const struct core_mapped_file *mapped, struct address_range range,
                                 struct mappings *mappings)
{
    struct mapping *mapping = ARRAY_ADD(mappings);
    if (!mapping)
        return error_no_memory();
    mapping->range = range;
    uint32_t flags = segment ? segment->flags : flags_in_file(core, range.start);
    mapping->readable = flags & PF_R;
    mapping->writable = flags & PF_W;
    mapping->executable = flags & PF_X;
    if (!mapped)
        return NULL;
    mapping->shared = mapped->shared_memory;
    mapping->deleted = mapped->deleted;
    mapping->file_offset = mapped->file_offset + (range.start.value - mapped->range.start.value);
    mapping->path = strdup(mapped->path);
    return mapping->path ? NULL : error_no_memory();
}

/* The mappings of one segment; or of the gap between two, where only the rows of NT_FILE count (segment is NULL). */
static struct error *map_stretch(const struct core_file *core, const struct core_segment *segment,
                                 struct address_range stretch, struct mappings *mappings)
{
    struct error *error = NULL;
    for (address_t at = stretch.start, end; !error && at.value < stretch.end.value; at = end) {
        const struct core_mapped_file *row = core_notes_next(&core->notes, at);
        bool inside = row && row->range.start.value <= at.value;
        end = !row ? stretch.end : inside ? row->range.end : row->range.start;
        end.value = size_min(end.value, stretch.end.value);
        if (inside || segment)
            error = add_mapping(core, segment, inside ? row : NULL, (struct address_range){at, end}, mappings);
    }
    return error;
}

static struct error *core_mappings(struct target *target, bool with_sizes, struct mappings *mappings)
{
    (void)with_sizes; /* a core has none */
    const struct core_file *core = core_of(target);
    struct error *error = NULL;
    address_t at = {0};
    for (size_t i = 0; i < core->segments.count && !error; i++) {
        const struct core_segment *segment = &core->segments.items[i];
        error = map_stretch(core, NULL, (struct address_range){at, segment->range.start}, mappings);
        if (!error)
            error = map_stretch(core, segment, segment->range, mappings);
        at = segment->range.end;
    }
    return error ? error : map_stretch(core, NULL, (struct address_range){at, ADDRESS_NONE}, mappings);
}

static struct error *core_presence(struct target *target, struct address_range range, struct presence *presence)
{
    const struct core_file *core = core_of(target);
    struct error *error = NULL;
    for (size_t i = first_part(core, range.start); i < core->parts.count && !error; i++) {
        const struct core_part *part = &core->parts.items[i];
        if (part->range.start.value >= range.end.value)
            break;
        struct address_range run = {
            address(size_max(part->range.start.value, range.start.value)),
            address(size_min(part->range.end.value, range.end.value)),
        };
        error = presence_add(presence, run, part->state);
    }
    return error;
}

/* All bytes, or as many as the file has; -1 on failure. */
static ssize_t read_fully(int file, unsigned char *to, uint64_t bytes, uint64_t offset)
{
    uint64_t done = 0;
    while (done < bytes) {
        ssize_t got = pread(file, to + done, bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (uint64_t)got;
    }
    return (ssize_t)done;
}

static struct error *read_part(const struct core_file *core, const struct core_part *part, address_t from,
                               unsigned char *to, uint64_t bytes)
{
    uint64_t offset = part->file_offset + (from.value - part->range.start.value);
    ssize_t got = read_fully(part->file, to, bytes, offset);
    if (got < 0)
        return error_errno(ERROR_UNREADABLE, errno, "core file %s, 0x%llx", core->path, (unsigned long long)from.value);
    if ((uint64_t)got < bytes && part->file == core->file)
        return error_new(ERROR_UNREADABLE, "core file %s got shorter while it was read", core->path);
    memset(to + got, 0, bytes - (uint64_t)got); /* the rest of a mapped file's last page */
    return NULL;
}

static struct error *copy_one(const struct core_file *core, struct target_copy copy)
{
    struct error *error = NULL;
    size_t i = first_part(core, copy.from);
    while (copy.bytes > 0 && !error) {
        const struct core_part *part = i < core->parts.count ? &core->parts.items[i++] : NULL;
        if (!part || part->range.start.value > copy.from.value)
            return error_new(ERROR_UNREADABLE, "core file %s does not hold the memory at 0x%llx", core->path,
                             (unsigned long long)copy.from.value);
        uint64_t bytes = size_min(copy.bytes, part->range.end.value - copy.from.value);
        error = read_part(core, part, copy.from, copy.to, bytes);
        copy.from = address_add(copy.from, bytes);
        copy.to += bytes;
        copy.bytes -= bytes;
    }
    return error;
}

static struct error *core_copy(struct target *target, const struct target_copy *copies, size_t count)
{
    struct error *error = NULL;
    for (size_t i = 0; i < count && !error; i++)
        error = copy_one(core_of(target), copies[i]);
    return error;
}

static const struct target_operations core_operations = {
    .kind = TARGET_CORE_FILE,
    .close = core_close,
    .mappings = core_mappings,
    .presence = core_presence,
    .copy = core_copy,
};

static struct error *open_and_read(struct core_file *core)
{
    struct stat status;
    core->file = open(core->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (core->file < 0 || fstat(core->file, &status) < 0)
        return error_errno(ERROR_UNREADABLE, errno, "core file %s can't be opened", core->path);
    if (!S_ISREG(status.st_mode))
        return error_new(ERROR_UNREADABLE, "%s is no regular file; give the name of a core file", core->path);
    core->file_bytes = (uint64_t)status.st_size;
    core->target.written_ms = milliseconds(status.st_mtim);
    struct error *error = core_file_parse(core);
    return error ? error : core_file_overlay(core);
}

struct error *target_open_core(const char *path, const char *sysroot, struct target **target)
{
    struct core_file *core = calloc(1, sizeof(*core));
    if (!core)
        return error_no_memory();
    core->target = (struct target){.operations = &core_operations, .page_bytes = PAGE_BYTES};
    core->file = -1;
    core->path = strdup(path);
    core->sysroot = sysroot;
    struct error *error = core->path ? open_and_read(core) : error_no_memory();
    core->sysroot = NULL;
    if (error) {
        core_close(&core->target);
        return error;
    }
    *target = &core->target;
    return NULL;
}
