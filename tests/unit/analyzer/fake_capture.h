/* A capture made by hand: a few stretches of memory at chosen addresses, all resident. */
#ifndef RESPIRE_TESTS_FAKE_CAPTURE_H
#define RESPIRE_TESTS_FAKE_CAPTURE_H

#include "target/capture.h"

enum { FAKE_PAGE_BYTES = 4096, FAKE_PIECES_MAX = 8 };

struct fake_capture {
    struct capture capture;
    struct capture_piece pieces[FAKE_PIECES_MAX];
};

void fake_capture_start(struct fake_capture *fake);

/* Map [start, start + bytes), readable and writable, and return its bytes (zeroed; freed by fake_capture_free). */
unsigned char *fake_capture_map(struct fake_capture *fake, uint64_t start, uint64_t bytes);

/* A mapping without captured bytes; the caller changes what it returns. Pages are absent. */
struct mapping *fake_capture_map_only(struct fake_capture *fake, uint64_t start, uint64_t bytes);

void fake_capture_free(struct fake_capture *fake);

void put_u64(unsigned char *at, uint64_t value);
void put_u32(unsigned char *at, uint32_t value);

#endif
