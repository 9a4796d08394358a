/* malloc and nginx's pools as walks might have shown them, made by hand. */
#ifndef RESPIRE_TESTS_MALLOC_MODEL_H
#define RESPIRE_TESTS_MALLOC_MODEL_H

#include "model/glibc_heap.h"
#include "model/nginx_pools.h"

/*
 * A main arena, one of a thread, and a mapped block. In use: 2240 chunks of 400,016 bytes, 3 of 48, one mapped of
 * 1,003,520; free: 5 of 32 in a fastbin, 7 of 64 in a cache, one of 300,000 in a bin, tops of 100,000 and 132,000.
 */
void malloc_model_make(struct glibc_heap *heap);

/* An unowned pool, and one of a request with a large block and cleanup handlers. */
void pools_model_make(struct nginx_pools *pools);

/* Fail the test where the two differ. */
void malloc_model_assert_equal(const struct glibc_heap *left, const struct glibc_heap *right);
void pools_model_assert_equal(const struct nginx_pools *left, const struct nginx_pools *right);

#endif
