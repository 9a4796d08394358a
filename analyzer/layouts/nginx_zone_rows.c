/*
 * From nginx's and lua-nginx-module's sources: ngx_http_limit_req_node_t, ngx_http_limit_conn_node_t (of which a node's
 * color and what follows are the first fields), ngx_http_file_cache_sh_t and …_node_t, ngx_ssl_session_cache_t and
 * ngx_ssl_sess_id_t, ngx_http_upstream_rr_peers_t.
 */
#include "layouts/nginx_zone_contents.h"

enum { ABSENT = NGINX_ZONE_FIELD_ABSENT };

#define ROWS(name) {.items = (name), .count = sizeof(name) / sizeof((name)[0])}

/* Entries of a dict have more to tell than a row can hold: enum nginx_dict_layout. */
static const struct nginx_zone_row dict[] = {{
    .text = " in lua_shared_dict zone \"", .record_bytes = 80, .sentinel = 24, .queue = 64, .count = ABSENT,
    .disk_blocks = ABSENT, .entry = {.has_short_hash = 1, .bytes = 68, .queue = 48},
}};

static const struct nginx_zone_row limit_req[] = {{
    .text = " in limit_req zone \"", .record_bytes = 80, .sentinel = 24, .queue = 64, .count = ABSENT,
    .disk_blocks = ABSENT,
    .entry = {
        .has_short_hash = 1, .bytes = 80, .key = 80, .key_length = 34, .key_length_bytes = 2, .queue = 40,
        .expires_s = ABSENT, .last_ms = 56, .other = ABSENT, .other_length = ABSENT,
    },
}};

#define LIMIT_CONN_ENTRY                                                                                            \
    {.has_short_hash = 1, .bytes = 36, .key = 36, .key_length = 33, .key_length_bytes = 1, .queue = ABSENT,         \
     .expires_s = ABSENT, .last_ms = ABSENT, .other = ABSENT, .other_length = ABSENT}

static const struct nginx_zone_row limit_conn[] = {
    {.text = " in limit_conn_zone \"", .record_bytes = 64, .sentinel = 24, .queue = ABSENT, .count = ABSENT,
     .disk_blocks = ABSENT, .entry = LIMIT_CONN_ENTRY},
    /* nginx 1.14: the record is the tree alone */
    {.text = " in limit_conn_zone \"", .record_bytes = 24, .sentinel = ABSENT, .queue = ABSENT, .count = ABSENT,
     .disk_blocks = ABSENT, .entry = LIMIT_CONN_ENTRY},
};

/* The key is a checksum: its first half is the node's own key. */
static const struct nginx_zone_row cache[] = {{
    .text = " in cache keys zone \"", .record_bytes = 120, .sentinel = 24, .queue = 64, .count = 104,
    .disk_blocks = 96,
    .entry = {
        .bytes = 120, .key = ABSENT, .key_length = ABSENT, .key_bytes = 16, .queue = 40, .expires_s = 80,
        .last_ms = ABSENT, .other = ABSENT, .other_length = ABSENT,
    },
}};

static const struct nginx_zone_row ssl_sessions[] = {
    /* nginx 1.23.2 and later: with the keys of tickets */
    {.text = " in SSL session shared cache \"", .record_bytes = 376, .sentinel = 24, .queue = 64, .count = ABSENT,
     .disk_blocks = ABSENT,
     .entry = {
         .has_short_hash = 1, .bytes = 112, .key = 72, .key_length = 33, .key_length_bytes = 1, .queue = 48,
         .expires_s = 64, .last_ms = ABSENT, .other = 104, .other_length = 40,
     }},
    {.text = " in SSL session shared cache \"", .record_bytes = 80, .sentinel = 24, .queue = 64, .count = ABSENT,
     .disk_blocks = ABSENT,
     .entry = {
         .has_short_hash = 1, .bytes = 128, .key = 96, .key_length = 33, .key_length_bytes = 1, .queue = 64,
         .expires_s = 80, .last_ms = ABSENT, .other = 56, .other_length = 48,
     }},
};

const struct nginx_zone_rows nginx_dict_rows = ROWS(dict), nginx_limit_req_rows = ROWS(limit_req),
    nginx_limit_conn_rows = ROWS(limit_conn), nginx_cache_rows = ROWS(cache),
    nginx_ssl_session_rows = ROWS(ssl_sessions);

const struct nginx_peers_row nginx_peers_rows[] = {
    /* nginx 1.27.3 and later: servers by name are resolved again and again */
    {.bytes = 96, .number = 0, .pool = 8, .next_group = 40, .name = 72, .backup = 80, .first = 88},
    {.bytes = 80, .number = 0, .pool = 8, .next_group = 24, .name = 56, .backup = 64, .first = 72},
    /* nginx 1.14 */
    {.bytes = 72, .number = 0, .pool = 8, .next_group = 24, .name = 48, .backup = 56, .first = 64},
};

const unsigned nginx_peers_row_count = sizeof(nginx_peers_rows) / sizeof(nginx_peers_rows[0]);
