#include "target/capture_parts.h"

#include "base/range_search.h"
#include "base/size.h"
#include "target/lazy_memory.h"

/* Where bytes are copied when they are asked for, a part is a page. */
static bool next_lazy_part(const struct capture *capture, struct address_range *left, struct capture_piece *part)
{
    while (range_bytes(*left)) {
        const address_t at = left->start;
        const uint64_t page_end = round_down(at.value, capture->page_bytes) + capture->page_bytes;
        const address_t end = address(size_min(page_end, left->end.value));
        left->start = end;
        part->range = (struct address_range){at, end};
        struct address_range copied;
        const unsigned char *data;
        if ((part->data = lazy_memory_bytes(capture, at, range_bytes(part->range), &copied, &data)))
            return true;
    }
    return false;
}

bool capture_next_part(const struct capture *capture, struct address_range *left, struct capture_piece *part)
{
    if (range_bytes(*left) == 0)
        return false;
    if (capture->lazy)
        return next_lazy_part(capture, left, part);
    size_t i = FIRST_ENDING_BEHIND(capture->pieces, capture->piece_count, left->start);
    if (i == capture->piece_count || capture->pieces[i].range.start.value >= left->end.value)
        return false;
    const struct capture_piece *piece = &capture->pieces[i];
    address_t start = piece->range.start.value > left->start.value ? piece->range.start : left->start;
    address_t end = piece->range.end.value < left->end.value ? piece->range.end : left->end;
    part->range = (struct address_range){start, end};
    part->data = piece->data + (start.value - piece->range.start.value);
    left->start = end;
    return true;
}
