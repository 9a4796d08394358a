/* Who holds the pools of an nginx made by hand. */
#include "unit.h"

#include "analyze/pool_owners.h"
#include "fake_holders.h"
#include "walk/nginx_pools.h"
#include "walk/reach_doubt.h"

struct scene {
    struct fake_nginx nginx;
    struct fake_holders holders;
    struct nginx_pools pools;
};

static int look(void **state)
{
    static struct scene scene;
    struct nginx_site site;
    struct function_names *names;
    scene = (struct scene){0};
    fake_nginx_start(&scene.nginx, &nginx_cycle_layouts[nginx_cycle_layout_count - 1]);
    fake_holders_add(&scene.nginx, &scene.holders);
    fake_nginx_seal(&scene.nginx);
    const struct capture *capture = &scene.nginx.fake.capture;
    assert_null(locate_nginx_cycle(NULL, capture, &scene.nginx.heap.chunks, &site));
    assert_int_equal(site.cycle.value, scene.nginx.cycle);
    assert_null(function_names_new(NULL, &capture->mappings, &scene.holders.modules, &names));
    assert_null(nginx_pools_walk(capture, &site, &scene.nginx.heap, names, &scene.pools));
    assert_null(scene.pools.damage);
    struct pool_owners_input input = {
        .capture = capture, .modules = &scene.holders.modules, .site = &site, .heap = &scene.nginx.heap, .names = names,
    };
    assert_null(pool_owners_find(&input, &scene.pools));
    function_names_free(names);
    nginx_site_free(&site);
    *state = &scene;
    return 0;
}

static int forget(void **state)
{
    struct scene *scene = *state;
    nginx_pools_release(&scene->pools);
    fake_nginx_free(&scene->nginx);
    return 0;
}

static void assert_held(const struct scene *scene, uint64_t pool, enum pool_kind kind, const char *owner)
{
    for (size_t i = 0; i < scene->pools.count; i++)
        if (scene->pools.pools[i].address.value == pool) {
            assert_string_equal(scene->pools.owners[scene->pools.pools[i].owner].name, owner);
            assert_int_equal(scene->pools.pools[i].kind, kind);
            return;
        }
    fail_msg("no pool at 0x%llx", (unsigned long long)pool);
}

static void configurations_hold(void **state)
{
    const struct scene *scene = *state;
    const struct fake_holders *holders = &scene->holders;
    assert_held(scene, holders->of_main_conf, POOL_MODULE, "ngx_http_core_module.main_conf");
    assert_held(scene, holders->of_location_conf, POOL_MODULE, "ngx_http_core_module.loc_conf");
}

/* Not the main configuration, where an old pointer leads to the middle of the list. */
static void the_head_of_a_list_holds_all_of_it(void **state)
{
    const struct scene *scene = *state;
    for (unsigned i = 0; i < FAKE_LISTED; i++)
        assert_held(scene, scene->holders.of_server_conf[i], POOL_MODULE, "ngx_http_core_module.srv_conf");
}

static void pools_hold_for_their_holder(void **state)
{
    const struct scene *scene = *state;
    assert_held(scene, scene->holders.chained, POOL_MODULE, "ngx_http_core_module.main_conf");
}

static void contexts_and_variables_hold(void **state)
{
    const struct scene *scene = *state;
    assert_held(scene, scene->holders.of_context, POOL_MODULE, "ngx_http_core_module request context");
    assert_held(scene, scene->holders.of_variable, POOL_MODULE, "nginx global near +0x3000");
}

/* Neither what configuring left behind holds anything, nor pools that only hold each other. */
static void the_rest_is_unowned(void **state)
{
    const struct scene *scene = *state;
    assert_held(scene, scene->holders.leaked, POOL_UNOWNED, "unowned, 512-byte blocks");
    assert_held(scene, scene->holders.ring[0], POOL_UNOWNED, "unowned, 512-byte blocks");
    assert_held(scene, scene->holders.ring[1], POOL_UNOWNED, "unowned, 512-byte blocks");
    assert_int_equal(scene->pools.owners[0].kind, POOL_UNOWNED);
    assert_int_equal(scene->pools.owners[0].pools, 3);
    assert_int_equal(scene->pools.owners[0].first_block_bytes, FAKE_KEPT_BYTES);
}

/* A small lower half may be a number beside four stale bytes; only where a block starts it is no accident. */
static void half_a_number_holds_nothing(void **state)
{
    (void)state;
    const struct address_range block = {address(0x7f2affff0010), address(0x7f2b00100000)};
    const struct capture none = {0};
    struct memory_view view = view_of(&none);
    const struct pool_reference half_a_number = {.pointer = address(0x7f2b00005588)};
    const struct pool_reference to_the_middle = {.pointer = address(0x7f2b00025588)};
    const struct pool_reference to_the_start = {.pointer = address(0x7f2b00000010)};
    const struct address_range from_there = {to_the_start.pointer, block.end};
    assert_int_equal(reference_trust(&view, &half_a_number, block, ADDRESS_NONE), REFERENCE_NONE);
    assert_int_equal(reference_trust(&view, &to_the_middle, block, ADDRESS_NONE), REFERENCE_SURE);
    assert_int_equal(reference_trust(&view, &to_the_start, from_there, ADDRESS_NONE), REFERENCE_SURE);
    assert_int_equal(reference_trust(&view, &half_a_number, block, half_a_number.pointer), REFERENCE_SURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_hold),
        cmocka_unit_test(the_head_of_a_list_holds_all_of_it),
        cmocka_unit_test(pools_hold_for_their_holder),
        cmocka_unit_test(contexts_and_variables_hold),
        cmocka_unit_test(the_rest_is_unowned),
        cmocka_unit_test(half_a_number_holds_nothing),
    };
    return cmocka_run_group_tests(tests, look, forget);
}
