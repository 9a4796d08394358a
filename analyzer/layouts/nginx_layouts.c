#include "layouts/nginx_layout.h"

/* ngx_cycle_t from `listening` on, where it moves by a word or two; its end differs too, but nothing is read there. */
#define BEHIND_LISTENING(at)                                                                                         \
    .listening = (at), .paths = (at) + 40, .open_files = (at) + 184, .shared_memory = (at) + 240,                    \
    .connection_count = (at) + 296, .connections = (at) + 312, .read_events = (at) + 320, .write_events = (at) + 328, \
    .old_cycle = (at) + 336

const struct nginx_cycle_layout nginx_cycle_layouts[] = {
    {
        .name = "nginx 1.14 to 1.18",
        .bytes = 624,
        .free_connections = 120,
        .free_connection_count = 128,
        .modules = 136,
        .module_count = 144,
        BEHIND_LISTENING(184),
    },
    {
        .name = "nginx 1.20 to 1.30", /* connections_reuse_time came, and error_log */
        .bytes = 648,
        .free_connections = 120,
        .free_connection_count = 128,
        .modules = 136,
        .module_count = 144,
        BEHIND_LISTENING(192),
    },
    {
        .name = "nginx 1.30, --with-compat", /* ngx_log_t has 5 words to spare, and new_log is inside the cycle */
        .bytes = 688,
        .free_connections = 160,
        .free_connection_count = 168,
        .modules = 176,
        .module_count = 184,
        BEHIND_LISTENING(232),
    },
};

const size_t nginx_cycle_layout_count = sizeof(nginx_cycle_layouts) / sizeof(nginx_cycle_layouts[0]);

/*
 * r->schema came with 1.15.1 (between uri and main), r->v3_parse with 1.25 (before log_handler), r->port with 1.29
 * (before the bits); PCRE adds three words (before limit_rate).
 */
enum { URI_WITHOUT_SCHEMA = 104, URI = 120, LOG_HANDLER = 128, V3_PARSE = 8, PCRE = 24, PORT = 2 };

#define REQUEST(label, uri, words, port)                                                                             \
    {                                                                                                                \
        .name = (label), .uri_before = (uri), .log_handler = LOG_HANDLER + (words),                                  \
        .subrequests = LOG_HANDLER + (words) + 18 + (port), .state = LOG_HANDLER + (words) + 20 + (port),            \
    }

const struct nginx_request_layout nginx_request_layouts[] = {
    REQUEST("nginx 1.14, without PCRE", URI_WITHOUT_SCHEMA, 0, 0),
    REQUEST("nginx 1.14", URI_WITHOUT_SCHEMA, PCRE, 0),
    REQUEST("nginx 1.16 to 1.24, without PCRE", URI, 0, 0),
    REQUEST("nginx 1.16 to 1.24", URI, PCRE, 0),
    REQUEST("nginx 1.26 to 1.28, without PCRE", URI, V3_PARSE, 0),
    REQUEST("nginx 1.26 to 1.28", URI, V3_PARSE + PCRE, 0),
    REQUEST("nginx 1.30, without PCRE", URI, V3_PARSE, PORT),
    REQUEST("nginx 1.30", URI, V3_PARSE + PCRE, PORT),
};

const size_t nginx_request_layout_count = sizeof(nginx_request_layouts) / sizeof(nginx_request_layouts[0]);
