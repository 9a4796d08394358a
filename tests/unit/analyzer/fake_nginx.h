/*
 * An nginx made by hand, as a capture and chunks of malloc: a cycle of two modules, eight connections, and what a test
 * adds to them. Everything lies where nginx 1.26 has it.
 */
#ifndef RESPIRE_TESTS_FAKE_NGINX_H
#define RESPIRE_TESTS_FAKE_NGINX_H

#include "fake_capture.h"
#include "layouts/nginx_layout.h"
#include "model/glibc_heap.h"

enum {
    FAKE_HEAP = 0x10000000,
    FAKE_HEAP_BYTES = 256 << 10,
    FAKE_DATA = 0x20000000,
    FAKE_CODE = 0x30000000,
    FAKE_CONNECTIONS = 8,
    FAKE_CONNECTION_BYTES = 240,
    FAKE_REQUEST_BYTES = 1400,
    FAKE_REQUEST_MAIN = 1000,
};

struct fake_nginx {
    struct fake_capture fake;
    struct glibc_heap heap; /* its chunks are sealed by fake_nginx_seal() */
    const struct nginx_cycle_layout *layout;
    uint64_t next;          /* where the next chunk of malloc begins */
    uint64_t cycle, pool, connections, read_events, write_events;
};

/* With all connections free. `layout`: which row to follow. */
void fake_nginx_start(struct fake_nginx *nginx, const struct nginx_cycle_layout *layout);
void fake_nginx_free(struct fake_nginx *nginx);

/* No chunk comes behind this. */
void fake_nginx_seal(struct fake_nginx *nginx);

/* What the target has at `at`. */
unsigned char *fake_at(struct fake_nginx *nginx, uint64_t at);

/* The word there: write it, read it. */
void fake_put(struct fake_nginx *nginx, uint64_t at, uint64_t value);
uint64_t fake_get(struct fake_nginx *nginx, uint64_t at);

/* A used chunk with a block of `bytes`; where the block begins. */
uint64_t fake_malloc(struct fake_nginx *nginx, uint64_t bytes);

/* As in nginx: ngx_create_pool, ngx_palloc of small blocks, a further block, a large one, a cleanup handler. */
uint64_t fake_pool(struct fake_nginx *nginx, uint64_t bytes);
uint64_t fake_palloc(struct fake_nginx *nginx, uint64_t pool, uint64_t bytes);
uint64_t fake_pool_block(struct fake_nginx *nginx, uint64_t pool);
uint64_t fake_pool_large(struct fake_nginx *nginx, uint64_t pool, uint64_t bytes);
void fake_pool_cleanup(struct fake_nginx *nginx, uint64_t pool, uint64_t handler);

/* A cycle in a pool of its own, of the same modules and without connections; returns the pool. */
uint64_t fake_cycle(struct fake_nginx *nginx, uint64_t old_cycle);

/* Take the connection of that index, the first one free, for a client; it has `pool`. Returns its address. */
uint64_t fake_connection(struct fake_nginx *nginx, uint64_t pool);

/* A request on `connection`, in its own pool; returns that. */
uint64_t fake_request(struct fake_nginx *nginx, uint64_t connection, uint64_t uri_bytes, uint64_t phase_handler);

#endif
