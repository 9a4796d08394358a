/*
 * What nginx's modules, and the Lua modules, keep in their zones: a record at pool->data, which begins with a red-black
 * tree (ngx_rbtree_t), and entries, which begin with a tree's node (ngx_rbtree_node_t). x86-64, nginx 1.14 to 1.31,
 * lua-nginx-module 0.10. Offsets of a record count from its start.
 */
#ifndef RESPIRE_LAYOUTS_NGINX_ZONE_CONTENTS_H
#define RESPIRE_LAYOUTS_NGINX_ZONE_CONTENTS_H

#include <stdint.h>

enum nginx_tree_layout {
    NGINX_TREE_ROOT = 0,     /* ngx_rbtree_t */
    NGINX_TREE_SENTINEL = 8,
    NGINX_TREE_BYTES = 24,
    NGINX_NODE_KEY = 0,      /* ngx_rbtree_node_t */
    NGINX_NODE_LEFT = 8,
    NGINX_NODE_RIGHT = 16,
    NGINX_NODE_PARENT = 24,
    NGINX_NODE_COLOR = 32,   /* 0: black, 1: red */
    NGINX_NODE_BYTES = 40,
    NGINX_QUEUE_PREVIOUS = 0, /* ngx_queue_t */
    NGINX_QUEUE_NEXT = 8,
    NGINX_QUEUE_BYTES = 16,
    NGINX_STRING_LENGTH = 0, /* ngx_str_t */
    NGINX_STRING_TEXT = 8,
    NGINX_STRING_BYTES = 16,
};

#define NGINX_ZONE_FIELD_ABSENT UINT16_MAX

/*
 * What a module keeps in a tree, or in lists, as one family of versions lays it out. It is told by the text for the log
 * that the module puts into the pool (pool->log_ctx), and by the size of its record. Offsets from the record's start,
 * or the entry's (its node's); fields of 8 bytes unless told.
 */
struct nginx_zone_row {
    const char *text;           /* begins the text for the log */
    uint16_t record_bytes;
    uint16_t sentinel;          /* in the record; absent: a slab of its own */
    uint16_t queue;             /* the head of the entries' queue */
    uint16_t count;             /* of entries, as the module has it */
    uint16_t disk_blocks;
    struct {
        uint8_t has_short_hash; /* the node's key is a 32-bit checksum */
        uint16_t bytes;         /* without the key, if that is of any length */
        uint16_t key, key_length;
        uint8_t key_length_bytes; /* 1 or 2 */
        uint8_t key_bytes;      /* of keys that are all of one length */
        uint16_t queue;
        uint16_t expires_s;     /* since 1970 */
        uint16_t last_ms;       /* when it was used, by a clock that counts from the machine's start */
        uint16_t other, other_length; /* where a second slab of the entry is, and its bytes */
    } entry;
};

struct nginx_zone_rows {
    const struct nginx_zone_row *items;
    unsigned count;
};

extern const struct nginx_zone_rows nginx_dict_rows, nginx_limit_req_rows, nginx_limit_conn_rows, nginx_cache_rows,
    nginx_ssl_session_rows;

/* ngx_http_upstream_rr_peers_t, a group of servers; the stream module's is the same. */
struct nginx_peers_row {
    uint16_t bytes;
    uint16_t number, pool;      /* of servers; the zone they are in */
    uint16_t next_group;        /* another upstream in the same zone */
    uint16_t name;              /* pointer to an ngx_str_t */
    uint16_t backup;            /* the group of backup servers */
    uint16_t first;             /* server */
};

extern const struct nginx_peers_row nginx_peers_rows[];
extern const unsigned nginx_peers_row_count;

#define NGINX_PEERS_TEXT " in upstream zone \""

/* ngx_http_lua_shdict_node_t, behind the node's color; the stream module's is the same. */
enum nginx_dict_layout {
    NGINX_DICT_VALUE_TYPE = 33, /* u8 */
    NGINX_DICT_KEY_LENGTH = 34, /* u16 */
    NGINX_DICT_VALUE_LENGTH = 36, /* u32; of a list: items */
    NGINX_DICT_EXPIRES = 40,    /* u64: ms since 1970; 0: never */
    NGINX_DICT_QUEUE = 48,
    NGINX_DICT_KEY = 68,        /* then the value; or, aligned, the head of the list */
    NGINX_DICT_LIST_ALIGNMENT = 8,
    NGINX_DICT_ITEM_QUEUE = 0,  /* ngx_http_lua_shdict_list_node_t */
    NGINX_DICT_ITEM_LENGTH = 16, /* u32 */
    NGINX_DICT_ITEM_TYPE = 20,  /* u8 */
    NGINX_DICT_ITEM_VALUE = 21,
};

/* Types of values: those of lua.h, and one of the module's own. */
enum nginx_dict_type {
    NGINX_DICT_BOOLEAN = 1,
    NGINX_DICT_NUMBER = 3,
    NGINX_DICT_STRING = 4,
    NGINX_DICT_LIST = 5,
    NGINX_DICT_BOOLEAN_BYTES = 1,
    NGINX_DICT_NUMBER_BYTES = 8,
};

#endif
