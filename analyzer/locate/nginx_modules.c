#include "locate/nginx_modules.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTER_BYTES = 8,
    VERSION_MIN = 1000000, /* nginx_version: 1022001 is 1.22.1 */
    VERSION_MAX = 10000000,
    INDEX_MAX = 4096,
    SIGNATURE_MAX = 64,
};

static bool is_capitals(uint32_t type)
{
    for (unsigned byte = 0; byte < sizeof(type); byte++)
        if (!isupper((unsigned char)(type >> 8 * byte)))
            return false;
    return true;
}

/* "8,4,8,0011…": sizes of three types, then what the build has. */
static bool is_signature(const char *text)
{
    return strncmp(text, "8,", 2) == 0 && strspn(text, "0123456789,") == strlen(text);
}

static bool is_identifier(const char *text)
{
    return text[0] && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(text);
}

/* What all modules of a process have in common, from the first one. */
struct build {
    uint64_t version;
    char signature[SIGNATURE_MAX]; /* empty: it can't be read */
};

static bool read_module(struct memory_view *view, struct mapped_text *texts, address_t at, struct build *build,
    struct nginx_module *module)
{
    const unsigned char *bytes = view_bytes(view, at, NGINX_MODULE_BYTES);
    char signature[SIGNATURE_MAX];
    if (!bytes)
        return false;
    uint64_t version = field_u64(bytes, NGINX_MODULE_VERSION);
    *module = (struct nginx_module){
        .address = at,
        .index = field_u64(bytes, NGINX_MODULE_INDEX),
        .context_index = field_u64(bytes, NGINX_MODULE_CONTEXT_INDEX),
        .type = field_u32(bytes, NGINX_MODULE_TYPE),
        .context = address(field_u64(bytes, NGINX_MODULE_CONTEXT)),
    };
    if (!build->version)
        build->version = version;
    if (version < VERSION_MIN || version >= VERSION_MAX || version != build->version || module->index >= INDEX_MAX
        || !is_capitals(module->type))
        return false;
    if (mapped_text_read(texts, address(field_u64(bytes, NGINX_MODULE_SIGNATURE)), signature, sizeof(signature))) {
        if (!build->signature[0])
            memcpy(build->signature, signature, sizeof(signature));
        if (!is_signature(signature) || strcmp(signature, build->signature) != 0)
            return false;
    }
    if (!mapped_text_read(texts, address(field_u64(bytes, NGINX_MODULE_NAME)), module->name, sizeof(module->name))
        || !is_identifier(module->name))
        snprintf(module->name, sizeof(module->name), "module %" PRIu64, module->index);
    return true;
}

struct error *nginx_modules_read(struct memory_view *view, struct mapped_text *texts, address_t list, size_t count,
    struct nginx_module **modules)
{
    struct build build = {0};
    *modules = NULL;
    struct nginx_module *read = calloc(count, sizeof(*read));
    if (!read)
        return error_no_memory();
    for (size_t i = 0; i < count; i++) {
        uint64_t at;
        if (view_u64(view, address_add(list, i * POINTER_BYTES), &at)
            && read_module(view, texts, address(at), &build, &read[i]))
            continue;
        free(read);
        return NULL;
    }
    *modules = read;
    return NULL;
}
