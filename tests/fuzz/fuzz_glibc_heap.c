/*
 * The memory of a real process that uses malloc in every way, damaged: no crash, no hang, and no heap that passes its
 * checks with numbers that contradict each other.
 *
 * At the start tests/fixtures/malloc_program.c, which tests/fuzz/run names in FUZZ_MALLOC_PROGRAM, is run twice: with
 * several arenas, and with a main arena that others have cut to pieces. The first byte of an input chooses the capture,
 * the rest is a list of patches of 8 bytes:
 *
 *     u8 mode, u8 word, u16 value, u32 place
 *
 * Most places are words of malloc's own books, because little else is ever looked at.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "damage.h"
#include "locate/glibc_arenas.h"
#include "target/capture.h"
#include "walk/glibc_heap.h"

enum { IMAGES = 2, WORDS_OF_CHUNK = 4, WORDS_OF_STATE = 288, WORD_BYTES = 8 };

/* A capture, and where in it malloc's own books are. */
struct image {
    struct capture capture;
    ARRAY(unsigned char *) books;
};

static struct image images[IMAGES];
static struct damage damage;

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* The program has answered so many lines. */
static void await_lines(int output, unsigned lines)
{
    char byte;
    while (lines > 0) {
        if (read(output, &byte, 1) != 1)
            abort();
        lines -= byte == '\n';
    }
}

static void take_image(struct image *image, const char *commands)
{
    int to[2], from[2];
    unsigned lines = 1;
    if (pipe(to) || pipe(from))
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        execl(getenv("FUZZ_MALLOC_PROGRAM"), "malloc_program", (char *)NULL);
        _exit(127);
    }
    for (const char *at = commands; *at; at++)
        lines += *at == '\n';
    close(from[1]);
    if (write(to[1], commands, strlen(commands)) != (ssize_t)strlen(commands))
        abort();
    await_lines(from[0], lines);
    struct target *target;
    struct capture_options options = {.always_stop = true};
    if (target_open_process(pid, &target) || capture_take(target, &options, &image->capture))
        abort();
    target_close(target);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(to[0]);
    close(to[1]);
    close(from[0]);
}

/* Some words from `at` on are of malloc's books. */
static void note_books(struct image *image, address_t at, unsigned words)
{
    const struct capture_piece *piece = capture_piece_at(&image->capture, at);
    for (unsigned i = 0; piece && i < words; i++) {
        uint64_t offset = at.value - piece->range.start.value + i * WORD_BYTES;
        if (offset + WORD_BYTES > range_bytes(piece->range))
            return;
        unsigned char **added = ARRAY_ADD(&image->books);
        if (!added)
            abort();
        *added = (unsigned char *)(uintptr_t)piece->data + offset;
    }
}

static void find_books(struct image *image)
{
    struct glibc_heap heap = {0};
    struct glibc_books books;
    if (glibc_heap_walk(&image->capture, &heap) || heap.damage || locate_glibc_books(&image->capture, &books))
        abort();
    for (size_t i = 0; i < books.count; i++)
        note_books(image, address_subtract(books.items[i], i ? books.layouts[0]->heap_bytes : 0), WORDS_OF_STATE);
    note_books(image, address_subtract(books.parameters, 104), 17);
    struct chunk_cursor cursor = {.map = &heap.chunks};
    for (struct chunk chunk; chunk_cursor_next(&cursor, &chunk);)
        note_books(image, chunk.range.start, WORDS_OF_CHUNK);
    glibc_books_free(&books);
    glibc_heap_release(&heap);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    take_image(&images[0], "churn 300 1\nthreads 3 300 2\nmapped 9 3\ncache 12 40\ncache 3 600\nend\nthreads 1 90 4\n");
    take_image(&images[1], "churn 200 1\ngap 4196\nchurn 300 2\nnobrk\nchurn 200 3\nmapped 2 3\n");
    for (unsigned i = 0; i < IMAGES; i++)
        find_books(&images[i]);
    return 0;
}

/* A word anywhere, when all pieces stand one behind the other. */
static unsigned char *any_word(const struct capture *capture, uint64_t place)
{
    place = place * WORD_BYTES % capture->copied_bytes;
    for (size_t i = 0; i < capture->piece_count; i++) {
        uint64_t bytes = range_bytes(capture->pieces[i].range);
        if (place < bytes)
            return (unsigned char *)(uintptr_t)capture->pieces[i].data + place;
        place -= bytes;
    }
    abort();
}

static uint64_t address_of(const struct capture *capture, const unsigned char *word)
{
    for (size_t i = 0; i < capture->piece_count; i++) {
        const struct capture_piece *piece = &capture->pieces[i];
        if (word >= piece->data && word < piece->data + range_bytes(piece->range))
            return piece->range.start.value + (uint64_t)(word - piece->data);
    }
    abort();
}

static void apply(struct patch patch, const struct image *image)
{
    unsigned char *word = patch.choice % 8 ? image->books.items[patch.place % image->books.count]
                                           : any_word(&image->capture, patch.place);
    const unsigned char *other = image->books.items[patch_elsewhere(patch) % image->books.count];
    uint64_t value = damage_note(&damage, word);
    switch (patch.operation % 7) {
    case 0:
        value ^= (uint64_t)1 << patch.small % 64;
        break;
    case 1:
        value = patch.small;
        break;
    case 2:
        value = address_of(&image->capture, word) - patch.small % 4 * 16; /* a pointer to itself: a cycle */
        break;
    case 3:
        value = address_of(&image->capture, other) - patch.small % 4 * 8;
        break;
    case 4:
        memcpy(&value, other, sizeof(value));
        break;
    case 5:
        value += (uint64_t)(int64_t)(int16_t)patch.small * 16;
        break;
    default:
        value = UINT64_MAX - patch.small;
        break;
    }
    memcpy(word, &value, sizeof(value));
}

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static struct chunk_sum sum_sizes(const struct chunk_sizes *sizes)
{
    struct chunk_sum sum = {0};
    for (size_t i = 0; i < sizes->count; i++) {
        demand(i == 0 || sizes->items[i].bytes > sizes->items[i - 1].bytes);
        sum.count += sizes->items[i].count;
        sum.bytes += sizes->items[i].count * sizes->items[i].bytes;
    }
    return sum;
}

/* All that is said of a heap agrees, by whatever way it was counted. */
static void check_heap(const struct glibc_heap *heap)
{
    struct chunk_sum used = heap->mapped, walked_used = {0}, walked_free = {0};
    uint64_t free_bytes = 0;
    for (size_t i = 0; i < heap->arena_count; i++) {
        const struct glibc_arena *arena = &heap->arenas[i];
        uint64_t unused = arena->binned.bytes + arena->fast.bytes + arena->cached.bytes + arena->top_bytes;
        demand(arena->used.bytes + unused + arena->meta_bytes == arena->system_bytes);
        demand(arena->meta_bytes <= arena->system_bytes && arena->trim_bytes <= unused);
        used.count += arena->used.count;
        used.bytes += arena->used.bytes;
        free_bytes += unused;
    }
    struct chunk_cursor cursor = {.map = &heap->chunks};
    for (struct chunk chunk; chunk_cursor_next(&cursor, &chunk);) {
        struct chunk_sum *sum = chunk.used ? &walked_used : &walked_free;
        sum->count++;
        sum->bytes += range_bytes(chunk.range);
    }
    demand(sum_sizes(&heap->used_sizes).count == used.count && sum_sizes(&heap->used_sizes).bytes == used.bytes);
    demand(walked_used.count == used.count);
    demand(sum_sizes(&heap->free_sizes).bytes == free_bytes && walked_free.bytes == free_bytes);
    demand(heap->used_bytes == used.bytes && heap->free_bytes == free_bytes);
    demand(heap->pages.live_bytes + heap->pages.free_bytes + heap->pages.meta_bytes == heap->pages.held_bytes);
}

static void walk(const struct capture *capture)
{
    struct glibc_heap heap = {0};
    if (glibc_heap_walk(capture, &heap))
        abort(); /* only for want of memory */
    if (heap.layout && !heap.damage)
        check_heap(&heap);
    glibc_heap_release(&heap);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (count < 1)
        return 0;
    const struct image *image = &images[bytes[0] % IMAGES];
    for (size_t i = 0; i < patch_count(count - 1); i++)
        apply(patch_at(bytes + 1, i), image);
    walk(&image->capture);
    damage_undo(&damage);
    return 0;
}
