#include "model/nginx_pools.h"

#include <stdlib.h>

const char *pool_kind_name(enum pool_kind kind)
{
    static const char *const names[POOL_KINDS] = {
        [POOL_UNOWNED] = "unowned", [POOL_REQUEST] = "request", [POOL_CONNECTION] = "connection",
        [POOL_MODULE] = "module",   [POOL_CYCLE] = "cycle",     [POOL_OLD_CYCLE] = "old cycle",
    };
    return names[kind];
}

void nginx_pools_release(struct nginx_pools *pools)
{
    error_free(pools->damage);
    for (size_t i = 0; i < pools->owner_count; i++) {
        free(pools->owners[i].name);
        free(pools->owners[i].contents);
    }
    for (size_t i = 0; i < pools->name_count; i++)
        free(pools->names[i]);
    free(pools->pools);
    free(pools->owners);
    free(pools->large);
    free(pools->cleanups);
    free(pools->names);
    *pools = (struct nginx_pools){0};
}
