/* The questions of target.h, handed to the kind of target that answers them. */
#include "target/target.h"

#include "base/clock.h"
#include "target/live_process.h"
#include "target/target_operations.h"

void target_close(struct target *target)
{
    target->operations->close(target);
}

enum target_kind target_kind(const struct target *target)
{
    return target->operations->kind;
}

pid_t target_pid(const struct target *target)
{
    return target->pid;
}

uint64_t target_page_bytes(const struct target *target)
{
    return target->page_bytes;
}

uint64_t target_moment_ms(const struct target *target)
{
    struct timespec now;
    if (target->written_ms)
        return target->written_ms;
    clock_gettime(CLOCK_REALTIME, &now);
    return milliseconds(now);
}

uint64_t target_resident_bytes(const struct target *target)
{
    return target->operations->kind == TARGET_LIVE_PROCESS ? live_process_resident_bytes(target) : 0;
}

static struct error *fresh_mappings(struct target *target, bool with_sizes, struct mappings *mappings)
{
    struct mappings fresh = {0};
    struct error *error = target->operations->mappings(target, with_sizes, &fresh);
    if (error)
        mappings_free(&fresh);
    else
        *mappings = fresh;
    return error;
}

struct error *target_mappings(struct target *target, struct mappings *mappings)
{
    return fresh_mappings(target, false, mappings);
}

struct error *target_mappings_with_sizes(struct target *target, struct mappings *mappings)
{
    return fresh_mappings(target, true, mappings);
}

struct error *target_presence(struct target *target, struct address_range range, struct presence *presence)
{
    return range_bytes(range) ? target->operations->presence(target, range, presence) : NULL;
}

struct error *target_read(struct target *target, address_t from, void *to, size_t bytes)
{
    const struct target_copy copy = {.from = from, .to = to, .bytes = bytes};
    return bytes ? target_copy(target, &copy, 1) : NULL;
}
