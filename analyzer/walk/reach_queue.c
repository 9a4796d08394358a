#include "walk/reach_queue.h"

#include <string.h>

#include "base/array.h"

enum { SLACK = 4096 };

struct error *reach_queue_add(struct reach_queue *queue, struct address_range range, uint32_t root, bool of_cycle)
{
    if (range_bytes(range) == 0)
        return NULL;
    struct reach_item *item = ARRAY_ADD(queue);
    if (!item)
        return error_no_memory();
    *item = (struct reach_item){range, root, of_cycle};
    return NULL;
}

/* What was taken makes room when it is half of the queue. */
bool reach_queue_take(struct reach_queue *queue, struct reach_item *item)
{
    if (queue->next == queue->count)
        return false;
    *item = queue->items[queue->next++];
    if (queue->next > SLACK && queue->next > queue->count / 2) {
        queue->count -= queue->next;
        memmove(queue->items, queue->items + queue->next, queue->count * sizeof(*queue->items));
        queue->next = 0;
    }
    return true;
}
