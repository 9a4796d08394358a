/* Limits of control groups, on folders laid out as the kernel lays out those of both versions. */
#include <stdio.h>
#include <sys/stat.h>

#include "checks.h"
#include "target/memory_limit.h"

#define MIB (1ull << 20)

enum { TEXT_BYTES = 512 };

static char folder[] = "/tmp/respire-limit-XXXXXX";

static const char *const made[] = {"", "/a", "/a/b"};
static const char *const files[] = {
    "memory.max", "memory.current", "memory.stat", "memory.limit_in_bytes", "memory.usage_in_bytes",
};

static int make_folders(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/respire-limit-XXXXXX");
    char path[TEXT_BYTES];
    if (!mkdtemp(folder))
        return -1;
    for (size_t i = 1; i < 3; i++) {
        snprintf(path, sizeof(path), "%s%s", folder, made[i]);
        if (mkdir(path, 0700) != 0)
            return -1;
    }
    return 0;
}

static int remove_folders(void **state)
{
    (void)state;
    char path[TEXT_BYTES];
    for (size_t i = 3; i-- > 0;) {
        for (size_t j = 0; j < sizeof(files) / sizeof(files[0]); j++) {
            snprintf(path, sizeof(path), "%s%s/%s", folder, made[i], files[j]);
            unlink(path);
        }
        snprintf(path, sizeof(path), "%s%s", folder, made[i]);
        rmdir(path);
    }
    return 0;
}

static void put(const char *group, const char *name, const char *text)
{
    char path[TEXT_BYTES];
    snprintf(path, sizeof(path), "%s%s/%s", folder, group, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* `root`, `type` and `options` of the mount, and the process's line. */
static struct memory_limit find(const char *root, const char *type, const char *options, const char *groups)
{
    char mounts[TEXT_BYTES];
    struct memory_limit limit;
    snprintf(mounts, sizeof(mounts),
        "22 1 0:20 / /proc rw,relatime shared:12 - proc proc rw\n"
        "31 23 0:28 %s %s rw,nosuid shared:9 master:2 - %s source %s\n", root, folder, type, options);
    memory_limit_find(groups, mounts, &limit);
    return limit;
}

static void the_group_that_leaves_least_counts(void **state)
{
    (void)state;
    put("/a/b", "memory.max", "104857600\n");
    put("/a/b", "memory.current", "10485760\n");
    put("/a", "memory.max", "209715200\n");
    put("/a", "memory.current", "188743680\n");
    struct memory_limit limit = find("/", "cgroup2", "rw", "0::/a/b\n");
    assert_true(limit.is_limited);
    assert_string_equal(limit.group, "/a");
    assert_int_equal(limit.limit_bytes, 200 * MIB);
    assert_int_equal(limit.used_bytes, 180 * MIB);
    assert_int_equal(memory_limit_room(&limit), 20 * MIB);
}

static void file_pages_in_no_use_are_room(void **state)
{
    (void)state;
    put("/a", "memory.max", "104857600\n");
    put("/a", "memory.current", "94371840\n");
    put("/a", "memory.stat", "anon 5\nfile 7\nactive_file 9\ninactive_file 31457280\n");
    struct memory_limit limit = find("/", "cgroup2", "rw", "0::/a/b\n");
    assert_string_equal(limit.group, "/a");
    assert_int_equal(limit.used_bytes, 60 * MIB);
}

static void no_limit_is_none(void **state)
{
    (void)state;
    put("/a", "memory.max", "max\n");
    struct memory_limit limit = find("/", "cgroup2", "rw", "0::/a\n");
    assert_false(limit.is_limited);
    assert_true(memory_limit_room(&limit) == UINT64_MAX);
    put("/a", "memory.limit_in_bytes", "9223372036854771712\n");
    assert_false(find("/", "cgroup", "rw,memory", "4:memory:/a\n").is_limited);
}

static void more_used_than_allowed_leaves_nothing(void **state)
{
    (void)state;
    put("/a", "memory.max", "1048576\n");
    put("/a", "memory.current", "2097152\n");
    struct memory_limit limit = find("/", "cgroup2", "rw", "0::/a\n");
    assert_int_equal(memory_limit_room(&limit), 0);
}

static void version_1_is_known_by_its_controller(void **state)
{
    (void)state;
    static const char groups[] = "9:name=systemd:/a\n5:cpu,memory:/a/b\n3:cpuset:/\n0::/\n";
    put("/a", "memory.limit_in_bytes", "52428800\n");
    put("/a", "memory.usage_in_bytes", "20971520\n");
    put("/a", "memory.stat", "inactive_file 1\ntotal_inactive_file 10485760\n");
    struct memory_limit limit = find("/", "cgroup", "rw,cpu,memory", groups);
    assert_true(limit.is_limited);
    assert_string_equal(limit.group, "/a");
    assert_int_equal(limit.limit_bytes, 50 * MIB);
    assert_int_equal(limit.used_bytes, 10 * MIB);
    assert_false(find("/", "cgroup", "rw,cpuset", groups).is_limited);
    assert_false(find("/", "cgroup", "rw,memory_of_another", groups).is_limited);
}

/* As Docker mounts it without a namespace of groups: the container's own group is all that is there. */
static void a_mount_may_show_one_group_alone(void **state)
{
    (void)state;
    put("", "memory.max", "1048576\n");
    put("/a", "memory.max", "2097152\n");
    struct memory_limit limit = find("/docker/1", "cgroup2", "rw", "0::/docker/1\n");
    assert_true(limit.is_limited);
    assert_string_equal(limit.group, "/");
    assert_int_equal(limit.limit_bytes, MIB);
    assert_true(find("/docker/1", "cgroup2", "rw", "0::/docker/1/a\n").is_limited);
    assert_false(find("/docker/1", "cgroup2", "rw", "0::/docker/12\n").is_limited);
    assert_false(find("/", "cgroup2", "rw", "0::/../a\n").is_limited);
}

static void odd_texts_have_no_limit(void **state)
{
    (void)state;
    static const char *const odd[] = {"", "\n", "0", "0:", "0::", "::::\n\n0:", "4:memory", "0::nowhere\n"};
    struct memory_limit limit;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        assert_false(find("/", "cgroup2", "rw", odd[i]).is_limited);
        memory_limit_find("0::/a\n", odd[i], &limit);
        assert_false(limit.is_limited);
    }
    memory_limit_find("0::/a\n", "1 2 3 - cgroup2\n4 5 6 / /x rw -", &limit);
    assert_false(limit.is_limited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_group_that_leaves_least_counts, make_folders, remove_folders),
        cmocka_unit_test_setup_teardown(file_pages_in_no_use_are_room, make_folders, remove_folders),
        cmocka_unit_test_setup_teardown(no_limit_is_none, make_folders, remove_folders),
        cmocka_unit_test_setup_teardown(more_used_than_allowed_leaves_nothing, make_folders, remove_folders),
        cmocka_unit_test_setup_teardown(version_1_is_known_by_its_controller, make_folders, remove_folders),
        cmocka_unit_test_setup_teardown(a_mount_may_show_one_group_alone, make_folders, remove_folders),
        cmocka_unit_test_setup_teardown(odd_texts_have_no_limit, make_folders, remove_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
