/* The walk of nginx's pools: one made by hand is told to the byte, and every kind of damage is noticed. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "fake_nginx.h"
#include "walk/nginx_pools.h"

enum { BLOCK = 1024 };

struct fixture {
    struct fake_nginx nginx;
    struct nginx_site site;
    struct nginx_pools pools;
};

static void start(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    fake_nginx_start(&f->nginx, &nginx_cycle_layouts[1]);
}

static void walk(struct fixture *f)
{
    fake_nginx_seal(&f->nginx);
    assert_null(locate_nginx_cycle(NULL, &f->nginx.fake.capture, &f->nginx.heap.chunks, &f->site));
    assert_non_null(f->site.layout.cycle);
    assert_null(nginx_pools_walk(&f->nginx.fake.capture, &f->site, &f->nginx.heap, NULL, &f->pools));
}

static void end(struct fixture *f)
{
    nginx_pools_release(&f->pools);
    nginx_site_free(&f->site);
    fake_nginx_free(&f->nginx);
}

static const struct nginx_pool *find_pool(const struct fixture *f, uint64_t at)
{
    for (size_t i = 0; i < f->pools.count; i++)
        if (f->pools.pools[i].address.value == at)
            return &f->pools.pools[i];
    return NULL;
}

static const struct nginx_pool *pool_at(const struct fixture *f, uint64_t at)
{
    const struct nginx_pool *pool = find_pool(f, at);
    if (!pool) {
        fail_msg("no pool at 0x%llx", (unsigned long long)at);
        abort();
    }
    return pool;
}

static const char *owner_of(const struct fixture *f, const struct nginx_pool *pool)
{
    return f->pools.owners[pool->owner].name;
}

static uint64_t word_at(struct fake_nginx *nginx, uint64_t at)
{
    uint64_t word;
    memcpy(&word, fake_at(nginx, at), sizeof(word));
    return word;
}

static void each_row_of_the_cycle_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < nginx_cycle_layout_count; i++) {
        struct fixture f = {0};
        fake_nginx_start(&f.nginx, &nginx_cycle_layouts[i]);
        walk(&f);
        assert_null(f.pools.damage);
        assert_ptr_equal(f.site.layout.cycle, &nginx_cycle_layouts[i]);
        assert_int_equal(f.site.cycle.value, f.nginx.cycle);
        assert_int_equal(f.site.module_count, 2);
        assert_string_equal(f.site.modules[1].name, "ngx_http_core_module");
        assert_int_equal(f.pools.count, 1);
        assert_int_equal(f.pools.pools[0].kind, POOL_CYCLE);
        assert_int_equal(f.pools.connection_slots, FAKE_CONNECTIONS);
        assert_int_equal(f.pools.connections_in_use, 0);
        assert_int_equal(f.pools.data_count, 3);
        end(&f);
    }
}

static void the_cycle_is_found_without_chunks(void **state)
{
    (void)state;
    struct fixture f;
    struct chunk_map none = {0};
    start(&f);
    fake_nginx_seal(&f.nginx);
    assert_null(locate_nginx_cycle(NULL, &f.nginx.fake.capture, &none, &f.site));
    assert_int_equal(f.site.cycle.value, f.nginx.cycle);
    end(&f);
}

static void sizes_are_told_to_the_byte(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    uint64_t at = fake_pool(&f.nginx, BLOCK);
    fake_palloc(&f.nginx, at, 900);
    uint64_t second = fake_pool_block(&f.nginx, at), third = fake_pool_block(&f.nginx, at);
    put_u64(fake_at(&f.nginx, second + NGINX_POOL_LAST), second + BLOCK - 100);
    put_u64(fake_at(&f.nginx, at + NGINX_POOL_CURRENT), third);
    walk(&f);
    assert_null(f.pools.damage);
    const struct nginx_pool *pool = pool_at(&f, at);
    assert_int_equal(pool->blocks, 3);
    assert_int_equal(pool->block_bytes, 3 * BLOCK);
    assert_int_equal(pool->header_bytes, NGINX_POOL_BYTES + 2 * NGINX_POOL_BLOCK_BYTES);
    assert_int_equal(pool->used_bytes, 900 + BLOCK - 100 - NGINX_POOL_BLOCK_BYTES);
    assert_int_equal(pool->wasted_bytes, BLOCK - NGINX_POOL_BYTES - 900 + 100);
    assert_int_equal(pool->spare_bytes, BLOCK - NGINX_POOL_BLOCK_BYTES);
    assert_int_equal(pool->kind, POOL_UNOWNED);
    assert_string_equal(owner_of(&f, pool), "unowned");
    end(&f);
}

static void large_blocks_and_cleanups_are_told(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    uint64_t at = fake_pool(&f.nginx, BLOCK), block = fake_pool_large(&f.nginx, at, 5000);
    fake_pool_large(&f.nginx, at, 6008);
    uint64_t freed = word_at(&f.nginx, at + NGINX_POOL_LARGE);
    put_u64(fake_at(&f.nginx, freed + NGINX_LARGE_ADDRESS), 0); /* ngx_pfree */
    for (unsigned i = 0; i < 3; i++)
        fake_pool_cleanup(&f.nginx, at, FAKE_CODE + 16);
    fake_pool_cleanup(&f.nginx, at, FAKE_CODE + 32);
    fake_pool_cleanup(&f.nginx, at, 0);
    walk(&f);
    const struct nginx_pool *pool = pool_at(&f, at);
    assert_int_equal(pool->large_count, 1);
    assert_int_equal(f.pools.large[pool->first_large].address.value, block);
    assert_int_equal(pool->large_bytes, 5000);
    assert_int_equal(pool->cleanup_count, 2);
    assert_string_equal(f.pools.names[f.pools.cleanups[pool->first_cleanup].name], "0x30000020");
    assert_int_equal(f.pools.cleanups[pool->first_cleanup + 1].count, 3);
    end(&f);
}

static void requests_and_connections_are_told(void **state)
{
    (void)state;
    static const char *const phases[] = {"post read", "server rewrite", "find config", "rewrite", "post rewrite",
        "preaccess", "access", "post access", "precontent", "content"};
    for (unsigned i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        struct fixture f;
        start(&f);
        uint64_t client = fake_pool(&f.nginx, 512), connection = fake_connection(&f.nginx, client);
        uint64_t at = fake_request(&f.nginx, connection, 40 + i, i);
        walk(&f);
        assert_null(f.pools.damage);
        assert_int_equal(f.pools.connections_in_use, 1);
        assert_string_equal(owner_of(&f, pool_at(&f, client)), "client connections");
        const struct nginx_pool *pool = pool_at(&f, at);
        assert_int_equal(pool->kind, POOL_REQUEST);
        assert_int_equal(pool->request.uri_bytes, 40 + i);
        assert_string_equal(pool->request.state, "processing");
        assert_string_equal(pool->request.phase, phases[i]);
        end(&f);
    }
}

static void what_is_about_to_end_is_told(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    uint64_t kept = fake_pool(&f.nginx, 512), connection = fake_connection(&f.nginx, kept);
    uint64_t ending = fake_request(&f.nginx, connection, 40, 1);
    put_u64(fake_at(&f.nginx, ending + NGINX_POOL_BYTES + NGINX_REQUEST_POOL), 0);
    uint64_t closed = fake_pool(&f.nginx, 512), log = fake_palloc(&f.nginx, closed, 80);
    uint64_t leaked = fake_pool(&f.nginx, 512);
    put_u64(fake_at(&f.nginx, closed + NGINX_POOL_LOG), log);
    uint64_t first_free = word_at(&f.nginx, f.nginx.cycle + f.nginx.layout->free_connections);
    put_u64(fake_at(&f.nginx, first_free + NGINX_CONNECTION_LISTENING), FAKE_DATA);
    put_u64(fake_at(&f.nginx, first_free + NGINX_CONNECTION_POOL), closed);
    put_u64(fake_at(&f.nginx, first_free + NGINX_CONNECTION_LOG), log);
    walk(&f);
    assert_null(f.pools.damage);
    assert_int_equal(pool_at(&f, ending)->kind, POOL_REQUEST);
    assert_int_equal(pool_at(&f, closed)->kind, POOL_CONNECTION);
    assert_int_equal(pool_at(&f, leaked)->kind, POOL_UNOWNED);
    assert_int_equal(f.pools.connections_in_use, 1);
    end(&f);
}

/* A pool leaked where that of a closed connection was has another log. */
static void a_leaked_pool_is_not_that_of_a_closed_connection(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    uint64_t leaked = fake_pool(&f.nginx, 512);
    uint64_t first_free = word_at(&f.nginx, f.nginx.cycle + f.nginx.layout->free_connections);
    put_u64(fake_at(&f.nginx, first_free + NGINX_CONNECTION_LISTENING), FAKE_DATA);
    put_u64(fake_at(&f.nginx, first_free + NGINX_CONNECTION_POOL), leaked);
    put_u64(fake_at(&f.nginx, first_free + NGINX_CONNECTION_LOG), leaked + NGINX_POOL_BYTES);
    walk(&f);
    assert_int_equal(pool_at(&f, leaked)->kind, POOL_UNOWNED);
    end(&f);
}

static void old_cycles_are_told_apart(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    uint64_t newer = fake_cycle(&f.nginx, f.nginx.cycle);
    walk(&f);
    assert_int_equal(f.site.cycle.value, f.nginx.cycle); /* a global refers to it: the newer one is not in force yet */
    assert_int_equal(f.site.old_cycle_count, 1);
    assert_int_equal(pool_at(&f, newer)->kind, POOL_OLD_CYCLE);
    assert_int_equal(f.pools.connection_slots, FAKE_CONNECTIONS);
    end(&f);
}

/* What is no pool, though it has been one, or looks like one. */
static void expect_no_pool(void (*damage)(struct fake_nginx *nginx, uint64_t pool))
{
    struct fixture f;
    start(&f);
    uint64_t at = fake_pool(&f.nginx, BLOCK);
    fake_pool_block(&f.nginx, at);
    fake_pool_large(&f.nginx, at, 5000);
    fake_pool_cleanup(&f.nginx, at, FAKE_CODE);
    damage(&f.nginx, at);
    walk(&f);
    assert_null(f.pools.damage);
    assert_null(find_pool(&f, at));
    assert_int_equal(f.pools.count, 1);
    assert_int_equal(f.pools.large_count, 0);
    assert_int_equal(f.pools.cleanup_count, 0);
    end(&f);
}

static void last_behind_end(struct fake_nginx *nginx, uint64_t pool)
{
    put_u64(fake_at(nginx, pool + NGINX_POOL_LAST), pool + BLOCK + 1);
}

static void end_behind_chunk(struct fake_nginx *nginx, uint64_t pool)
{
    put_u64(fake_at(nginx, pool + NGINX_POOL_END), pool + BLOCK + 16);
    put_u64(fake_at(nginx, pool + NGINX_POOL_MAX), BLOCK + 16 - NGINX_POOL_BYTES);
}

static void wrong_max(struct fake_nginx *nginx, uint64_t pool)
{
    put_u64(fake_at(nginx, pool + NGINX_POOL_MAX), BLOCK);
}

static void current_elsewhere(struct fake_nginx *nginx, uint64_t pool)
{
    put_u64(fake_at(nginx, pool + NGINX_POOL_CURRENT), nginx->pool);
}

static void next_in_a_circle(struct fake_nginx *nginx, uint64_t pool)
{
    uint64_t next = word_at(nginx, pool + NGINX_POOL_NEXT);
    put_u64(fake_at(nginx, next + NGINX_POOL_NEXT), next);
}

static void next_of_another_size(struct fake_nginx *nginx, uint64_t pool)
{
    uint64_t next = word_at(nginx, pool + NGINX_POOL_NEXT);
    put_u64(fake_at(nginx, next + NGINX_POOL_END), next + BLOCK - 8);
}

static void large_inside_a_chunk(struct fake_nginx *nginx, uint64_t pool)
{
    uint64_t node = word_at(nginx, pool + NGINX_POOL_LARGE);
    put_u64(fake_at(nginx, node + NGINX_LARGE_ADDRESS), pool + 256);
}

static void large_in_a_circle(struct fake_nginx *nginx, uint64_t pool)
{
    uint64_t node = word_at(nginx, pool + NGINX_POOL_LARGE);
    put_u64(fake_at(nginx, node + NGINX_LARGE_NEXT), node);
}

static void cleanup_in_a_circle(struct fake_nginx *nginx, uint64_t pool)
{
    uint64_t node = word_at(nginx, pool + NGINX_POOL_CLEANUP);
    put_u64(fake_at(nginx, node + NGINX_CLEANUP_NEXT), node);
}

static void nowhere(struct fake_nginx *nginx, uint64_t pool)
{
    put_u64(fake_at(nginx, pool + NGINX_POOL_LOG), 0x7777000);
}

static void what_contradicts_itself_is_no_pool(void **state)
{
    (void)state;
    expect_no_pool(last_behind_end);
    expect_no_pool(end_behind_chunk);
    expect_no_pool(wrong_max);
    expect_no_pool(current_elsewhere);
    expect_no_pool(next_in_a_circle);
    expect_no_pool(next_of_another_size);
    expect_no_pool(large_inside_a_chunk);
    expect_no_pool(large_in_a_circle);
    expect_no_pool(cleanup_in_a_circle);
    expect_no_pool(nowhere);
}

static void expect_damage(struct fixture *f, const char *text)
{
    walk(f);
    assert_non_null(f->pools.damage);
    if (!strstr(error_text(f->pools.damage), text))
        fail_msg("\"%s\" is not in: %s", text, error_text(f->pools.damage));
    end(f);
}

static void a_block_in_two_pools_is_damage(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    uint64_t one = fake_pool(&f.nginx, BLOCK), block = fake_pool_block(&f.nginx, one);
    uint64_t other = fake_pool(&f.nginx, BLOCK);
    put_u64(fake_at(&f.nginx, other + NGINX_POOL_NEXT), block);
    expect_damage(&f, "no block in two pools");
}

static void a_connection_whose_pool_is_gone_is_damage(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    fake_connection(&f.nginx, fake_malloc(&f.nginx, 512));
    expect_damage(&f, "pools of connections that are none");
}

static void a_request_on_a_free_connection_is_damage(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    uint64_t connection = fake_connection(&f.nginx, fake_pool(&f.nginx, 512));
    uint64_t request = fake_request(&f.nginx, connection, 40, 1) + NGINX_POOL_BYTES;
    put_u64(fake_at(&f.nginx, request + NGINX_REQUEST_CONNECTION), connection + FAKE_CONNECTION_BYTES);
    expect_damage(&f, "requests on free connections");
}

static void a_broken_list_of_free_connections_is_damage(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    put_u64(fake_at(&f.nginx, f.nginx.connections + FAKE_CONNECTION_BYTES), f.nginx.connections);
    expect_damage(&f, "the list of free connections breaks off");
    start(&f);
    put_u64(fake_at(&f.nginx, f.nginx.connections + FAKE_CONNECTION_BYTES), 0);
    expect_damage(&f, "free connections = counted");
}

static void a_foreign_malloc_is_told(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    f.nginx.heap.layout = NULL;
    expect_damage(&f, "malloc is not glibc's");
}

static void a_process_without_cycle_is_no_nginx(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    fake_nginx_seal(&f.nginx);
    put_u64(fake_at(&f.nginx, f.nginx.cycle + NGINX_CYCLE_POOL), f.nginx.pool + 16);
    assert_null(locate_nginx_cycle(NULL, &f.nginx.fake.capture, &f.nginx.heap.chunks, &f.site));
    assert_null(f.site.layout.cycle);
    end(&f);
}

static void modules_of_two_builds_are_none(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    fake_nginx_seal(&f.nginx);
    uint64_t list = word_at(&f.nginx, f.nginx.cycle + f.nginx.layout->modules);
    uint64_t module = word_at(&f.nginx, list + sizeof(uint64_t));
    put_u64(fake_at(&f.nginx, module + NGINX_MODULE_VERSION), 1018000);
    assert_null(locate_nginx_cycle(NULL, &f.nginx.fake.capture, &f.nginx.heap.chunks, &f.site));
    assert_null(f.site.layout.cycle);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_cycle_is_found),
        cmocka_unit_test(the_cycle_is_found_without_chunks),
        cmocka_unit_test(sizes_are_told_to_the_byte),
        cmocka_unit_test(large_blocks_and_cleanups_are_told),
        cmocka_unit_test(requests_and_connections_are_told),
        cmocka_unit_test(what_is_about_to_end_is_told),
        cmocka_unit_test(a_leaked_pool_is_not_that_of_a_closed_connection),
        cmocka_unit_test(old_cycles_are_told_apart),
        cmocka_unit_test(what_contradicts_itself_is_no_pool),
        cmocka_unit_test(a_block_in_two_pools_is_damage),
        cmocka_unit_test(a_connection_whose_pool_is_gone_is_damage),
        cmocka_unit_test(a_request_on_a_free_connection_is_damage),
        cmocka_unit_test(a_broken_list_of_free_connections_is_damage),
        cmocka_unit_test(a_foreign_malloc_is_told),
        cmocka_unit_test(a_process_without_cycle_is_no_nginx),
        cmocka_unit_test(modules_of_two_builds_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
