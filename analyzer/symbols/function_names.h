/*
 * Names of the target's functions and variables by their addresses, also in stripped files:
 *
 *     ngx_http_handler                   a symbol that the file has
 *     ngx_http_x_module create_loc_conf  a function that somebody knows from a table that points to it: an anchor
 *     ngx_http_x_module`fn_4a210         one between two anchors of the same owner, in the file of the program itself
 *     libx.so.1`fn_4a210                 one that starts there in its file
 *
 * A file is read when its first name is asked for: while the target is open.
 */
#ifndef RESPIRE_SYMBOLS_FUNCTION_NAMES_H
#define RESPIRE_SYMBOLS_FUNCTION_NAMES_H

#include "symbols/elf_modules.h"
#include "target/target.h"

struct function_names;

/* All arguments must outlive what is made. `target` may be NULL: no file is read then, and no name is known. */
struct error *function_names_new(const struct target *target, const struct mappings *mappings,
    const struct elf_modules *modules, struct function_names **names);

void function_names_free(struct function_names *names);

/*
 * The function that starts at `start` is what `owner` calls `role`. What is not code of a file is left out, and so is a
 * function that has a symbol: it may be anybody's. Other functions between anchors of one owner are static ones of the
 * same source file. Anchors come before the first name is asked for.
 */
struct error *function_names_anchor(struct function_names *names, address_t start, const char *owner,
    const char *role);

/* The function that holds `at`; NULL when no file's code is there, or for want of memory. Lives as long as `names`. */
const char *function_name(struct function_names *names, address_t at);

/* The variable whose symbol holds `at`, or NULL. Lives as long as `names`. */
const char *variable_name(struct function_names *names, address_t at);

/* The file, without its folders, that what is loaded around `at` came from, .bss and all; NULL when there is none. */
const char *image_name(const struct function_names *names, address_t at);

/* How far `at` lies from the start of that image. */
uint64_t image_offset(const struct function_names *names, address_t at);

#endif
