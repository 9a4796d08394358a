/*
 * A live process behind target.h. It owns the open files of /proc/PID, which belong to the memory that the process had
 * when it was opened: once that is gone (exit, or exec of another program) they read as empty, so another process
 * that got the same PID, or another program in it, is never taken for the one that was opened. What goes by PID
 * alone (process_vm_readv) is followed by a check that the process still lives.
 */
#include "target/live_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/size.h"
#include "target/page_scan.h"
#include "target/process_status.h"
#include "target/target_operations.h"

enum {
    PATH_BYTES = 64,
    VECTORS_MAX = 1024,            /* IOV_MAX */
    CALL_BYTES_MAX = 64 << 20,     /* so that a kill does not wait for a copy of gigabytes */
    SLOW_BYTES_MAX = 1 << 20,      /* read through mem before the quick way is tried again */
    PARSE_TRIES = 5,               /* a list that changes while it is read may contradict itself */
    BIG_BYTES = 1 << 30,           /* a mapping whose pagemap (2 MB) costs more than smaps */
    ENTRY_BYTES = sizeof(uint64_t) /* of pagemap */
};

struct live_process {
    struct target target;
    int pidfd;
    int maps, smaps, pagemap, memory;
    atomic_bool only_memory_file; /* process_vm_readv is forbidden here (seccomp) */
    struct page_scan_ability ability;
};

static struct live_process *live_of(struct target *target)
{
    return (struct live_process *)target;
}

static void live_close(struct target *target)
{
    struct live_process *live = live_of(target);
    cleanup_close(&live->pidfd);
    cleanup_close(&live->maps);
    cleanup_close(&live->smaps);
    cleanup_close(&live->pagemap);
    cleanup_close(&live->memory);
    free(live);
}

struct error *live_process_check(const struct target *target)
{
    const struct live_process *live = (const struct live_process *)target;
    struct pollfd ended = {.fd = live->pidfd, .events = POLLIN};
    if (live->pidfd >= 0 && poll(&ended, 1, 0) > 0)
        return error_new(ERROR_UNREADABLE, "process %d ended while respire looked at it", target->pid);
    uint64_t entry;
    if (pread(live->pagemap, &entry, ENTRY_BYTES, 0) == ENTRY_BYTES)
        return NULL;
    return error_new(ERROR_UNREADABLE, "process %d ended or executed another program while respire looked at it;"
                     " start respire again", target->pid);
}

/* What the kernel said of reading: the end of the process explains most of it. */
static struct error *read_failed(const struct target *target, const char *what, address_t at, int number)
{
    struct error *error = live_process_check(target);
    if (error)
        return error;
    return error_errno(number == ENOMEM ? ERROR_FAILED : ERROR_UNREADABLE, number, "%s of process %d at 0x%llx", what,
                       target->pid, (unsigned long long)at.value);
}

struct error *live_process_mappings_text(struct target *target, bool with_sizes, struct proc_text *text)
{
    const struct live_process *live = live_of(target);
    int number = proc_text_read(with_sizes ? live->smaps : live->maps, text);
    if (number)
        return read_failed(target, "mappings", address(0), number);
    return text->count ? NULL : live_process_check(target);
}

static struct error *live_mappings(struct target *target, bool with_sizes, struct mappings *mappings)
{
    struct proc_text text = {0};
    struct error *error = NULL;
    for (int attempt = 0; attempt < PARSE_TRIES; attempt++) {
        error_free(error);
        mappings_free(mappings);
        error = live_process_mappings_text(target, with_sizes, &text);
        if (error)
            break;
        error = mappings_parse(text.bytes, text.count, mappings);
        if (!error)
            break;
    }
    proc_text_free(&text);
    return error;
}

/*
 * How many bytes there are at most in the mapping. Asked only of big ones, because smaps costs more than the entries of
 * a small one; `sized` is read at the first question.
 */
static struct error *expected_bytes(struct target *target, const struct mapping *mapping, struct mappings *sized,
                                    uint64_t *bytes)
{
    *bytes = UINT64_MAX;
    if (range_bytes(mapping->range) <= BIG_BYTES)
        return NULL;
    struct error *error = sized->count ? NULL : live_mappings(target, true, sized);
    const struct mapping *same = error ? NULL : mappings_find(sized, mapping->range.start);
    if (same && address_equal(same->range.start, mapping->range.start)
        && address_equal(same->range.end, mapping->range.end))
        *bytes = same->sizes.resident_bytes + same->sizes.swap_bytes;
    return error;
}

/* Entry by entry, with little time lost on big mappings that hold little. */
static struct error *presence_by_entries(struct target *target, struct address_range range, struct presence *presence)
{
    struct live_process *live = live_of(target);
    struct mappings mappings = {0}, sized = {0};
    struct error *error = live_mappings(target, false, &mappings);
    for (size_t i = 0; i < mappings.count && !error; i++) {
        const struct mapping *mapping = &mappings.items[i];
        struct address_range part = {
            address(size_max(range.start.value, mapping->range.start.value)),
            address(size_min(range.end.value, mapping->range.end.value)),
        };
        if (range_bytes(part) == 0)
            continue;
        uint64_t expected;
        int number = 0;
        error = expected_bytes(target, mapping, &sized, &expected);
        if (!error)
            number = page_scan_entries(live->pagemap, &live->ability, part, expected, presence, &error);
        if (number)
            error = read_failed(target, "pages", part.start, number);
    }
    mappings_free(&mappings);
    mappings_free(&sized);
    return error;
}

static struct error *live_presence(struct target *target, struct address_range range, struct presence *presence)
{
    const struct live_process *live = live_of(target);
    if (page_scan_prefers_entries(&live->ability))
        return presence_by_entries(target, range, presence);
    struct error *error = NULL;
    int number = page_scan_ioctl(live->pagemap, range, presence, &error);
    return number ? read_failed(target, "pages", range.start, number) : error;
}

/* Where a run of copies has got to. */
struct progress {
    const struct target_copy *copies;
    size_t count;
    size_t index;  /* the copy that is being made */
    uint64_t done; /* bytes of it */
};

static void advance(struct progress *progress, uint64_t bytes)
{
    while (bytes > 0) {
        uint64_t left = progress->copies[progress->index].bytes - progress->done;
        if (bytes < left) {
            progress->done += bytes;
            return;
        }
        bytes -= left;
        progress->index++;
        progress->done = 0;
    }
}

/* One call for as many copies as fit; how many bytes were copied, or -1. */
static ssize_t copy_many(const struct live_process *live, const struct progress *progress)
{
    struct iovec local[VECTORS_MAX], remote[VECTORS_MAX];
    size_t vectors = 0;
    uint64_t done = progress->done, room = CALL_BYTES_MAX;
    for (size_t i = progress->index; i < progress->count && vectors < VECTORS_MAX && room > 0; i++, vectors++) {
        const struct target_copy *copy = &progress->copies[i];
        uint64_t bytes = size_min(copy->bytes - done, room);
        local[vectors] = (struct iovec){copy->to + done, bytes};
        remote[vectors] = (struct iovec){(void *)(uintptr_t)(copy->from.value + done), bytes};
        room -= bytes;
        done = 0;
    }
    return process_vm_readv(live->target.pid, local, vectors, remote, vectors, 0);
}

/* /proc/PID/mem reads what process_vm_readv refuses: pages that are there in mappings that are not readable. */
static ssize_t copy_slowly(const struct live_process *live, const struct progress *progress)
{
    const struct target_copy *copy = &progress->copies[progress->index];
    uint64_t bytes = size_min(copy->bytes - progress->done, SLOW_BYTES_MAX);
    return pread(live->memory, copy->to + progress->done, bytes, (off_t)(copy->from.value + progress->done));
}

static struct error *copy_failed(struct target *target, const struct progress *progress, int number)
{
    address_t at = address_add(progress->copies[progress->index].from, progress->done);
    return read_failed(target, "memory", at, number);
}

static struct error *live_copy(struct target *target, const struct target_copy *copies, size_t count)
{
    struct live_process *live = live_of(target);
    struct progress progress = {.copies = copies, .count = count};
    while (progress.index < count) {
        ssize_t got = live->only_memory_file ? 0 : copy_many(live, &progress);
        if (got < 0 && (errno == EPERM || errno == ENOSYS))
            live->only_memory_file = true;
        else if (got < 0 && errno != EFAULT)
            return copy_failed(target, &progress, errno);
        if (got <= 0)
            got = copy_slowly(live, &progress);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return copy_failed(target, &progress, got < 0 ? errno : ESRCH);
        advance(&progress, (uint64_t)got);
    }
    return live_process_check(target);
}

uint64_t live_process_resident_bytes(const struct target *target)
{
    return process_status_resident_bytes(target->pid);
}

static const struct target_operations live_operations = {
    .kind = TARGET_LIVE_PROCESS,
    .close = live_close,
    .mappings = live_mappings,
    .presence = live_presence,
    .copy = live_copy,
};

static struct error *open_file(pid_t pid, const char *name, int *file)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    *file = open(path, O_RDONLY | O_CLOEXEC);
    return *file < 0 ? process_status_refused(pid, name, errno) : NULL;
}

static struct error *open_files(struct live_process *live)
{
    pid_t pid = live->target.pid;
    struct error *error = open_file(pid, "mem", &live->memory);
    if (!error)
        error = open_file(pid, "pagemap", &live->pagemap);
    if (!error)
        error = open_file(pid, "maps", &live->maps);
    if (!error)
        error = open_file(pid, "smaps", &live->smaps);
    return error ? error : live_process_check(&live->target);
}

struct error *target_open_process(pid_t pid, struct target **target)
{
    struct error *error = process_status_check(pid);
    if (error)
        return error;
    struct live_process *live = calloc(1, sizeof(*live));
    if (!live)
        return error_no_memory();
    live->target = (struct target){
        .operations = &live_operations, .pid = pid, .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
    };
    live->maps = live->smaps = live->pagemap = live->memory = -1;
    live->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    page_scan_probe(&live->ability);
    error = open_files(live);
    if (error) {
        live_close(&live->target);
        return error;
    }
    *target = &live->target;
    return NULL;
}
