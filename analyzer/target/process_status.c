/* Reads /proc/PID/status and puts refusals into words. Every refusal says what to do. */
#include "target/process_status.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "target/proc_text.h"
#include "target/target.h"
#include "target/threads.h"

enum {
    PATH_BYTES = 64,
    NAME_BYTES = 64,
    FIELD_UNIT_BYTES = 1024,
};

static int read_status(pid_t pid, struct proc_text *text)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    return proc_text_read_path(path, text);
}

static uint64_t status_number(pid_t pid, const char *name)
{
    struct proc_text text = {0};
    uint64_t number = 0;
    if (read_status(pid, &text) != 0 || !proc_text_number(&text, name, &number))
        number = 0;
    proc_text_free(&text);
    return number;
}

/* The name of the program; any byte that a terminal might obey is replaced. */
void process_name(pid_t pid, char *name, size_t name_bytes)
{
    if (!thread_file(pid, pid, "comm", name, name_bytes))
        snprintf(name, name_bytes, "?\n");
    name[strcspn(name, "\n")] = '\0';
    for (char *c = name; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

static struct error *no_such_process(pid_t pid)
{
    if (pid <= 0 || (kill(pid, 0) < 0 && errno == ESRCH))
        return error_new(ERROR_UNREADABLE, "there is no process %d; `respire ps` lists those that can be looked at",
                         pid);
    return error_new(ERROR_UNREADABLE, "process %d is hidden from this user; run respire as root", pid);
}

struct error *process_status_check(pid_t pid)
{
    struct thread_state state;
    uint64_t leader = pid > 0 ? status_number(pid, "Tgid") : 0;
    if (leader == 0)
        return no_such_process(pid);
    if (leader != (uint64_t)pid)
        return error_new(ERROR_UNREADABLE, "%d is a thread of process %d; use %d", pid, (pid_t)leader, (pid_t)leader);
    if (!thread_state(pid, pid, &state))
        return no_such_process(pid);
    if (thread_is_kernel(&state))
        return error_new(ERROR_UNREADABLE, "%d is a thread of the kernel and has no memory of its own;"
                         " choose a user's process, `respire ps` lists them", pid);
    if ((state.letter == 'Z' || state.letter == 'X') && status_number(pid, "VmSize") == 0)
        return error_new(ERROR_UNREADABLE, "process %d has ended (a zombie until its parent asks for its exit status)"
                         " and has no memory any more; choose a running process", pid);
    return NULL;
}

/* Root is refused in containers, and by processes that hold rights that this root lacks. */
static struct error *not_permitted_to_root(pid_t pid)
{
    return error_new(ERROR_UNREADABLE,
                     "root may not read the memory of process %d here: it has rights that respire lacks; run respire"
                     " on the host, or give the container CAP_SYS_PTRACE (docker run --cap-add SYS_PTRACE)", pid);
}

static struct error *not_permitted(pid_t pid)
{
    if (geteuid() == 0)
        return not_permitted_to_root(pid);
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    snprintf(program + (length > 0 ? length : 0), sizeof(program) - (length > 0 ? (size_t)length : 0), "%s",
             length > 0 ? "" : "respire");
    return error_new(ERROR_UNREADABLE,
                     "user %u may not read the memory of process %d (needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH);"
                     " run respire as root, or once: setcap cap_sys_ptrace,cap_dac_read_search+ep %s",
                     geteuid(), pid, program);
}

struct error *process_status_refused(pid_t pid, const char *file, int number)
{
    if (number == EACCES || number == EPERM)
        return not_permitted(pid);
    if (number == ENOENT || number == ESRCH)
        return error_new(ERROR_UNREADABLE, "process %d ended while respire opened it", pid);
    return error_errno(ERROR_UNREADABLE, number, "/proc/%d/%s", pid, file);
}

pid_t process_status_tracer(pid_t tid)
{
    return (pid_t)status_number(tid, "TracerPid");
}

struct error *process_status_check_untraced(pid_t pid)
{
    char name[NAME_BYTES];
    pid_t tracer = process_status_tracer(pid);
    if (tracer == 0)
        return NULL;
    process_name(tracer, name, sizeof(name));
    return error_new(ERROR_UNREADABLE, "process %d is traced by process %d (%s) already; end that one first", pid,
                     tracer, name);
}

uint64_t process_status_resident_bytes(pid_t pid)
{
    return status_number(pid, "VmRSS") * FIELD_UNIT_BYTES;
}
