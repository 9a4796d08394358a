#include "locate/pointed_ranges.h"

#include "base/size.h"
#include "target/capture_parts.h"
#include "target/memory_view.h"

enum { WORD_BYTES = 8 };

/* The target that was hit last is asked first: addresses near each other are kept near each other. */
struct pointing {
    const struct address_ranges *targets;
    struct address_range *hulls;
    struct address_range span; /* of all targets */
    size_t last;
    uint64_t page_bytes;
};

static void point_at(struct pointing *pointing, uint64_t word)
{
    const struct address_ranges *targets = pointing->targets;
    if (!range_holds(targets->items[pointing->last], address(word), 1)) {
        size_t i = address_ranges_first(targets, address(word));
        if (i == targets->count || targets->items[i].start.value > word)
            return;
        pointing->last = i;
    }
    struct address_range *hull = &pointing->hulls[pointing->last];
    uint64_t page = round_down(word, pointing->page_bytes);
    bool is_empty = range_bytes(*hull) == 0;
    hull->start.value = is_empty ? page : size_min(hull->start.value, page);
    hull->end.value = size_max(is_empty ? 0 : hull->end.value, page + pointing->page_bytes);
}

static void point_from(struct pointing *pointing, const unsigned char *data, uint64_t bytes)
{
    for (uint64_t at = 0; at + WORD_BYTES <= bytes; at += WORD_BYTES) {
        uint64_t word = field_u64(data + at, 0);
        if (word >= pointing->span.start.value && word < pointing->span.end.value)
            point_at(pointing, word);
    }
}

void point_out(const struct capture *capture, struct address_range source, const struct address_ranges *targets,
    struct address_range *hulls)
{
    if (targets->count == 0)
        return;
    struct pointing pointing = {
        .targets = targets,
        .hulls = hulls,
        .span = {targets->items[0].start, targets->items[targets->count - 1].end},
        .page_bytes = capture->page_bytes,
    };
    struct capture_piece part;
    while (capture_next_part(capture, &source, &part))
        point_from(&pointing, part.data, range_bytes(part.range));
}
