/* Sizes, counts and shares as people read them. */
#include "unit.h"

#include "render/text.h"

static void sizes_have_three_figures_and_a_unit(void **state)
{
    (void)state;
    assert_string_equal(SIZE(0), "0");
    assert_string_equal(SIZE(812), "812 B");
    assert_string_equal(SIZE(608 * 1024), "608 KiB");
    assert_string_equal(SIZE(1536), "1.5 KiB");
    assert_string_equal(SIZE(1024 * 1024), "1.0 MiB");
    assert_string_equal(SIZE(1024 * 1024 - 1), "1.0 MiB");
    assert_string_equal(SIZE((uint64_t)5 << 40), "5.0 TiB");
    assert_string_equal(SIZE(UINT64_MAX), "16.0 EiB");
}

static void counts_are_grouped(void **state)
{
    (void)state;
    assert_string_equal(COUNT(0), "0");
    assert_string_equal(COUNT(999), "999");
    assert_string_equal(COUNT(1000), "1,000");
    assert_string_equal(COUNT(UINT64_MAX), "18,446,744,073,709,551,615");
}

static void a_share_of_nothing_is_no_number(void **state)
{
    (void)state;
    assert_string_equal(SHARE(1, 0), "-");
    assert_string_equal(SHARE(1, 8), "12.5 %");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_three_figures_and_a_unit),
        cmocka_unit_test(counts_are_grouped),
        cmocka_unit_test(a_share_of_nothing_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
