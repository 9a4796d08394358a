/*
 * At which phase an HTTP request is: it knows the index of a phase handler, and the configuration has all handlers of
 * all phases in one list, told apart by their checkers and by where they lead.
 */
#ifndef RESPIRE_WALK_NGINX_PHASES_H
#define RESPIRE_WALK_NGINX_PHASES_H

#include "locate/nginx_cycle.h"
#include "target/memory_view.h"

enum { NGINX_PHASE_HANDLERS_MAX = 256 };

struct nginx_phases {
    const char *names[NGINX_PHASE_HANDLERS_MAX]; /* of each handler's phase; static text */
    size_t count;                                /* 0: not understood */
};

/* `main_conf`: as a request names it. */
void nginx_phases_read(struct memory_view *view, const struct nginx_site *site, address_t main_conf,
    struct nginx_phases *phases);

/* "access", "content", …; NULL: not known. */
const char *nginx_phase_name(const struct nginx_phases *phases, uint64_t handler);

#endif
