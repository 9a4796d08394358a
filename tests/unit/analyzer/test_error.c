/* Errors say what, where and why, keep their kind through every wrap, and never overflow. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

static void wrapping_keeps_kind_and_order(void **state)
{
    (void)state;
    struct error *error = error_errno(ERROR_UNREADABLE, EACCES, "cannot read %s", "maps");
    error = error_wrap(error, "process %d", 12);
    assert_string_equal(error_text(error), "process 12: cannot read maps: Permission denied");
    assert_int_equal(error_kind(error), ERROR_UNREADABLE);
    error_free(error);
}

static void long_texts_are_cut_not_overrun(void **state)
{
    (void)state;
    char name[3000];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    struct error *error = error_wrap(error_new(ERROR_FAILED, "%s", name), "%s", name);
    assert_true(strlen(error_text(error)) < 1024);
    error_free(error);
}

static void no_memory_is_an_error_that_can_be_freed(void **state)
{
    (void)state;
    struct error *error = error_no_memory();
    assert_int_equal(error_kind(error), ERROR_FAILED);
    error_free(error);
    assert_string_equal(error_text(error_no_memory()), error_text(error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrapping_keeps_kind_and_order),
        cmocka_unit_test(long_texts_are_cut_not_overrun),
        cmocka_unit_test(no_memory_is_an_error_that_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
