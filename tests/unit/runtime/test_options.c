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
    assert_int_equal(options->idle_gc_ms, 50);
    assert_int_equal(options->table_log, 4096);
    assert_int_equal(options->goal_bytes, 0);
    assert_int_equal(options->goal_percent_of_cgroup, 90);
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
        assert_non_null(strstr(said, "; it stays "));
        assert_null(strchr(said, '\n'));
    }
    parse("decay_ms=5");
    assert_string_equal(said,
                        "RESPIRE_OPTIONS: decay_ms must be 500 to 3600000, not \"5\"; it stays 1000");
}

static void wrong_names(void **state)
{
    (void)state;
    struct options options = parse("decay=1000");
    assert_defaults(&options);
    assert_int_equal(complaints, 1);
    assert_string_equal(said,
                        "RESPIRE_OPTIONS: there is no option \"decay\"; the options are decay_ms background idle_gc_ms "
                                  "goal_bytes goal_percent_of_cgroup "
                                  "table_log log");
    options = parse("decay_msx=1,=5,nonsense,decay_ms=700");
    assert_int_equal(complaints, 3);
    assert_int_equal(options.decay_ms, 700);
}

/* Each option by its name alone: a wrong one changes nothing, and what one gets one can set. */
static void one_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        enum option_kind kind;
    } good[] = {{"decay_ms", "2500", INTEGER}, {"background", "off", SWITCH}, {"log", "/tmp/a,b=c", DESTINATION}};
    struct options options, again;
    char sentence[OPTION_SENTENCE_BYTES], value[OPTION_VALUE_BYTES];
    options_set_defaults(&options);
    options_set_defaults(&again);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        enum option_kind kind;
        assert_true(options_set(&options, good[i].name, good[i].value, sentence));
        assert_true(options_get(&options, good[i].name, value, &kind, sentence));
        assert_string_equal(value, good[i].value);
        assert_int_equal(kind, good[i].kind);
        assert_true(options_set(&again, good[i].name, value, sentence));
    }
    assert_memory_equal(&options, &again, sizeof(options));
    enum option_kind kind;
    assert_false(options_set(&options, "decay_ms", "5", sentence));
    assert_string_equal(sentence, "decay_ms must be 500 to 3600000, not \"5\"; it stays 2500");
    assert_false(options_set(&options, "decay", "1000", sentence));
    assert_string_equal(sentence, "there is no option \"decay\"; the options are decay_ms background idle_gc_ms "
                                  "goal_bytes goal_percent_of_cgroup "
                                  "table_log log");
    assert_false(options_get(&options, "", value, &kind, sentence));
    assert_memory_equal(&options, &again, sizeof(options));
}

/* What the user gave is quoted, and still the complaint is one line of limited length. */
static void hostile_text(void **state)
{
    (void)state;
    struct options options;
    char sentence[OPTION_SENTENCE_BYTES];
    char text[5000];
    memset(text, '\n', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    options_set_defaults(&options);
    assert_false(options_set(&options, text, text, sentence));
    assert_null(strchr(sentence, '\n'));
    assert_non_null(strstr(sentence, "the options are decay_ms"));
    assert_false(options_set(&options, "log", text, sentence));
    assert_null(strchr(sentence, '\n'));
    assert_non_null(strstr(sentence, "it stays off"));
    assert_defaults(&options);
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
        cmocka_unit_test(wrong_names),   cmocka_unit_test(one_by_one),  cmocka_unit_test(hostile_text),
        cmocka_unit_test(too_long),
    };
    return cmocka_run_group_tests_name("runtime options", tests, NULL, NULL);
}
