/*
 * Corruption ends the process with one line that says what, where and what to do.
 */
#include "unit.h"
#include "corruption.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void one_line_and_the_end(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        corruption_found("double free of a large block", (void *)0x7f1234560000, 262144);
    }
    close(ends[1]);
    char text[2048];
    size_t bytes = 0;
    for (ssize_t more = 1; more > 0; bytes += (size_t)more)
        more = read(ends[0], text + bytes, sizeof(text) - 1 - bytes);
    text[bytes] = '\0';
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    char begin[64];
    snprintf(begin, sizeof(begin), "respire[%d]: ", (int)child);
    assert_int_equal(strncmp(text, begin, strlen(begin)), 0);
    assert_non_null(strstr(text, "double free of a large block at 0x7f1234560000, 262144 bytes"));
    assert_non_null(strstr(text, "report this line\n"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_line_and_the_end)};
    return cmocka_run_group_tests_name("runtime corruption", tests, NULL, NULL);
}
