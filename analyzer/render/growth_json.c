
#include "render/growth_report.h"
#include "render/json.h"

static json_t *moment_object(const struct growth_moment *of)
{
    const struct moment *moment = of->moment;
    json_t *object = json_pack("{s:i, s:o, s:o}", "pid", moment->pid, "name", json_name(of->name), "snapshot",
        of->path ? json_name(of->path) : json_null());
    json_object_set_new(object, "taken_seconds", json_real((double)moment->taken_ns / 1e9));
    json_object_set_new(object, "rss_bytes", moment->has_residency ? json_number(moment->rss_bytes) : json_null());
    json_object_set_new(object, "held_bytes", moment->has_heaps ? json_number(moment->held_bytes) : json_null());
    json_object_set_new(object, "gc_count_bytes", json_number(moment->count_bytes));
    json_object_set_new(object, "live_objects", json_number(moment->live.objects));
    json_object_set_new(object, "live_bytes", json_number(moment->live.bytes));
    json_object_set_new(object, "garbage_objects", json_number(moment->garbage.objects));
    json_object_set_new(object, "garbage_bytes", json_number(moment->garbage.bytes));
    return object;
}

static json_t *difference(uint64_t before, uint64_t after)
{
    return json_integer((json_int_t)growth_of(before, after));
}

/* Into `row`: by how much, and from where to where. */
static json_t *with_amounts(json_t *row, const struct amount *before, const struct amount *after)
{
    json_object_set_new(row, "objects", difference(before->objects, after->objects));
    json_object_set_new(row, "bytes", difference(before->bytes, after->bytes));
    json_object_set_new(row, "before_objects", json_number(before->objects));
    json_object_set_new(row, "after_objects", json_number(after->objects));
    json_object_set_new(row, "before_bytes", json_number(before->bytes));
    json_object_set_new(row, "after_bytes", json_number(after->bytes));
    return row;
}

static json_t *paths(const struct growth_report *report)
{
    const struct growth *growth = report->growth;
    json_t *list = json_array();
    for (size_t i = 0; i < growth->path_count; i++) {
        const struct growth_path *row = &growth->paths[i];
        if (growth_is_shown(report, i, growth->path_count))
            json_array_append_new(list,
                with_amounts(json_pack("{s:o}", "path", json_name(row->path)), &row->before, &row->after));
    }
    return list;
}

static json_t *tables(const struct growth_report *report)
{
    const struct growth *growth = report->growth;
    json_t *list = json_array();
    for (size_t i = 0; i < growth->table_count; i++) {
        const struct growth_table *row = &growth->tables[i];
        if (!growth_is_shown(report, i, growth->table_count))
            continue;
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "path",
            json_name(row->path), "tables_before", json_number(row->before.tables), "tables_after",
            json_number(row->after.tables), "records_before", json_number(row->before.records), "records_after",
            json_number(row->after.records), "before_bytes", json_number(row->before.bytes), "after_bytes",
            json_number(row->after.bytes), "bytes", difference(row->before.bytes, row->after.bytes)));
    }
    return list;
}

static json_t *types(const struct moment *before, const struct moment *after)
{
    json_t *list = json_array();
    for (unsigned type = 0; type < LUA_TYPES; type++)
        if (amount_differs(&before->types[type], &after->types[type]))
            json_array_append_new(list, with_amounts(json_pack("{s:s}", "type", lua_type_name((enum lua_type)type)),
                &before->types[type], &after->types[type]));
    return list;
}

static json_t *sizes(const struct moment *before, const struct moment *after)
{
    json_t *list = json_array();
    for (unsigned bin = 0; bin < HISTOGRAM_BINS; bin++)
        if (amount_differs(&before->sizes[bin], &after->sizes[bin]))
            json_array_append_new(list, with_amounts(json_pack("{s:o, s:o}", "low", json_number((uint64_t)1 << bin),
                "high", json_number((uint64_t)1 << (bin + 1))), &before->sizes[bin], &after->sizes[bin]));
    return list;
}

struct error *growth_json_print(const struct growth_report *report)
{
    const struct moment *before = report->before.moment, *after = report->after.moment;
    json_t *document = json_document("diff");
    json_object_set_new(document, "a", moment_object(&report->before));
    json_object_set_new(document, "b", moment_object(&report->after));
    json_object_set_new(document, "seconds", json_real(growth_seconds(report)));
    json_object_set_new(document, "growth", json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "live_bytes",
        difference(before->live.bytes, after->live.bytes), "live_objects",
        difference(before->live.objects, after->live.objects), "paths", paths(report), "types",
        types(before, after), "sizes", sizes(before, after), "tables", tables(report)));
    json_object_set_new(document, "checks", json_checks(&report->growth->checks));
    return json_print(document);
}
