/* Sizes, counts and shares as people read them. */
#include "unit.h"

#include <string.h>

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

static void durations_have_two_figures_and_a_unit(void **state)
{
    (void)state;
    assert_string_equal(DURATION(0), "0.0 s");
    assert_string_equal(DURATION(-3), "-3.0 s");
    assert_string_equal(DURATION(59.9), "60 s");
    assert_string_equal(DURATION(120), "2.0 min");
    assert_string_equal(DURATION(7200), "2.0 h");
    assert_string_equal(DURATION(41 * 86400), "41 days");
}

static void names_are_fit_to_print(void **state)
{
    (void)state;
    assert_string_equal(NAME("package.loaded[\"my.cache\"].items"), "package.loaded[\"my.cache\"].items");
    assert_string_equal(NAME("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    assert_string_equal(NAME("a\x1b[31mb\nc\x7f"), "a?[31mb?c?");
    assert_string_equal(NAME("\xff\xfe\xc0\x80"), "????");        /* no UTF-8 at all, an overlong zero */
    assert_string_equal(NAME("\xc2\x9b" "2J"), "??2J");          /* a control character of the upper range */
    assert_string_equal(NAME("\xed\xa0\x80"), "???");             /* a surrogate */
    assert_string_equal(NAME("\xf4\x90\x80\x80"), "????");        /* beyond the last character */
    assert_string_equal(NAME("\xef\xbf\xbf"), "???");             /* no character */
    assert_string_equal(NAME("\xe2\x82"), "??");                  /* cut in the middle */
}

static void long_names_are_cut(void **state)
{
    (void)state;
    char name[2000];
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = 0;
    char text[NAME_TEXT_BYTES];
    text_name(name, text);
    assert_true(strlen(text) < NAME_TEXT_BYTES);
    assert_string_equal(text + strlen(text) - 4, "x...");
}

static void a_word_takes_its_number(void **state)
{
    (void)state;
    assert_string_equal(NUMBER_OF(1, "object"), "1 object");
    assert_string_equal(NUMBER_OF(0, "object"), "0 objects");
    assert_string_equal(NUMBER_OF(12345, "object"), "12,345 objects");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_three_figures_and_a_unit),
        cmocka_unit_test(counts_are_grouped),
        cmocka_unit_test(a_share_of_nothing_is_no_number),
        cmocka_unit_test(durations_have_two_figures_and_a_unit),
        cmocka_unit_test(names_are_fit_to_print),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(a_word_takes_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
