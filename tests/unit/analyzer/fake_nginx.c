#include "fake_nginx.h"

#include <stdlib.h>
#include <string.h>

enum {
    DATA_BYTES = 64 << 10,
    CODE_BYTES = 4096,
    CHUNK_HEAD = 8,
    PREVIOUS_USED = 1,
    MODULES = 2,
    LISTENING_BYTES = 280,
    CYCLE_POOL_BYTES = 4096,
    REQUEST_POOL_BYTES = 4096,
    VERSION = 1026000,
    URI_BEFORE_MAIN = 120,
    /* Places in the data. */
    MODULE_LIST = FAKE_DATA + 0x100,
    MODULE_TABLE = FAKE_DATA + 0x200,
    SIGNATURE_AT = FAKE_DATA + 0x800,
    NAMES_AT = FAKE_DATA + 0x900,
    LOG_AT = FAKE_DATA + 0xa00,
    LISTENING_AT = FAKE_DATA + 0xb00,
    MAIN_CONF = FAKE_DATA + 0x1000,
    CORE_CONF = FAKE_DATA + 0x1100,
    HANDLERS = FAKE_DATA + 0x1200,
    CYCLE_GLOBAL = FAKE_DATA + 0x2000,
};

/* Checkers of phases, by address. */
enum { GENERIC = 1, REWRITE, FIND_CONFIG, POST_REWRITE, ACCESS, POST_ACCESS, CONTENT };

unsigned char *fake_at(struct fake_nginx *nginx, uint64_t at)
{
    for (size_t i = 0; i < nginx->fake.capture.piece_count; i++) {
        const struct capture_piece *piece = &nginx->fake.pieces[i];
        if (range_holds(piece->range, address(at), 1))
            return (unsigned char *)(uintptr_t)piece->data + (at - piece->range.start.value);
    }
    abort();
}

void fake_put(struct fake_nginx *nginx, uint64_t at, uint64_t value)
{
    put_u64(fake_at(nginx, at), value);
}

uint64_t fake_get(struct fake_nginx *nginx, uint64_t at)
{
    uint64_t value;
    memcpy(&value, fake_at(nginx, at), sizeof(value));
    return value;
}

uint64_t fake_malloc(struct fake_nginx *nginx, uint64_t bytes)
{
    uint64_t chunk = nginx->next, chunk_bytes = (bytes + CHUNK_HEAD + 15) & ~(uint64_t)15;
    if (chunk + chunk_bytes > FAKE_HEAP + FAKE_HEAP_BYTES)
        abort();
    fake_put(nginx, chunk + CHUNK_HEAD, chunk_bytes | PREVIOUS_USED);
    chunk_region_add(&nginx->heap.chunks.items[0], address(chunk), true);
    nginx->next += chunk_bytes;
    return chunk + CHUNK_HEADER_BYTES;
}

uint64_t fake_pool(struct fake_nginx *nginx, uint64_t bytes)
{
    uint64_t pool = fake_malloc(nginx, bytes), room = bytes - NGINX_POOL_BYTES;
    fake_put(nginx, pool + NGINX_POOL_LAST, pool + NGINX_POOL_BYTES);
    fake_put(nginx, pool + NGINX_POOL_END, pool + bytes);
    fake_put(nginx, pool + NGINX_POOL_MAX, room < NGINX_POOL_MAX_LIMIT ? room : NGINX_POOL_MAX_LIMIT);
    fake_put(nginx, pool + NGINX_POOL_CURRENT, pool);
    fake_put(nginx, pool + NGINX_POOL_LOG, LOG_AT);
    return pool;
}

uint64_t fake_palloc(struct fake_nginx *nginx, uint64_t pool, uint64_t bytes)
{
    uint64_t last = (fake_get(nginx, pool + NGINX_POOL_LAST) + 15) & ~(uint64_t)15;
    if (last + bytes > fake_get(nginx, pool + NGINX_POOL_END))
        abort();
    fake_put(nginx, pool + NGINX_POOL_LAST, last + bytes);
    return last;
}

uint64_t fake_pool_block(struct fake_nginx *nginx, uint64_t pool)
{
    uint64_t bytes = fake_get(nginx, pool + NGINX_POOL_END) - pool, block = fake_malloc(nginx, bytes), at = pool;
    while (fake_get(nginx, at + NGINX_POOL_NEXT))
        at = fake_get(nginx, at + NGINX_POOL_NEXT);
    fake_put(nginx, at + NGINX_POOL_NEXT, block);
    fake_put(nginx, block + NGINX_POOL_LAST, block + NGINX_POOL_BLOCK_BYTES);
    fake_put(nginx, block + NGINX_POOL_END, block + bytes);
    return block;
}

uint64_t fake_pool_large(struct fake_nginx *nginx, uint64_t pool, uint64_t bytes)
{
    uint64_t node = fake_palloc(nginx, pool, NGINX_LARGE_BYTES), block = fake_malloc(nginx, bytes);
    fake_put(nginx, node + NGINX_LARGE_NEXT, fake_get(nginx, pool + NGINX_POOL_LARGE));
    fake_put(nginx, node + NGINX_LARGE_ADDRESS, block);
    fake_put(nginx, pool + NGINX_POOL_LARGE, node);
    return block;
}

void fake_pool_cleanup(struct fake_nginx *nginx, uint64_t pool, uint64_t handler)
{
    uint64_t node = fake_palloc(nginx, pool, NGINX_CLEANUP_BYTES);
    fake_put(nginx, node + NGINX_CLEANUP_HANDLER, handler);
    fake_put(nginx, node + NGINX_CLEANUP_NEXT, fake_get(nginx, pool + NGINX_POOL_CLEANUP));
    fake_put(nginx, pool + NGINX_POOL_CLEANUP, node);
}

static void put_array(struct fake_nginx *nginx, uint64_t at, uint64_t items, uint64_t item_bytes, uint64_t pool)
{
    fake_put(nginx, at + NGINX_ARRAY_ITEMS, items);
    fake_put(nginx, at + NGINX_ARRAY_COUNT, 1);
    fake_put(nginx, at + NGINX_ARRAY_ITEM_BYTES, item_bytes);
    fake_put(nginx, at + NGINX_ARRAY_CAPACITY, 10);
    fake_put(nginx, at + NGINX_ARRAY_POOL, pool);
}

static void put_list(struct fake_nginx *nginx, uint64_t at, uint64_t item_bytes, uint64_t pool)
{
    fake_put(nginx, at + NGINX_LIST_ITEM_BYTES, item_bytes);
    fake_put(nginx, at + NGINX_LIST_POOL, pool);
}

uint64_t fake_cycle(struct fake_nginx *nginx, uint64_t old_cycle)
{
    const struct nginx_cycle_layout *layout = nginx->layout;
    uint64_t pool = fake_pool(nginx, CYCLE_POOL_BYTES), cycle = fake_palloc(nginx, pool, layout->bytes);
    fake_put(nginx, cycle + NGINX_CYCLE_POOL, pool);
    fake_put(nginx, cycle + NGINX_CYCLE_LOG, LOG_AT);
    fake_put(nginx, cycle + layout->modules, MODULE_LIST);
    fake_put(nginx, cycle + layout->module_count, MODULES);
    put_array(nginx, cycle + layout->listening, LISTENING_AT, LISTENING_BYTES, pool);
    put_array(nginx, cycle + layout->paths, LISTENING_AT, sizeof(uint64_t), pool);
    put_list(nginx, cycle + layout->open_files, 40, pool);
    put_list(nginx, cycle + layout->shared_memory, NGINX_ZONE_BYTES, pool);
    fake_put(nginx, cycle + layout->connection_count, FAKE_CONNECTIONS);
    fake_put(nginx, cycle + layout->old_cycle, old_cycle);
    return pool;
}

static void put_modules(struct fake_nginx *nginx)
{
    static const char *const names[MODULES] = {"ngx_core_module", "ngx_http_core_module"};
    static const uint32_t types[MODULES] = {NGINX_SIGNATURE_CORE, NGINX_SIGNATURE_HTTP};
    memcpy(fake_at(nginx, SIGNATURE_AT), "8,4,8,0011", sizeof("8,4,8,0011"));
    for (unsigned i = 0; i < MODULES; i++) {
        uint64_t module = MODULE_TABLE + i * NGINX_MODULE_BYTES, name = NAMES_AT + i * 64;
        memcpy(fake_at(nginx, name), names[i], strlen(names[i]) + 1);
        fake_put(nginx, MODULE_LIST + i * sizeof(uint64_t), module);
        fake_put(nginx, module + NGINX_MODULE_INDEX, i);
        fake_put(nginx, module + NGINX_MODULE_NAME, name);
        fake_put(nginx, module + NGINX_MODULE_VERSION, VERSION);
        fake_put(nginx, module + NGINX_MODULE_SIGNATURE, SIGNATURE_AT);
        fake_put(nginx, module + NGINX_MODULE_TYPE, types[i]);
    }
}

static void put_phases(struct fake_nginx *nginx)
{
    /* post read | server rewrite | find config | rewrite | post rewrite | preaccess | access | post access | … */
    static const uint64_t rows[][3] = {
        {GENERIC, 1, 1},      {REWRITE, 1, 2}, {FIND_CONFIG, 0, 0}, {REWRITE, 1, 4},     {POST_REWRITE, 0, 2},
        {GENERIC, 1, 6},      {ACCESS, 1, 8},  {POST_ACCESS, 0, 8}, {GENERIC, 1, 9},     {CONTENT, 1, 10},
    };
    fake_put(nginx, MAIN_CONF, CORE_CONF);
    fake_put(nginx, CORE_CONF + NGINX_CORE_CONF_PHASE_HANDLERS, HANDLERS);
    fake_put(nginx, CORE_CONF + NGINX_CORE_CONF_SERVER_REWRITE, 1);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fake_put(nginx, HANDLERS + i * NGINX_PHASE_BYTES + NGINX_PHASE_CHECKER, FAKE_CODE + rows[i][0]);
        fake_put(nginx, HANDLERS + i * NGINX_PHASE_BYTES + NGINX_PHASE_HANDLER, rows[i][1] ? FAKE_CODE + 100 : 0);
        fake_put(nginx, HANDLERS + i * NGINX_PHASE_BYTES + NGINX_PHASE_NEXT, rows[i][2]);
    }
}

static void put_connections(struct fake_nginx *nginx)
{
    const struct nginx_cycle_layout *layout = nginx->layout;
    nginx->connections = fake_malloc(nginx, FAKE_CONNECTIONS * FAKE_CONNECTION_BYTES);
    nginx->read_events = fake_malloc(nginx, FAKE_CONNECTIONS * NGINX_EVENT_BYTES);
    nginx->write_events = fake_malloc(nginx, FAKE_CONNECTIONS * NGINX_EVENT_BYTES);
    for (unsigned i = 0; i < FAKE_CONNECTIONS; i++) {
        uint64_t connection = nginx->connections + i * FAKE_CONNECTION_BYTES;
        bool is_last = i + 1 == FAKE_CONNECTIONS;
        fake_put(nginx, connection + NGINX_CONNECTION_DATA, is_last ? 0 : connection + FAKE_CONNECTION_BYTES);
        fake_put(nginx, connection + NGINX_CONNECTION_READ, nginx->read_events + i * NGINX_EVENT_BYTES);
        fake_put(nginx, connection + NGINX_CONNECTION_WRITE, nginx->write_events + i * NGINX_EVENT_BYTES);
        put_u32(fake_at(nginx, connection + NGINX_CONNECTION_FD), UINT32_MAX);
    }
    fake_put(nginx, nginx->cycle + layout->connections, nginx->connections);
    fake_put(nginx, nginx->cycle + layout->read_events, nginx->read_events);
    fake_put(nginx, nginx->cycle + layout->write_events, nginx->write_events);
    fake_put(nginx, nginx->cycle + layout->free_connections, nginx->connections);
    fake_put(nginx, nginx->cycle + layout->free_connection_count, FAKE_CONNECTIONS);
}

uint64_t fake_connection(struct fake_nginx *nginx, uint64_t pool)
{
    const struct nginx_cycle_layout *layout = nginx->layout;
    uint64_t connection = fake_get(nginx, nginx->cycle + layout->free_connections);
    fake_put(nginx, nginx->cycle + layout->free_connections, fake_get(nginx, connection + NGINX_CONNECTION_DATA));
    fake_put(nginx, nginx->cycle + layout->free_connection_count,
        fake_get(nginx, nginx->cycle + layout->free_connection_count) - 1);
    fake_put(nginx, connection + NGINX_CONNECTION_DATA, 0);
    fake_put(nginx, connection + NGINX_CONNECTION_LISTENING, LISTENING_AT);
    fake_put(nginx, connection + NGINX_CONNECTION_POOL, pool);
    put_u32(fake_at(nginx, connection + NGINX_CONNECTION_FD), 7);
    return connection;
}

uint64_t fake_request(struct fake_nginx *nginx, uint64_t connection, uint64_t uri_bytes, uint64_t phase_handler)
{
    const struct nginx_request_layout *layout = &nginx_request_layouts[3]; /* 1.26 to 1.28 */
    uint64_t pool = fake_pool(nginx, REQUEST_POOL_BYTES), request = fake_palloc(nginx, pool, FAKE_REQUEST_BYTES);
    uint64_t main = request + FAKE_REQUEST_MAIN, uri = fake_palloc(nginx, pool, uri_bytes);
    put_u32(fake_at(nginx, request + NGINX_REQUEST_SIGNATURE), NGINX_SIGNATURE_HTTP);
    fake_put(nginx, request + NGINX_REQUEST_CONNECTION, connection);
    fake_put(nginx, request + NGINX_REQUEST_MAIN_CONF, MAIN_CONF);
    fake_put(nginx, request + NGINX_REQUEST_POOL, pool);
    fake_put(nginx, main, request);
    fake_put(nginx, main + NGINX_REQUEST_PHASE_HANDLER_BEHIND_MAIN, phase_handler);
    fake_put(nginx, main - URI_BEFORE_MAIN, uri_bytes);
    fake_put(nginx, main - URI_BEFORE_MAIN + sizeof(uint64_t), uri);
    *fake_at(nginx, uri) = '/';
    fake_put(nginx, main + layout->log_handler, FAKE_CODE + 200);
    *fake_at(nginx, main + layout->subrequests) = 51;
    *fake_at(nginx, main + layout->state) = 2 << 1; /* processing */
    fake_put(nginx, connection + NGINX_CONNECTION_DATA, request);
    return pool;
}

void fake_nginx_start(struct fake_nginx *nginx, const struct nginx_cycle_layout *layout)
{
    struct chunk_region *region;
    memset(nginx, 0, sizeof(*nginx));
    fake_capture_start(&nginx->fake);
    fake_capture_map(&nginx->fake, FAKE_HEAP, FAKE_HEAP_BYTES);
    fake_capture_map(&nginx->fake, FAKE_DATA, DATA_BYTES);
    nginx->fake.capture.mappings.items[1].path = strdup("/usr/sbin/nginx");
    fake_capture_map_only(&nginx->fake, FAKE_CODE, CODE_BYTES)->executable = true;
    struct address_range heap = {address(FAKE_HEAP), address(FAKE_HEAP + FAKE_HEAP_BYTES)};
    if (chunk_map_add_region(&nginx->heap.chunks, heap, &region))
        abort();
    nginx->heap.layout = "made by hand";
    nginx->layout = layout;
    nginx->next = FAKE_HEAP;
    put_modules(nginx);
    put_phases(nginx);
    nginx->pool = fake_cycle(nginx, 0);
    nginx->cycle = nginx->pool + NGINX_POOL_BYTES;
    fake_put(nginx, CYCLE_GLOBAL, nginx->cycle);
    put_connections(nginx);
}

void fake_nginx_seal(struct fake_nginx *nginx)
{
    uint64_t left = FAKE_HEAP + FAKE_HEAP_BYTES - nginx->next;
    fake_put(nginx, nginx->next + CHUNK_HEAD, left | PREVIOUS_USED);
    chunk_region_add(&nginx->heap.chunks.items[0], address(nginx->next), false);
    if (chunk_map_seal(&nginx->heap.chunks))
        abort();
}

void fake_nginx_free(struct fake_nginx *nginx)
{
    glibc_heap_release(&nginx->heap);
    fake_capture_free(&nginx->fake);
}
