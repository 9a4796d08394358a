/* The memory of malloc as people read it: the verdict, the order of rows, what is left out. */
#include "unit.h"

#include <string.h>

#include "malloc_model.h"
#include "printed.h"
#include "render/heap_text.h"

static struct process process;

static char *print_of(const char *name, size_t top)
{
    struct heap_report report = {.process = &process, .name = name, .top = top};
    struct printed printed;
    assert_null(heap_rows_make(&process.malloc, top, &report.rows));
    printed_begin(&printed);
    heap_text_print(&report);
    printed_end(&printed);
    heap_rows_free(&report.rows);
    return printed.text;
}

static char *print(size_t top)
{
    return print_of("worker", top);
}

static int make(void **state)
{
    (void)state;
    process = (struct process){.pid = 1234, .has_residency = true, .has_malloc = true};
    malloc_model_make(&process.malloc);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    process_release(&process);
    return 0;
}

static void the_verdict_tells_what_holds_most(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print(10), "1234 worker: malloc holds 856 MiB: 855 MiB used, of which 855 MiB in 2,240 chunks of "
        "256 KiB to 512 KiB; 520 KiB free (444 KiB resident), of which malloc_trim(0) would return 412 KiB\n");
}

static void arenas_stand_main_first(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print(10), "Arenas", "held", "trim\n", "  main ", "855 MiB", "293 KiB", "160 B", "448 B",
        "129 KiB", "412 KiB\n", "  0x7e0000000030 ", "144 B", "2.2 KiB", "0\n", "  mapped ", "980 KiB",
        "1 block with a mapping of its own\n");
}

static void sizes_stand_by_bytes(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print(10), "Most in use", "400,016 ", "2,240", "855 MiB", "99.9 %\n", "1,003,520 ", "48 ", "3",
        "Most free", "300,000 ", "132,000 ", "100,000 ", "64 ", "32 ");
}

static void rows_beyond_the_top_are_summed(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print(1), "  main ", "  (1 other) ", "144 B", "Most in use", "400,016 ", "(others) ", "4",
        "980 KiB", "Most free", "300,000 ", "(others) ", "14", "Largest free chunks", "0x55550000 ", "280 KiB\n");
    char *text = print(1);
    assert_null(strstr(text, "0x55660000"));
    free(text);
}

static void a_core_file_does_not_tell_what_is_resident(void **state)
{
    (void)state;
    process.has_residency = false;
    char *text = print(10);
    assert_null(strstr(text, "malloc_trim"));
    ASSERT_IN_ORDER(text, "free\n", "  main ", "-\n", "0x55550000 ", "-\n");
}

static void other_allocators_are_named(void **state)
{
    (void)state;
    char *text = print(10);
    assert_null(strstr(text, "This is glibc's"));
    free(text);
    process.allocators = 1 << ALLOCATOR_JEMALLOC | 1 << ALLOCATOR_MIMALLOC;
    ASSERT_IN_ORDER(print(10), "also jemalloc and mimalloc, and respire does not look inside");
}

static void a_remedy_is_told_when_it_is_worth_it(void **state)
{
    (void)state;
    char *text = print(10);
    assert_null(strstr(text, "Remedy"));
    free(text);
    process.malloc.trim_bytes = (uint64_t)500 << 20;
    ASSERT_IN_ORDER(print(10), "Remedy: malloc keeps 500 MiB in free pages", "malloc_trim(0)");
}

static void an_empty_malloc_is_told_without_lists(void **state)
{
    (void)state;
    drop(NULL);
    process = (struct process){.pid = 1, .has_residency = true, .malloc = {.layout = "glibc"}};
    char *text = print(10);
    assert_null(strstr(text, "Most"));
    assert_null(strstr(text, "Largest"));
    ASSERT_IN_ORDER(text, "malloc holds 0: 0 used; 0 free (0 resident)");
}

static void an_nginx_has_pools_to_look_at_next(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print_of("nginx", 10), "Next: respire pools 1234 says");
    char *text = print_of("worker", 10);
    assert_null(strstr(text, "respire pools"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_verdict_tells_what_holds_most, make, drop),
        cmocka_unit_test_setup_teardown(an_nginx_has_pools_to_look_at_next, make, drop),
        cmocka_unit_test_setup_teardown(arenas_stand_main_first, make, drop),
        cmocka_unit_test_setup_teardown(sizes_stand_by_bytes, make, drop),
        cmocka_unit_test_setup_teardown(rows_beyond_the_top_are_summed, make, drop),
        cmocka_unit_test_setup_teardown(a_core_file_does_not_tell_what_is_resident, make, drop),
        cmocka_unit_test_setup_teardown(other_allocators_are_named, make, drop),
        cmocka_unit_test_setup_teardown(a_remedy_is_told_when_it_is_worth_it, make, drop),
        cmocka_unit_test_setup_teardown(an_empty_malloc_is_told_without_lists, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
