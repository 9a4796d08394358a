/* Opening a live process and what is refused; reading it, and that reading leaves it as it was. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "checks.h"
#include "pattern.h"
#include "target/capture.h"
#include "target/live_process.h"
#include "target/process_status.h"
#include "target/target.h"
#include "target/threads.h"

static void assert_open_refused(pid_t pid, const char *why)
{
    struct target *target = NULL;
    assert_error(target_open_process(pid, &target), ERROR_UNREADABLE, why);
    assert_null(target);
}

static void refuses_a_pid_that_does_not_exist(void **state)
{
    (void)state;
    struct child child = child_start(pattern_body, NULL);
    child_end(&child);
    assert_open_refused(child.pid, "there is no process");
    assert_open_refused(0, "there is no process");
    assert_open_refused(0x3ffffff, "there is no process");
}

static void *send_thread_id(void *argument)
{
    pid_t tid = (pid_t)syscall(SYS_gettid);
    send_bytes(*(int *)argument, &tid, sizeof(tid));
    pause();
    return NULL;
}

static void thread_body(int to_parent, int from_parent, void *argument)
{
    (void)from_parent;
    (void)argument;
    pthread_t thread;
    pthread_create(&thread, NULL, send_thread_id, &to_parent);
    pthread_join(thread, NULL);
}

static void refuses_a_thread(void **state)
{
    (void)state;
    struct child child = child_start(thread_body, NULL);
    pid_t tid;
    char expected[64];
    receive_bytes(child.from, &tid, sizeof(tid));
    snprintf(expected, sizeof(expected), "is a thread of process %d; use %d", child.pid, child.pid);
    assert_open_refused(tid, expected);
    child_end(&child);
}

static void exit_body(int to_parent, int from_parent, void *argument)
{
    (void)to_parent;
    (void)from_parent;
    (void)argument;
    _exit(0);
}

static void refuses_a_zombie(void **state)
{
    (void)state;
    struct child child = child_start(exit_body, NULL);
    wait_for_state(child.pid, 'Z');
    assert_open_refused(child.pid, "zombie");
    child_end(&child);
}

static void refuses_a_kernel_thread(void **state)
{
    (void)state;
    DIR *processes = opendir("/proc");
    pid_t found = 0;
    for (const struct dirent *entry; !found && (entry = readdir(processes));) {
        struct thread_state thread;
        pid_t pid = atoi(entry->d_name);
        if (pid > 0 && thread_state(pid, pid, &thread) && thread_is_kernel(&thread))
            found = pid;
    }
    closedir(processes);
    if (found) /* a container shows none */
        assert_open_refused(found, "thread of the kernel");
}

static void open_as_nobody(int to_parent, int from_parent, void *argument)
{
    (void)from_parent;
    struct target *target;
    char text[512] = "";
    if (setgid(65534) != 0 || setuid(65534) != 0)
        _exit(1);
    struct error *error = target_open_process(*(pid_t *)argument, &target);
    if (error)
        snprintf(text, sizeof(text), "%d %s", (int)error_kind(error), error_text(error));
    send_bytes(to_parent, text, sizeof(text));
}

static void names_the_missing_capability(void **state)
{
    (void)state;
    skip_unless_root();
    char text[512];
    struct pattern pattern;
    struct child child = pattern_start(&pattern);
    struct child nobody = child_start(open_as_nobody, &child.pid);
    receive_bytes(nobody.from, text, sizeof(text));
    assert_int_equal(text[0], '0' + ERROR_UNREADABLE);
    assert_non_null(strstr(text, "CAP_SYS_PTRACE"));
    assert_non_null(strstr(text, "setcap cap_sys_ptrace,cap_dac_read_search+ep /"));
    child_end(&nobody);
    child_end(&child);
}

static void trace_body(int to_parent, int from_parent, void *argument)
{
    (void)from_parent;
    long traced = ptrace(PTRACE_SEIZE, *(pid_t *)argument, NULL, NULL);
    send_bytes(to_parent, &traced, sizeof(traced));
}

static void names_the_tracer(void **state)
{
    (void)state;
    skip_unless_root();
    long traced;
    char expected[64];
    struct pattern pattern;
    struct child child = pattern_start(&pattern);
    struct child tracer = child_start(trace_body, &child.pid);
    receive_bytes(tracer.from, &traced, sizeof(traced));
    assert_int_equal(traced, 0);
    snprintf(expected, sizeof(expected), "is traced by process %d (", tracer.pid);
    assert_error(process_status_check_untraced(child.pid), ERROR_UNREADABLE, expected);
    struct target *target;
    struct capture capture;
    assert_ok(target_open_process(child.pid, &target));
    assert_error(capture_take(target, &(struct capture_options){0}, &capture), ERROR_UNREADABLE, expected);
    target_close(target);
    child_end(&tracer);
    child_end(&child);
}

static void reads_every_kind_of_page(void **state)
{
    (void)state;
    skip_unless_root();
    struct pattern pattern;
    struct target *target;
    struct child child = pattern_start(&pattern);
    assert_ok(target_open_process(child.pid, &target));
    assert_int_equal(target_pid(target), child.pid);
    for (int kind = 0; kind < REGION_COUNT; kind++) {
        for (unsigned i = 0; i < REGION_PAGES; i++) {
            unsigned char expected[PAGE], page[PAGE];
            if (!pattern_is_present(kind, i))
                continue;
            pattern_fill(expected, kind, i);
            address_t at = address((uintptr_t)pattern.regions[kind].start + (size_t)i * PAGE);
            assert_ok(target_read(target, at, page, PAGE));
            assert_memory_equal(page, expected, PAGE);
        }
    }
    unsigned char byte;
    assert_error(target_read(target, address(16), &byte, 1), ERROR_UNREADABLE, "memory of process");
    target_close(target);
    child_end(&child);
}

/* A read over mappings of which some are not readable is made of both ways to read. */
static void reads_across_protected_mappings(void **state)
{
    (void)state;
    skip_unless_root();
    enum { BYTES = REGION_PAGES * PAGE };
    struct pattern pattern;
    struct target *target;
    struct child child = pattern_start(&pattern);
    assert_ok(target_open_process(child.pid, &target));
    unsigned char *whole = malloc(BYTES), *expected = malloc(BYTES);
    for (unsigned i = 0; i < REGION_PAGES; i++)
        pattern_fill(expected + (size_t)i * PAGE, REGION_PROTECTED, i);
    assert_ok(target_read(target, address((uintptr_t)pattern.regions[REGION_PROTECTED].start), whole, BYTES));
    assert_memory_equal(whole, expected, BYTES);
    free(whole);
    free(expected);
    target_close(target);
    child_end(&child);
}

static void leaves_the_target_as_it_was(void **state)
{
    (void)state;
    skip_unless_root();
    struct pattern pattern;
    struct target *target;
    struct child child = pattern_start(&pattern);
    uint64_t before = status_number(child.pid, "VmRSS");
    uint64_t shared_before = status_number(child.pid, "RssShmem");
    assert_ok(target_open_process(child.pid, &target));
    for (int round = 0; round < 20; round++) {
        struct capture_options options = {.want_sizes = round % 2, .always_stop = round % 3 == 0};
        struct capture capture;
        struct presence presence = {0};
        assert_ok(capture_take(target, &options, &capture));
        assert_ok(target_presence(target, (struct address_range){address(0), ADDRESS_NONE}, &presence));
        presence_free(&presence);
        capture_free(&capture);
    }
    assert_int_equal(status_number(child.pid, "VmRSS"), before);
    assert_int_equal(status_number(child.pid, "RssShmem"), shared_before);
    target_close(target);
    child_end(&child);
}

/* The kernel's sums and ours: every mapping's Rss, and all of them together VmRSS. */
static void agrees_with_smaps(void **state)
{
    (void)state;
    skip_unless_root();
    struct pattern pattern;
    struct target *target;
    struct capture capture;
    struct child child = pattern_start(&pattern);
    assert_ok(target_open_process(child.pid, &target));
    assert_ok(capture_take(target, &(struct capture_options){.want_sizes = true}, &capture));
    uint64_t sum = 0;
    for (size_t i = 0; i < capture.mappings.count; i++) {
        const struct mapping *mapping = &capture.mappings.items[i];
        assert_true(mapping->has_sizes);
        assert_int_equal(presence_resident_bytes(&capture.presence, mapping->range), mapping->sizes.resident_bytes);
        sum += mapping->sizes.resident_bytes;
    }
    assert_int_equal(sum, capture.resident_bytes);
    capture_free(&capture);
    target_close(target);
    child_end(&child);
}

static void exec_body(int to_parent, int from_parent, void *argument)
{
    char go;
    (void)to_parent;
    (void)argument;
    receive_bytes(from_parent, &go, 1);
    execl("/bin/sleep", "sleep", "60", NULL);
}

static void notices_exec(void **state)
{
    (void)state;
    skip_unless_root();
    struct child child = child_start(exec_body, NULL);
    struct target *target;
    struct mappings mappings;
    struct presence presence = {0};
    struct capture capture;
    char word;
    assert_ok(target_open_process(child.pid, &target));
    assert_ok(target_mappings(target, &mappings));
    address_t mapped = mappings.items[0].range.start;
    mappings_free(&mappings);
    send_bytes(child.to, "!", 1);
    for (char name[16] = ""; strcmp(name, "sleep\n") != 0; sleep_ms(1))
        assert_true(thread_file(child.pid, child.pid, "comm", name, sizeof(name)));
    assert_error(target_mappings(target, &mappings), ERROR_UNREADABLE, "executed another program");
    assert_error(target_presence(target, (struct address_range){mapped, address_add(mapped, PAGE)}, &presence),
                 ERROR_UNREADABLE, "executed another program");
    assert_error(target_read(target, mapped, &word, 1), ERROR_UNREADABLE, "executed another program");
    assert_error(capture_take(target, &(struct capture_options){0}, &capture), ERROR_UNREADABLE,
                 "executed another program");
    target_close(target);
    child_end(&child);
}

static void notices_the_end(void **state)
{
    (void)state;
    skip_unless_root();
    struct child child = child_start(pattern_body, NULL);
    struct target *target;
    struct mappings mappings;
    struct capture capture;
    char word;
    assert_ok(target_open_process(child.pid, &target));
    kill(child.pid, SIGKILL);
    wait_for_state(child.pid, 'Z');
    assert_error(target_mappings(target, &mappings), ERROR_UNREADABLE, "ended");
    assert_error(target_read(target, address(0x1000), &word, 1), ERROR_UNREADABLE, "ended");
    child_end(&child);
    assert_error(capture_take(target, &(struct capture_options){0}, &capture), ERROR_UNREADABLE, "ended");
    target_close(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_pid_that_does_not_exist),
        cmocka_unit_test(refuses_a_thread),
        cmocka_unit_test(refuses_a_zombie),
        cmocka_unit_test(refuses_a_kernel_thread),
        cmocka_unit_test(names_the_missing_capability),
        cmocka_unit_test(names_the_tracer),
        cmocka_unit_test(reads_every_kind_of_page),
        cmocka_unit_test(reads_across_protected_mappings),
        cmocka_unit_test(leaves_the_target_as_it_was),
        cmocka_unit_test(agrees_with_smaps),
        cmocka_unit_test(notices_exec),
        cmocka_unit_test(notices_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
