#include "walk/nginx_anchors.h"

#include <string.h>

#include "symbols/mapped_text.h"

enum { DIRECTIVES_MAX = 1024, ROLE_MAX = 96 };

struct hook {
    uint32_t offset;
    const char *role;
};

/* ngx_module_t. */
static const struct hook module_hooks[] = {
    {NGINX_MODULE_TYPE + 8, "init_master"}, {NGINX_MODULE_TYPE + 16, "init_module"},
    {NGINX_MODULE_TYPE + 24, "init_process"}, {NGINX_MODULE_TYPE + 32, "init_thread"},
    {NGINX_MODULE_TYPE + 40, "exit_thread"}, {NGINX_MODULE_TYPE + 48, "exit_process"},
    {NGINX_MODULE_TYPE + 56, "exit_master"},
};

/* ngx_http_module_t. */
static const struct hook http_hooks[] = {
    {0, "preconfiguration"}, {8, "postconfiguration"}, {16, "create_main_conf"}, {24, "init_main_conf"},
    {32, "create_srv_conf"}, {40, "merge_srv_conf"}, {48, "create_loc_conf"}, {56, "merge_loc_conf"},
};

/* ngx_stream_module_t. */
static const struct hook stream_hooks[] = {
    {0, "preconfiguration"}, {8, "postconfiguration"}, {16, "create_main_conf"}, {24, "init_main_conf"},
    {32, "create_srv_conf"}, {40, "merge_srv_conf"},
};

/* ngx_core_module_t: its first two words are its name. */
static const struct hook core_hooks[] = {{16, "create_conf"}, {24, "init_conf"}};

/* ngx_event_module_t: its first word is its name; actions follow. */
static const struct hook event_hooks[] = {{8, "create_conf"}, {16, "init_conf"}};

struct hooks {
    uint32_t type;
    const struct hook *items;
    size_t count;
};

#define HOOKS(type, hooks) {type, hooks, sizeof(hooks) / sizeof((hooks)[0])}

static const struct hooks type_hooks[] = {
    HOOKS(NGINX_SIGNATURE_HTTP, http_hooks), HOOKS(NGINX_SIGNATURE_STREAM, stream_hooks),
    HOOKS(NGINX_SIGNATURE_CORE, core_hooks), HOOKS(NGINX_SIGNATURE_EVENT, event_hooks),
};

struct anchoring {
    struct memory_view view;
    struct mapped_text texts;
    const struct nginx_module *module;
    struct function_names *names;
};

static struct error *anchor(struct anchoring *anchoring, address_t place, const char *role)
{
    uint64_t function;
    if (!view_u64(&anchoring->view, place, &function) || function == 0)
        return NULL;
    return function_names_anchor(anchoring->names, address(function), anchoring->module->name, role);
}

static struct error *anchor_hooks(struct anchoring *anchoring, address_t table, const struct hook *hooks, size_t count)
{
    struct error *error = NULL;
    for (size_t i = 0; i < count && !error; i++)
        error = anchor(anchoring, address_add(table, hooks[i].offset), hooks[i].role);
    return error;
}

/* "directive NAME"; false behind the last one. */
static bool directive_role(struct anchoring *anchoring, address_t command, char role[ROLE_MAX])
{
    static const char kind[] = "directive ";
    uint64_t bytes, name;
    if (!view_u64(&anchoring->view, address_add(command, NGINX_COMMAND_NAME_LENGTH), &bytes) || bytes == 0
        || !view_u64(&anchoring->view, address_add(command, NGINX_COMMAND_NAME), &name))
        return false;
    memcpy(role, kind, sizeof(kind));
    char *text = role + sizeof(kind) - 1;
    return mapped_text_read(&anchoring->texts, address(name), text, ROLE_MAX - (sizeof(kind) - 1))
        && strlen(text) == bytes;
}

static struct error *anchor_directives(struct anchoring *anchoring, address_t commands)
{
    struct error *error = NULL;
    char role[ROLE_MAX];
    for (size_t i = 0; i < DIRECTIVES_MAX && !error; i++) {
        address_t command = address_add(commands, i * NGINX_COMMAND_BYTES);
        if (!directive_role(anchoring, command, role))
            break;
        error = anchor(anchoring, address_add(command, NGINX_COMMAND_SET), role);
    }
    return error;
}

static struct error *anchor_module(struct anchoring *anchoring)
{
    const struct nginx_module *module = anchoring->module;
    uint64_t commands;
    address_t place = address_add(module->address, NGINX_MODULE_COMMANDS);
    struct error *error = anchor_hooks(anchoring, module->address, module_hooks,
        sizeof(module_hooks) / sizeof(module_hooks[0]));
    for (size_t i = 0; i < sizeof(type_hooks) / sizeof(type_hooks[0]) && !error; i++)
        if (type_hooks[i].type == module->type)
            error = anchor_hooks(anchoring, module->context, type_hooks[i].items, type_hooks[i].count);
    if (!error && view_u64(&anchoring->view, place, &commands) && commands)
        error = anchor_directives(anchoring, address(commands));
    return error;
}

struct error *nginx_anchor_functions(struct target *target, const struct capture *capture,
    const struct nginx_site *site, struct function_names *names)
{
    struct anchoring anchoring = {
        .view = view_of(capture), .texts = mapped_text_of(target, capture), .names = names,
    };
    struct error *error = NULL;
    for (size_t i = 0; i < site->module_count && !error; i++) {
        anchoring.module = &site->modules[i];
        error = anchor_module(&anchoring);
    }
    mapped_text_close(&anchoring.texts);
    return error;
}
