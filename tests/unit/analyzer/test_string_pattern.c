/* Patterns of strings: what is kept, what is folded, what is not told. */
#include "unit.h"

#include <string.h>

#include "walk/string_pattern.h"

static void assert_pattern(const char *text, const char *shown, const char *hidden)
{
    unsigned char bytes[PATTERN_TEXT_MAX];
    struct string_pattern pattern;
    size_t length = strlen(text);
    memcpy(bytes, text, length < sizeof(bytes) ? length : sizeof(bytes));
    string_pattern_make(bytes, length, true, &pattern);
    assert_string_equal(pattern.text, shown);
    assert_int_equal(pattern.bytes, strlen(shown));
    string_pattern_make(bytes, length, false, &pattern);
    assert_string_equal(pattern.text, hidden);
}

static void digits_are_folded(void **state)
{
    (void)state;
    assert_pattern("user:4711", "user:%d", "a{4}:%d");
    assert_pattern("GET /users/17/files", "GET /users/%d/files", "a{3} /a{5}/%d/a{5}");
    assert_pattern("item12", "item%d", "a{4}%d");
    assert_pattern("3.14", "%d.%d", "%d.%d");
    assert_pattern("", "", "");
}

static void long_hexadecimal_numbers_are_folded(void **state)
{
    (void)state;
    assert_pattern("etag-9f86d081884c7d65", "etag-%x", "a{4}-%x");
    assert_pattern("9F86D081", "%x", "%x");
    assert_pattern("facade", "facade", "a{6}");
    assert_pattern("defacedbed", "defacedbed", "a{10}");
    assert_pattern("a1", "a%d", "a{1}%d");
}

static void uuids_are_folded(void **state)
{
    (void)state;
    assert_pattern("id=123e4567-e89b-12d3-a456-426614174000;", "id=%u;", "a{2}=%u;");
    assert_pattern("12345678-1234-1234-1234-123456789012", "%u", "%u");
    assert_pattern("12345678-1234", "%d-%d", "%d-%d");
}

static void what_is_random_or_binary_is_not_told(void **state)
{
    (void)state;
    assert_pattern("auth:dGhpcyBpcyBhIHNlY3JldCB0b2tlbg==", "auth:*", "a{4}:*");
    assert_pattern("key:k3j2h5g7x9:more", "key:*:more", "a{3}:*:a{4}");
    assert_pattern("id_k12345f678", "id_*", "a{2}_*");
    assert_pattern("a QmFzZTY0LWVuY29kZWQ/dGV4dA+c29tZQ\n", "a *", "a{1} *");
    assert_pattern("v1beta2", "v%dbeta%d", "a{1}%da{4}%d");
    assert_pattern("frame\001\002\003", "frame*", "a{5}*");
    assert_pattern("caf\xc3\xa9:1", "caf*", "a{3}*");
    assert_pattern("getRequestHeaderByName", "getRequestHeaderByName", "a{22}");
}

static void what_is_long_is_cut(void **state)
{
    (void)state;
    assert_pattern("aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii jjjj kkkk llll mmmm nnnn",
        "aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii *", "a{4} a{4} a{4} a{4} a{4} a{4} a{4} a{4} a{4} *");
}

static void hidden_patterns_have_no_letter_of_the_string(void **state)
{
    (void)state;
    const char *secret = "Password=hunter2; Token zzyzx/QWERTY";
    struct string_pattern pattern;
    string_pattern_make((const unsigned char *)secret, strlen(secret), false, &pattern);
    for (const char *at = pattern.text; *at; at++)
        assert_null(strchr("bcefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWXYZ", *at));
}

static void a_pattern_shortens_to_its_first_separator(void **state)
{
    (void)state;
    struct string_pattern pattern, shorter, shortest;
    string_pattern_make((const unsigned char *)"user:alice:cart", 15, true, &pattern);
    string_pattern_shorten(&pattern, &shorter);
    assert_string_equal(shorter.text, "user:*");
    assert_int_equal(shorter.prefix_bytes, 0);
    string_pattern_make((const unsigned char *)"user:\xff", 6, true, &shortest);
    assert_memory_equal(&shorter, &shortest, sizeof(shorter));
    string_pattern_make((const unsigned char *)"/users", 6, true, &pattern);
    assert_int_equal(pattern.prefix_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_folded),
        cmocka_unit_test(long_hexadecimal_numbers_are_folded),
        cmocka_unit_test(uuids_are_folded),
        cmocka_unit_test(what_is_random_or_binary_is_not_told),
        cmocka_unit_test(what_is_long_is_cut),
        cmocka_unit_test(hidden_patterns_have_no_letter_of_the_string),
        cmocka_unit_test(a_pattern_shortens_to_its_first_separator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
