#include "symbols/elf_image.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/size.h"

enum {
    NESTED_SYMBOLS_MAX = 16, /* names of one address, or parts of a function with names of their own */
    FRAME_TABLE_BYTES_MAX = 64 << 20,
    /*
     * .eh_frame_hdr, as the Linux Standard Base describes it: four bytes that tell version and encodings, a pointer of
     * four, a count of four, and the table: a function's start and its record, four bytes each, both relative to the
     * section. No linker in use encodes them in another way.
     */
    FRAME_VERSION = 1,
    FRAME_COUNT_ENCODING = 0x03,
    FRAME_TABLE_ENCODING = 0x3b,
    FRAME_COUNT = 8,
    FRAME_TABLE = 12,
    FRAME_ROW_BYTES = 8,
};

static int compare_symbols(const void *a, const void *b)
{
    const struct elf_symbol *left = a, *right = b;
    if (left->value != right->value)
        return left->value < right->value ? -1 : 1;
    return strcmp(left->name, right->name);
}

static int compare_values(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* A copy of the names of a symbol table that outlives libelf's and ends with a 0 byte. */
static char *copy_names(Elf *elf, uint32_t section, size_t *bytes)
{
    Elf_Scn *names = elf_getscn(elf, section);
    const Elf_Data *data = names ? elf_getdata(names, NULL) : NULL;
    char *copy = data && data->d_buf ? malloc(data->d_size + 1) : NULL;
    if (copy) {
        memcpy(copy, data->d_buf, data->d_size);
        copy[data->d_size] = '\0';
        *bytes = data->d_size;
    }
    return copy;
}

static void add_symbol(const GElf_Sym *symbol, struct elf_symbols *symbols)
{
    unsigned type = GELF_ST_TYPE(symbol->st_info);
    bool is_code = type == STT_FUNC || type == STT_GNU_IFUNC;
    const char *name = symbols->names + symbol->st_name;
    if (symbol->st_shndx == SHN_UNDEF || (!is_code && type != STT_OBJECT) || *name == '\0')
        return;
    struct elf_symbol *added = ARRAY_ADD(symbols);
    if (added)
        *added = (struct elf_symbol){symbol->st_value, symbol->st_size, name, is_code};
}

static void read_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct elf_symbols *symbols)
{
    size_t name_bytes = 0, entry_bytes = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
    if (symbols->names)
        return;
    symbols->names = copy_names(elf, header->sh_link, &name_bytes);
    Elf_Data *data = symbols->names ? elf_getdata(section, NULL) : NULL;
    size_t count = data && entry_bytes ? size_min(data->d_size / entry_bytes, INT32_MAX) : 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) && symbol.st_name < name_bytes)
            add_symbol(&symbol, symbols);
    }
    if (symbols->count)
        qsort(symbols->items, symbols->count, sizeof(*symbols->items), compare_symbols);
}

static void read_sections(Elf *elf, struct elf_image *image)
{
    for (Elf_Scn *section = elf_nextscn(elf, NULL); section; section = elf_nextscn(elf, section)) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header))
            continue;
        if (header.sh_type == SHT_SYMTAB)
            read_symbols(elf, section, &header, &image->local);
        else if (header.sh_type == SHT_DYNSYM)
            read_symbols(elf, section, &header, &image->exported);
    }
}

static void read_frame_table(const unsigned char *bytes, size_t count, uint64_t section, struct elf_image *image)
{
    uint32_t rows;
    if (count < FRAME_TABLE || bytes[0] != FRAME_VERSION || bytes[2] != FRAME_COUNT_ENCODING
        || bytes[3] != FRAME_TABLE_ENCODING)
        return;
    memcpy(&rows, bytes + FRAME_COUNT, sizeof(rows));
    rows = (uint32_t)size_min(rows, (count - FRAME_TABLE) / FRAME_ROW_BYTES);
    image->starts = calloc((size_t)rows + 1, sizeof(*image->starts));
    if (!image->starts)
        return;
    for (uint32_t i = 0; i < rows; i++) {
        int32_t distance;
        memcpy(&distance, bytes + FRAME_TABLE + (size_t)i * FRAME_ROW_BYTES, sizeof(distance));
        image->starts[i] = section + (uint64_t)(int64_t)distance;
    }
    image->start_count = rows;
    qsort(image->starts, rows, sizeof(*image->starts), compare_values);
}

static void read_function_starts(int descriptor, const GElf_Phdr *header, struct elf_image *image)
{
    size_t wanted = size_min(header->p_filesz, FRAME_TABLE_BYTES_MAX);
    unsigned char *bytes = image->starts || !wanted ? NULL : malloc(wanted);
    ssize_t got = bytes ? pread(descriptor, bytes, wanted, (off_t)header->p_offset) : -1;
    if (got > 0)
        read_frame_table(bytes, (size_t)got, header->p_vaddr, image);
    free(bytes);
}

/* False when nothing of the file is ever loaded. */
static bool read_segments(Elf *elf, int descriptor, uint64_t page_bytes, struct elf_image *image)
{
    size_t headers;
    bool loaded = false;
    if (elf_getphdrnum(elf, &headers) != 0)
        return false;
    for (size_t i = 0; i < headers; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(elf, (int)i, &header))
            continue;
        if (header.p_type == PT_LOAD && !loaded) {
            image->base = round_down(header.p_vaddr, page_bytes);
            loaded = true;
        }
        if (header.p_type == PT_GNU_EH_FRAME)
            read_function_starts(descriptor, &header, image);
    }
    return loaded;
}

bool elf_image_read(int descriptor, uint64_t page_bytes, struct elf_image *image)
{
    struct elf_image read = {0};
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(descriptor, ELF_C_READ, NULL);
    bool understood = elf && elf_kind(elf) == ELF_K_ELF && read_segments(elf, descriptor, page_bytes, &read);
    if (understood)
        read_sections(elf, &read);
    elf_end(elf);
    if (understood)
        *image = read;
    else
        elf_image_free(&read);
    return understood;
}

static void free_symbols(struct elf_symbols *symbols)
{
    ARRAY_FREE(symbols);
    free(symbols->names);
}

void elf_image_free(struct elf_image *image)
{
    free_symbols(&image->local);
    free_symbols(&image->exported);
    free(image->starts);
    *image = (struct elf_image){0};
}

static const struct elf_symbol *find_symbol(const struct elf_symbols *symbols, uint64_t value, bool is_code)
{
    size_t low = 0, high = symbols->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->items[middle].value <= value)
            low = middle + 1;
        else
            high = middle;
    }
    const struct elf_symbol *found = NULL;
    for (size_t i = low; i-- > 0 && low - i <= NESTED_SYMBOLS_MAX;) {
        const struct elf_symbol *symbol = &symbols->items[i];
        if (found && symbol->value < found->value)
            break;
        if (symbol->is_code == is_code && value - symbol->value < size_max(symbol->bytes, 1))
            found = symbol;
    }
    return found;
}

const struct elf_symbol *elf_image_symbol(const struct elf_image *image, uint64_t value, bool is_code)
{
    const struct elf_symbol *exported = find_symbol(&image->exported, value, is_code);
    return exported ? exported : find_symbol(&image->local, value, is_code);
}

bool elf_image_function_start(const struct elf_image *image, uint64_t value, uint64_t *start)
{
    size_t low = 0, high = image->start_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (image->starts[middle] <= value)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    *start = image->starts[low - 1];
    return true;
}
