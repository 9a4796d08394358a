/*
 * ngx_shm_t, the description of a shared memory segment inside ngx_shm_zone_t: address, size, then its name as
 * ngx_str_t. The same on nginx 1.14 to 1.30 and Tengine.
 */
#ifndef RESPIRE_LAYOUTS_NGINX_SHARED_ZONE_H
#define RESPIRE_LAYOUTS_NGINX_SHARED_ZONE_H

enum nginx_shared_zone_layout {
    NGINX_SHM_ADDRESS = 0,
    NGINX_SHM_SIZE = 8,
    NGINX_SHM_NAME_LENGTH = 16,
    NGINX_SHM_NAME = 24,
    NGINX_SHM_BYTES = 32,
};

#endif
