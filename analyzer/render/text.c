#include "render/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"

enum { CHECK_COLUMN_MIN = 48 };

const char *text_size(uint64_t bytes, char text[SIZE_TEXT_BYTES])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(text, SIZE_TEXT_BYTES, bytes ? "%" PRIu64 " B" : "0", bytes);
        return text;
    }
    double value = (double)bytes / 1024;
    unsigned unit = 0;
    while (value >= 1023.95 && unit < 5) {
        value /= 1024;
        unit++;
    }
    bool whole = value >= 100 || (unit == 0 && bytes % 1024 == 0);
    snprintf(text, SIZE_TEXT_BYTES, "%.*f %s", whole ? 0 : 1, value, units[unit]);
    return text;
}

const char *text_count(uint64_t count, char text[SIZE_TEXT_BYTES])
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    char *to = text;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = 0;
    return text;
}

const char *text_share(uint64_t part, uint64_t whole, char text[SIZE_TEXT_BYTES])
{
    if (whole == 0)
        snprintf(text, SIZE_TEXT_BYTES, "-");
    else
        snprintf(text, SIZE_TEXT_BYTES, "%.1f %%", 100.0 * (double)part / (double)whole);
    return text;
}

/* Bytes of the printable character that `name` begins with; 0 when there is none. By the ranges of UTF-8. */
static size_t printable_bytes(const unsigned char *name)
{
    if (name[0] < 0x80)
        return name[0] >= ' ' && name[0] != 0x7f;
    size_t bytes = name[0] >= 0xf0 ? 4 : name[0] >= 0xe0 ? 3 : 2;
    if (name[0] < 0xc2 || name[0] > 0xf4)
        return 0;
    uint32_t character = name[0] & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((name[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (name[i] & 0x3fu);
    }
    static const uint32_t smallest[] = {0, 0, 0xa0, 0x800, 0x10000};
    bool is_surrogate = character >= 0xd800 && character <= 0xdfff, is_no_character = (character & 0xfffe) == 0xfffe;
    return character < smallest[bytes] || character > 0x10ffff || is_surrogate || is_no_character ? 0 : bytes;
}

const char *text_name(const char *name, char text[NAME_TEXT_BYTES])
{
    static const char cut[] = "...";
    size_t length = 0;
    for (const unsigned char *from = (const unsigned char *)name; *from;) {
        size_t bytes = printable_bytes(from);
        if (length + bytes + sizeof(cut) >= NAME_TEXT_BYTES) {
            memcpy(text + length, cut, sizeof(cut));
            return text;
        }
        if (bytes)
            memcpy(text + length, from, bytes);
        else
            text[length] = '?';
        length += bytes ? bytes : 1;
        from += bytes ? bytes : 1;
    }
    text[length] = 0;
    return text;
}

const char *text_number_of(uint64_t count, const char *word, char text[2 * SIZE_TEXT_BYTES])
{
    snprintf(text, 2 * SIZE_TEXT_BYTES, "%s %s%s", COUNT(count), word, count == 1 ? "" : "s");
    return text;
}

const char *text_duration(double seconds, char text[SIZE_TEXT_BYTES])
{
    static const struct {
        double from, unit;
        const char *name;
    } units[] = {{2 * 86400, 86400, "days"}, {2 * 3600, 3600, "h"}, {120, 60, "min"}, {0, 1, "s"}};
    unsigned i = 0;
    while (i < 3 && seconds < units[i].from)
        i++;
    snprintf(text, SIZE_TEXT_BYTES, "%.*f %s", seconds / units[i].unit < 10 ? 1 : 0, seconds / units[i].unit,
        units[i].name);
    return text;
}

void text_checks(const struct checks *checks)
{
    size_t width = CHECK_COLUMN_MIN;
    for (size_t i = 0; i < checks->count; i++)
        width = size_max(width, strlen(checks->items[i].name));
    puts("");
    for (size_t i = 0; i < checks->count; i++)
        printf("  %-12s %-*s %16s\n", i ? "" : "checks hold", (int)width, checks->items[i].name,
            COUNT(checks->items[i].actual));
}

void text_histograms(const char *title, const struct histogram *used, const struct histogram *unused)
{
    printf("  %-22s %12s %10s %12s %10s\n", title, "used", "bytes", "free", "bytes");
    for (unsigned i = 0; i < HISTOGRAM_BINS; i++) {
        const struct histogram_bin *in_use = &used->bins[i], *not_in_use = &unused->bins[i];
        if (!in_use->count && !not_in_use->count)
            continue;
        char range[2 * SIZE_TEXT_BYTES + 4];
        snprintf(range, sizeof(range), "%s .. %s", SIZE((uint64_t)1 << i), SIZE((uint64_t)1 << (i + 1)));
        printf("  %-22s %12s %10s %12s %10s\n", range, COUNT(in_use->count), SIZE(in_use->bytes),
            COUNT(not_in_use->count), SIZE(not_in_use->bytes));
    }
}

static bool use_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
}

__attribute__((format(printf, 1, 0))) static void print_bold(const char *format, va_list arguments)
{
    bool colour = use_colour();
    if (colour)
        fputs("\033[1m", stdout);
    vprintf(format, arguments);
    puts(colour ? "\033[0m" : "");
}

void text_verdict(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_bold(format, arguments);
    va_end(arguments);
}

void text_heading(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    putchar('\n');
    print_bold(format, arguments);
    va_end(arguments);
}
