/* Who started whom, by the kernel's word: this program, children of its own name, and one that took another. */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "checks.h"
#include "target/process_family.h"

enum { CHILDREN = 3, RENAMED = 2, START_SLACK_MS = 5000 };

struct children {
    pid_t pids[CHILDREN];
    int ready[2], end[2]; /* pipes: a byte from each child; closed for all to end */
};

static void live_as_child(const struct children *children, unsigned number)
{
    char byte = 0;
    if (number == RENAMED)
        prctl(PR_SET_NAME, "another");
    close(children->end[1]);
    if (write(children->ready[1], &byte, 1) == 1)
        (void)!read(children->end[0], &byte, 1);
    _exit(0);
}

static void start(struct children *children)
{
    char byte;
    assert_int_equal(pipe(children->ready), 0);
    assert_int_equal(pipe(children->end), 0);
    for (unsigned i = 0; i < CHILDREN; i++) {
        children->pids[i] = fork();
        assert_true(children->pids[i] >= 0);
        if (children->pids[i] == 0)
            live_as_child(children, i);
    }
    for (unsigned i = 0; i < CHILDREN; i++)
        assert_int_equal(read(children->ready[0], &byte, 1), 1);
}

static void end(struct children *children)
{
    close(children->end[1]);
    for (unsigned i = 0; i < CHILDREN; i++)
        waitpid(children->pids[i], NULL, 0);
    close(children->end[0]);
    close(children->ready[0]);
    close(children->ready[1]);
}

static void check_family_of(pid_t pid, const struct children *children)
{
    struct process_family family;
    struct timespec now;
    assert_ok(process_family_find(pid, &family));
    assert_int_equal(family.count, 1 + CHILDREN - 1);
    assert_int_equal(family.items[0].pid, getpid());
    for (unsigned i = 0; i < CHILDREN; i++) {
        const struct family_member *member = process_family_member(&family, children->pids[i]);
        if (i == RENAMED) {
            assert_null(member);
            continue;
        }
        assert_non_null(member);
        assert_int_equal(member->parent, getpid());
        assert_non_null(strstr(member->title, "process_family"));
        clock_gettime(CLOCK_REALTIME, &now);
        assert_in_range(milliseconds(now) - member->started_ms + START_SLACK_MS / 2, 0, START_SLACK_MS);
    }
    process_family_free(&family);
}

static void parents_and_children_of_one_name_are_a_family(void **state)
{
    (void)state;
    struct children children;
    start(&children);
    check_family_of(getpid(), &children);
    check_family_of(children.pids[0], &children);
    end(&children);
}

static void who_took_another_name_is_alone(void **state)
{
    (void)state;
    struct children children;
    struct process_family family;
    start(&children);
    assert_ok(process_family_find(children.pids[RENAMED], &family));
    assert_int_equal(family.count, 1);
    assert_int_equal(family.items[0].pid, children.pids[RENAMED]);
    process_family_free(&family);
    end(&children);
}

static void who_has_ended_has_no_family_and_maps_nothing(void **state)
{
    (void)state;
    struct process_family family;
    struct mappings mappings;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    assert_ok(process_family_find(pid, &family));
    assert_int_equal(family.count, 0);
    process_family_free(&family);
    assert_ok(process_mappings(pid, &mappings));
    assert_int_equal(mappings.count, 0);
    mappings_free(&mappings);
}

static void mappings_are_those_of_the_process(void **state)
{
    (void)state;
    struct mappings mappings;
    assert_ok(process_mappings(getpid(), &mappings));
    assert_non_null(mappings_find(&mappings, address((uintptr_t)&mappings)));
    mappings_free(&mappings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parents_and_children_of_one_name_are_a_family),
        cmocka_unit_test(who_took_another_name_is_alone),
        cmocka_unit_test(who_has_ended_has_no_family_and_maps_nothing),
        cmocka_unit_test(mappings_are_those_of_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
