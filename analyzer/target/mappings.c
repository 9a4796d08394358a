/*
 * The parser of /proc/PID/maps and /proc/PID/smaps. It owns the text's grammar and nothing else: it opens no
 * file, knows no process, and allocates only the list and the paths in it.
 *
 *     55f0a000-55f0b000 r-xp 00001000 fe:01 1234    /usr/sbin/nginx (deleted)     a header: maps and smaps
 *     Rss:                   4 kB                                                 a field: smaps only
 *
 * A header begins with lower-case hexadecimal digits, a field with an upper-case letter. Fields that are not wanted
 * (also those of kernels to come) are skipped; everything else that does not parse is an error that names the line.
 */
#include "target/mappings.h"

#include <string.h>

#include "base/array.h"
#include "base/range_search.h"

enum {
    PAGE_BYTES_MIN = 4096, /* no Linux has smaller pages */
    FIELD_UNIT_BYTES = 1024,
};

struct line {
    const char *at, *end;
    size_t number;
};

static struct error *damaged(const struct line *line, const char *what)
{
    return error_new(ERROR_NOT_UNDERSTOOD, "list of mappings, line %zu: %s", line->number, what);
}

static int digit_value(char c, unsigned base)
{
    int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
    return value < (int)base ? value : -1;
}

/* A number of at least one digit, and the character that follows it ('\0': nothing is asked to follow). */
static bool take_number(struct line *line, unsigned base, char follower, uint64_t *number)
{
    uint64_t value = 0;
    const char *start = line->at;
    for (; line->at < line->end; line->at++) {
        int digit = digit_value(*line->at, base);
        if (digit < 0)
            break;
        if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    if (line->at == start)
        return false;
    if (follower && (line->at == line->end || *line->at++ != follower))
        return false;
    *number = value;
    return true;
}

static bool take_permission(struct line *line, char yes, char no, bool *set)
{
    if (line->at == line->end || (*line->at != yes && *line->at != no))
        return false;
    *set = *line->at++ == yes;
    return true;
}

static bool take_permissions(struct line *line, struct mapping *mapping)
{
    return take_permission(line, 'r', '-', &mapping->readable) && take_permission(line, 'w', '-', &mapping->writable)
        && take_permission(line, 'x', '-', &mapping->executable) && take_permission(line, 's', 'p', &mapping->shared)
        && line->at < line->end && *line->at++ == ' ';
}

static bool take_device(struct line *line, struct mapping *mapping)
{
    uint64_t major, minor;
    if (!take_number(line, 16, ':', &major) || !take_number(line, 16, ' ', &minor))
        return false;
    if (major > UINT32_MAX || minor > UINT32_MAX)
        return false;
    mapping->device_major = (uint32_t)major;
    mapping->device_minor = (uint32_t)minor;
    return true;
}

static struct error *take_path(struct line *line, struct mapping *mapping)
{
    static const char deleted[] = " (deleted)";
    while (line->at < line->end && *line->at == ' ')
        line->at++;
    size_t length = (size_t)(line->end - line->at);
    if (length == 0)
        return NULL;
    if (memchr(line->at, '\0', length))
        return damaged(line, "a zero byte in the path");
    size_t suffix = sizeof(deleted) - 1;
    if (*line->at == '/' && length > suffix && memcmp(line->end - suffix, deleted, suffix) == 0) {
        mapping->deleted = true;
        length -= suffix;
    }
    mapping->path = strndup(line->at, length);
    return mapping->path ? NULL : error_no_memory();
}

static struct error *parse_header(struct line *line, struct mappings *mappings)
{
    uint64_t previous = mappings->count ? mappings->items[mappings->count - 1].range.end.value : 0;
    struct mapping *mapping = ARRAY_ADD(mappings);
    if (!mapping)
        return error_no_memory();
    struct address_range *range = &mapping->range;
    if (!take_number(line, 16, '-', &range->start.value) || !take_number(line, 16, ' ', &range->end.value))
        return damaged(line, "no address range");
    if (range->start.value >= range->end.value || range->start.value % PAGE_BYTES_MIN
        || range->end.value % PAGE_BYTES_MIN)
        return damaged(line, "an address range that is empty or not of whole pages");
    if (range->start.value < previous)
        return damaged(line, "an address range that overlaps the one before");
    if (!take_permissions(line, mapping))
        return damaged(line, "no permissions");
    if (!take_number(line, 16, ' ', &mapping->file_offset))
        return damaged(line, "no file offset");
    if (!take_device(line, mapping))
        return damaged(line, "no device");
    if (!take_number(line, 10, '\0', &mapping->inode) || (line->at < line->end && *line->at != ' '))
        return damaged(line, "no inode");
    return take_path(line, mapping);
}

/* Where a field of this name is kept; several names may add up to one number. */
static uint64_t *field_target(struct mapping_sizes *sizes, const char *name, size_t length)
{
    const struct {
        const char *name;
        uint64_t *bytes;
    } fields[] = {
        {"Rss", &sizes->resident_bytes},           {"Pss", &sizes->pss_bytes},
        {"Private_Clean", &sizes->private_bytes},  {"Private_Dirty", &sizes->private_bytes},
        {"Anonymous", &sizes->anonymous_bytes},    {"AnonHugePages", &sizes->huge_bytes},
        {"Swap", &sizes->swap_bytes},              {"Locked", &sizes->locked_bytes},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strlen(fields[i].name) == length && memcmp(fields[i].name, name, length) == 0)
            return fields[i].bytes;
    return NULL;
}

static struct error *parse_field(struct line *line, struct mappings *mappings)
{
    static const char unit[] = " kB";
    if (mappings->count == 0)
        return damaged(line, "a size before the first mapping");
    struct mapping *mapping = &mappings->items[mappings->count - 1];
    const char *colon = memchr(line->at, ':', (size_t)(line->end - line->at));
    if (!colon)
        return damaged(line, "a field without a name");
    mapping->has_sizes = true;
    uint64_t *bytes = field_target(&mapping->sizes, line->at, (size_t)(colon - line->at));
    if (!bytes)
        return NULL;
    for (line->at = colon + 1; line->at < line->end && *line->at == ' ';)
        line->at++;
    uint64_t value;
    if (!take_number(line, 10, '\0', &value) || (size_t)(line->end - line->at) != sizeof(unit) - 1
        || memcmp(line->at, unit, sizeof(unit) - 1) != 0 || __builtin_mul_overflow(value, FIELD_UNIT_BYTES, &value)
        || __builtin_add_overflow(*bytes, value, bytes))
        return damaged(line, "a size that is no number of kB");
    return NULL;
}

/* maps has sizes nowhere and smaps has them everywhere; a mixture is a text cut short. */
static struct error *check_complete(const struct line *last, const struct mappings *mappings)
{
    for (size_t i = 1; i < mappings->count; i++)
        if (mappings->items[i].has_sizes != mappings->items[0].has_sizes)
            return damaged(last, "the text is cut short: a mapping has no sizes while others have");
    return NULL;
}

struct error *mappings_parse(const char *text, size_t bytes, struct mappings *mappings)
{
    const char *end = text + bytes;
    struct line line = {0};
    while (text < end) {
        line.number++;
        line.at = text;
        line.end = memchr(text, '\n', (size_t)(end - text));
        if (!line.end)
            return damaged(&line, "the text is cut short");
        text = line.end + 1;
        bool field = *line.at >= 'A' && *line.at <= 'Z';
        struct error *error = field ? parse_field(&line, mappings) : parse_header(&line, mappings);
        if (error)
            return error;
    }
    return check_complete(&line, mappings);
}

void mappings_free(struct mappings *mappings)
{
    for (size_t i = 0; i < mappings->count; i++)
        free(mappings->items[i].path);
    ARRAY_FREE(mappings);
}

const struct mapping *mappings_find(const struct mappings *mappings, address_t a)
{
    return RANGE_HOLDING(mappings->items, mappings->count, a);
}
