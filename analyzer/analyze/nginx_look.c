#include "analyze/nginx_look.h"

#include "analyze/pool_owners.h"
#include "locate/nginx_cycle.h"
#include "symbols/function_names.h"
#include "walk/nginx_anchors.h"
#include "walk/nginx_pools.h"

static struct error *look_into_pools(struct target *target, const struct capture *capture,
    const struct nginx_site *site, const struct elf_modules *modules, struct process *process)
{
    struct function_names *names = NULL;
    struct error *error = function_names_new(target, &capture->mappings, modules, &names);
    if (!error)
        error = nginx_anchor_functions(target, capture, site, names);
    if (!error)
        error = nginx_pools_walk(capture, site, &process->malloc, names, &process->pools);
    if (!error && !process->pools.damage) {
        const struct pool_owners_input input = {
            capture, modules, site, &process->malloc, names, process->states, process->state_count,
        };
        error = pool_owners_find(&input, &process->pools);
    }
    function_names_free(names);
    return error;
}

struct error *nginx_look(struct target *target, const struct capture *capture, const struct elf_modules *modules,
    struct process *process)
{
    struct nginx_site site;
    struct error *error = locate_nginx_cycle(target, capture, &process->malloc.chunks, &site);
    process->has_pools = !error && site.layout.cycle;
    if (process->has_pools)
        error = look_into_pools(target, capture, &site, modules, process);
    nginx_site_free(&site);
    return error;
}
