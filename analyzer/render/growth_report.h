/* What `respire diff` prints, in whatever form: two moments, and what grew from one to the other. */
#ifndef RESPIRE_RENDER_GROWTH_REPORT_H
#define RESPIRE_RENDER_GROWTH_REPORT_H

#include "analyze/growth.h"
#include "base/error.h"

struct growth_moment {
    const struct moment *moment;
    const char *name; /* of the process */
    const char *path; /* of the snapshot; NULL: a look at the process */
};

struct growth_report {
    struct growth_moment before, after;
    const struct growth *growth;
    size_t top; /* rows of each list, grown and shrunk ones each */
};

/* From the first look to the second; negative when they are told the other way round. */
static inline double growth_seconds(const struct growth_report *report)
{
    return (double)growth_of(report->before.moment->taken_ns, report->after.moment->taken_ns) / 1e9;
}

/* The first ones and the last ones of a list: those that grew most, those that shrank most. */
static inline bool growth_is_shown(const struct growth_report *report, size_t row, size_t count)
{
    return count <= 2 * report->top || row < report->top || row >= count - report->top;
}

void growth_text_print(const struct growth_report *report);

/* docs/JSON.md, respire.diff/1 */
struct error *growth_json_print(const struct growth_report *report);

#endif
