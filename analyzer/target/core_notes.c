/* Parses the notes of a core file. All of it is foreign input. */
#include "target/core_notes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>

#include "base/range_search.h"
#include "base/size.h"

enum {
    NOTES_BYTES_MAX = 256 << 20,
    FILE_ROW_BYTES = 24,  /* start, end, offset in pages */
    FILE_HEAD_BYTES = 16, /* count, bytes in a page */
    FILE_ROWS_MAX = 1 << 20,
};

static uint64_t word_at(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

static struct error *damaged(const char *path, const char *what)
{
    return error_new(ERROR_NOT_UNDERSTOOD, "core file %s is damaged: %s", path, what);
}

static bool is_shared_memory(const char *path)
{
    static const char *const prefixes[] = {"/dev/zero", "/dev/shm/", "/SYSV", "/memfd:"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(path, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static struct error *add_file(const char *path, const unsigned char *row, uint64_t page_bytes, const char *name,
                              struct core_notes *notes)
{
    static const char deleted[] = " (deleted)";
    size_t length = strlen(name), suffix = sizeof(deleted) - 1;
    struct core_mapped_file *file = &notes->files[notes->file_count];
    uint64_t previous = notes->file_count ? file[-1].range.end.value : 0;
    *file = (struct core_mapped_file){.range = {address(word_at(row)), address(word_at(row + 8))}};
    if (file->range.start.value >= file->range.end.value || file->range.start.value < previous
        || __builtin_mul_overflow(word_at(row + 16), page_bytes, &file->file_offset))
        return damaged(path, "its list of mapped files (NT_FILE) is out of order");
    file->deleted = length > suffix && strcmp(name + length - suffix, deleted) == 0;
    file->path = strndup(name, file->deleted ? length - suffix : length);
    file->shared_memory = is_shared_memory(name);
    if (!file->path)
        return error_no_memory();
    notes->file_count++;
    return NULL;
}

/* count, page size, count rows, count names one behind the other */
static struct error *read_files(const char *path, const unsigned char *data, uint64_t bytes, struct core_notes *notes)
{
    uint64_t rows_end;
    uint64_t count = bytes >= FILE_HEAD_BYTES ? word_at(data) : UINT64_MAX;
    if (!size_of_records(count, FILE_ROW_BYTES, FILE_HEAD_BYTES, &rows_end) || rows_end > bytes
        || count > FILE_ROWS_MAX)
        return damaged(path, "its list of mapped files (NT_FILE) is cut short");
    if (notes->files)
        return damaged(path, "it has two lists of mapped files (NT_FILE)");
    notes->files = calloc(count + 1, sizeof(*notes->files));
    if (!notes->files)
        return error_no_memory();
    const char *name = (const char *)data + rows_end;
    const char *end = (const char *)data + bytes;
    struct error *error = NULL;
    for (uint64_t i = 0; i < count && !error; i++) {
        size_t length = strnlen(name, (size_t)(end - name));
        if (name + length == end)
            return damaged(path, "its list of mapped files (NT_FILE) is cut short");
        error = add_file(path, data + FILE_HEAD_BYTES + i * FILE_ROW_BYTES, word_at(data + 8), name, notes);
        name += length + 1;
    }
    return error;
}

static struct error *read_note(const char *path, const GElf_Nhdr *header, const unsigned char *data,
                               struct core_notes *notes)
{
    if (header->n_type == NT_FILE)
        return read_files(path, data, header->n_descsz, notes);
    if (header->n_type == NT_PRSTATUS && notes->pid == 0 && header->n_descsz >= sizeof(struct elf_prstatus))
        memcpy(&notes->pid, data + offsetof(struct elf_prstatus, pr_pid), sizeof(notes->pid));
    if (header->n_type == NT_PRPSINFO && header->n_descsz >= sizeof(struct elf_prpsinfo))
        memcpy(&notes->pid, data + offsetof(struct elf_prpsinfo, pr_pid), sizeof(notes->pid));
    return NULL;
}

struct error *core_notes_read(Elf *elf, const char *path, uint64_t offset, uint64_t bytes, struct core_notes *notes)
{
    if (bytes == 0)
        return NULL;
    if (bytes > NOTES_BYTES_MAX)
        return damaged(path, "its notes are too big");
    Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)offset, bytes, ELF_T_NHDR);
    if (!data)
        return damaged(path, "its notes can't be read");
    struct error *error = NULL;
    GElf_Nhdr header;
    size_t name_at, data_at;
    for (size_t at = 0, next; !error && (next = gelf_getnote(data, at, &header, &name_at, &data_at)) > 0; at = next) {
        const unsigned char *all = data->d_buf;
        if (header.n_namesz == sizeof("CORE") && memcmp(all + name_at, "CORE", sizeof("CORE")) == 0)
            error = read_note(path, &header, all + data_at, notes);
    }
    return error;
}

void core_notes_free(struct core_notes *notes)
{
    for (size_t i = 0; i < notes->file_count; i++)
        free(notes->files[i].path);
    free(notes->files);
    *notes = (struct core_notes){0};
}

const struct core_mapped_file *core_notes_next(const struct core_notes *notes, address_t a)
{
    size_t i = FIRST_ENDING_BEHIND(notes->files, notes->file_count, a);
    return i < notes->file_count ? &notes->files[i] : NULL;
}
