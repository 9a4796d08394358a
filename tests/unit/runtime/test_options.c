/*
 * RESPIRE_OPTIONS: what is right is obeyed, what is wrong is one sentence and changes nothing.
 */
#include "unit.h"
#include "options.h"

#include <string.h>

static char said[1024];
static unsigned complaints;

static void remember(const char *sentence)
{
    complaints++;
    strncpy(said, sentence, sizeof(said) - 1);
}

static struct options parse(const char *text)
{
    struct options options;
    complaints = 0;
    said[0] = '\0';
    options_set_defaults(&options);
    options_parse(&options, text, remember);
    return options;
}

static void assert_defaults(const struct options *options)
{
    assert_int_equal(options->decay_ms, 1000);
    assert_int_equal(options->background, 1);
    assert_string_equal(options->log, "off");
}

static void nothing_given(void **state)
{
    (void)state;
    static const char *const texts[] = {NULL, "", ",", ",,,"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct options options = parse(texts[i]);
        assert_defaults(&options);
        assert_int_equal(complaints, 0);
    }
}

static void good_values(void **state)
{
    (void)state;
    struct options options = parse("decay_ms=2500,background=off,log=/tmp/x.log");
    assert_int_equal(complaints, 0);
    assert_int_equal(options.decay_ms, 2500);
    assert_int_equal(options.background, 0);
    assert_string_equal(options.log, "/tmp/x.log");
    options = parse(",background=on,,decay_ms=500,");
    assert_int_equal(complaints, 0);
    assert_int_equal(options.decay_ms, 500);
    assert_int_equal(parse("decay_ms=3600000").decay_ms, 3600000);
    assert_int_equal(complaints, 0);
}

static void wrong_values(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "decay_ms=499",  "decay_ms=3600001", "decay_ms=-1",       "decay_ms=+1000",
        "decay_ms=1000x", "decay_ms=",       "decay_ms",          "decay_ms=99999999999999999999",
        "decay_ms= 1000", "background=yes",  "background=",       "background",
        "log=",          "log",              "decay_ms=0x1000",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct options options = parse(texts[i]);
        assert_defaults(&options);
        assert_int_equal(complaints, 1);
        assert_non_null(strstr(said, "the default, "));
        assert_null(strchr(said, '\n'));
    }
    parse("decay_ms=5");
    assert_string_equal(said,
                        "RESPIRE_OPTIONS: decay_ms must be 500 to 3600000, not \"5\"; the default, 1000, is used");
}

static void wrong_names(void **state)
{
    (void)state;
    struct options options = parse("decay=1000");
    assert_defaults(&options);
    assert_int_equal(complaints, 1);
    assert_string_equal(said,
                        "RESPIRE_OPTIONS: there is no option \"decay\"; the options are decay_ms background log");
    options = parse("decay_msx=1,=5,nonsense,decay_ms=700");
    assert_int_equal(complaints, 3);
    assert_int_equal(options.decay_ms, 700);
}

static void too_long(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memcpy(text, "log=", 4);
    struct options options = parse(text);
    assert_defaults(&options);
    assert_int_equal(complaints, 1);
    text[255] = ',';
    memcpy(text + 256, "decay_ms=600", 13);
    options = parse(text);
    assert_int_equal(complaints, 0);
    assert_int_equal(options.decay_ms, 600);
    assert_int_equal(strlen(options.log), 251);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given), cmocka_unit_test(good_values), cmocka_unit_test(wrong_values),
        cmocka_unit_test(wrong_names),   cmocka_unit_test(too_long),
    };
    return cmocka_run_group_tests_name("runtime options", tests, NULL, NULL);
}
