/*
 * Corruption ends the process with one line that says what, where and what to do.
 */
#include "unit.h"
#include "corruption.h"
#include "heap.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Run `act` in a child, which must end by SIGABRT after one line on stderr; the line in `text`. */
static void assert_ends_with_one_line(void (*act)(void), char *text, size_t room)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        act();
        _exit(0);
    }
    close(ends[1]);
    size_t bytes = 0;
    for (ssize_t more = 1; more > 0; bytes += (size_t)more)
        more = read(ends[0], text + bytes, room - 1 - bytes);
    text[bytes] = '\0';
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    char begin[64];
    snprintf(begin, sizeof(begin), "respire[%d]: ", (int)child);
    assert_int_equal(strncmp(text, begin, strlen(begin)), 0);
    assert_non_null(strstr(text, "report this line\n"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void find_corruption(void)
{
    corruption_found("double free of a large block", (void *)0x7f1234560000, 262144);
}

static void one_line_and_the_end(void **state)
{
    (void)state;
    char text[2048];
    assert_ends_with_one_line(find_corruption, text, sizeof(text));
    assert_non_null(strstr(text, "double free of a large block at 0x7f1234560000, 262144 bytes"));
}

/* Allocate, free with one size, free again with another; 0: no such free. */
static void free_twice(size_t bytes, size_t first_bytes, size_t second_bytes)
{
    struct heap *heap = heap_create(1000, 1);
    heap->held_open = true;
    heap_reallocate(heap, NULL, 0, 5000); /* as Lua's state: the first object */
    void *object = heap_reallocate(heap, NULL, 0, bytes);
    if (first_bytes > 0)
        heap_reallocate(heap, object, first_bytes, 0);
    if (second_bytes > 0)
        heap_reallocate(heap, object, second_bytes, 0);
}

static void twice_large(void)
{
    free_twice(300000, 300000, 300000);
}

static void wrong_large(void)
{
    free_twice(300000, 299999, 0);
}

static void twice_medium(void)
{
    free_twice(20000, 20000, 20000);
}

static void twice_small(void)
{
    free_twice(100, 100, 100);
}

static void twice_line(void)
{
    free_twice(64, 64, 64);
}

static void wrong_medium(void)
{
    free_twice(20000, 40000, 0);
}

/* A block of any kind that is freed again, or with a size that is not its own. */
static void freed_wrongly(void **state)
{
    (void)state;
    static const struct {
        void (*act)(void);
        const char *what;
    } cases[] = {
        {twice_large, "double free of a large block"}, {wrong_large, "a free with the wrong size"},
        {twice_medium, "double free"},                 {wrong_medium, "a free with the wrong size"},
        {twice_small, "double free"},                  {twice_line, "double free"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[2048];
        assert_ends_with_one_line(cases[i].act, text, sizeof(text));
        assert_non_null(strstr(text, cases[i].what));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_line_and_the_end), cmocka_unit_test(freed_wrongly)};
    return cmocka_run_group_tests_name("runtime corruption", tests, NULL, NULL);
}
