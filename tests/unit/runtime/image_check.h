/*
 * image_check.h: a reader of the heap image that knows nothing but abi/heap_image.h, and the shadow of what a program
 * has allocated. Both fail the running test when something is not true.
 */
#ifndef RESPIRE_TESTS_IMAGE_CHECK_H
#define RESPIRE_TESTS_IMAGE_CHECK_H

#include "heap.h"

#include <stdbool.h>

/* Every equation of the header. Returns the bytes in objects. */
uint64_t check_image(const struct heap *heap);

/* A model of everything allocated: each object is filled with a pattern of its own. */
#define SHADOW_OBJECTS 100000

struct shadow_object {
    unsigned char *address;
    size_t bytes;
    unsigned seed;
};

struct shadow {
    struct heap *heap;
    struct shadow_object objects[SHADOW_OBJECTS];
    size_t count;
    size_t bytes;  /* rounded up to granules */
    uint64_t state; /* of the random numbers */
    unsigned next_seed;
};

/* For setup and teardown: a new heap without anything in it; and its end, after which nothing is mapped. */
void shadow_open(struct shadow *shadow, uint64_t decay_ms, uint64_t seed);
void shadow_close(struct shadow *shadow);

void shadow_start(struct shadow *shadow, struct heap *heap, uint64_t seed);

uint64_t shadow_random(struct shadow *shadow, uint64_t below);

/* A size as programs have them: mostly small, some medium, few large. */
size_t shadow_size(struct shadow *shadow);

/* False: the heap said no memory, and nothing changed. */
bool shadow_allocate(struct shadow *shadow, size_t bytes);
bool shadow_resize(struct shadow *shadow, size_t index, size_t bytes);
void shadow_free(struct shadow *shadow, size_t index);

/* One random operation. */
void shadow_step(struct shadow *shadow);

/* Every byte of every object is what was written, no two objects overlap, and the image says so too. */
void shadow_check(struct shadow *shadow);

void shadow_free_all(struct shadow *shadow);

#endif
