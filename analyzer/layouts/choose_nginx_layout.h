/*
 * Which rows of nginx's offsets the bytes prove. A cycle is proved by its arrays and lists, which all name the pool
 * that the cycle itself lies in.
 */
#ifndef RESPIRE_LAYOUTS_CHOOSE_NGINX_LAYOUT_H
#define RESPIRE_LAYOUTS_CHOOSE_NGINX_LAYOUT_H

#include "layouts/nginx_layout.h"
#include "target/memory_view.h"

/* The one row that describes the cycle at `cycle`; NULL: it is none, or of an unknown layout. */
const struct nginx_cycle_layout *nginx_cycle_layout_choose(struct memory_view *view, address_t cycle);

enum { NGINX_TWO_CONNECTIONS_BYTES = 448 };

/* Do these NGINX_TWO_CONNECTIONS_BYTES look like the start of a cycle's array of connections? */
bool nginx_is_connections(const unsigned char *bytes);

/* How far apart the connections of a cycle are; 0: there are none, or they are not understood. */
uint16_t nginx_connection_bytes(struct memory_view *view, address_t cycle, const struct nginx_cycle_layout *layout);

/* Where the state of a request lies. */
struct nginx_request_place {
    const struct nginx_request_layout *layout; /* NULL: the requests do not prove any */
    uint16_t main;                             /* offset of the word that all others are counted from */
    uint16_t uri;                              /* offset; 0: no request has one yet */
};

/* What most of `requests` agree on; some of them may be made up by modules, and lack most of it. */
struct nginx_request_place nginx_request_place_choose(struct memory_view *view, const address_t *requests,
    size_t count);

#endif
