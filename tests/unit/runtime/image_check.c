/*
 * image_check.c: reads the image as the analyzer does, and keeps the shadow.
 */
#include "image_check.h"

#include "os_memory.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static uint64_t popcount_range(const uint64_t *words, size_t first, size_t end)
{
    uint64_t bits = 0;
    for (size_t i = first; i < end; i++)
        bits += (uint64_t)__builtin_popcountll(__atomic_load_n(&words[i], __ATOMIC_RELAXED));
    return bits;
}

/* Returns the bytes taken. */
static uint64_t check_block(const struct respire_heap_image *image, uint64_t slot, uint64_t address)
{
    assert_int_equal(address % image->block_bytes, 0);
    const struct respire_block_image *block = (const void *)(uintptr_t)address;
    const uint64_t *bitmap = (const uint64_t *)(uintptr_t)(address + image->bitmap_offset);
    assert_int_equal(block->self_address, address);
    assert_int_equal(block->heap_address, image->self_address);
    assert_int_equal(block->slot, slot);
    assert_true(block->granule_bytes == 16 || block->granule_bytes == 64);
    assert_int_equal(block->bitmap_bytes, image->block_bytes / block->granule_bytes / 8);
    assert_int_equal(block->header_bytes, image->bitmap_offset + block->bitmap_bytes);
    uint64_t taken = 0;
    uint64_t words_per_section = image->section_bytes / block->granule_bytes / 64;
    for (uint64_t i = 0; i < image->sections_per_block; i++) {
        uint64_t bits = popcount_range(bitmap, i * words_per_section, (i + 1) * words_per_section);
        assert_int_equal(bits, block->sections[i].live_granules);
        taken += bits;
    }
    assert_int_equal(popcount_range(bitmap, 0, block->header_bytes / block->granule_bytes / 64), 0);
    return taken * block->granule_bytes;
}

uint64_t check_image(const struct heap *heap)
{
    const struct respire_heap_image *image = &heap->image;
    assert_memory_equal(image->magic, RESPIRE_IMAGE_MAGIC, RESPIRE_IMAGE_MAGIC_BYTES);
    assert_int_equal(image->version, RESPIRE_IMAGE_VERSION);
    assert_int_equal(image->self_address, (uintptr_t)heap);
    assert_int_equal(image->change_count % 2, 0);

    uint64_t meta_bytes = 0;
    assert_true(image->region_count <= RESPIRE_IMAGE_REGIONS);
    for (uint64_t i = 0; i < image->region_count; i++)
        meta_bytes += image->regions[i].bytes;
    assert_int_equal(meta_bytes, image->meta_bytes);

    uint64_t taken_bytes = 0;
    uint64_t blocks = 0;
    const struct respire_block_slot *block_table = (const void *)(uintptr_t)image->block_table_address;
    for (uint64_t i = 0; i < image->block_slots; i++) {
        if (block_table[i].address == 0)
            continue;
        blocks++;
        taken_bytes += check_block(image, i, block_table[i].address);
    }
    assert_int_equal(blocks, image->block_count);

    uint64_t mapped_bytes = 0;
    uint64_t large_live_bytes = 0;
    uint64_t large = 0;
    const struct respire_large_slot *large_table = (const void *)(uintptr_t)image->large_table_address;
    for (uint64_t i = 0; i < image->large_slots; i++) {
        if (large_table[i].address == 0)
            continue;
        large++;
        mapped_bytes += large_table[i].mapped_bytes;
        large_live_bytes += round_up(large_table[i].live_bytes, GRANULE_BYTES);
        assert_true(large_table[i].live_bytes <= large_table[i].mapped_bytes);
        assert_true((large_table[i].freed_ms == 0) == (large_table[i].live_bytes != 0));
    }
    assert_int_equal(large, image->large_count);
    assert_int_equal(image->block_count * image->block_bytes + mapped_bytes + meta_bytes, image->held_bytes);

    uint64_t unused_bytes = 0;
    for (uint64_t i = 0; i < image->hole_count; i++) {
        assert_true(image->holes[i].next <= image->holes[i].end);
        unused_bytes += image->holes[i].end - image->holes[i].next;
    }
    return taken_bytes + large_live_bytes - unused_bytes;
}

static void fill(struct shadow_object *object, size_t from)
{
    for (size_t i = from; i < object->bytes; i++)
        object->address[i] = (unsigned char)(object->seed + i * 7);
}

static void check_content(const struct shadow_object *object, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (object->address[i] != (unsigned char)(object->seed + i * 7))
            fail_msg("object of %zu bytes at %p: byte %zu was changed", object->bytes, (void *)object->address, i);
    }
}

void shadow_start(struct shadow *shadow, struct heap *heap, uint64_t seed)
{
    memset(shadow, 0, sizeof(*shadow));
    shadow->heap = heap;
    shadow->state = seed * 2654435761u + 88172645463325252u;
}

void shadow_open(struct shadow *shadow, uint64_t decay_ms, uint64_t seed)
{
    os_test_fail_after(-1);
    assert_int_equal(os_test_mapped_bytes(), 0);
    struct heap *heap = heap_create(decay_ms, 1);
    assert_non_null(heap);
    heap->held_open = true;
    shadow_start(shadow, heap, seed);
}

void shadow_close(struct shadow *shadow)
{
    os_test_fail_after(-1);
    os_test_limit_bytes(0);
    heap_destroy(shadow->heap);
    assert_int_equal(os_test_mapped_bytes(), 0);
}

uint64_t shadow_random(struct shadow *shadow, uint64_t below)
{
    shadow->state ^= shadow->state << 13;
    shadow->state ^= shadow->state >> 7;
    shadow->state ^= shadow->state << 17;
    return shadow->state % below;
}

size_t shadow_size(struct shadow *shadow)
{
    uint64_t dice = shadow_random(shadow, 1000);
    if (dice < 850)
        return 1 + shadow_random(shadow, 256);
    if (dice < 960)
        return 1 + shadow_random(shadow, 8 * KIB);
    if (dice < 995)
        return 1 + shadow_random(shadow, 128 * KIB);
    return 1 + shadow_random(shadow, 1024 * KIB);
}

static void check_place(const unsigned char *address, size_t bytes)
{
    assert_int_equal((uintptr_t)address % GRANULE_BYTES, 0);
    assert_true((uintptr_t)address + bytes <= ADDRESS_LIMIT);
}

bool shadow_allocate(struct shadow *shadow, size_t bytes)
{
    assert_true(shadow->count < SHADOW_OBJECTS);
    unsigned char *address = heap_reallocate(shadow->heap, NULL, 0, bytes);
    if (!address)
        return false;
    check_place(address, bytes);
    struct shadow_object *object = &shadow->objects[shadow->count++];
    *object = (struct shadow_object){address, bytes, shadow->next_seed++};
    fill(object, 0);
    shadow->bytes += round_up(bytes, GRANULE_BYTES);
    return true;
}

bool shadow_resize(struct shadow *shadow, size_t index, size_t bytes)
{
    struct shadow_object *object = &shadow->objects[index];
    unsigned char *address = heap_reallocate(shadow->heap, object->address, object->bytes, bytes);
    if (!address) {
        assert_true(bytes > object->bytes); /* shrinking always succeeds */
        check_content(object, object->bytes);
        return false;
    }
    check_place(address, bytes);
    size_t old_bytes = object->bytes;
    object->address = address;
    object->bytes = bytes;
    size_t kept_bytes = old_bytes < bytes ? old_bytes : bytes;
    check_content(object, kept_bytes);
    fill(object, kept_bytes);
    shadow->bytes += round_up(bytes, GRANULE_BYTES) - round_up(old_bytes, GRANULE_BYTES);
    return true;
}

void shadow_free(struct shadow *shadow, size_t index)
{
    struct shadow_object *object = &shadow->objects[index];
    check_content(object, object->bytes);
    assert_null(heap_reallocate(shadow->heap, object->address, object->bytes, 0));
    shadow->bytes -= round_up(object->bytes, GRANULE_BYTES);
    *object = shadow->objects[--shadow->count];
}

void shadow_step(struct shadow *shadow)
{
    uint64_t dice = shadow_random(shadow, 100);
    /* Grows until half full, then shrinks and grows by turns. */
    bool growing = shadow->next_seed / 4000 % 2 == 0 || shadow->count < 10;
    if (shadow->count == SHADOW_OBJECTS)
        growing = false;
    if (shadow->count > 0 && dice < 15)
        shadow_resize(shadow, shadow_random(shadow, shadow->count), shadow_size(shadow));
    else if (growing ? dice < 70 : dice < 40)
        shadow->count < SHADOW_OBJECTS ? (void)shadow_allocate(shadow, shadow_size(shadow)) : (void)0;
    else if (shadow->count > 0)
        shadow_free(shadow, shadow_random(shadow, shadow->count));
}

static int by_address(const void *left, const void *right)
{
    const struct shadow_object *a = left;
    const struct shadow_object *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

void shadow_check(struct shadow *shadow)
{
    assert_int_equal(check_image(shadow->heap), shadow->bytes);
    qsort(shadow->objects, shadow->count, sizeof(shadow->objects[0]), by_address);
    for (size_t i = 0; i < shadow->count; i++) {
        check_content(&shadow->objects[i], shadow->objects[i].bytes);
        if (i > 0)
            assert_true(shadow->objects[i - 1].address + shadow->objects[i - 1].bytes <= shadow->objects[i].address);
    }
}

void shadow_free_all(struct shadow *shadow)
{
    while (shadow->count > 0)
        shadow_free(shadow, shadow->count - 1);
}
