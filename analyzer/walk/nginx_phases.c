#include "walk/nginx_phases.h"

enum { POINTER_BYTES = 8 };

struct handler {
    uint64_t checker, function, next;
};

struct handlers {
    struct handler items[NGINX_PHASE_HANDLERS_MAX];
    size_t count;
    uint64_t server_rewrite;
};

/* The first HTTP module's configuration, which the phases belong to. */
static bool core_configuration(struct memory_view *view, const struct nginx_site *site, address_t main_conf,
    address_t *configuration)
{
    for (size_t i = 0; i < site->module_count; i++)
        if (site->modules[i].type == NGINX_SIGNATURE_HTTP && site->modules[i].context_index == 0)
            return view_u64(view, main_conf, &configuration->value);
    return false;
}

static void read_handlers(struct memory_view *view, address_t configuration, struct handlers *handlers)
{
    uint64_t list;
    handlers->count = 0;
    if (!view_u64(view, address_add(configuration, NGINX_CORE_CONF_PHASE_HANDLERS), &list)
        || !view_u64(view, address_add(configuration, NGINX_CORE_CONF_SERVER_REWRITE), &handlers->server_rewrite))
        return;
    for (size_t i = 0; i < NGINX_PHASE_HANDLERS_MAX; i++) {
        address_t at = address_add(address(list), i * NGINX_PHASE_BYTES);
        uint64_t checker;
        if (!view_u64(view, address_add(at, NGINX_PHASE_CHECKER), &checker) || !checker)
            return; /* the list ends with a lone 0 */
        const unsigned char *bytes = view_bytes(view, at, NGINX_PHASE_BYTES);
        if (!bytes)
            return;
        handlers->items[handlers->count++] = (struct handler){
            .checker = checker,
            .function = field_u64(bytes, NGINX_PHASE_HANDLER),
            .next = field_u64(bytes, NGINX_PHASE_NEXT),
        };
    }
}

/* The handler without a function that leads to `next`: nginx's own step between phases. `count` when there is none. */
static size_t find_step(const struct handlers *handlers, size_t from, bool leads_on, uint64_t next)
{
    for (size_t i = from; i < handlers->count; i++)
        if (!handlers->items[i].function && handlers->items[i].next == (leads_on ? i + 1 : next))
            return i;
    return handlers->count;
}

/*
 * post read, server rewrite | find config | rewrite | post rewrite | preaccess, access | post access | precontent,
 * content. Steps stand between bars; handlers of phases that have the same bars differ in their checkers, and those
 * of the access phase stand last before their bar, those of the content phase last of all.
 */
static void name_phases(const struct handlers *handlers, struct nginx_phases *phases)
{
    const struct handler *items = handlers->items;
    size_t count = handlers->count, find_config = find_step(handlers, 0, false, 0);
    size_t post_rewrite = find_step(handlers, find_config + 1, false, find_config);
    size_t behind_rewrite = post_rewrite < count ? post_rewrite : find_config;
    size_t post_access = find_step(handlers, behind_rewrite + 1, true, 0);
    for (size_t i = 0; i < count; i++) {
        const char *name;
        if (i < find_config)
            name = i < handlers->server_rewrite ? "post read" : "server rewrite";
        else if (i == find_config)
            name = "find config";
        else if (i <= behind_rewrite)
            name = i < behind_rewrite ? "rewrite" : "post rewrite";
        else if (post_access < count && i <= post_access)
            name = i == post_access                                 ? "post access"
                : items[i].checker == items[post_access - 1].checker ? "access"
                                                                     : "preaccess";
        else
            name = items[i].checker == items[count - 1].checker ? "content" : "precontent";
        phases->names[i] = name;
    }
    phases->count = find_config < count ? count : 0;
}

void nginx_phases_read(struct memory_view *view, const struct nginx_site *site, address_t main_conf,
    struct nginx_phases *phases)
{
    struct handlers handlers;
    address_t configuration;
    phases->count = 0;
    if (!core_configuration(view, site, main_conf, &configuration))
        return;
    read_handlers(view, configuration, &handlers);
    name_phases(&handlers, phases);
}

const char *nginx_phase_name(const struct nginx_phases *phases, uint64_t handler)
{
    return handler < phases->count ? phases->names[handler] : NULL;
}
