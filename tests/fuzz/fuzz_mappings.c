/* The parser of maps and smaps on any text: no crash, and what it accepts is in order. */
#include <stdlib.h>

#include "target/mappings.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct mappings mappings = {0};
    struct error *error = mappings_parse((const char *)bytes, count, &mappings);
    for (size_t i = 0; i < mappings.count && !error; i++) {
        const struct mapping *mapping = &mappings.items[i];
        if (range_bytes(mapping->range) == 0 || mappings_find(&mappings, mapping->range.start) != mapping)
            abort();
        if (i > 0 && mapping->range.start.value < mapping[-1].range.end.value)
            abort();
    }
    error_free(error);
    mappings_free(&mappings);
    return 0;
}
