/*
 * nginx's structures as plain data: offsets and sizes in bytes, x86-64.
 *
 * Source: compiled from the public headers of nginx 1.14 to 1.30 and Tengine 2.3 to 3.1, each plain, with the modules
 * that distributions choose, and with --with-compat --with-debug. What is the same in all of these is a constant; what
 * differs is a row. Rows of the cycle and of the request are chosen apart, each by what the bytes prove: configure
 * flags move them independently of the release.
 */
#ifndef RESPIRE_LAYOUTS_NGINX_LAYOUT_H
#define RESPIRE_LAYOUTS_NGINX_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* ngx_pool_t. Its first block starts with it; further blocks start with the first four words alone. */
enum nginx_pool_layout {
    NGINX_POOL_LAST = 0, /* the next free byte of this block */
    NGINX_POOL_END = 8,
    NGINX_POOL_NEXT = 16,
    NGINX_POOL_FAILED = 24,
    NGINX_POOL_BLOCK_BYTES = 32,
    NGINX_POOL_MAX = 32, /* what is larger gets a block of malloc of its own */
    NGINX_POOL_CURRENT = 40,
    NGINX_POOL_CHAIN = 48,
    NGINX_POOL_LARGE = 56,
    NGINX_POOL_CLEANUP = 64,
    NGINX_POOL_LOG = 72,
    NGINX_POOL_BYTES = 80,
    NGINX_POOL_ALIGNMENT = 16,
    NGINX_POOL_MAX_LIMIT = 4095, /* a page less one */
    NGINX_LARGE_NEXT = 0, /* ngx_pool_large_t */
    NGINX_LARGE_ADDRESS = 8,
    NGINX_LARGE_BYTES = 16,
    NGINX_CLEANUP_HANDLER = 0, /* ngx_pool_cleanup_t */
    NGINX_CLEANUP_DATA = 8,
    NGINX_CLEANUP_NEXT = 16,
    NGINX_CLEANUP_BYTES = 24,
};

/* ngx_module_t. */
enum nginx_module_layout {
    NGINX_MODULE_CONTEXT_INDEX = 0,
    NGINX_MODULE_INDEX = 8,
    NGINX_MODULE_NAME = 16,
    NGINX_MODULE_VERSION = 40,
    NGINX_MODULE_SIGNATURE = 48,
    NGINX_MODULE_CONTEXT = 56, /* its table of hooks */
    NGINX_MODULE_COMMANDS = 64,
    NGINX_MODULE_TYPE = 72,
    NGINX_MODULE_BYTES = 200,
};

/* ngx_command_t: a directive. The last one of a module has no name. */
enum nginx_command_layout {
    NGINX_COMMAND_NAME_LENGTH = 0,
    NGINX_COMMAND_NAME = 8,
    NGINX_COMMAND_SET = 24, /* a function */
    NGINX_COMMAND_BYTES = 56,
};

enum nginx_event_layout {
    NGINX_EVENT_DATA = 0, /* its connection */
    NGINX_EVENT_HANDLER = 16,
    NGINX_EVENT_BYTES = 96,
};

/* ngx_array_t and ngx_list_t. */
enum nginx_array_layout {
    NGINX_ARRAY_ITEMS = 0,
    NGINX_ARRAY_COUNT = 8,
    NGINX_ARRAY_ITEM_BYTES = 16,
    NGINX_ARRAY_CAPACITY = 24,
    NGINX_ARRAY_POOL = 32,
    NGINX_ARRAY_BYTES = 40,
    NGINX_LIST_ITEM_BYTES = 32,
    NGINX_LIST_POOL = 48,
};

/* ngx_hash_keys_arrays_t: what a hash is made from while the configuration is read. */
enum nginx_hash_keys_layout {
    NGINX_HASH_KEYS_SLOTS = 0,
    NGINX_HASH_KEYS_POOL = 8,
    NGINX_HASH_KEYS_TEMPORARY_POOL = 16, /* it, and all that follows, is of no use later */
    NGINX_HASH_KEYS_BYTES = 168,
    NGINX_HASH_KEYS_SLOTS_SMALL = 107,
    NGINX_HASH_KEYS_SLOTS_LARGE = 10007,
};

/* What is the same of ngx_connection_t and ngx_http_request_t everywhere. */
enum nginx_constant_layout {
    NGINX_CONNECTION_DATA = 0, /* of a free one: the next free one */
    NGINX_CONNECTION_READ = 8,
    NGINX_CONNECTION_WRITE = 16,
    NGINX_CONNECTION_FD = 24,
    NGINX_CONNECTION_LISTENING = 64, /* NULL unless it was accepted */
    NGINX_CONNECTION_LOG = 80,
    NGINX_CONNECTION_POOL = 88,
    NGINX_CONNECTION_BYTES_MIN = 200, /* 216 to 248 are known */
    NGINX_CONNECTION_BYTES_MAX = 400,
    NGINX_REQUEST_SIGNATURE = 0, /* NGINX_SIGNATURE_HTTP */
    NGINX_REQUEST_CONNECTION = 8,
    NGINX_REQUEST_CONTEXT = 16,
    NGINX_REQUEST_MAIN_CONF = 24,
    NGINX_REQUEST_SERVER_CONF = 32,
    NGINX_REQUEST_LOCATION_CONF = 40,
    NGINX_REQUEST_POOL = 88,
    NGINX_REQUEST_MAIN_MIN = 800, /* the main request, itself for most; 928 to 1152 are known */
    NGINX_REQUEST_MAIN_MAX = 1400,
    NGINX_REQUEST_PARENT_BEHIND_MAIN = 8,
    NGINX_REQUEST_PHASE_HANDLER_BEHIND_MAIN = 40,
};

/* Four letters, as nginx writes them into requests and modules. */
enum nginx_signature {
    NGINX_SIGNATURE_HTTP = 0x50545448,
    NGINX_SIGNATURE_CORE = 0x45524F43,
    NGINX_SIGNATURE_EVENT = 0x544E5645,
    NGINX_SIGNATURE_STREAM = 0x4D525453,
    NGINX_SIGNATURE_MAIL = 0x4C49414D,
};

/* The start of ngx_http_core_srv_conf_t. */
enum nginx_server_layout {
    NGINX_SERVER_NAMES = 0, /* ngx_array_t */
};

/* The start of ngx_http_core_main_conf_t, and ngx_http_phase_handler_t. */
enum nginx_phase_layout {
    NGINX_CORE_CONF_PHASE_HANDLERS = 40,
    NGINX_CORE_CONF_SERVER_REWRITE = 48, /* indexes of phase handlers */
    NGINX_CORE_CONF_LOCATION_REWRITE = 56,
    NGINX_PHASE_CHECKER = 0,
    NGINX_PHASE_HANDLER = 8,
    NGINX_PHASE_NEXT = 16,
    NGINX_PHASE_BYTES = 24,
};

/* ngx_cycle_t. conf_ctx, pool and log are its first three words everywhere. */
enum nginx_cycle_constants {
    NGINX_CYCLE_CONFIGURATION = 0,
    NGINX_CYCLE_POOL = 8,
    NGINX_CYCLE_LOG = 16,
    NGINX_ZONE_BYTES = 88, /* ngx_shm_zone_t */
};

struct nginx_cycle_layout {
    const char *name; /* "nginx 1.20 to 1.30 or Tengine 3": shown to users */
    uint16_t bytes, free_connections, free_connection_count, modules, module_count;
    uint16_t listening, paths;          /* ngx_array_t */
    uint16_t open_files, shared_memory; /* ngx_list_t */
    uint16_t connection_count, connections, read_events, write_events, old_cycle;
};

extern const struct nginx_cycle_layout nginx_cycle_layouts[];
extern const size_t nginx_cycle_layout_count;

/*
 * ngx_http_request_t around `main`, whose own place configure flags decide and the bytes tell. Before it, and behind
 * it, it differs independently.
 */
struct nginx_request_layout {
    uint16_t stream;      /* of HTTP/2; counted from `main`, as all of these */
    uint16_t log_handler; /* a function */
    uint16_t subrequests; /* a byte: how many levels of them are still allowed, plus 1 */
    uint16_t state;       /* a byte: ngx_http_state_e in its bits 1 to 4 */
};

extern const struct nginx_request_layout nginx_request_layouts[];
extern const size_t nginx_request_layout_count;

/* How far before `main` its URI may be: ngx_str_t. */
extern const uint16_t nginx_request_uris[];
extern const size_t nginx_request_uri_count;

/* The rows that the bytes of one process prove. */
struct nginx_layout {
    const struct nginx_cycle_layout *cycle;
    uint16_t connection_bytes; /* the stride of the cycle's connections; 0: it has none, as in a master */
};

#endif
