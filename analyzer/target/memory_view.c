#include "target/memory_view.h"

#include "target/lazy_memory.h"

const void *view_seek(struct memory_view *view, address_t from, uint64_t bytes)
{
    if (view->capture->lazy)
        return lazy_memory_bytes(view->capture, from, bytes, &view->range, &view->data);
    const struct capture_piece *piece = capture_piece_at(view->capture, from);
    if (!piece)
        return NULL;
    view->range = piece->range;
    view->data = piece->data;
    return range_holds(piece->range, from, bytes) ? piece->data + (from.value - piece->range.start.value) : NULL;
}
