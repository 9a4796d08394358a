#include "render/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "render/text.h"

json_t *json_address(address_t address)
{
    char text[24];
    snprintf(text, sizeof(text), "0x%" PRIx64, address.value);
    return json_string(text);
}

json_t *json_document(const char *name)
{
    return json_pack("{s:o}", "schema", json_sprintf("respire.%s/1", name));
}

struct error *json_print(json_t *document)
{
    if (!document)
        return error_no_memory();
    int failed = json_dumpf(document, stdout, JSON_INDENT(2));
    json_decref(document);
    if (failed || putchar('\n') == EOF || fflush(stdout))
        return error_errno(ERROR_FAILED, errno, "cannot write the JSON document to standard output");
    return NULL;
}

json_t *json_number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *json_name(const char *name)
{
    return json_string(NAME(name));
}

json_t *json_checks(const struct checks *checks)
{
    json_t *list = json_array();
    for (size_t i = 0; i < checks->count; i++) {
        const struct check *check = &checks->items[i];
        json_t *item = json_pack("{s:s, s:b, s:o, s:o}", "name", check->name, "ok", check->ok, "expected",
            json_number(check->expected), "actual", json_number(check->actual));
        if (check->tolerance)
            json_object_set_new(item, "tolerance", json_number(check->tolerance));
        json_array_append_new(list, item);
    }
    return list;
}

json_t *json_histogram(const struct histogram *histogram)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < HISTOGRAM_BINS; i++) {
        const struct histogram_bin *bin = &histogram->bins[i];
        if (bin->count)
            json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "low", json_number((uint64_t)1 << i), "high",
                json_number((uint64_t)1 << (i + 1)), "count", json_number(bin->count), "bytes",
                json_number(bin->bytes)));
    }
    return list;
}

json_t *json_resident(bool has_residency, uint64_t bytes)
{
    return has_residency ? json_number(bytes) : json_null();
}

void json_add_look(json_t *document, const struct process *process)
{
    json_t *look = json_pack("{s:b, s:f, s:i, s:o}", "stopped", process->stopped, "pause_ms", process->pause_ms,
        "attempts", (int)process->attempts, "copied_bytes", json_number(process->copied_bytes));
    json_object_set_new(look, "capture_ms", json_real(process->capture_ms));
    json_object_set_new(look, "walk_ms", json_real(process->walk_ms));
    json_object_set_new(look, "analysis_ms", json_real(process->analysis_ms));
    json_object_set_new(document, "look", look);
}
