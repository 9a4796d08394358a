/* What the parser of maps and smaps must understand, and what it must refuse. */
#include "checks.h"
#include "target/mappings.h"

static struct error *parse(const char *text, struct mappings *mappings)
{
    *mappings = (struct mappings){0};
    return mappings_parse(text, strlen(text), mappings);
}

static void assert_refused(const char *text, const char *why)
{
    struct mappings mappings;
    assert_error(parse(text, &mappings), ERROR_NOT_UNDERSTOOD, why);
    mappings_free(&mappings);
}

static void parses_maps(void **state)
{
    (void)state;
    struct mappings mappings;
    assert_ok(parse("55f0a0000000-55f0a0021000 r-xp 00001000 fe:1a 1234                       /usr/sbin/nginx\n"
                    "55f0a0021000-55f0a0042000 rw-p 00000000 00:00 0                          [heap]\n"
                    "7f0000000000-7f0000400000 rw-s 00000000 00:01 77                         /dev/zero (deleted)\n"
                    "7f0000400000-7f0000401000 ---p 00000000 00:00 0\n"
                    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n",
                    &mappings));
    assert_int_equal(mappings.count, 5);
    const struct mapping *program = &mappings.items[0];
    assert_true(program->readable && !program->writable && program->executable && !program->shared);
    assert_int_equal(program->range.start.value, 0x55f0a0000000);
    assert_int_equal(program->range.end.value, 0x55f0a0021000);
    assert_int_equal(program->file_offset, 0x1000);
    assert_int_equal(program->device_major, 0xfe);
    assert_int_equal(program->device_minor, 0x1a);
    assert_int_equal(program->inode, 1234);
    assert_string_equal(program->path, "/usr/sbin/nginx");
    assert_false(program->has_sizes || program->deleted);
    assert_string_equal(mappings.items[1].path, "[heap]");
    assert_true(mappings.items[2].shared && mappings.items[2].deleted);
    assert_string_equal(mappings.items[2].path, "/dev/zero");
    assert_null(mappings.items[3].path);
    assert_false(mappings.items[3].readable);
    assert_int_equal(mappings.items[4].range.end.value, 0xffffffffff601000);
    mappings_free(&mappings);
}

static void keeps_odd_paths(void **state)
{
    (void)state;
    struct mappings mappings;
    assert_ok(parse("1000-2000 r--p 00000000 00:01 5 /a dir/with  two spaces and : colon\n"
                    "2000-3000 r--p 00000000 00:01 5 /line\\012break (deleted)\n"
                    "3000-4000 rw-p 00000000 00:00 0 [anon:lua (deleted)]\n"
                    "4000-5000 r--p 00000000 00:01 5 /x (deleted) (deleted)\n"
                    "5000-6000 r--p 00000000 00:01 5 /caf\xc3\xa9\x1b[31m\n"
                    "6000-7000 rw-p 00000000 00:10 5 anon_inode:[io_uring]\n"
                    "7000-8000 r--p 00000000 00:01 5 / (deleted)\n",
                    &mappings));
    assert_string_equal(mappings.items[0].path, "/a dir/with  two spaces and : colon");
    assert_string_equal(mappings.items[1].path, "/line\\012break");
    assert_true(mappings.items[1].deleted);
    assert_string_equal(mappings.items[2].path, "[anon:lua (deleted)]");
    assert_false(mappings.items[2].deleted);
    assert_string_equal(mappings.items[3].path, "/x (deleted)");
    assert_string_equal(mappings.items[4].path, "/caf\xc3\xa9\x1b[31m");
    assert_string_equal(mappings.items[5].path, "anon_inode:[io_uring]");
    assert_string_equal(mappings.items[6].path, "/");
    mappings_free(&mappings);
}

static void parses_sizes(void **state)
{
    (void)state;
    struct mappings mappings;
    assert_ok(parse("1000-200000 rw-p 00000000 00:00 0 \n"
                    "Size:               2044 kB\n"
                    "Rss:                  12 kB\n"
                    "Pss:                   6 kB\n"
                    "Pss_Dirty:             5 kB\n"
                    "Private_Clean:         4 kB\n"
                    "Private_Dirty:         8 kB\n"
                    "Anonymous:             3 kB\n"
                    "AnonHugePages:      2048 kB\n"
                    "Swap:                 16 kB\n"
                    "SwapPss:              15 kB\n"
                    "Locked:                1 kB\n"
                    "THPeligible:           0\n"
                    "SomethingNew: whatever it is\n"
                    "VmFlags: rd wr mr mw me ac sd \n"
                    "200000-300000 r--p 00000000 00:00 0 \n"
                    "Rss:                   0 kB\n",
                    &mappings));
    const struct mapping_sizes *sizes = &mappings.items[0].sizes;
    assert_true(mappings.items[0].has_sizes && mappings.items[1].has_sizes);
    assert_int_equal(sizes->resident_bytes, 12 << 10);
    assert_int_equal(sizes->pss_bytes, 6 << 10);
    assert_int_equal(sizes->private_bytes, 12 << 10);
    assert_int_equal(sizes->anonymous_bytes, 3 << 10);
    assert_int_equal(sizes->huge_bytes, 2 << 20);
    assert_int_equal(sizes->swap_bytes, 16 << 10);
    assert_int_equal(sizes->locked_bytes, 1 << 10);
    mappings_free(&mappings);
}

static void refuses_damage(void **state)
{
    (void)state;
    assert_refused("1000-2000 r--p 00000000 00:00 0", "cut short");
    assert_refused("1000-2000 r--p 00000000 00:00 0\n1000-20", "line 2: the text is cut short");
    assert_refused("\n", "no address range");
    assert_refused("1000\n", "no address range");
    assert_refused("1000-\n", "no address range");
    assert_refused("-2000 r--p 00000000 00:00 0\n", "no address range");
    assert_refused("10000000000000000-20000000000000000 r--p 00000000 00:00 0\n", "no address range");
    assert_refused("2000-1000 r--p 00000000 00:00 0\n", "empty");
    assert_refused("1000-1000 r--p 00000000 00:00 0\n", "empty");
    assert_refused("1001-2000 r--p 00000000 00:00 0\n", "whole pages");
    assert_refused("1000-3000 r--p 00000000 00:00 0\n2000-4000 r--p 00000000 00:00 0\n",
                   "line 2: an address range that overlaps");
    assert_refused("1000-2000 r--p\n", "no permissions");
    assert_refused("1000-2000 rwzp 00000000 00:00 0\n", "no permissions");
    assert_refused("1000-2000 r--p 0000000g 00:00 0\n", "no file offset");
    assert_refused("1000-2000 r--p 00000000 00000 0\n", "no device");
    assert_refused("1000-2000 r--p 00000000 100000000:00 0\n", "no device");
    assert_refused("1000-2000 r--p 00000000 00:00 x\n", "no inode");
    assert_refused("1000-2000 r--p 00000000 00:00 0x\n", "no inode");
    assert_refused("1000-2000 r--p 00000000 00:00 18446744073709551616\n", "no inode");
    assert_refused("Rss: 4 kB\n", "before the first mapping");
    assert_refused("1000-2000 r--p 00000000 00:00 0\nRss 4 kB\n", "field without a name");
    assert_refused("1000-2000 r--p 00000000 00:00 0\nRss: 4\n", "no number of kB");
    assert_refused("1000-2000 r--p 00000000 00:00 0\nRss: -4 kB\n", "no number of kB");
    assert_refused("1000-2000 r--p 00000000 00:00 0\nRss: 18446744073709551615 kB\n", "no number of kB");
    assert_refused("1000-2000 r--p 00000000 00:00 0\nRss: 4 kB\n2000-3000 r--p 00000000 00:00 0\n", "cut short");
}

static void refuses_a_zero_byte_in_a_path(void **state)
{
    (void)state;
    static const char text[] = "1000-2000 r--p 00000000 00:01 5 /a\0b\n";
    struct mappings mappings = {0};
    assert_error(mappings_parse(text, sizeof(text) - 1, &mappings), ERROR_NOT_UNDERSTOOD, "zero byte");
    mappings_free(&mappings);
}

static void reads_an_empty_list(void **state)
{
    (void)state;
    struct mappings mappings;
    assert_ok(parse("", &mappings));
    assert_int_equal(mappings.count, 0);
    assert_null(mappings_find(&mappings, address(0x1000)));
    mappings_free(&mappings);
}

/* No prefix of a good text crashes, and none but whole lines is accepted. */
static void refuses_every_cut(void **state)
{
    (void)state;
    static const char text[] = "1000-2000 rw-p 00000000 00:00 0 /a b\nRss: 4 kB\n"
                               "3000-4000 r--p 00000010 01:02 9\nRss: 8 kB\n";
    for (size_t bytes = 0; bytes < sizeof(text); bytes++) {
        char *copy = malloc(bytes + 1);
        memcpy(copy, text, bytes);
        struct mappings mappings = {0};
        struct error *error = mappings_parse(copy, bytes, &mappings);
        if (bytes > 0 && text[bytes - 1] != '\n')
            assert_non_null(error);
        error_free(error);
        mappings_free(&mappings);
        free(copy);
    }
}

static void finds_by_address(void **state)
{
    (void)state;
    struct mappings mappings;
    assert_ok(parse("1000-2000 r--p 00000000 00:00 0\n"
                    "2000-3000 r--p 00000000 00:00 0\n"
                    "5000-6000 r--p 00000000 00:00 0\n",
                    &mappings));
    assert_null(mappings_find(&mappings, address(0xfff)));
    assert_ptr_equal(mappings_find(&mappings, address(0x1000)), &mappings.items[0]);
    assert_ptr_equal(mappings_find(&mappings, address(0x2000)), &mappings.items[1]);
    assert_ptr_equal(mappings_find(&mappings, address(0x2fff)), &mappings.items[1]);
    assert_null(mappings_find(&mappings, address(0x3000)));
    assert_ptr_equal(mappings_find(&mappings, address(0x5fff)), &mappings.items[2]);
    assert_null(mappings_find(&mappings, ADDRESS_NONE));
    mappings_free(&mappings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_maps),       cmocka_unit_test(keeps_odd_paths),
        cmocka_unit_test(parses_sizes),      cmocka_unit_test(refuses_damage),
        cmocka_unit_test(refuses_every_cut), cmocka_unit_test(refuses_a_zero_byte_in_a_path),
        cmocka_unit_test(reads_an_empty_list), cmocka_unit_test(finds_by_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
