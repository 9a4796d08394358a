/*
 * What pools that nobody holds have in common: the functions and variables that their first words point to, their
 * cleanup handlers, and how long the first text in them is. Never the text.
 */
#ifndef RESPIRE_ANALYZE_POOL_CONTENTS_H
#define RESPIRE_ANALYZE_POOL_CONTENTS_H

#include "model/nginx_pools.h"
#include "symbols/function_names.h"
#include "target/capture.h"

/* Fills the contents of rows of unowned pools of which there is something to say. An error only for want of memory. */
struct error *pool_contents_describe(const struct capture *capture, struct function_names *names,
    struct nginx_pools *pools);

#endif
