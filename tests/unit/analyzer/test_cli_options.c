/* The command line: what is taken, what is refused, and in which words. */
#include "unit.h"

#include <string.h>

#include "cli/options.h"

/* As main() gets them; nothing writes to the texts. */
#define ARGUMENTS(...) ((char **)(uintptr_t)(const char *[]){__VA_ARGS__, NULL})

static void refused(char **arguments, unsigned allowed, enum operand_kind operand, const char *word)
{
    struct cli_options options = {0};
    struct error *error = options_parse(arguments, allowed, operand, &options);
    assert_non_null(error);
    assert_int_equal(error_kind(error), ERROR_USAGE);
    assert_non_null(strstr(error_text(error), word));
    error_free(error);
}

static void a_process_and_options_in_any_order(void **state)
{
    (void)state;
    struct cli_options options = {0};
    unsigned allowed = OPTION_JSON | OPTION_NO_STOP;
    assert_null(options_parse(ARGUMENTS("--json", "12", "--no-stop"), allowed, OPERAND_PID, &options));
    assert_true(options.json && options.no_stop);
    assert_int_equal(options.pid, 12);
}

static void a_zone_stands_behind_a_process_or_beside_a_file(void **state)
{
    (void)state;
    unsigned allowed = OPTION_JSON | OPTION_CORE | OPTION_SNAPSHOT;
    struct cli_options options = {0};
    assert_null(options_parse(ARGUMENTS("12", "--json", "dogs"), allowed, OPERAND_PID_AND_ZONE, &options));
    assert_int_equal(options.pid, 12);
    assert_string_equal(options.zone, "dogs");
    options = (struct cli_options){0};
    assert_null(options_parse(ARGUMENTS("12"), allowed, OPERAND_PID_AND_ZONE, &options));
    assert_null(options.zone);
    options = (struct cli_options){0};
    assert_null(options_parse(ARGUMENTS("77", "--core", "c"), allowed, OPERAND_PID_AND_ZONE, &options));
    assert_int_equal(options.pid, 0);
    assert_string_equal(options.zone, "77");
    refused(ARGUMENTS("dogs"), allowed, OPERAND_PID_AND_ZONE, "'dogs' is not a process id");
    refused(ARGUMENTS("--json"), allowed, OPERAND_PID_AND_ZONE, "which process?");
    refused(ARGUMENTS("1", "a", "b"), allowed, OPERAND_PID_AND_ZONE, "'b' is one too many");
    refused(ARGUMENTS("1", "a", "--snapshot", "s"), allowed, OPERAND_PID_AND_ZONE, "not both");
    refused(ARGUMENTS("--core", "c", "--snapshot", "s"), allowed, OPERAND_PID_AND_ZONE, "not both");
}

static void values_stand_beside_or_behind_an_equals_sign(void **state)
{
    (void)state;
    struct cli_options options = {0};
    assert_null(options_parse(ARGUMENTS("--core", "a"), OPTION_CORE, OPERAND_PID, &options));
    assert_string_equal(options.core_path, "a");
    options = (struct cli_options){0};
    assert_null(options_parse(ARGUMENTS("--core=b"), OPTION_CORE, OPERAND_PID, &options));
    assert_string_equal(options.core_path, "b");
}

static void a_format_stands_behind_an_equals_sign_or_is_text(void **state)
{
    (void)state;
    struct cli_options options = {0};
    assert_null(options_parse(ARGUMENTS("--refs", "7"), OPTION_REFS, OPERAND_PID, &options));
    assert_int_equal(options.refs, REFS_TEXT);
    assert_int_equal(options.pid, 7);
    options = (struct cli_options){0};
    assert_null(options_parse(ARGUMENTS("7", "--refs=svg"), OPTION_REFS, OPERAND_PID, &options));
    assert_int_equal(options.refs, REFS_SVG);
    refused(ARGUMENTS("7", "--refs=png"), OPTION_REFS, OPERAND_PID, "text, folded or svg, not 'png'");
    refused(ARGUMENTS("7", "--refs="), OPTION_REFS, OPERAND_PID, "not ''");
}

static void a_picture_stands_alone(void **state)
{
    (void)state;
    unsigned allowed = OPTION_REFS | OPTION_JSON | OPTION_PINS | OPTION_STRINGS | OPTION_SHOW_STRINGS;
    struct cli_options options = {0};
    refused(ARGUMENTS("7", "--refs=svg", "--json"), allowed, OPERAND_PID, "alone");
    refused(ARGUMENTS("7", "--refs=folded", "--pins"), allowed, OPERAND_PID, "alone");
    refused(ARGUMENTS("7", "--show-strings"), allowed, OPERAND_PID, "goes with --strings");
    assert_null(options_parse(ARGUMENTS("7", "--refs", "--pins", "--json"), allowed, OPERAND_PID, &options));
    assert_true(options.pins && options.json);
}

static void two_moments_or_one_process_twice(void **state)
{
    (void)state;
    unsigned allowed = OPTION_SECONDS | OPTION_JSON;
    struct cli_options options = {0};
    assert_null(options_parse(ARGUMENTS("a.respire", "7"), allowed, OPERAND_MOMENTS, &options));
    assert_int_equal(options.word_count, 2);
    assert_string_equal(options.words[0], "a.respire");
    options = (struct cli_options){0};
    assert_null(options_parse(ARGUMENTS("7", "--seconds=60"), allowed, OPERAND_MOMENTS, &options));
    assert_int_equal(options.seconds, 60);
    refused(ARGUMENTS("7"), allowed, OPERAND_MOMENTS, "which two");
    refused(ARGUMENTS("7", "8", "9"), allowed, OPERAND_MOMENTS, "one too many");
    refused(ARGUMENTS("7", "8", "--seconds", "9"), allowed, OPERAND_MOMENTS, "one process id");
    refused(ARGUMENTS("7", "--seconds", "0"), allowed, OPERAND_MOMENTS, "1 to 604800");
}

static void a_letter_means_what_the_command_has(void **state)
{
    (void)state;
    struct cli_options options = {0};
    assert_null(options_parse(ARGUMENTS("7", "-o", "a.respire", "--show-strings"), OPTION_OUTPUT | OPTION_SHOW_STRINGS,
        OPERAND_PID, &options));
    assert_string_equal(options.output_path, "a.respire");
    assert_true(options.show_strings);
    refused(ARGUMENTS("7", "-o", "a.respire"), OPTION_SET, OPERAND_PID, "NAME=VALUE");
}

static void the_number_of_rows_is_a_number(void **state)
{
    (void)state;
    struct cli_options options = {0};
    assert_null(options_parse(ARGUMENTS("--top", "25", "7"), OPTION_TOP, OPERAND_PID, &options));
    assert_int_equal(options.top, 25);
    refused(ARGUMENTS("7", "--top=0"), OPTION_TOP, OPERAND_PID, "'0'");
    refused(ARGUMENTS("7", "--top=-1"), OPTION_TOP, OPERAND_PID, "'-1'");
    refused(ARGUMENTS("7", "--top=10k"), OPTION_TOP, OPERAND_PID, "'10k'");
    refused(ARGUMENTS("7", "--top=100001"), OPTION_TOP, OPERAND_PID, "100000");
    refused(ARGUMENTS("7", "--top"), OPTION_TOP, OPERAND_PID, "needs N");
}

static void a_program_keeps_its_own_options(void **state)
{
    (void)state;
    struct cli_options options = {0};
    assert_null(options_parse(ARGUMENTS("-o", "log=off", "--", "nginx", "--help"), OPTION_SET | OPTION_HELP,
        OPERAND_COMMAND, &options));
    assert_false(options.help);
    assert_int_equal(options.setting_count, 1);
    assert_string_equal(options.program[0], "nginx");
    assert_string_equal(options.program[1], "--help");
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    refused(ARGUMENTS("12x"), 0, OPERAND_PID, "12x");
    refused(ARGUMENTS("-5"), 0, OPERAND_PID, "-5");
    refused(ARGUMENTS("99999999999"), 0, OPERAND_PID, "99999999999");
    refused(ARGUMENTS("1", "2"), 0, OPERAND_PID, "one process");
    refused(ARGUMENTS("--jsonx", "1"), OPTION_JSON, OPERAND_PID, "--jsonx");
    refused(ARGUMENTS("--core"), OPTION_CORE, OPERAND_PID, "FILE");
    refused(ARGUMENTS("--core", "f", "1"), OPTION_CORE, OPERAND_PID, "not both");
    refused(ARGUMENTS("--snapshot", "f", "1"), OPTION_SNAPSHOT, OPERAND_PID, "not both");
    refused(ARGUMENTS("-o", "nonsense", "true"), OPTION_SET, OPERAND_COMMAND, "NAME=VALUE");
    refused(ARGUMENTS("--"), 0, OPERAND_COMMAND, "which program");
    refused(ARGUMENTS("x"), 0, OPERAND_NONE, "'x'");
}

static void help_is_shown_whatever_else_is_missing(void **state)
{
    (void)state;
    struct cli_options options = {0};
    unsigned allowed = OPTION_HELP | OPTION_STRINGS | OPTION_SHOW_STRINGS | OPTION_CORE | OPTION_SYSROOT;
    assert_null(options_parse(ARGUMENTS("--show-strings", "--help", "--sysroot", "/"), allowed, OPERAND_PID, &options));
    assert_true(options.help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_and_options_in_any_order),
        cmocka_unit_test(a_zone_stands_behind_a_process_or_beside_a_file),
        cmocka_unit_test(values_stand_beside_or_behind_an_equals_sign),
        cmocka_unit_test(a_format_stands_behind_an_equals_sign_or_is_text),
        cmocka_unit_test(a_picture_stands_alone),
        cmocka_unit_test(two_moments_or_one_process_twice),
        cmocka_unit_test(a_letter_means_what_the_command_has),
        cmocka_unit_test(the_number_of_rows_is_a_number),
        cmocka_unit_test(a_program_keeps_its_own_options),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(help_is_shown_whatever_else_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
