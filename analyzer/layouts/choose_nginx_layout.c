#include "layouts/choose_nginx_layout.h"

enum {
    LISTENING_BYTES_MIN = 100, /* sizeof(ngx_listening_t), roughly */
    LISTENING_BYTES_MAX = 1000,
    POINTER_BYTES = 8,
    MODULES_MAX = 4096,
    CONNECTIONS_MAX = 1 << 24,
};

static bool is_array_of(const unsigned char *array, uint64_t pool, uint64_t item_bytes_min, uint64_t item_bytes_max)
{
    uint64_t item_bytes = field_u64(array, NGINX_ARRAY_ITEM_BYTES);
    return field_u64(array, NGINX_ARRAY_POOL) == pool && item_bytes >= item_bytes_min && item_bytes <= item_bytes_max
        && field_u64(array, NGINX_ARRAY_COUNT) <= field_u64(array, NGINX_ARRAY_CAPACITY);
}

static bool describes(const struct nginx_cycle_layout *row, const unsigned char *cycle)
{
    uint64_t pool = field_u64(cycle, NGINX_CYCLE_POOL), modules = field_u64(cycle, row->module_count);
    return is_array_of(cycle + row->listening, pool, LISTENING_BYTES_MIN, LISTENING_BYTES_MAX)
        && is_array_of(cycle + row->paths, pool, POINTER_BYTES, POINTER_BYTES)
        && field_u64(cycle, row->open_files + NGINX_LIST_POOL) == pool
        && field_u64(cycle, row->shared_memory + NGINX_LIST_POOL) == pool
        && field_u64(cycle, row->shared_memory + NGINX_LIST_ITEM_BYTES) == NGINX_ZONE_BYTES
        && modules > 0 && modules < MODULES_MAX && field_u64(cycle, row->connection_count) < CONNECTIONS_MAX;
}

const struct nginx_cycle_layout *nginx_cycle_layout_choose(struct memory_view *view, address_t cycle)
{
    const struct nginx_cycle_layout *chosen = NULL;
    for (size_t i = 0; i < nginx_cycle_layout_count; i++) {
        const struct nginx_cycle_layout *row = &nginx_cycle_layouts[i];
        const unsigned char *bytes = view_bytes(view, cycle, row->bytes);
        if (!bytes || !describes(row, bytes))
            continue;
        if (chosen)
            return NULL;
        chosen = row;
    }
    return chosen;
}

/* The second connection must refer to the second event of either kind. */
uint16_t nginx_connection_bytes(struct memory_view *view, address_t cycle, const struct nginx_cycle_layout *layout)
{
    const unsigned char *bytes = view_bytes(view, cycle, layout->bytes);
    if (!bytes || field_u64(bytes, layout->connection_count) < 2)
        return 0;
    address_t connections = address(field_u64(bytes, layout->connections));
    uint64_t read = field_u64(bytes, layout->read_events) + NGINX_EVENT_BYTES;
    uint64_t write = field_u64(bytes, layout->write_events) + NGINX_EVENT_BYTES;
    for (uint16_t stride = NGINX_CONNECTION_BYTES_MIN; stride <= NGINX_CONNECTION_BYTES_MAX; stride += POINTER_BYTES) {
        const unsigned char *second = view_bytes(view, address_add(connections, stride), NGINX_CONNECTION_BYTES_MIN);
        if (second && field_u64(second, NGINX_CONNECTION_READ) == read
            && field_u64(second, NGINX_CONNECTION_WRITE) == write)
            return stride;
    }
    return 0;
}
