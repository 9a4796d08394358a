/*
 * A snapshot of any bytes: no crash, no hang, no more memory than allowed; what is accepted can be analysed and
 * compared. Damage within the payloads is what matters, and a checksum guards them: so an input is a list of
 * raw payloads, of which a file is made here.
 *
 *     input: for each section: number of the section, state, two bytes of length, raw payload;
 *            or 0xff, and a whole file
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analyze/growth.h"
#include "analyze/heap_rows.h"
#include "analyze/holders.h"
#include "base/size.h"
#include "snapshot/section_writer.h"
#include "snapshot/snapshot.h"

enum { MEMORY_BYTES = 256 << 20, PREFIX_BYTES = 4, AS_IT_IS = 0xff };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* What is added goes last: inputs name sections by their place here. */
static const struct {
    const char *name;
    bool of_process;
} sections[] = {
    {"look", true}, {"map", true}, {"state", false}, {"objects", false}, {"links", false}, {"names", false},
    {"strings", false}, {"pages", false}, {"new", false}, {"malloc", true}, {"pools", true},
};

enum { SECTIONS = sizeof(sections) / sizeof(sections[0]) };

static int empty_file(void)
{
    static int file = -1;
    if (file < 0)
        file = memfd_create("snapshot", MFD_CLOEXEC);
    if (ftruncate(file, 0) != 0)
        abort();
    return file;
}

static void add_section(struct section_writer *writer, const uint8_t *prefix, const uint8_t *payload, size_t count)
{
    unsigned section = prefix[0] % SECTIONS;
    unsigned char copy[1 << 16];
    uint32_t state = sections[section].of_process ? SECTION_OF_PROCESS : prefix[1];
    struct codec *codec = section_writer_start(writer, sections[section].name, 1, state, 0);
    memcpy(copy, payload, count);
    codec_bytes(codec, copy, count);
    if (section_writer_finish(writer))
        abort();
}

/* The sections that the input lists, behind headers and checksums that hold. */
static void write_sections(int file, const uint8_t *bytes, size_t count)
{
    struct section_writer writer;
    if (section_writer_begin(&writer, file))
        abort();
    while (count >= PREFIX_BYTES) {
        size_t length = size_min((size_t)bytes[2] << 8 | bytes[3], count - PREFIX_BYTES);
        add_section(&writer, bytes, bytes + PREFIX_BYTES, length);
        bytes += PREFIX_BYTES + length;
        count -= PREFIX_BYTES + length;
    }
    if (section_writer_end(&writer))
        abort();
    section_writer_free(&writer);
}

static void find_holders(const struct process *process)
{
    const struct holders_options everything = {.parts = HOLDERS_ALL, .top = 10};
    for (size_t i = 0; i < process->state_count; i++) {
        struct lua_holders holders;
        if (!process->states[i].graph)
            continue;
        struct error *error = holders_find(&process->states[i], &everything, &holders);
        if (!error)
            lua_holders_free(&holders);
        error_free(error);
    }
}

static void find_growth(const struct process *process)
{
    struct moment moment;
    struct growth growth;
    struct error *error = moment_make(process, &moment);
    if (!error) {
        error = growth_find(&moment, &moment, &growth);
        if (!error && (growth.path_count || growth.table_count))
            abort();
        if (!error)
            growth_free(&growth);
        moment_free(&moment);
    }
    error_free(error);
}

static void find_rows(const struct process *process)
{
    struct heap_rows rows;
    struct error *error = heap_rows_make(&process->malloc, 10, &rows);
    if (!error)
        heap_rows_free(&rows);
    error_free(error);
    for (size_t i = 0; i < process->pools.count; i++) {
        const struct nginx_pool *pool = &process->pools.pools[i];
        if (pool->owner >= process->pools.owner_count || !process->pools.owners[pool->owner].name)
            abort();
        for (uint32_t k = 0; k < pool->cleanup_count; k++)
            if (!process->pools.names[process->pools.cleanups[pool->first_cleanup + k].name])
                abort();
    }
}

/* What is accepted is fit for everything that walks graphs and asks for names. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct snapshot_about about;
    struct process process;
    int file = empty_file();
    if (count && bytes[0] == AS_IT_IS) {
        if (pwrite(file, bytes + 1, count - 1, 0) != (ssize_t)count - 1)
            abort();
    } else {
        write_sections(file, bytes, count);
    }
    struct error *error = snapshot_read_file(file, MEMORY_BYTES, true, &about, &process);
    if (!error) {
        find_holders(&process);
        find_growth(&process);
        find_rows(&process);
        process_release(&process);
    }
    error_free(error);
    return 0;
}
