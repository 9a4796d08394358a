/*
 * Which pools of unknown holder are reached from where: follows whatever looks like a pointer, from roots that the
 * caller names, through blocks of malloc and through the pools themselves, nearest first. What is reached once stays
 * with the root that reached it.
 *
 * An object is a block of malloc; a pool of unknown holder, whole; and of the memory that pools of cycles, connections
 * and requests share out among many, what lies between two places that something points to.
 */
#ifndef RESPIRE_WALK_POOL_REACH_H
#define RESPIRE_WALK_POOL_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "model/glibc_heap.h"
#include "model/nginx_pools.h"
#include "target/capture.h"

struct pool_reach;

enum { REACH_NO_ROOT = UINT32_MAX };

/* All arguments must outlive what is made. Errors: no memory. */
struct error *pool_reach_new(const struct capture *capture, const struct glibc_heap *heap,
    const struct nginx_pools *pools, struct pool_reach **reach);

void pool_reach_free(struct pool_reach *reach);

/*
 * Words of this range tell where objects in shared pools start, as those of the shared pools themselves do. Before
 * anything is reached.
 */
void pool_reach_learn(struct pool_reach *reach, struct address_range range);

/* From now on go into the memory of pools of that kind, too; at first, into that of cycles alone. */
void pool_reach_enter(struct pool_reach *reach, enum pool_kind kind);

/* What lies in this range is not gone through, whatever refers to it. */
void pool_reach_bar(struct pool_reach *reach, struct address_range range);

/* The word at `place`, in a shared pool, leads nowhere, whatever it looks like. */
void pool_reach_blank(struct pool_reach *reach, address_t place);

/* False: `pointer` leads nowhere near any block of malloc. */
bool pool_reach_leads(const struct pool_reach *reach, address_t pointer);

/*
 * The object that `pointer` leads to, if there is one that nobody has reached, is the root's. What is not a multiple of
 * 8 is a text more often than a pointer that holds something.
 */
struct error *pool_reach_from(struct pool_reach *reach, address_t pointer, uint32_t root);

/* The same for each word of a range. */
struct error *pool_reach_from_range(struct pool_reach *reach, struct address_range range, uint32_t root);

/*
 * The same for what lies behind `pointer` in a shared pool, up to what somebody has reached: a structure with a part
 * that something points to looks like two.
 */
struct error *pool_reach_behind(struct pool_reach *reach, address_t pointer, uint32_t root);

/* Follow what was reached until there is nothing left to follow. */
struct error *pool_reach_run(struct pool_reach *reach);

/* The root that reached the pool with that index, or REACH_NO_ROOT. */
uint32_t pool_reach_root(const struct pool_reach *reach, size_t pool);

/* How many pools of unknown holder nobody has reached. */
uint64_t pool_reach_left(const struct pool_reach *reach);

#endif
