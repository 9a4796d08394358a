#include "target/memory_view.h"

const void *view_seek(struct memory_view *view, address_t from, uint64_t bytes)
{
    size_t low = 0, high = view->capture->piece_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct capture_piece *piece = &view->capture->pieces[middle];
        if (from.value < piece->range.start.value) {
            high = middle;
        } else if (from.value >= piece->range.end.value) {
            low = middle + 1;
        } else {
            view->range = piece->range;
            view->data = piece->data;
            uint64_t offset = from.value - piece->range.start.value;
            return range_holds(piece->range, from, bytes) ? piece->data + offset : NULL;
        }
    }
    return NULL;
}
