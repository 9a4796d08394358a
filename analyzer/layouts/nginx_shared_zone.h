/* ngx_shm_zone_t, and the list of them in the cycle (ngx_list_t). The same on nginx 1.14 to 1.30 and Tengine. */
#ifndef RESPIRE_LAYOUTS_NGINX_SHARED_ZONE_H
#define RESPIRE_LAYOUTS_NGINX_SHARED_ZONE_H

enum nginx_shared_zone_layout {
    NGINX_ZONE_ADDRESS = 8,  /* of the mapping; ngx_shm_t begins here */
    NGINX_ZONE_SIZE = 16,
    NGINX_ZONE_NAME_LENGTH = 24,
    NGINX_ZONE_NAME = 32,
    NGINX_ZONE_TAG = 64,     /* the module that asked for it */
    NGINX_COUNTER_BYTES = 128, /* each of nginx's own counters has a cache line to itself */
};

/* A list's parts: the first is inside it. Its item size and pool are in nginx_layout.h. */
enum nginx_list_layout {
    NGINX_LIST_FIRST_PART = 8,
    NGINX_PART_ITEMS = 0,
    NGINX_PART_COUNT = 8,
    NGINX_PART_NEXT = 16,
    NGINX_PART_BYTES = 24,
};

#endif
