#include "symbols/mapped_text.h"

#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "symbols/mapped_file.h"

struct mapped_text mapped_text_of(struct target *target, const struct capture *capture)
{
    return (struct mapped_text){.target = target, .view = view_of(capture), .descriptor = -1};
}

static size_t bytes_from_copy(struct mapped_text *source, address_t at, char *text, size_t text_bytes)
{
    const struct capture_piece *piece = capture_piece_at(source->view.capture, at);
    if (!piece)
        return 0;
    size_t bytes = size_min(text_bytes, piece->range.end.value - at.value);
    memcpy(text, piece->data + (at.value - piece->range.start.value), bytes);
    return bytes;
}

static size_t bytes_from_file(struct mapped_text *source, const struct mapping *mapping, address_t at, char *text,
    size_t bytes)
{
    if (source->mapping != mapping) {
        mapped_text_close(source);
        source->mapping = mapping;
        source->descriptor = mapped_file_open(source->target, mapping);
    }
    off_t offset = (off_t)(mapping->file_offset + (at.value - mapping->range.start.value));
    ssize_t got = source->descriptor < 0 ? -1 : pread(source->descriptor, text, bytes, offset);
    return got < 0 ? 0 : (size_t)got;
}

/* A core's own file is the program's only where their build ids agree, which reading through the target sees to. */
static size_t bytes_from_target(struct mapped_text *source, address_t at, char *text, size_t text_bytes)
{
    const struct mapping *mapping = mappings_find(&source->view.capture->mappings, at);
    if (!source->target || !mapping || !mapping_has_file(mapping) || mapping->shared || mapping->writable)
        return 0;
    size_t bytes = size_min(text_bytes, mapping->range.end.value - at.value);
    if (target_kind(source->target) != TARGET_CORE_FILE)
        return bytes_from_file(source, mapping, at, text, bytes);
    struct error *error = target_read(source->target, at, text, bytes);
    error_free(error);
    return error ? 0 : bytes;
}

bool mapped_text_read(struct mapped_text *source, address_t at, char *text, size_t text_bytes)
{
    size_t bytes = bytes_from_copy(source, at, text, text_bytes);
    if (!bytes)
        bytes = bytes_from_target(source, at, text, text_bytes);
    return memchr(text, 0, bytes) != NULL;
}

void mapped_text_close(struct mapped_text *source)
{
    if (source->descriptor >= 0)
        close(source->descriptor);
    source->descriptor = -1;
    source->mapping = NULL;
}
