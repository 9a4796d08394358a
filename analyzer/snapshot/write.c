/* Writing a snapshot: the table of parts, one section after the other, into a file that appears when it is whole. */
#include <stdlib.h>

#include "snapshot/atomic_file.h"
#include "snapshot/parts.h"
#include "snapshot/section_writer.h"

static struct error *write_part(struct section_writer *writer, const struct snapshot_part *part, uint32_t state,
    struct snapshot_subject *subject)
{
    if (!part->expected(subject))
        return NULL;
    part->visit(section_writer_start(writer, part->name, part->version, state, part->flags), subject);
    struct error *error = section_writer_finish(writer);
    return error ? error_wrap(error, "section %s", part->name) : NULL;
}

static struct error *write_parts(struct section_writer *writer, bool of_state, uint32_t state,
    struct snapshot_subject *subject)
{
    struct error *error = NULL;
    for (size_t i = 0; i < snapshot_part_count && !error; i++)
        if (snapshot_parts[i].of_state == of_state)
            error = write_part(writer, &snapshot_parts[i], state, subject);
    return error;
}

static struct error *write_state(struct section_writer *writer, uint32_t number, struct snapshot_subject *subject)
{
    struct name_table names = {0};
    struct error *error = NULL;
    subject->state = &subject->process->states[number];
    subject->names = &names;
    if (subject->state->graph)
        error = name_table_gather(subject->state,
            subject->about->shows_strings ? STRING_CONTENTS_SHOWN : STRING_CONTENTS_HIDDEN, &names);
    if (!error)
        error = write_parts(writer, true, number, subject);
    name_table_free(&names);
    return error;
}

static struct error *write_sections(int file, const struct snapshot_about *about, struct process *process,
    uint64_t *bytes)
{
    struct section_writer writer;
    struct snapshot_about kept = *about;
    struct snapshot_subject subject = {.about = &kept, .process = process};
    struct error *error = section_writer_begin(&writer, file);
    if (!error)
        error = write_parts(&writer, false, SECTION_OF_PROCESS, &subject);
    for (uint32_t i = 0; i < process->state_count && !error; i++)
        error = write_state(&writer, i, &subject);
    if (!error)
        error = section_writer_end(&writer);
    *bytes = writer.position;
    section_writer_free(&writer);
    return error;
}

struct error *snapshot_write(const char *path, const struct snapshot_about *about, struct process *process,
    uint64_t *bytes)
{
    struct atomic_file file;
    uint64_t written = 0;
    struct error *error = atomic_file_begin(path, &file);
    if (error)
        return error;
    error = write_sections(file.file, about, process, &written);
    if (error) {
        atomic_file_drop(&file);
        return error_wrap(error, "%s was not written", path);
    }
    error = atomic_file_keep(&file);
    if (!error)
        *bytes = written;
    return error;
}

struct error *snapshot_check_path(const char *path)
{
    struct atomic_file file;
    struct error *error = atomic_file_begin(path, &file);
    if (!error)
        atomic_file_drop(&file);
    return error;
}
