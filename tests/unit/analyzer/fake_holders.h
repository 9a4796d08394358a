/* Pools in a fake nginx, each kept in another way by the one HTTP module that it has, or not at all. */
#ifndef RESPIRE_TESTS_FAKE_HOLDERS_H
#define RESPIRE_TESTS_FAKE_HOLDERS_H

#include "fake_nginx.h"
#include "symbols/elf_modules.h"

enum { FAKE_LISTED = 3, FAKE_VARIABLE = FAKE_DATA + 0x3000, FAKE_KEPT_BYTES = 512 };

struct fake_holders {
    uint64_t of_main_conf;              /* its address is in the module's main configuration */
    uint64_t of_server_conf[FAKE_LISTED]; /* in a list of blocks of malloc; a remain leads to the middle of it */
    uint64_t of_location_conf;          /* the first thing that it gave out is in the configuration */
    uint64_t of_context;                /* in the context of a request */
    uint64_t of_variable;               /* through a block of malloc */
    uint64_t chained;                   /* in a large block of of_main_conf */
    uint64_t leaked;                    /* where configuring had a pool; remains lead to it */
    uint64_t ring[2];                   /* in each other */
    struct elf_modules modules;         /* the program, for pool_owners_find() */
    struct elf_module program;
};

/* Before fake_nginx_seal(). */
void fake_holders_add(struct fake_nginx *nginx, struct fake_holders *holders);

#endif
