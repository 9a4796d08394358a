/* Reading a snapshot: sections in the order of the table of parts; unknown ones are skipped unless they are needed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "snapshot/parts.h"
#include "snapshot/section_reader.h"
#include "target/memory_room.h"

struct reading {
    struct section_reader sections;
    struct snapshot_about about;
    struct process process;
    bool want_graphs;
    bool *seen;        /* by part, for the process and then for each state: state_count + 1 rows */
    size_t next_place; /* in `seen`: sections come in order, and none twice */
};

static const struct snapshot_part *find_part(const struct section_header *header, size_t *number)
{
    for (*number = 0; *number < snapshot_part_count; ++*number) {
        const struct snapshot_part *part = &snapshot_parts[*number];
        if (strncmp(part->name, header->name, SECTION_NAME_BYTES) == 0
            && part->of_state == (header->state != SECTION_OF_PROCESS))
            return part;
    }
    return NULL;
}

/* The first section says how many states there are; only then others can be noted. */
static struct error *make_rows(struct reading *reading)
{
    if (reading->seen)
        return NULL;
    reading->seen = calloc((reading->process.state_count + 1) * snapshot_part_count, sizeof(*reading->seen));
    return reading->seen ? NULL : error_no_memory();
}

static struct error *visit_part(struct reading *reading, const struct snapshot_part *part,
    struct snapshot_subject *subject)
{
    part->visit(section_reader_start(&reading->sections), subject);
    struct error *error = section_reader_finish(&reading->sections);
    return error ? error_wrap(error, "section %s", part->name) : make_rows(reading);
}

static struct error *read_part(struct reading *reading, const struct snapshot_part *part, size_t number)
{
    const struct section_header *header = &reading->sections.header;
    struct snapshot_subject subject = {.about = &reading->about, .process = &reading->process};
    if (header->version > part->version)
        return error_new(ERROR_NOT_UNDERSTOOD,
            "section %s has format %u, this respire reads formats up to %u: it was written by a newer one", part->name,
            header->version, part->version);
    uint64_t row = part->of_state ? (uint64_t)header->state + 1 : 0;
    uint64_t place = row * snapshot_part_count + number;
    if (row > reading->process.state_count || place < reading->next_place || (!reading->seen && place != 0))
        return error_new(ERROR_NOT_UNDERSTOOD, "it is damaged: section %s is in the wrong place", part->name);
    if (part->of_state)
        subject.state = &reading->process.states[header->state];
    if (part->of_graph && !subject.state->graph)
        return error_new(ERROR_NOT_UNDERSTOOD, "it is damaged: section %s was not announced", part->name);
    reading->next_place = place + 1;
    struct error *error = part->of_graph && !reading->want_graphs ? NULL : visit_part(reading, part, &subject);
    if (!error)
        reading->seen[place] = true;
    return error;
}

static struct error *read_section(struct reading *reading)
{
    const struct section_header *header = &reading->sections.header;
    size_t number;
    const struct snapshot_part *part = find_part(header, &number);
    if (part)
        return read_part(reading, part, number);
    if (header->flags & SECTION_NEEDED)
        return error_new(ERROR_NOT_UNDERSTOOD,
            "it has a section that this respire does not know: it was written by a newer one");
    return NULL;
}

static struct error *miss(struct reading *reading, size_t row, const struct snapshot_part *part, size_t number)
{
    struct snapshot_subject subject = {.about = &reading->about, .process = &reading->process};
    if (part->of_state != (row > 0))
        return NULL;
    if (row)
        subject.state = &reading->process.states[row - 1];
    if (reading->seen[row * snapshot_part_count + number] || !part->expected(&subject))
        return NULL;
    return error_new(ERROR_NOT_UNDERSTOOD, "it is damaged: section %s is missing", part->name);
}

static struct error *find_missing(struct reading *reading)
{
    struct error *error = NULL;
    if (!reading->seen)
        return error_new(ERROR_NOT_UNDERSTOOD, "it is damaged: section %s is missing", snapshot_parts[0].name);
    for (size_t row = 0; row <= reading->process.state_count; row++)
        for (size_t number = 0; number < snapshot_part_count && !error; number++)
            error = miss(reading, row, &snapshot_parts[number], number);
    return error;
}

/* Those that were announced and not looked at. */
static void forget_graphs(struct process *process)
{
    for (size_t i = 0; i < process->state_count; i++) {
        free(process->states[i].graph);
        process->states[i].graph = NULL;
    }
}

static struct error *read_sections(struct reading *reading)
{
    struct error *error;
    while (!(error = section_reader_next(&reading->sections)) && !reading->sections.ended)
        if ((error = read_section(reading)))
            return error;
    if (!error && reading->sections.position != reading->sections.file_bytes)
        error = error_new(ERROR_NOT_UNDERSTOOD, "it is damaged: bytes stand behind its end");
    return error ? error : find_missing(reading);
}

struct error *snapshot_read_file(int file, uint64_t memory_bytes, bool want_graphs, struct snapshot_about *about,
    struct process *process)
{
    struct reading reading = {.want_graphs = want_graphs};
    struct error *error = section_reader_begin(&reading.sections, file, memory_bytes);
    if (!error)
        error = read_sections(&reading);
    if (!want_graphs)
        forget_graphs(&reading.process);
    section_reader_free(&reading.sections);
    free(reading.seen);
    if (error) {
        process_release(&reading.process);
    } else {
        *about = reading.about;
        *process = reading.process;
    }
    return error;
}

struct error *snapshot_read(const char *path, bool want_graphs, struct snapshot_about *about, struct process *process)
{
    CLEANUP(cleanup_close) int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return error_errno(ERROR_UNREADABLE, errno, "cannot read the snapshot %s", path);
    struct error *error = snapshot_read_file(file, memory_room_bytes(), want_graphs, about, process);
    return error ? error_wrap(error, "cannot read the snapshot %s", path) : NULL;
}
