#include "locate/program_data.h"

#include "target/capture_parts.h"
#include "target/memory_view.h"

static bool is_data(const struct mappings *mappings, size_t i)
{
    const struct mapping *mapping = &mappings->items[i];
    bool follows_file = i > 0 && mapping_has_file(mapping - 1) && !mapping->path
        && address_equal(mapping[-1].range.end, mapping->range.start);
    return mapping->writable && !mapping->shared && (mapping_has_file(mapping) || follows_file);
}

struct error *program_data_each_word(const struct capture *capture, program_data_visit *visit, void *context)
{
    const struct mappings *mappings = &capture->mappings;
    struct error *error = NULL;
    for (size_t i = 0; i < mappings->count && !error; i++) {
        struct address_range left = mappings->items[i].range;
        struct capture_piece part;
        if (!is_data(mappings, i))
            continue;
        while (!error && capture_next_part(capture, &left, &part))
            for (uint64_t at = 0; at + sizeof(uint64_t) <= range_bytes(part.range) && !error; at += sizeof(uint64_t))
                error = visit(context, field_u64(part.data + at, 0));
    }
    return error;
}
