#include "target/shared_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/size.h"
#include "target/memory_room.h"

enum {
    PATH_BYTES = 96,
    LOOK_PAGES = 1 << 16, /* asked for in one call */
    NS_PER_SECOND = 1000000000,
    STAT_BLOCK_BYTES = 512,
};

static void allocate(struct shared_image *image, void *mapped)
{
    image->mapped = mapped == MAP_FAILED ? NULL : mapped;
    image->mapped_bytes = range_bytes(image->range);
    image->data = image->mapped;
    image->loaded = calloc(image->page_count / 64 + 1, sizeof(*image->loaded));
}

static void note_loaded(struct shared_image *image, uint64_t page)
{
    image->loaded[page / 64] |= (uint64_t)1 << page % 64;
    image->loaded_pages++;
}

struct error *shared_image_look(struct shared_image *image)
{
    if (!image->has_residency)
        return NULL;
    CLEANUP(cleanup_free) unsigned char *present = malloc(LOOK_PAGES);
    if (!present)
        return error_no_memory();
    memset(image->loaded, 0, (image->page_count / 64 + 1) * sizeof(*image->loaded));
    image->loaded_pages = 0;
    for (uint64_t page = 0; page < image->page_count; page += LOOK_PAGES) {
        uint64_t count = size_min(image->page_count - page, LOOK_PAGES);
        if (mincore((unsigned char *)image->mapped + page * image->page_bytes, count * image->page_bytes, present) != 0)
            return error_errno(ERROR_FAILED, errno, "which pages of shared memory are there");
        for (uint64_t i = 0; i < count; i++)
            if (present[i] & 1)
                note_loaded(image, page + i);
    }
    return NULL;
}

static struct error *cannot_open(const struct target *target, int number)
{
    if (number == EPERM || number == EACCES)
        return error_new(ERROR_UNREADABLE, "the shared memory of process %d can't be opened: respire needs "
                         "CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE for that; run it as root", target_pid(target));
    return error_errno(ERROR_UNREADABLE, number, "shared memory of process %d", target_pid(target));
}

/* When the kernel made it, and how much of it is anywhere, in memory or in swap. */
static void read_status(const char *path, struct shared_image *image)
{
    struct statx status;
    if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_BTIME, &status) != 0)
        return;
    image->inode = status.stx_ino;
    image->allocated_bytes = status.stx_blocks * STAT_BLOCK_BYTES;
    if (status.stx_mask & STATX_BTIME)
        image->made_ns = (uint64_t)status.stx_btime.tv_sec * NS_PER_SECOND + status.stx_btime.tv_nsec;
}

static struct error *open_live(struct target *target, struct shared_image *image)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", target_pid(target),
        (unsigned long long)image->range.start.value, (unsigned long long)image->range.end.value);
    read_status(path, image);
    CLEANUP(cleanup_close) int file = open(path, O_RDONLY | O_CLOEXEC | O_NOATIME);
    if (file < 0)
        return cannot_open(target, errno);
    /* Never populated: what is not there must not be made. */
    allocate(image, mmap(NULL, range_bytes(image->range), PROT_READ, MAP_SHARED, file, 0));
    if (!image->data)
        return cannot_open(target, errno);
    if (!image->loaded)
        return error_no_memory();
    image->has_residency = true;
    return shared_image_look(image);
}

static struct error *copy_core(struct target *target, struct shared_image *image)
{
    struct presence presence = {0};
    struct error *error = target_presence(target, image->range, &presence);
    if (!error)
        error = memory_room_ask(presence_resident_bytes(&presence, image->range), "the copy of shared memory");
    for (size_t i = 0; i < presence.count && !error; i++) {
        const struct address_range run = presence.items[i].range;
        uint64_t at = run.start.value - image->range.start.value;
        error = target_read(target, run.start, (unsigned char *)image->mapped + at, range_bytes(run));
        for (uint64_t page = at / image->page_bytes; page * image->page_bytes < at + range_bytes(run) && !error; page++)
            note_loaded(image, page);
    }
    presence_free(&presence);
    return error;
}

static struct error *open_core(struct target *target, struct shared_image *image)
{
    allocate(image, mmap(NULL, range_bytes(image->range), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    return image->data && image->loaded ? copy_core(target, image) : error_no_memory();
}

struct error *shared_image_open(struct target *target, const struct mapping *mapping, struct shared_image *image)
{
    *image = (struct shared_image){
        .range = mapping->range,
        .page_bytes = target_page_bytes(target),
        .page_count = range_bytes(mapping->range) / target_page_bytes(target),
    };
    return target_kind(target) == TARGET_CORE_FILE ? open_core(target, image) : open_live(target, image);
}

void shared_image_close(struct shared_image *image)
{
    if (image->mapped)
        munmap(image->mapped, image->mapped_bytes);
    free(image->loaded);
    *image = (struct shared_image){0};
}

const void *shared_image_slow(const struct shared_image *image, address_t from, uint64_t bytes)
{
    if (!range_holds(image->range, from, bytes))
        return NULL;
    uint64_t at = from.value - image->range.start.value;
    for (uint64_t page = at / image->page_bytes; page * image->page_bytes < at + bytes; page++)
        if (!shared_page_is_loaded(image, page))
            return NULL;
    return image->data + at;
}
