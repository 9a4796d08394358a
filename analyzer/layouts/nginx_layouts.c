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
enum { LOG_HANDLER = 128, STREAM = 8, PCRE = 24, SUBREQUESTS = 18, STATE = 20, PORT = 2 };

#define REQUEST(words, port)                                           \
    {                                                                  \
        .log_handler = LOG_HANDLER + (words),                          \
        .subrequests = LOG_HANDLER + (words) + SUBREQUESTS + (port),   \
        .state = LOG_HANDLER + (words) + STATE + (port),               \
    }

const struct nginx_request_layout nginx_request_layouts[] = {
    REQUEST(0, 0),
    REQUEST(PCRE, 0), /* nginx 1.14 to 1.24 */
    REQUEST(STREAM, 0),
    REQUEST(STREAM + PCRE, 0), /* nginx 1.26 to 1.28 */
    REQUEST(0, PORT),
    REQUEST(PCRE, PORT), /* Tengine 3.2 */
    REQUEST(STREAM, PORT),
    REQUEST(STREAM + PCRE, PORT), /* nginx 1.30 */
};

const size_t nginx_request_layout_count = sizeof(nginx_request_layouts) / sizeof(nginx_request_layouts[0]);

/* Without schema, up to 1.15.0; with it; with Tengine's fields of CONNECT, too. */
const uint16_t nginx_request_uris[] = {104, 120, 184};

const size_t nginx_request_uri_count = sizeof(nginx_request_uris) / sizeof(nginx_request_uris[0]);
