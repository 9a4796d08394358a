#include "symbols/exported_names.h"

#include <gelf.h>
#include <string.h>

static uint64_t match(const char *symbol, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (symbol[0] == names[i][0] && strcmp(symbol, names[i]) == 0)
            return UINT64_C(1) << i;
    return 0;
}

static uint64_t find_in_table(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, const char *const *names,
    size_t count)
{
    Elf_Data *data = elf_getdata(section, NULL);
    uint64_t found = 0;
    int symbols = data && header->sh_entsize ? (int)(data->d_size / header->sh_entsize) : 0;
    for (int i = 0; i < symbols; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, i, &symbol) || symbol.st_shndx == SHN_UNDEF)
            continue;
        const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (name)
            found |= match(name, names, count);
    }
    return found;
}

uint64_t exported_names_find(int descriptor, const char *const *names, size_t count)
{
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(descriptor, ELF_C_READ_MMAP, NULL);
    uint64_t found = 0;
    Elf_Scn *section = NULL;
    while (elf && (section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNSYM)
            found |= find_in_table(elf, section, &header, names, count);
    }
    elf_end(elf);
    return found;
}
