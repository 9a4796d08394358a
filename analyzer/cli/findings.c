#include "cli/findings.h"

#include <stdarg.h>
#include <stdio.h>

#include "render/json.h"

static const char *const level_names[] = {
    [FINDING_OK] = "ok",
    [FINDING_NOTE] = "note",
    [FINDING_MISSING] = "missing",
};

void findings_add(struct findings *findings, enum finding_level level, const char *subject, const char *remedy,
    const char *format, ...)
{
    if (findings->count == FINDINGS_MAX)
        return; /* more states than a page can hold: `respire lua` shows them all */
    struct finding *finding = &findings->items[findings->count++];
    *finding = (struct finding){.level = level, .subject = subject, .remedy = remedy};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->detail, sizeof(finding->detail), format, arguments);
    va_end(arguments);
}

void findings_print(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        printf("%-8s %-22s %s\n", level_names[finding->level], finding->subject, finding->detail);
        if (finding->remedy)
            printf("%-8s %-22s -> %s\n", "", "", finding->remedy);
    }
}

struct error *findings_print_json(const struct findings *findings, int pid)
{
    json_t *document = json_document("doctor");
    if (pid)
        json_object_set_new(document, "pid", json_integer(pid));
    json_t *list = json_array();
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?}", "level", level_names[finding->level], "subject",
            finding->subject, "detail", finding->detail, "remedy", finding->remedy));
    }
    json_object_set_new(document, "findings", list);
    return json_print(document);
}
