/*
 * Goals against a control group and a resident size that the test writes itself: both versions of groups, their ways of
 * being mounted, and when purging and collecting become eager and lazy again.
 */
#include "unit.h"
#include "cgroup.h"
#include "pressure.h"
#include "settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB_BYTES 1048576ull

static char folder[] = "/tmp/respire-test-XXXXXX";

/* Write a file below the test's folder, with the folders on the way to it. */
__attribute__((format(printf, 2, 3))) static void put(const char *name, const char *format, ...)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    fclose(file);
}

static const char *process(void)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/process", folder);
    return path;
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/respire-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    settings_in_force.goal_bytes = 0;
    settings_in_force.goal_percent_of_cgroup = 0;
    pressure_test_process = process();
    pressure_forget();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[PATH_MAX];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

/* A group of version 2 below two others, of which the upper one lies at the mount point. */
static void mount_unified(void)
{
    put("process/cgroup", "0::/machine/service\n");
    put("process/mountinfo",
        "22 28 0:21 / /proc rw,nosuid - proc proc rw\n"
        "35 28 0:30 / %s/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
        folder);
}

static void put_group(const char *name, const char *maximum, const char *high, uint64_t current, uint64_t idle_cache)
{
    char file[PATH_MAX];
    snprintf(file, sizeof(file), "unified%s/memory.max", name);
    put(file, "%s\n", maximum);
    snprintf(file, sizeof(file), "unified%s/memory.high", name);
    put(file, "%s\n", high);
    snprintf(file, sizeof(file), "unified%s/memory.current", name);
    put(file, "%llu\n", (unsigned long long)current);
    snprintf(file, sizeof(file), "unified%s/memory.stat", name);
    put(file, "anon 1\nfile 5\nactive_file 7\ninactive_file %llu\nslab 3\n", (unsigned long long)idle_cache);
}

static void assert_share(uint64_t percent)
{
    struct cgroup cgroup;
    cgroup_find(&cgroup, process());
    assert_true(cgroup.memory.mount_bytes > 0);
    assert_int_equal(cgroup_use(&cgroup, percent), CGROUP_ABOVE);
    assert_int_equal(cgroup_use(&cgroup, percent + 1), CGROUP_BELOW);
}

static void limits_of_version_2(void **state)
{
    (void)state;
    mount_unified();
    put_group("/machine/service", "104857600", "max", 52428800, 0);
    assert_share(50);
    put_group("/machine/service", "104857600", "max", 94371840, 10485760);
    assert_share(80);
    /* The lower of the two limits. */
    put_group("/machine/service", "104857600", "52428800", 26214400, 0);
    assert_share(50);
    /* A group above has a limit, too. */
    put_group("/machine", "209715200", "max", 146800640, 0);
    assert_share(70);
    put_group("", "419430400", "max", 377487360, 0);
    assert_share(90);
}

static void no_limit(void **state)
{
    (void)state;
    struct cgroup cgroup;
    mount_unified();
    put_group("/machine/service", "max", "max", 52428800, 0);
    cgroup_find(&cgroup, process());
    assert_true(cgroup.memory.mount_bytes > 0);
    assert_int_equal(cgroup_use(&cgroup, 1), CGROUP_WITHOUT_LIMIT);
}

static void nothing_there(void **state)
{
    (void)state;
    struct cgroup cgroup;
    cgroup_find(&cgroup, process());
    assert_int_equal(cgroup_use(&cgroup, 1), CGROUP_WITHOUT_LIMIT);
    assert_int_equal(cgroup_stall_percent(&cgroup), 0);
    mount_unified();
    cgroup_find(&cgroup, process());
    assert_int_equal(cgroup_use(&cgroup, 1), CGROUP_WITHOUT_LIMIT);
    put("process/mountinfo", "no line of this kind\n\n - \n - cgroup2\n1 2 3 - cgroup2 cgroup2 rw\n");
    cgroup_find(&cgroup, process());
    assert_int_equal(cgroup.memory.mount_bytes, 0);
    put("process/cgroup", "\n:\n::\n0:\nx");
    cgroup_find(&cgroup, process());
    assert_int_equal(cgroup.memory.mount_bytes, 0);
}

/* A container with a namespace of its own sees itself as the root; without one, its group lies at the mount point. */
static void mounts_in_containers(void **state)
{
    (void)state;
    put("process/cgroup", "0::/\n");
    put("process/mountinfo", "35 28 0:30 / %s/unified ro - cgroup2 cgroup2 rw\n", folder);
    put_group("", "1048576000", "max", 629145600, 0);
    assert_share(60);
    put("process/cgroup", "0::/docker/0123\n");
    put("process/mountinfo", "35 28 0:30 /docker/0123 %s/unified ro - cgroup2 cgroup2 rw\n", folder);
    assert_share(60);
    put("process/cgroup", "0::/docker/0123/inner\n");
    put_group("/inner", "1048576000", "max", 734003200, 0);
    assert_share(70);
    /* A group that can't be seen from here; one whose name only begins alike. */
    struct cgroup cgroup;
    put("process/cgroup", "0::/../other\n");
    cgroup_find(&cgroup, process());
    assert_int_equal(cgroup.memory.mount_bytes, 0);
    put("process/cgroup", "0::/docker/01234\n");
    cgroup_find(&cgroup, process());
    assert_int_equal(cgroup.memory.mount_bytes, 0);
}

static void odd_names(void **state)
{
    (void)state;
    char long_line[20000];
    memset(long_line, 'x', sizeof(long_line) - 1);
    long_line[sizeof(long_line) - 1] = '\0';
    put("process/cgroup", "%s\n0::/a:b\n", long_line);
    put("process/mountinfo", "%s\n35 28 0:30 / %s/with\\040space rw - cgroup2 cgroup2 rw\n", long_line, folder);
    put("with space/a:b/memory.max", "1000000\n");
    put("with space/a:b/memory.current", "300000\n");
    assert_share(30);
}

static void limits_of_version_1(void **state)
{
    (void)state;
    put("process/cgroup", "9:name=systemd:/x\n4:cpu,memory:/box\n0::/unified/name\n");
    put("process/mountinfo",
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
        "35 31 0:31 / %s/cpu rw - cgroup cgroup rw,cpuacct\n"
        "36 31 0:32 / %s/memory rw - cgroup cgroup rw,cpu,memory\n"
        "41 31 0:38 / %s/unified rw - cgroup2 cgroup2 rw\n",
        folder, folder, folder);
    put("memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("memory/memory.usage_in_bytes", "999999999999\n");
    put("memory/box/memory.limit_in_bytes", "104857600\n");
    put("memory/box/memory.usage_in_bytes", "94371840\n");
    put("memory/box/memory.stat", "cache 5\ninactive_file 10485760\ntotal_inactive_file 20971520\n");
    assert_share(70);
    struct cgroup cgroup;
    put("unified/unified/name/memory.pressure", "some avg10=12.34 avg60=1.00 avg300=0.00 total=5\nfull avg10=1.00\n");
    cgroup_find(&cgroup, process());
    assert_int_equal(cgroup_stall_percent(&cgroup), 12);
}

static void look(bool high)
{
    pressure_look();
    assert_int_equal(pressure_is_high(), high);
}

static void eager_above_a_group_s_goal(void **state)
{
    (void)state;
    mount_unified();
    put_group("/machine/service", "1048576000", "max", 943718400, 0);
    look(false);
    assert_false(pressure_has_goal());
    settings_in_force.goal_percent_of_cgroup = 90;
    look(true);
    assert_true(pressure_has_goal());
    /* Lazy again only somewhat below. */
    put_group("/machine/service", "1048576000", "max", 933232640, 0);
    look(true);
    put_group("/machine/service", "1048576000", "max", 891289600, 0);
    look(false);
    put_group("/machine/service", "1048576000", "max", 933232640, 0);
    look(false);
    /* The group stalls, whatever it uses. */
    put("unified/machine/service/memory.pressure", "some avg10=9.99 avg60=50.00 avg300=0.00 total=5\n");
    look(false);
    put("unified/machine/service/memory.pressure", "some avg10=10.00 avg60=50.00 avg300=0.00 total=5\n");
    look(true);
    /* Without a limit there is nothing to look for again and again. */
    put_group("/machine/service", "max", "max", 933232640, 0);
    look(true);
    assert_false(pressure_has_goal());
    settings_in_force.goal_percent_of_cgroup = 0;
    look(false);
}

static void eager_above_a_size(void **state)
{
    (void)state;
    put("process/statm", "50000 25600 100 1 0 2000 0\n"); /* 100 MiB are resident */
    settings_in_force.goal_bytes = 101 * MIB_BYTES;
    look(false);
    settings_in_force.goal_bytes = 100 * MIB_BYTES;
    look(true);
    put("process/statm", "50000 24832 100 1 0 2000 0\n");
    look(true);
    put("process/statm", "50000 23040 100 1 0 2000 0\n");
    look(false);
    put("process/statm", "nothing\n");
    look(false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(limits_of_version_2),   TEST(no_limit),  TEST(nothing_there),
        TEST(mounts_in_containers),  TEST(odd_names), TEST(limits_of_version_1),
        TEST(eager_above_a_group_s_goal), TEST(eager_above_a_size),
    };
    return cmocka_run_group_tests_name("runtime pressure", tests, NULL, NULL);
}
