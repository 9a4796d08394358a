#include "symbols/function_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "symbols/elf_image.h"
#include "symbols/mapped_file.h"

struct anchor {
    address_t start;
    char *owner, *role; /* owned */
};

struct named_address {
    address_t address;
    char *name; /* owned; NULL: it has none */
};

struct loaded_image {
    bool tried;
    struct elf_image file;
};

struct function_names {
    const struct target *target;
    const struct mappings *mappings;
    const struct elf_modules *modules;
    struct loaded_image *images; /* one a module */
    struct {
        struct anchor *items; /* by start, once sealed */
        size_t count, capacity;
    } anchors;
    bool sealed;
    struct {
        struct named_address *items; /* by address: those that were asked for */
        size_t count, capacity;
    } known;
};

struct error *function_names_new(const struct target *target, const struct mappings *mappings,
    const struct elf_modules *modules, struct function_names **names)
{
    struct function_names *made = calloc(1, sizeof(*made));
    struct loaded_image *images = calloc(modules->count + 1, sizeof(*images));
    if (!made || !images) {
        free(made);
        free(images);
        return error_no_memory();
    }
    *made = (struct function_names){.target = target, .mappings = mappings, .modules = modules, .images = images};
    *names = made;
    return NULL;
}

void function_names_free(struct function_names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->modules->count; i++)
        elf_image_free(&names->images[i].file);
    for (size_t i = 0; i < names->anchors.count; i++) {
        free(names->anchors.items[i].owner);
        free(names->anchors.items[i].role);
    }
    for (size_t i = 0; i < names->known.count; i++)
        free(names->known.items[i].name);
    ARRAY_FREE(&names->anchors);
    ARRAY_FREE(&names->known);
    free(names->images);
    free(names);
}

static const struct elf_module *module_at(const struct function_names *names, address_t at)
{
    return elf_modules_at(names->modules, names->mappings, at);
}

static const char *file_name(const struct elf_module *module)
{
    const char *slash = strrchr(module->path, '/');
    return slash ? slash + 1 : module->path;
}

const char *image_name(const struct function_names *names, address_t at)
{
    const struct elf_module *module = module_at(names, at);
    return module ? file_name(module) : NULL;
}

uint64_t image_offset(const struct function_names *names, address_t at)
{
    const struct elf_module *module = module_at(names, at);
    return module ? at.value - module->start.value : 0;
}

/* The file of a module; empty when it can't be read. */
static const struct elf_image *image_of(struct function_names *names, const struct elf_module *module)
{
    struct loaded_image *image = &names->images[module - names->modules->items];
    if (!image->tried && names->target) {
        image->tried = true;
        const struct mapping *mapping = mappings_find(names->mappings, module->start);
        CLEANUP(cleanup_close) int descriptor = mapping ? mapped_file_open(names->target, mapping) : -1;
        if (descriptor >= 0)
            elf_image_read(descriptor, target_page_bytes(names->target), &image->file);
    }
    return &image->file;
}

static uint64_t value_in(const struct elf_image *image, const struct elf_module *module, address_t at)
{
    return at.value - module->start.value + image->base;
}

static bool is_code(const struct function_names *names, address_t at)
{
    const struct mapping *mapping = mappings_find(names->mappings, at);
    return mapping && mapping->executable;
}

struct error *function_names_anchor(struct function_names *names, address_t start, const char *owner,
    const char *role)
{
    const struct elf_module *module = module_at(names, start);
    if (!module || !is_code(names, start) || names->sealed)
        return NULL;
    const struct elf_image *image = image_of(names, module);
    if (elf_image_symbol(image, value_in(image, module, start), true))
        return NULL;
    struct anchor anchor = {start, strdup(owner), strdup(role)};
    struct anchor *added = anchor.owner && anchor.role ? ARRAY_ADD(&names->anchors) : NULL;
    if (!added) {
        free(anchor.owner);
        free(anchor.role);
        return error_no_memory();
    }
    *added = anchor;
    return NULL;
}

static int compare_anchors(const void *a, const void *b)
{
    const struct anchor *left = a, *right = b;
    if (!address_equal(left->start, right->start))
        return left->start.value < right->start.value ? -1 : 1;
    return strcmp(left->role, right->role);
}

static void seal(struct function_names *names)
{
    if (!names->sealed && names->anchors.count)
        qsort(names->anchors.items, names->anchors.count, sizeof(*names->anchors.items), compare_anchors);
    names->sealed = true;
}

/* The index of the first anchor behind `at`. */
static size_t anchors_up_to(const struct function_names *names, address_t at)
{
    size_t low = 0, high = names->anchors.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (names->anchors.items[middle].start.value <= at.value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whose source file the function is from, where anchors on both sides agree; else the file that it was loaded from. */
static const char *origin(const struct function_names *names, const struct elf_module *module, address_t start)
{
    size_t behind = anchors_up_to(names, start);
    if (behind == 0 || behind == names->anchors.count)
        return file_name(module);
    const struct anchor *below = &names->anchors.items[behind - 1], *above = &names->anchors.items[behind];
    bool agree = strcmp(below->owner, above->owner) == 0 && module_at(names, below->start) == module
        && module_at(names, above->start) == module;
    return agree ? below->owner : file_name(module);
}

/* What has no symbol. */
static char *make_name(const struct function_names *names, const struct elf_module *module, address_t start,
    uint64_t value)
{
    char *name = NULL;
    size_t behind = anchors_up_to(names, start);
    const struct anchor *anchor = behind ? &names->anchors.items[behind - 1] : NULL;
    int length = anchor && address_equal(anchor->start, start)
        ? asprintf(&name, "%s %s", anchor->owner, anchor->role)
        : asprintf(&name, "%s`fn_%" PRIx64, origin(names, module, start), value);
    return length < 0 ? NULL : name;
}

static char *find_name(struct function_names *names, address_t at)
{
    const struct elf_module *module = module_at(names, at);
    if (!module)
        return NULL;
    const struct elf_image *image = image_of(names, module);
    uint64_t value = value_in(image, module, at), start;
    const struct elf_symbol *symbol = elf_image_symbol(image, value, true);
    if (symbol)
        return strdup(symbol->name);
    if (!elf_image_function_start(image, value, &start))
        start = value;
    return make_name(names, module, address(at.value - (value - start)), start);
}

const char *function_name(struct function_names *names, address_t at)
{
    size_t low = 0, high = names->known.count;
    if (!is_code(names, at))
        return NULL;
    seal(names);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (names->known.items[middle].address.value < at.value)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < names->known.count && address_equal(names->known.items[low].address, at))
        return names->known.items[low].name;
    if (!ARRAY_ADD(&names->known))
        return NULL;
    struct named_address *place = &names->known.items[low];
    memmove(place + 1, place, (names->known.count - 1 - low) * sizeof(*place));
    *place = (struct named_address){at, find_name(names, at)};
    return place->name;
}

const char *variable_name(struct function_names *names, address_t at)
{
    const struct elf_module *module = module_at(names, at);
    if (!module)
        return NULL;
    const struct elf_image *image = image_of(names, module);
    const struct elf_symbol *symbol = elf_image_symbol(image, value_in(image, module, at), false);
    return symbol ? symbol->name : NULL;
}
