/* Reads header, segments and notes of a core file with libelf, and refuses what is not a whole x86-64 core. */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>

#include "base/array.h"
#include "base/size.h"
#include "target/core_file.h"

static struct error *refuse(const struct core_file *core, const char *what)
{
    return error_new(ERROR_NOT_UNDERSTOOD, "%s is no core file that respire understands: %s", core->path, what);
}

static struct error *check_header(const struct core_file *core, Elf *elf)
{
    GElf_Ehdr header;
    if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
        return refuse(core, "it is not an ELF file");
    if (header.e_type != ET_CORE)
        return refuse(core, "it is an ELF file, but not a core");
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB
        || header.e_machine != EM_X86_64)
        return refuse(core, "it is not of an x86-64 process");
    return NULL;
}

static struct error *cut_short(const struct core_file *core, const GElf_Phdr *header)
{
    return error_new(ERROR_NOT_UNDERSTOOD,
                     "core file %s is cut short: it has %llu bytes, and its header promises some at %llu;"
                     " raise the limit (ulimit -c unlimited) or the disk's room and dump again",
                     core->path, (unsigned long long)core->file_bytes,
                     (unsigned long long)header->p_offset + header->p_filesz);
}

static struct error *add_segment(struct core_file *core, const GElf_Phdr *header)
{
    uint64_t page = core->target.page_bytes;
    uint64_t previous = core->segments.count ? core->segments.items[core->segments.count - 1].range.end.value : 0;
    address_t start = address(header->p_vaddr);
    address_t end = address_add(start, header->p_memsz);
    if (header->p_memsz == 0)
        return NULL;
    if (start.value % page || end.value % page || end.value <= start.value || header->p_filesz > header->p_memsz
        || header->p_filesz % page)
        return refuse(core, "a segment is not of whole pages");
    if (start.value < previous)
        return refuse(core, "its segments overlap or are out of order");
    struct core_segment *segment = ARRAY_ADD(&core->segments);
    if (!segment)
        return error_no_memory();
    *segment = (struct core_segment){
        .range = {start, end},
        .offset = header->p_offset,
        .bytes = header->p_filesz,
        .flags = header->p_flags,
    };
    return NULL;
}

static struct error *read_segment(struct core_file *core, Elf *elf, const GElf_Phdr *header)
{
    if (header->p_type != PT_LOAD && header->p_type != PT_NOTE)
        return NULL;
    if (header->p_offset > core->file_bytes || header->p_filesz > core->file_bytes - header->p_offset)
        return cut_short(core, header);
    if (header->p_type == PT_LOAD)
        return add_segment(core, header);
    return core_notes_read(elf, core->path, header->p_offset, header->p_filesz, &core->notes);
}

static struct error *read_segments(struct core_file *core, Elf *elf)
{
    size_t count;
    if (elf_getphdrnum(elf, &count) < 0 || count == 0)
        return refuse(core, "it has no program headers");
    struct error *error = NULL;
    for (size_t i = 0; i < count && !error; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(elf, (int)i, &header))
            return refuse(core, "its program headers are cut short");
        error = read_segment(core, elf, &header);
    }
    if (!error && core->segments.count == 0)
        return refuse(core, "it holds no memory");
    return error;
}

struct error *core_file_parse(struct core_file *core)
{
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(core->file, ELF_C_READ, NULL);
    if (!elf)
        return refuse(core, elf_errmsg(-1));
    struct error *error = check_header(core, elf);
    if (!error)
        error = read_segments(core, elf);
    elf_end(elf);
    core->target.pid = core->notes.pid;
    return error;
}
