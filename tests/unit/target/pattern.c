#include "pattern.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void pattern_fill(unsigned char *page, enum region_kind kind, unsigned number)
{
    uint32_t value = (uint32_t)kind * 1000003u + number + 1;
    for (unsigned i = 0; i < PAGE; i += sizeof(value)) {
        value = value * 1664525u + 1013904223u;
        memcpy(page + i, &value, sizeof(value));
    }
}

bool pattern_is_present(enum region_kind kind, unsigned page)
{
    switch (kind) {
    case REGION_ANONYMOUS:
        return page % 3 == 0;
    case REGION_COPIED:
        return page == 1 || page == 3 || page == 5;
    case REGION_SHARED:
        return page < 8;
    case REGION_PROTECTED:
        return true;
    case REGION_RESERVED:
        return page == 5;
    case REGION_STACK:
        return page < 2;
    default:
        return false;
    }
}

static unsigned char *map(size_t bytes, int protection, int flags, int file)
{
    void *mapped = mmap(NULL, bytes, protection, flags | MAP_NORESERVE, file, 0);
    if (mapped == MAP_FAILED)
        _exit(1);
    madvise(mapped, bytes, MADV_NOHUGEPAGE);
    madvise(mapped, bytes, MADV_RANDOM); /* no pages of the file but those that are asked for */
    return mapped;
}

static int pattern_file(void)
{
    unsigned char page[PAGE];
    int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    for (unsigned i = 0; i < REGION_PAGES; i++) {
        pattern_fill(page, REGION_COPIED, i);
        if (write(file, page, sizeof(page)) != sizeof(page))
            _exit(1);
    }
    return file;
}

static void touch(unsigned char *start, enum region_kind kind)
{
    for (unsigned i = 0; i < REGION_PAGES; i++) {
        volatile unsigned char *page = start + (size_t)i * PAGE;
        if ((kind == REGION_COPIED && i == 3) || kind == REGION_ZERO)
            (void)*page;
        else if (pattern_is_present(kind, i))
            pattern_fill(start + (size_t)i * PAGE, kind, i);
    }
}

static unsigned char *make_region(enum region_kind kind)
{
    static const size_t reserved_bytes = 1ull << 40;
    size_t bytes = (size_t)REGION_PAGES * PAGE;
    int writable = PROT_READ | PROT_WRITE;
    unsigned char *start;
    switch (kind) {
    case REGION_COPIED:
        start = map(bytes, writable, MAP_PRIVATE, pattern_file());
        break;
    case REGION_SHARED:
        start = map(bytes, writable, MAP_SHARED | MAP_ANONYMOUS, -1);
        break;
    case REGION_RESERVED:
        start = map(reserved_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        mprotect(start + 5 * PAGE, PAGE, writable);
        madvise(start, reserved_bytes, MADV_DONTDUMP); /* gdb would dump all of it */
        break;
    default:
        start = map(bytes, writable, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    }
    touch(start, kind);
    if (kind == REGION_PROTECTED || kind == REGION_RESERVED)
        mprotect(start, bytes, PROT_NONE);
    return start;
}

void pattern_body(int to_parent, int from_parent, void *argument)
{
    (void)from_parent;
    (void)argument;
    unsigned char variables[3 * PAGE];
    struct pattern pattern = {0};
    for (int kind = 0; kind < REGION_STACK; kind++)
        pattern.regions[kind].start = make_region(kind);
    uintptr_t first = ((uintptr_t)variables + PAGE - 1) / PAGE * PAGE;
    pattern.regions[REGION_STACK].start = variables + (first - (uintptr_t)variables);
    for (unsigned i = 0; i < 2; i++)
        pattern_fill(pattern.regions[REGION_STACK].start + (size_t)i * PAGE, REGION_STACK, i);
    for (int kind = 0; kind < REGION_STACK; kind++)
        mincore(pattern.regions[kind].start, (size_t)REGION_PAGES * PAGE, pattern.regions[kind].core);
    send_bytes(to_parent, &pattern, sizeof(pattern));
    for (;;)
        pause();
}

struct child pattern_start(struct pattern *pattern)
{
    struct child child = child_start(pattern_body, NULL);
    receive_bytes(child.from, pattern, sizeof(*pattern));
    wait_for_state(child.pid, 'S');
    return child;
}
