/*
 * The set of addresses against a plain array that does the same slowly; and when memory ends.
 */
#include "unit.h"
#include "address_set.h"
#include "os_memory.h"

#include <stdlib.h>

#define MIB ((uintptr_t)1 << 20)

/* Addresses as a state has them: blocks of 1 MiB close together, and large objects with the low bit set. */
static uintptr_t address(unsigned i)
{
    uintptr_t base = (uintptr_t)0x7f0000000000 - i / 2 * MIB;
    return i % 2 == 0 ? base : (base + i * 4096) | 1;
}

static void behaves_like_a_list(void **state)
{
    (void)state;
    enum { ADDRESSES = 6000, STEPS = 200000 };
    static bool in_set[ADDRESSES];
    struct address_set set = {0};
    size_t count = 0;
    srand(1);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)rand() % ADDRESSES;
        /* Mostly growing, then mostly shrinking. */
        if (rand() % 3 < (step < STEPS / 2 ? 2 : 1)) {
            assert_true(address_set_reserve(&set, 1));
            address_set_add(&set, address(i));
            count += !in_set[i];
            in_set[i] = true;
        } else {
            address_set_remove(&set, address(i));
            count -= in_set[i];
            in_set[i] = false;
        }
        assert_int_equal(set.used, count);
        unsigned asked = (unsigned)rand() % ADDRESSES;
        assert_int_equal(address_set_has(&set, address(asked)), in_set[asked]);
    }
    for (unsigned i = 0; i < ADDRESSES; i++)
        assert_int_equal(address_set_has(&set, address(i)), in_set[i]);
    address_set_release(&set);
    assert_int_equal(os_test_mapped_bytes(), 0);
    assert_false(address_set_has(&set, address(0)));
}

/* Without memory it fills up to the last slot but one, and says no then; nothing that was in it is lost. */
static void no_memory(void **state)
{
    (void)state;
    struct address_set set = {0};
    os_test_fail_after(0);
    assert_false(address_set_reserve(&set, 1));
    assert_false(address_set_has(&set, address(1)));
    os_test_fail_after(1);
    unsigned added = 0;
    while (address_set_reserve(&set, 1))
        address_set_add(&set, address(added++));
    assert_int_equal(added, set.slot_count - 1);
    assert_false(address_set_reserve(&set, 2));
    address_set_remove(&set, address(0));
    assert_true(address_set_reserve(&set, 1));
    assert_false(address_set_reserve(&set, 2));
    address_set_add(&set, address(0));
    for (unsigned i = 0; i < added; i++)
        assert_true(address_set_has(&set, address(i)));
    assert_false(address_set_has(&set, address(added)));
    os_test_fail_after(-1);
    assert_true(address_set_reserve(&set, 1));
    for (unsigned i = 0; i < added; i++)
        assert_true(address_set_has(&set, address(i)));
    address_set_release(&set);
    assert_int_equal(os_test_mapped_bytes(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(behaves_like_a_list), cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests_name("runtime address set", tests, NULL, NULL);
}
