/* Asks the machine, and each control group that respire is in. */
#include "target/memory_room.h"

#include <unistd.h>

#include "base/size.h"
#include "target/memory_limit.h"
#include "target/proc_text.h"

enum {
    ROOM_KEPT_BYTES = 32 << 20, /* for the rest of respire and for the target to go on */
};

uint64_t memory_available_bytes(void)
{
    struct proc_text text = {0};
    uint64_t kilobytes;
    uint64_t available = UINT64_MAX;
    if (proc_text_read_path("/proc/meminfo", &text) == 0 && proc_text_number(&text, "MemAvailable", &kilobytes))
        available = kilobytes * 1024;
    proc_text_free(&text);
    return available;
}

uint64_t memory_room_bytes(void)
{
    struct memory_limit limit;
    memory_limit_read(getpid(), &limit);
    uint64_t room = size_min(memory_available_bytes(), memory_limit_room(&limit));
    return room > ROOM_KEPT_BYTES ? room - ROOM_KEPT_BYTES : 0;
}

struct error *memory_room_error(uint64_t wanted, const char *purpose)
{
    return error_new(ERROR_FAILED, "%s needs %llu MiB and only %llu MiB can be had here; free some, or run respire"
        " outside the container", purpose, (unsigned long long)(wanted >> 20) + 1,
        (unsigned long long)memory_room_bytes() >> 20);
}

struct error *memory_room_ask(uint64_t wanted, const char *purpose)
{
    return wanted > memory_room_bytes() ? memory_room_error(wanted, purpose) : NULL;
}
