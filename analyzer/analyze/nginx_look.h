/* What examine() looks for when the target is an nginx: its cycle, and its pools with their owners. */
#ifndef RESPIRE_ANALYZE_NGINX_LOOK_H
#define RESPIRE_ANALYZE_NGINX_LOOK_H

#include "model/process.h"
#include "symbols/elf_modules.h"

/*
 * process->malloc has been walked. Sets process->has_pools and fills process->pools if this is an nginx; what was not
 * understood is told in their damage. An error only for want of memory.
 */
struct error *nginx_look(struct target *target, const struct capture *capture, const struct elf_modules *modules,
    struct process *process);

#endif
