#include "locate/thread_stacks.h"

#include "base/size.h"
#include "target/capture_parts.h"
#include "target/memory_view.h"

enum {
    RECORD_ALIGNMENT = 64,    /* TLS_TCB_ALIGN: of struct pthread */
    RECORD_SELF = 16,         /* tcbhead_t.self */
    RECORD_BYTES_MAX = 8192,  /* struct pthread is 2304 bytes up to 2.41; what is aligned behind it comes on top */
    STACK_BYTES_MAX = 1 << 30,
};

/* The stack's start and size stand side by side in the record. */
static bool read_stack(const unsigned char *record, uint64_t record_bytes, uint64_t at, uint64_t page_bytes,
    struct address_range *stack)
{
    for (uint64_t offset = 0; offset + 16 <= record_bytes; offset += 8) {
        uint64_t start = field_u64(record + offset, 0);
        uint64_t bytes = field_u64(record + offset, 8);
        if (start % page_bytes || bytes % page_bytes || start >= at || bytes > STACK_BYTES_MAX)
            continue;
        uint64_t end = start + bytes;
        if (end > at && end - at <= record_bytes) {
            *stack = (struct address_range){address(start), address(end)};
            return true;
        }
    }
    return false;
}

/* Thread records in one stretch of copied memory. */
static struct error *search(const struct capture_piece *part, uint64_t page_bytes, struct address_ranges *stacks)
{
    struct error *error = NULL;
    const unsigned char *data = part->data;
    uint64_t bytes = range_bytes(part->range);
    for (uint64_t at = 0; at + RECORD_SELF + 8 <= bytes && !error; at += RECORD_ALIGNMENT) {
        uint64_t own = part->range.start.value + at;
        if (field_u64(data + at, 0) != own || field_u64(data + at, RECORD_SELF) != own)
            continue;
        struct address_range stack;
        if (!read_stack(data + at, size_min(bytes - at, RECORD_BYTES_MAX), own, page_bytes, &stack))
            continue;
        if (stacks->count == 0 || stacks->items[stacks->count - 1].end.value <= stack.start.value)
            error = address_ranges_add(stacks, stack);
    }
    return error;
}

struct error *locate_thread_stacks(const struct capture *capture, const struct address_ranges *searched,
    struct address_ranges *stacks)
{
    struct error *error = NULL;
    for (size_t i = 0; i < searched->count && !error; i++) {
        struct address_range left = searched->items[i];
        struct capture_piece part;
        while (!error && capture_next_part(capture, &left, &part))
            error = search(&part, capture->page_bytes, stacks);
    }
    return error;
}
