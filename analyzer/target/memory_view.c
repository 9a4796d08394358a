#include "target/memory_view.h"

const void *view_seek(struct memory_view *view, address_t from, uint64_t bytes)
{
    const struct capture_piece *piece = capture_piece_at(view->capture, from);
    if (!piece)
        return NULL;
    view->range = piece->range;
    view->data = piece->data;
    return range_holds(piece->range, from, bytes) ? piece->data + (from.value - piece->range.start.value) : NULL;
}
