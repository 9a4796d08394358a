/* Addresses and sizes from foreign memory: nothing wraps round to a small number. */
#include "unit.h"

#include "base/address.h"
#include "base/size.h"

static void sums_that_wrap_are_no_address(void **state)
{
    (void)state;
    assert_true(address_equal(address_add(address(UINT64_MAX - 8), 16), ADDRESS_NONE));
    assert_true(address_equal(address_subtract(address(8), 16), ADDRESS_NONE));
    assert_true(address_add(address(0x1000), 0x10).value == 0x1010);
}

static void a_range_holds_only_what_lies_wholly_inside(void **state)
{
    (void)state;
    struct address_range range = {address(0x1000), address(0x2000)};
    assert_true(range_holds(range, address(0x1000), 0x1000));
    assert_true(range_holds(range, address(0x2000), 0));
    assert_false(range_holds(range, address(0xfff), 1));
    assert_false(range_holds(range, address(0x1fff), 2));
    assert_false(range_holds(range, address(0x1000), UINT64_MAX));
    assert_int_equal(range_bytes((struct address_range){address(5), address(3)}), 0);
}

static void rounding_saturates(void **state)
{
    (void)state;
    assert_true(round_up(UINT64_MAX - 3, 4096) == (UINT64_MAX & ~(uint64_t)4095));
    assert_int_equal(round_up(4097, 4096), 8192);
    assert_int_equal(round_down(8191, 4096), 4096);
}

static void record_sizes_are_checked(void **state)
{
    (void)state;
    uint64_t bytes = 7;
    assert_false(size_of_records(UINT64_MAX / 2, 24, 0, &bytes));
    assert_false(size_of_records(1, UINT64_MAX, 1, &bytes));
    assert_int_equal(bytes, 7);
    assert_true(size_of_records(10, 24, 64, &bytes));
    assert_int_equal(bytes, 304);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_that_wrap_are_no_address),
        cmocka_unit_test(a_range_holds_only_what_lies_wholly_inside),
        cmocka_unit_test(rounding_saturates),
        cmocka_unit_test(record_sizes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
