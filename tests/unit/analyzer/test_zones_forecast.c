/* What zones can still take, against what there is; and which checks changes of the target explain. */
#include "unit.h"

#include "analyze/zones_forecast.h"
#include "base/size.h"
#include "model/checks.h"

#define MIB (1ull << 20)

enum { PAGE = 4096 };

static struct zone_forecast forecast_of(struct memory_now now, struct shared_zone *zones, size_t count)
{
    struct shared_zones all = {.items = zones, .count = count};
    zones_forecast_make(&now, &all);
    return all.forecast;
}

static struct shared_zone zone(uint64_t size_bytes, uint64_t loaded_bytes, uint64_t own_bytes)
{
    return (struct shared_zone){
        .range = {address(0), address(round_up(size_bytes, PAGE))}, .size_bytes = size_bytes,
        .has_residency = true, .loaded_bytes = loaded_bytes, .own_bytes = own_bytes,
    };
}

static void a_page_is_charged_once_and_resident_in_each(void **state)
{
    (void)state;
    struct shared_zone zones[] = {zone(100 * MIB, 60 * MIB, 10 * MIB), zone(PAGE + 1, PAGE, 0)};
    struct memory_now now = {.rss_bytes = 30 * MIB, .available_bytes = 64 * MIB};
    struct zone_forecast forecast = forecast_of(now, zones, 2);
    assert_int_equal(forecast.rss_bytes, 30 * MIB);
    assert_int_equal(forecast.zones_rss_bytes, 10 * MIB);
    assert_int_equal(forecast.rss_grows_by, 90 * MIB + 2 * PAGE);
    assert_int_equal(forecast.memory_needed, 40 * MIB + PAGE);
    assert_false(forecast.has_limit);
    assert_true(forecast.fits);
}

static void machine_and_group_must_both_have_room(void **state)
{
    (void)state;
    struct shared_zone zones[] = {zone(100 * MIB, 60 * MIB, 0)};
    struct memory_now now = {
        .available_bytes = 40 * MIB,
        .limit = {.is_limited = true, .limit_bytes = 50 * MIB, .used_bytes = 10 * MIB, .group = "/a"},
    };
    struct zone_forecast forecast = forecast_of(now, zones, 1);
    assert_true(forecast.fits);
    assert_true(forecast.has_limit);
    assert_string_equal(forecast.limit_name, "/a");
    now.limit.used_bytes++;
    assert_false(forecast_of(now, zones, 1).fits);
    now.limit.used_bytes--;
    now.available_bytes--;
    assert_false(forecast_of(now, zones, 1).fits);
    now.available_bytes++;
    now.limit.used_bytes = 60 * MIB;
    assert_false(forecast_of(now, zones, 1).fits);
}

static void a_core_forecasts_nothing(void **state)
{
    (void)state;
    struct shared_zone zones[] = {{.size_bytes = 100 * MIB, .loaded_bytes = 3 * MIB}};
    struct zone_forecast forecast = forecast_of((struct memory_now){0}, zones, 1);
    assert_int_equal(forecast.memory_needed, 0);
    assert_int_equal(forecast.rss_grows_by, 0);
}

static void changes_explain_what_they_can(void **state)
{
    (void)state;
    struct checks checks = {0};
    checks_add(&checks, "equal", 5, 5);
    checks_add(&checks, "two apart", 5, 7);
    checks_add_in_units(&checks, "two pages apart", 0, 2 * PAGE, PAGE);
    assert_non_null(checks_first_failed(&checks));
    struct checks fewer = checks;
    checks_forgive(&fewer, 1);
    assert_string_equal(checks_first_failed(&fewer)->name, "two apart");
    assert_false(fewer.items[2].ok);
    checks_forgive(&checks, 2);
    assert_null(checks_first_failed(&checks));
    assert_int_equal(checks.items[0].tolerance, 0);
}

static void no_change_explains_nothing(void **state)
{
    (void)state;
    struct checks checks = {0};
    checks_add_in_units(&checks, "apart", 1, 0, UINT64_MAX);
    checks_forgive(&checks, 0);
    assert_non_null(checks_first_failed(&checks));
    checks_forgive(&checks, UINT64_MAX);
    assert_null(checks_first_failed(&checks));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_charged_once_and_resident_in_each),
        cmocka_unit_test(machine_and_group_must_both_have_room),
        cmocka_unit_test(a_core_forecasts_nothing),
        cmocka_unit_test(changes_explain_what_they_can),
        cmocka_unit_test(no_change_explains_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
