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
    NGINX_TREE_QUEUE = 64,   /* of a record: the head of its queue, behind the sentinel */
    NGINX_NODE_KEY = 0,      /* ngx_rbtree_node_t */
    NGINX_NODE_LEFT = 8,
    NGINX_NODE_RIGHT = 16,
    NGINX_NODE_PARENT = 24,
    NGINX_NODE_COLOR = 32,   /* 0: black, 1: red */
    NGINX_NODE_BYTES = 40,
    NGINX_QUEUE_PREVIOUS = 0, /* ngx_queue_t */
    NGINX_QUEUE_NEXT = 8,
    NGINX_QUEUE_BYTES = 16,
};

/* ngx_http_lua_shdict_node_t, behind the node's color; the stream module's is the same. */
enum nginx_dict_layout {
    NGINX_DICT_BYTES = 80,      /* the record */
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
