#include "fake_contents.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "layouts/nginx_slab.h"
#include "layouts/nginx_zone_contents.h"

enum {
    TREE_INSERT = 16, /* of ngx_rbtree_t: a function */
    SENTINEL = 24,    /* of the record */
    LOG_TEXT_BYTES = 27,
    COLOR_RED = 1,
};

uint64_t fake_record(struct fake_zone *zone, uint64_t bytes)
{
    uint64_t record = fake_zone_alloc(zone, bytes), queue = record + NGINX_TREE_QUEUE;
    fake_zone_put(zone, record + NGINX_TREE_ROOT, record + SENTINEL);
    fake_zone_put(zone, record + NGINX_TREE_SENTINEL, record + SENTINEL);
    fake_zone_put(zone, record + TREE_INSERT, 0x401000);
    if (bytes >= NGINX_TREE_QUEUE + NGINX_QUEUE_BYTES) {
        fake_zone_put(zone, queue + NGINX_QUEUE_PREVIOUS, queue);
        fake_zone_put(zone, queue + NGINX_QUEUE_NEXT, queue);
    }
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_DATA, record);
    return record;
}

void fake_tree_insert(struct fake_zone *zone, uint64_t record, uint64_t node, uint64_t key)
{
    const uint64_t sentinel = fake_zone_get(zone, record + NGINX_TREE_SENTINEL);
    uint64_t link = record + NGINX_TREE_ROOT, parent = 0;
    for (uint64_t at; (at = fake_zone_get(zone, link)) != sentinel; parent = at)
        link = at + (key < fake_zone_get(zone, at + NGINX_NODE_KEY) ? NGINX_NODE_LEFT : NGINX_NODE_RIGHT);
    fake_zone_put(zone, link, node);
    fake_zone_put(zone, node + NGINX_NODE_KEY, key);
    fake_zone_put(zone, node + NGINX_NODE_LEFT, sentinel);
    fake_zone_put(zone, node + NGINX_NODE_RIGHT, sentinel);
    fake_zone_put(zone, node + NGINX_NODE_PARENT, parent);
    *fake_zone_at(zone, node + NGINX_NODE_COLOR) = parent ? COLOR_RED : 0;
}

void fake_queue_insert(struct fake_zone *zone, uint64_t before, uint64_t at)
{
    uint64_t behind = fake_zone_get(zone, before + NGINX_QUEUE_NEXT);
    fake_zone_put(zone, at + NGINX_QUEUE_PREVIOUS, before);
    fake_zone_put(zone, at + NGINX_QUEUE_NEXT, behind);
    fake_zone_put(zone, behind + NGINX_QUEUE_PREVIOUS, at);
    fake_zone_put(zone, before + NGINX_QUEUE_NEXT, at);
}

uint64_t fake_dict(struct fake_zone *zone, uint64_t name_bytes)
{
    uint64_t record = fake_record(zone, NGINX_DICT_BYTES);
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_LOG_CONTEXT, fake_zone_alloc(zone, LOG_TEXT_BYTES + name_bytes));
    return record;
}

static void put(struct fake_zone *zone, uint64_t at, uint64_t value, size_t bytes)
{
    memcpy(fake_zone_at(zone, at), &value, bytes);
}

static void init_list(struct fake_zone *zone, uint64_t node)
{
    uint64_t list = fake_dict_list(zone, node);
    fake_zone_put(zone, list + NGINX_QUEUE_PREVIOUS, list);
    fake_zone_put(zone, list + NGINX_QUEUE_NEXT, list);
}

uint64_t fake_dict_add(struct fake_zone *zone, uint64_t record, const struct fake_entry *entry)
{
    const bool is_list = entry->type == NGINX_DICT_LIST;
    uint64_t bytes = NGINX_DICT_KEY + entry->key_bytes + (is_list ? NGINX_QUEUE_BYTES : entry->value_bytes);
    uint64_t node = fake_zone_alloc(zone, is_list ? round_up(bytes, NGINX_DICT_LIST_ALIGNMENT) : bytes);
    if (!node)
        return 0;
    put(zone, node + NGINX_DICT_VALUE_TYPE, entry->type, 1);
    put(zone, node + NGINX_DICT_KEY_LENGTH, entry->key_bytes, 2);
    put(zone, node + NGINX_DICT_VALUE_LENGTH, is_list ? 0 : entry->value_bytes, 4);
    fake_zone_put(zone, node + NGINX_DICT_EXPIRES, entry->expires_ms);
    for (uint64_t i = 0; i < entry->key_bytes; i++)
        *fake_zone_at(zone, node + NGINX_DICT_KEY + i) = (unsigned char)('a' + (entry->key + i) % 26);
    if (is_list)
        init_list(zone, node);
    fake_tree_insert(zone, record, node, entry->key);
    fake_queue_insert(zone, record + NGINX_TREE_QUEUE, node + NGINX_DICT_QUEUE);
    return node;
}

uint64_t fake_dict_list(const struct fake_zone *zone, uint64_t node)
{
    uint64_t key_bytes = fake_zone_get(zone, node + NGINX_NODE_COLOR) >> (NGINX_DICT_KEY_LENGTH - NGINX_NODE_COLOR) * 8;
    return round_up(node + NGINX_DICT_KEY + (uint16_t)key_bytes, NGINX_DICT_LIST_ALIGNMENT);
}

uint64_t fake_dict_push(struct fake_zone *zone, uint64_t node, uint64_t value_bytes)
{
    uint64_t item = fake_zone_alloc(zone, NGINX_DICT_ITEM_VALUE + value_bytes), list = fake_dict_list(zone, node);
    if (!item)
        return 0;
    put(zone, item + NGINX_DICT_ITEM_LENGTH, value_bytes, 4);
    put(zone, item + NGINX_DICT_ITEM_TYPE, NGINX_DICT_STRING, 1);
    fake_queue_insert(zone, fake_zone_get(zone, list + NGINX_QUEUE_PREVIOUS), item);
    ++*fake_zone_at(zone, node + NGINX_DICT_VALUE_LENGTH); /* of a test: at most 255 items */
    return item;
}
