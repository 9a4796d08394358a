#include "fake_contents.h"

#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "layouts/nginx_slab.h"

enum {
    TREE_INSERT = 16, /* of ngx_rbtree_t: a function */
    COLOR_RED = 1,
};

static void put(struct fake_zone *zone, uint64_t at, uint64_t value, size_t bytes)
{
    memcpy(fake_zone_at(zone, at), &value, bytes);
}

static void put_text(struct fake_zone *zone, const char *begin, const char *name)
{
    char text[128];
    int bytes = snprintf(text, sizeof(text), "%s%s\"", begin, name) + 1;
    uint64_t at = fake_zone_alloc(zone, (uint64_t)bytes);
    memcpy(fake_zone_at(zone, at), text, (size_t)bytes);
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_LOG_CONTEXT, at);
}

static void put_queue(struct fake_zone *zone, uint64_t head)
{
    fake_zone_put(zone, head + NGINX_QUEUE_PREVIOUS, head);
    fake_zone_put(zone, head + NGINX_QUEUE_NEXT, head);
}

uint64_t fake_record(struct fake_zone *zone, const struct nginx_zone_row *row, const char *name)
{
    uint64_t record = fake_zone_alloc(zone, row->record_bytes);
    uint64_t sentinel = row->sentinel == NGINX_ZONE_FIELD_ABSENT ? fake_zone_alloc(zone, NGINX_NODE_BYTES)
                                                                 : record + row->sentinel;
    fake_zone_put(zone, record + NGINX_TREE_ROOT, sentinel);
    fake_zone_put(zone, record + NGINX_TREE_SENTINEL, sentinel);
    fake_zone_put(zone, record + TREE_INSERT, 0x401000);
    if (row->queue != NGINX_ZONE_FIELD_ABSENT)
        put_queue(zone, record + row->queue);
    fake_zone_put(zone, FAKE_ZONE + NGINX_SLAB_DATA, record);
    put_text(zone, row->text, name);
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

uint64_t fake_dict(struct fake_zone *zone, const char *name)
{
    return fake_record(zone, nginx_dict_rows.items, name);
}

/* Most modules sort their entries by a checksum of 32 bits. */
static uint64_t sort_key(const struct nginx_zone_row *row, uint64_t key)
{
    return row->entry.has_short_hash ? (uint32_t)(key ^ key >> 32) : key;
}

static bool is_present(uint16_t field)
{
    return field != NGINX_ZONE_FIELD_ABSENT;
}

static void put_key(struct fake_zone *zone, uint64_t at, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++)
        *fake_zone_at(zone, at + i) = (unsigned char)('a' + i % 26);
}

static void put_fields(struct fake_zone *zone, const struct nginx_zone_row *row, uint64_t node,
    const struct fake_row_entry *entry)
{
    if (is_present(row->entry.key_length))
        put(zone, node + row->entry.key_length, entry->key_bytes, row->entry.key_length_bytes);
    if (is_present(row->entry.key))
        put_key(zone, node + row->entry.key, entry->key_bytes);
    if (is_present(row->entry.expires_s))
        fake_zone_put(zone, node + row->entry.expires_s, entry->expires_s);
    if (is_present(row->entry.last_ms))
        fake_zone_put(zone, node + row->entry.last_ms, entry->last_ms);
    if (is_present(row->entry.other)) {
        fake_zone_put(zone, node + row->entry.other, fake_zone_alloc(zone, entry->other_bytes));
        fake_zone_put(zone, node + row->entry.other_length, entry->other_bytes);
    }
}

uint64_t fake_row_add(struct fake_zone *zone, const struct nginx_zone_row *row, uint64_t record,
    const struct fake_row_entry *entry)
{
    uint64_t with_key = is_present(row->entry.key) ? row->entry.key + entry->key_bytes : 0;
    uint64_t node = fake_zone_alloc(zone, size_max(row->entry.bytes, with_key));
    if (!node)
        return 0;
    fake_tree_insert(zone, record, node, sort_key(row, entry->key));
    put_fields(zone, row, node, entry);
    if (is_present(row->queue))
        fake_queue_insert(zone, record + row->queue, node + row->entry.queue);
    if (is_present(row->count))
        fake_zone_put(zone, record + row->count, fake_zone_get(zone, record + row->count) + 1);
    return node;
}

uint64_t fake_peers(struct fake_zone *zone, const struct nginx_peers_row *row, const char *name, uint64_t servers)
{
    enum { SERVER_BYTES = 184, TEXT_BYTES = 16 };
    uint64_t group = fake_zone_alloc(zone, row->bytes), text = fake_zone_alloc(zone, TEXT_BYTES);
    uint64_t characters = fake_zone_alloc(zone, strlen(name));
    memcpy(fake_zone_at(zone, characters), name, strlen(name));
    fake_zone_put(zone, text, strlen(name));
    fake_zone_put(zone, text + 8, characters);
    for (uint16_t field = 0; field < row->bytes; field += 8)
        fake_zone_put(zone, group + field, 0);
    fake_zone_put(zone, group + row->number, servers);
    fake_zone_put(zone, group + row->pool, FAKE_ZONE);
    fake_zone_put(zone, group + row->name, text);
    for (uint64_t i = 0; i < servers; i++)
        fake_zone_put(zone, group + row->first, fake_zone_alloc(zone, SERVER_BYTES));
    put_text(zone, NGINX_PEERS_TEXT, name);
    return group;
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
        put_queue(zone, fake_dict_list(zone, node));
    fake_tree_insert(zone, record, node, sort_key(nginx_dict_rows.items, entry->key));
    fake_queue_insert(zone, record + nginx_dict_rows.items->queue, node + NGINX_DICT_QUEUE);
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
