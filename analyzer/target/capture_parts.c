#include "target/capture_parts.h"

#include "base/range_search.h"

bool capture_next_part(const struct capture *capture, struct address_range *left, struct capture_piece *part)
{
    if (range_bytes(*left) == 0)
        return false;
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
