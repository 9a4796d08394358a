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

_Static_assert(NGINX_TWO_CONNECTIONS_BYTES >= NGINX_CONNECTION_BYTES_MAX + NGINX_CONNECTION_WRITE + POINTER_BYTES,
    "two connections and what they refer to");

bool nginx_is_connections(const unsigned char *bytes)
{
    uint64_t read = field_u64(bytes, NGINX_CONNECTION_READ) + NGINX_EVENT_BYTES;
    uint64_t write = field_u64(bytes, NGINX_CONNECTION_WRITE) + NGINX_EVENT_BYTES;
    for (unsigned stride = NGINX_CONNECTION_BYTES_MIN; stride <= NGINX_CONNECTION_BYTES_MAX; stride += POINTER_BYTES)
        if (field_u64(bytes, stride + NGINX_CONNECTION_READ) == read
            && field_u64(bytes, stride + NGINX_CONNECTION_WRITE) == write)
            return true;
    return false;
}

enum {
    SAMPLE_MAX = 64,
    SUBREQUEST_LEVELS = 51, /* NGX_HTTP_MAX_SUBREQUESTS + 1 */
    STATE_SHIFT = 1,
    STATE_BITS = 15,
    STATE_READING = 1, /* ngx_http_state_e */
    STATE_LAST = 8,
};

/* A main request names itself as such, and no parent. */
static bool is_main_at(struct memory_view *view, address_t request, uint16_t offset)
{
    const unsigned char *bytes = view_bytes(view, address_add(request, offset), NGINX_REQUEST_PARENT_BEHIND_MAIN + 8);
    return bytes && field_u64(bytes, 0) == request.value && !field_u64(bytes, NGINX_REQUEST_PARENT_BEHIND_MAIN);
}

static bool is_code(const struct capture *capture, uint64_t word)
{
    const struct mapping *mapping = mappings_find(&capture->mappings, address(word));
    return mapping && mapping->executable;
}

static bool fits(struct memory_view *view, address_t main, const struct nginx_request_layout *row)
{
    uint64_t log_handler;
    uint8_t levels, bits;
    if (!view_u64(view, address_add(main, row->log_handler), &log_handler) || !is_code(view->capture, log_handler)
        || !view_u8(view, address_add(main, row->subrequests), &levels)
        || !view_u8(view, address_add(main, row->state), &bits))
        return false;
    unsigned state = bits >> STATE_SHIFT & STATE_BITS;
    return levels == SUBREQUEST_LEVELS && state >= STATE_READING && state <= STATE_LAST;
}

/* A path begins with a slash. */
static bool has_uri(struct memory_view *view, address_t uri)
{
    uint64_t bytes, at;
    uint8_t first;
    return view_u64(view, uri, &bytes) && bytes > 0 && view_u64(view, address_add(uri, sizeof(bytes)), &at)
        && view_u8(view, address(at), &first) && first == '/';
}

struct sample {
    const address_t *requests;
    size_t count, step;
};

static size_t votes_for_row(struct memory_view *view, const struct sample *sample, uint16_t main,
    const struct nginx_request_layout *row)
{
    size_t votes = 0;
    for (size_t i = 0; i < sample->count; i += sample->step)
        votes += is_main_at(view, sample->requests[i], main) && fits(view, address_add(sample->requests[i], main), row);
    return votes;
}

static uint16_t choose_uri(struct memory_view *view, const struct sample *sample, uint16_t main)
{
    uint16_t best = 0;
    size_t best_votes = 0;
    for (size_t row = 0; row < nginx_request_uri_count; row++) {
        uint16_t uri = (uint16_t)(main - nginx_request_uris[row]);
        size_t votes = 0;
        for (size_t i = 0; i < sample->count; i += sample->step)
            votes += is_main_at(view, sample->requests[i], main)
                && has_uri(view, address_add(sample->requests[i], uri));
        if (votes > best_votes) {
            best_votes = votes;
            best = uri;
        }
    }
    return best;
}

struct nginx_request_place nginx_request_place_choose(struct memory_view *view, const address_t *requests,
    size_t count)
{
    const struct sample sample = {requests, count, count / SAMPLE_MAX + 1};
    struct nginx_request_place best = {0};
    size_t best_votes = 0;
    for (uint16_t main = NGINX_REQUEST_MAIN_MIN; main <= NGINX_REQUEST_MAIN_MAX; main += POINTER_BYTES)
        for (size_t row = 0; row < nginx_request_layout_count; row++) {
            size_t votes = votes_for_row(view, &sample, main, &nginx_request_layouts[row]);
            if (votes > best_votes) {
                best_votes = votes;
                best = (struct nginx_request_place){.layout = &nginx_request_layouts[row], .main = main};
            }
        }
    if (best.layout)
        best.uri = choose_uri(view, &sample, best.main);
    return best;
}
