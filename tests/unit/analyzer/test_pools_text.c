/* nginx's pools as people read them: leak suspects first, and the verdict of those. */
#include "unit.h"

#include <string.h>

#include "malloc_model.h"
#include "printed.h"
#include "render/pools_text.h"

static struct process process;

static char *print(size_t owners, size_t list)
{
    struct pools_report report = {.process = &process, .name = "nginx"};
    struct printed printed;
    assert_null(pool_rows_make(&process.pools, owners, list, &report.rows));
    printed_begin(&printed);
    pools_text_print(&report);
    printed_end(&printed);
    pool_rows_free(&report.rows);
    return printed.text;
}

static int make(void **state)
{
    (void)state;
    process = (struct process){.pid = 1234, .has_residency = true, .has_pools = true};
    pools_model_make(&process.pools);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    process_release(&process);
    return 0;
}

static void unowned_pools_come_first(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print(10, 0), "1234 nginx: unowned: 1 pool holds 8 KiB: nothing that lives refers to it; all ",
        "Who holds them", "unowned, 4096-byte blocks", "requests", "sum", "Nothing refers to these",
        "1 pool, 8 KiB, at 0x5000 to 0x5000", "points to ngx_http_x_handler", "512 connections, 3 in use",
        "Structures of nginx 1.20 to 1.30.");
}

static void without_unowned_ones_the_largest_holder_is_told(void **state)
{
    (void)state;
    process.pools.pools[0].kind = process.pools.owners[0].kind = POOL_MODULE;
    char *text = print(10, 0);
    assert_null(strstr(text, "Nothing refers"));
    ASSERT_IN_ORDER(text, "none without an owner; most is held by ");
}

static void owners_beyond_the_limit_are_one_row(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print(1, 0), "unowned, 4096-byte blocks", "(1 other)", "sum");
}

static void the_list_tells_of_each_pool(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print(10, 10), "Each pool", "0x5000 unowned", "0x9000 requests",
        "request: URI of 77 bytes, processing, access phase", "large: ",
        "cleanup: ngx_http_x_cleanup ngx_close_file x 4");
    ASSERT_IN_ORDER(print(10, 1), "Each pool", "0x5000 unowned", "(1 other)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unowned_pools_come_first, make, drop),
        cmocka_unit_test_setup_teardown(without_unowned_ones_the_largest_holder_is_told, make, drop),
        cmocka_unit_test_setup_teardown(owners_beyond_the_limit_are_one_row, make, drop),
        cmocka_unit_test_setup_teardown(the_list_tells_of_each_pool, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
