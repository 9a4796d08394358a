#include <stdio.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/look.h"
#include "render/json.h"
#include "render/text.h"
#include "snapshot/snapshot.h"

struct written {
    uint64_t file_bytes, objects, references;
    double look_seconds, write_seconds;
};

static void count_objects(const struct process *process, struct written *written)
{
    for (size_t i = 0; i < process->state_count; i++) {
        const struct object_graph *graph = process->states[i].graph;
        written->objects += graph ? graph->count : 0;
        written->references += graph ? graph->reference_count : 0;
    }
}

static struct error *print_json(const struct cli_options *options, const struct look *look,
    const struct written *written)
{
    json_t *document = json_document("snapshot");
    json_object_update_new(document, json_pack("{s:i, s:o, s:o, s:o, s:i, s:o, s:o, s:f, s:f}", "pid",
        look->process.pid, "name", json_name(look->name), "path", json_name(options->output_path), "bytes",
        json_number(written->file_bytes), "states", (int)look->process.state_count, "objects",
        json_number(written->objects), "references", json_number(written->references), "look_seconds",
        written->look_seconds, "write_seconds", written->write_seconds));
    return json_print(document);
}

static void print_text(const struct cli_options *options, const struct look *look, const struct written *written)
{
    text_verdict("%d %s: %s of %s in %s, %s, written in %.1f s", look->process.pid, look->name,
        NUMBER_OF(written->objects, "object"), NUMBER_OF(look->process.state_count, "Lua state"),
        NAME(options->output_path), SIZE(written->file_bytes), written->write_seconds);
    look_print_end(look);
    if (options->show_strings)
        puts("Contents of strings are in the file: they may be secrets.");
}

static struct error *write_look(const struct cli_options *options, struct look *look, double look_ms)
{
    struct snapshot_about about = {
        .writer = RESPIRE_VERSION,
        .is_core = look->is_core,
        .shows_strings = options->show_strings,
        .taken_ns = look->taken_ns,
    };
    struct written written = {.look_seconds = look_ms / 1000};
    double start_ms = clock_now_ms();
    snprintf(about.name, sizeof(about.name), "%s", look->name);
    struct error *error = snapshot_write(options->output_path, &about, &look->process, &written.file_bytes);
    if (error)
        return error;
    count_objects(&look->process, &written);
    written.write_seconds = (clock_now_ms() - start_ms) / 1000;
    if (options->json)
        return print_json(options, look, &written);
    print_text(options, look, &written);
    return NULL;
}

struct error *command_snapshot(const struct cli_options *options)
{
    struct look look;
    struct examine_options everything = {
        .want_map = true,
        .want_heap = true,
        .want_pools = true,
        .want_graph = true,
        .want_strings = true,
        .show_strings = options->show_strings,
        .want_sparse_pages = true,
        .want_zones = true,
    };
    if (!options->output_path)
        return error_new(ERROR_USAGE, "where to? respire snapshot PID -o FILE");
    double start_ms = clock_now_ms();
    struct error *error = snapshot_check_path(options->output_path);
    if (!error)
        error = look_take(options, everything, &look);
    if (error)
        return error;
    error = write_look(options, &look, clock_now_ms() - start_ms);
    process_release(&look.process);
    return error;
}
