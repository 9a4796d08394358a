#include "layouts/nginx_layout.h"

/* ngx_cycle_t from `listening` on, where it moves by a word or two; its end differs too, but nothing is read there. */
#define BEHIND_LISTENING(at)                                                                      \
    .listening = (at), .paths = (at) + 40, .open_files = (at) + 184, .shared_memory = (at) + 240, \
    .connection_count = (at) + 296, .connections = (at) + 312, .read_events = (at) + 320,         \
    .write_events = (at) + 328, .old_cycle = (at) + 336

const struct nginx_cycle_layout nginx_cycle_layouts[] = {
    {
        .name = "nginx 1.14 to 1.18 or Tengine 2.3",
        .bytes = 624,
        .free_connections = 120,
        .free_connection_count = 128,
        .modules = 136,
        .module_count = 144,
        BEHIND_LISTENING(184),
    },
    {
        .name = "nginx 1.20 to 1.30 or Tengine 3", /* connections_reuse_time came, and error_log */
        .bytes = 648,
        .free_connections = 120,
        .free_connection_count = 128,
        .modules = 136,
        .module_count = 144,
        BEHIND_LISTENING(192),
    },
    {
        .name = "nginx 1.30 or Tengine 3.2, --with-compat", /* ngx_log_t, which is in the cycle, has 5 words to spare */
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
 * Behind `main`, PCRE adds three words (before limit_rate), 1.25 one (v3_parse) and Tengine with XQUIC one (xqstream;
 * before log_handler), 1.29 and Tengine 3.2 half a word (port; before the bits).
 */
enum { NO_PCRE = 0, PCRE = 24, NO_HTTP3 = 0, HTTP3 = 8, NO_PORT = 0, PORT = 2 };

#define REQUEST(pcre, http3, port)                      \
    {                                                   \
        .stream = 120 + (pcre),                         \
        .log_handler = 128 + (pcre) + (http3),          \
        .subrequests = 146 + (pcre) + (http3) + (port), \
        .state = 148 + (pcre) + (http3) + (port),       \
    }

const struct nginx_request_layout nginx_request_layouts[] = {
    REQUEST(NO_PCRE, NO_HTTP3, NO_PORT),
    REQUEST(PCRE, NO_HTTP3, NO_PORT), /* nginx 1.14 to 1.24 */
    REQUEST(NO_PCRE, HTTP3, NO_PORT),
    REQUEST(PCRE, HTTP3, NO_PORT), /* nginx 1.26 to 1.28 */
    REQUEST(NO_PCRE, NO_HTTP3, PORT),
    REQUEST(PCRE, NO_HTTP3, PORT), /* Tengine 3.2 */
    REQUEST(NO_PCRE, HTTP3, PORT),
    REQUEST(PCRE, HTTP3, PORT), /* nginx 1.30 */
};

const size_t nginx_request_layout_count = sizeof(nginx_request_layouts) / sizeof(nginx_request_layouts[0]);

/* Without schema, up to 1.15.0; with it; with Tengine's fields of CONNECT, too. */
const uint16_t nginx_request_uris[] = {104, 120, 184};

const size_t nginx_request_uri_count = sizeof(nginx_request_uris) / sizeof(nginx_request_uris[0]);
