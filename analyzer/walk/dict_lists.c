#include "walk/dict_lists.h"

#include "layouts/nginx_zone_contents.h"
#include "target/memory_view.h"

static void fetch(const struct dict_lists *lists, address_t item)
{
    const struct shared_image *image = lists->image;
    if (range_holds(image->range, item, NGINX_DICT_ITEM_VALUE))
        __builtin_prefetch(image->data + (item.value - image->range.start.value));
}

void dict_lists_add(struct dict_lists *lists, const struct dict_entry *entry, address_t head, uint64_t length)
{
    const void *queue = shared_bytes(lists->image, head, NGINX_QUEUE_BYTES);
    if (!queue) {
        lists->torn++;
        return;
    }
    struct dict_list *list = &lists->lists[lists->count++];
    *list = (struct dict_list){
        .entry = *entry,
        .head = head,
        .at = address(field_u64(queue, NGINX_QUEUE_NEXT)),
        .previous = head,
        .length = length,
        .goes = dict_entry_expired(entry->expires_ms, lists->sums->now_ms),
    };
    fetch(lists, list->at);
    if (lists->count == DICT_LISTS_TOGETHER)
        dict_lists_follow(lists);
}

/* Count the item that the list is at, and go on to the next; false when it is none. */
static bool count_item(struct dict_lists *lists, struct dict_list *list)
{
    unsigned char item[NGINX_DICT_ITEM_VALUE];
    const void *live = shared_bytes(lists->image, list->at, sizeof(item));
    if (!live || list->entry.items == list->length)
        return false;
    memcpy(item, live, sizeof(item));
    const uint32_t bytes = field_u32(item, NGINX_DICT_ITEM_LENGTH);
    const uint8_t type = field_u8(item, NGINX_DICT_ITEM_TYPE);
    bool is_item = field_u64(item, NGINX_DICT_ITEM_QUEUE + NGINX_QUEUE_PREVIOUS) == list->previous.value
        && (type == NGINX_DICT_STRING || (type == NGINX_DICT_NUMBER && bytes == NGINX_DICT_NUMBER_BYTES))
        && slab_claims_take(lists->claims, list->at, (uint64_t)NGINX_DICT_ITEM_VALUE + bytes, list->goes);
    if (!is_item)
        return false;
    list->entry.items++;
    list->entry.value_bytes += bytes;
    list->previous = list->at;
    list->at = address(field_u64(item, NGINX_DICT_ITEM_QUEUE + NGINX_QUEUE_NEXT));
    fetch(lists, list->at);
    return true;
}

/* One item; false when that was all, and the list is counted. */
static bool step(struct dict_lists *lists, struct dict_list *list)
{
    if (!address_equal(list->at, list->head) && count_item(lists, list))
        return true;
    lists->torn += !address_equal(list->at, list->head) || list->entry.items != list->length;
    dict_sums_add(lists->sums, &list->entry);
    return false;
}

void dict_lists_follow(struct dict_lists *lists)
{
    while (lists->count)
        for (unsigned i = 0; i < lists->count;)
            if (step(lists, &lists->lists[i]))
                i++;
            else
                lists->lists[i] = lists->lists[--lists->count];
}
