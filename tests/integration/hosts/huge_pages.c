/*
 * A host on a system where huge pages are always given, or with `never` as its argument one without: prints what
 * they do to it. First a mapping of its own that asks for them, as the proof that this kernel gives any; then a list
 * of small blocks; then large blocks that grow.
 */
#include "lua_host.h"
#include "refusing.h"

#include <sys/mman.h>

#pragma weak refusing_huge_pages
#pragma weak refusing_huge_count

static const size_t control_bytes = (size_t)16 << 20;

static long huge_kib(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long kib = -1;
    while (file && fgets(line, sizeof(line), file))
        sscanf(line, "AnonHugePages: %ld kB", &kib);
    if (file)
        fclose(file);
    return kib;
}

static void *control(void)
{
    char *mapped = mmap(NULL, control_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        die("no memory");
    madvise(mapped, control_bytes, MADV_HUGEPAGE);
    memset(mapped, 1, control_bytes);
    return mapped;
}

int main(int count, char **arguments)
{
    int always = count == 1 || strcmp(arguments[1], "never") != 0;
    void *own = control();
    print("control_kib", huge_kib());
    munmap(own, control_bytes);
    if (always && refusing_huge_pages)
        refusing_huge_pages();
    lua_State *L = open_state();
    keep_data(L);
    run(L, "list = nil for i = 1, 400000 do list = {list, i, {}} end");
    print("huge_kib", huge_kib());
    run(L, "big = {} for i = 1, 1100000 do big[i] = i end text = ('x'):rep(5e6) text = text .. text .. 'x'");
    print("advised", refusing_huge_count ? refusing_huge_count() : 0);
    collect(L);
    sleep_ms(1700);
    print("rss_kib", rss_kib());
    print("count_bytes", count_bytes(L));
    wait_for_test();
    run(L, "list, big, text = nil");
    collect(L);
    sleep_ms(1700);
    print("idle_kib", rss_kib());
    check_data(L);
    lua_close(L);
    return 0;
}
