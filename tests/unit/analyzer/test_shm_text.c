/* Shared zones as people and programs read them: verdict, warning, rows, the inside of one, and what is hidden. */
#include "unit.h"

#include <string.h>

#include "printed.h"
#include "render/shm_json.h"
#include "render/shm_text.h"
#include "zones_model.h"

enum { COLUMNS = 100 };

static struct process process;

static char *print_report(const struct shm_report *report)
{
    struct printed printed;
    printed_begin(&printed);
    shm_text_print(report);
    printed_end(&printed);
    return printed.text;
}

static char *print(void)
{
    return print_report(&(struct shm_report){.process = &process, .name = "nginx", .top = 10});
}

static char *print_zone(bool show_strings)
{
    return print_report(&(struct shm_report){.process = &process, .name = "nginx", .only = &process.zones.items[0],
        .show_strings = show_strings, .top = 10});
}

static void assert_without(char *text, const char *what)
{
    if (strstr(text, what))
        fail_msg("\"%s\" is in:\n%s", what, text);
    free(text);
}

static int make(void **state)
{
    (void)state;
    process = (struct process){.pid = 1234, .has_residency = true, .has_zones = true};
    zones_model_make(&process.zones);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    process_release(&process);
    return 0;
}

static void the_verdict_tells_what_zones_have_and_will_have(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print(), "1234 nginx: 41.0 MiB resident, 38.0 MiB (92.7 %) in 3 shared zones; "
        "63.0 MiB more when they fill\nThat fits: pages nobody has touched yet take 62.0 MiB; 2.0 GiB of memory are "
        "available.\nControl group /system.slice/nginx.service has 400 MiB left of its 512 MiB.\n"
        "No room was found in sessions 77 times, since each was made.\n");
}

static void what_does_not_fit_is_a_warning_with_a_remedy(void **state)
{
    (void)state;
    process.zones.forecast.fits = false;
    process.zones.forecast.limit_used_bytes = (uint64_t)600 << 20;
    ASSERT_IN_ORDER(print(), "WARNING: does not fit: pages nobody has touched yet take 62.0 MiB; ", "has 0 left of its "
        "512 MiB.", "Remedy: make zones smaller");
    assert_without(print(), "no leak");
}

static void growth_to_come_is_told_to_be_no_leak(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print(), "up to 104 MiB is zones that fill, and no leak");
    process.zones.forecast.rss_grows_by = process.zones.forecast.memory_needed = 0;
    assert_without(print(), "no leak");
    ASSERT_IN_ORDER(print(), "Every page of every zone is in memory already.\n");
}

static void each_zone_has_a_row(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print(), "Zones", "loaded unloaded", "kind\n",
        "  sessions           100 MiB 38.0 MiB 62.0 MiB 20.0 MiB    300,500  120,000      77  lua_shared_dict\n",
        "  gone               1.0 MiB   16 KiB 1008 KiB        0          -        -       -  ?\n",
        "  nginx_shared_zone    896 B    4 KiB        0    4 KiB          -        -       -  counters\n",
        "  sum                101 MiB 38.0 MiB 63.0 MiB 20.0 MiB\n");
}

static void what_rows_cannot_say_stands_below(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print(), "\nsessions was in use meanwhile: its counts are right within 4 changes.\n",
        "\nsessions: 1 process of this nginx has another generation of it, 5.0 MiB loaded:\n",
        "\ngone was not understood: its pages form a ring\n", "\ngone: 8 KiB of it is in swap.\n");
}

static void a_core_file_does_not_tell_what_is_resident(void **state)
{
    (void)state;
    process.has_residency = false;
    for (size_t i = 0; i < process.zones.count; i++)
        process.zones.items[i].has_residency = false;
    ASSERT_IN_ORDER(print(), "1234 nginx: 3 shared zones, 101 MiB by configuration\n",
        "  sessions           100 MiB        -        -        -    300,500 ");
    ASSERT_IN_ORDER(print(), "Next: respire shm --core FILE ZONE says");
    assert_without(print(), "fits");
    assert_without(print(), "no leak");
    assert_without(print_zone(false), "MiB loaded,");
    assert_without(print_zone(false), "loaded already");
}

static void the_inside_of_a_zone_tells_pages_and_slabs(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print_zone(false), "1234 nginx: sessions: 100 MiB, 38.0 MiB loaded, 62.5 MiB free; 300,500 "
        "entries, 120,000 expired\n", "lua_shared_dict of ngx_http_lua_module, at 0x7f0000000000\nmade "
        "2023-11-14 22:13:20 UTC, 2.0 h before this process, kept over a reload; in 3 processes\n",
        "slabs below 64 B ", " 1 ", "slabs of 64 B ", " 40 ", "larger slabs ", "9,400 ", "given out whole ", " 9 ",
        "in 2 allocations\n", "  free ",
        "16,000 ", "in 3 runs\n", "sum", "25,450", "free, and loaded already ", "12 ", "largest free run ", "15,990 ",
        "the pool's books ", "600 KiB", "\n  32 B ", " 2 ", " 126 ", "\n  128 B ", "300,501 ", " 77 ",
        "  sum                     300,903        2,585\n  1 of those used holds the bitmap of its own page; nginx's "
        "statistics leave it out and say 300,902.\n");
}

static void entries_are_told_by_type_size_and_time(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print_zone(false), "By type of value", "  number ", "300,000 ", "4.9 MiB", "99.8 %\n", "  list ",
        "2,000 items of 58.6 KiB in lists\n", "By size", "16 B .. 32 B ", "128 B .. 256 B ", "By time left",
        "  expired ", "120,000", "39.9 %", "  below 60 min ", "180,000", "  for ever ", "500");
}

static void keys_are_shown_only_when_asked_for(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print_zone(false), "  used last ", "9 B ", "8 B", "number", "expires in 59 min\n",
        "  next to be evicted ", "expired 2.0 h ago\n", "  largest ", "400 B", "list", "never expires\n");
    assert_without(print_zone(false), "token:");
    assert_without(print_zone(false), "queue:");
    ASSERT_IN_ORDER(print_zone(true), "token:ada\n", "token:bob\n", "queue:mail\n", "queue:audit\n");
}

static void no_memory_is_explained(void **state)
{
    (void)state;
    ASSERT_IN_ORDER(print_zone(false), "the largest allocation that would succeed now: 62.5 MiB\n",
        "  176 KiB are in free slabs, each for an allocation of its own size alone\n",
        "safe_set() could store now: 65,494,900 bytes\n", "an entry takes 68 bytes", "3,700 pages (14.5 MiB) more "
        "would be free\n", "  64 B slabs pin 124 KiB: 310 slabs in use on 31 pages", "checks hold",
        "Remedy: ngx.shared.sessions:flush_expired() frees", "Where no room is found",
        "A page serves slabs of one size");
    assert_without(print_zone(false), "32 B slabs pin");
}

static void assert_narrow(char *text)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (strlen(line) > COLUMNS)
            fail_msg("%zu columns: %s", strlen(line), line);
    free(text);
}

static void lines_fit_a_terminal(void **state)
{
    (void)state;
    assert_narrow(print());
    assert_narrow(print_zone(true));
    process.zones.forecast.fits = false;
    assert_narrow(print());
}

static void a_document_hides_keys_and_numbers_that_are_not_known(void **state)
{
    (void)state;
    struct shm_report report = {.process = &process, .name = "nginx", .top = 1};
    json_t *document = json_shm(&report);
    assert_non_null(document);
    json_t *zones = json_object_get(document, "zones"), *sessions = json_array_get(zones, 0);
    json_t *dict = json_object_get(sessions, "dict"), *damaged = json_array_get(zones, 1), *forecast, *share;
    assert_int_equal(json_array_size(zones), 3);
    assert_int_equal(json_array_size(json_object_get(dict, "largest")), 1);
    assert_true(json_is_null(json_object_get(json_object_get(dict, "newest"), "key")));
    assert_true(json_is_null(json_object_get(damaged, "slabs")));
    assert_true(json_is_null(json_object_get(damaged, "entries")));
    assert_string_equal(json_string_value(json_object_get(damaged, "damage")), "its pages form a ring");
    forecast = json_object_get(document, "forecast");
    share = json_object_get(forecast, "zones_share");
    assert_true(json_real_value(share) > 0.926 && json_real_value(share) < 0.927);
    json_t *check = json_array_get(json_object_get(document, "checks"), 0);
    assert_string_equal(json_string_value(json_object_get(check, "name")),
        "sessions: pages of free runs = nginx's count");
    json_decref(document);
    report.only = &process.zones.items[2];
    document = json_shm(&report);
    assert_int_equal(json_array_size(json_object_get(document, "zones")), 1);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_verdict_tells_what_zones_have_and_will_have, make, drop),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_a_warning_with_a_remedy, make, drop),
        cmocka_unit_test_setup_teardown(growth_to_come_is_told_to_be_no_leak, make, drop),
        cmocka_unit_test_setup_teardown(each_zone_has_a_row, make, drop),
        cmocka_unit_test_setup_teardown(what_rows_cannot_say_stands_below, make, drop),
        cmocka_unit_test_setup_teardown(a_core_file_does_not_tell_what_is_resident, make, drop),
        cmocka_unit_test_setup_teardown(the_inside_of_a_zone_tells_pages_and_slabs, make, drop),
        cmocka_unit_test_setup_teardown(entries_are_told_by_type_size_and_time, make, drop),
        cmocka_unit_test_setup_teardown(keys_are_shown_only_when_asked_for, make, drop),
        cmocka_unit_test_setup_teardown(no_memory_is_explained, make, drop),
        cmocka_unit_test_setup_teardown(lines_fit_a_terminal, make, drop),
        cmocka_unit_test_setup_teardown(a_document_hides_keys_and_numbers_that_are_not_known, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
