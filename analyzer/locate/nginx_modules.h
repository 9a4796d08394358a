/* The modules that a cycle of nginx has in force: built-in and dynamic ones, by name. */
#ifndef RESPIRE_LOCATE_NGINX_MODULES_H
#define RESPIRE_LOCATE_NGINX_MODULES_H

#include <stddef.h>
#include <stdint.h>

#include "layouts/nginx_layout.h"
#include "symbols/mapped_text.h"

enum { NGINX_MODULE_NAME_MAX = 64 };

struct nginx_module {
    address_t address;                /* of its ngx_module_t */
    char name[NGINX_MODULE_NAME_MAX]; /* "ngx_http_lua_module"; "module 17": its name can't be read */
    uint64_t index, context_index;    /* in all modules; in those of its type */
    uint32_t type;                    /* "HTTP", "CORE", … as four bytes */
    address_t context;                /* its table of hooks */
};

/*
 * Read the list at `list`. `*modules` is NULL when these are no modules: each must look like one, all must be of one
 * version, and have the signature of one build. The caller frees it. An error only for want of memory.
 */
struct error *nginx_modules_read(struct memory_view *view, struct mapped_text *texts, address_t list, size_t count,
    struct nginx_module **modules);

#endif
