/*
 * pressure.c: compares what is used with the goals.
 *
 * Owns the hysteresis: what became eager stays so until a twentieth below the goal, or every pass would change it.
 *
 * A group's goal is 90 percent of its limit by default. Page cache that can go is left out of the count, so that much
 * means that the next burst may be the last. Below, giving back faster would win nothing, and cost page faults. A group
 * without a limit may still stall, when the machine itself runs short: from STALL_PERCENT of the time on, that counts
 * as well.
 */
#include "pressure.h"

#include "cgroup.h"
#include "event_log.h"
#include "settings.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STALL_PERCENT 10
#define PAGE_BYTES 4096u

atomic_bool pressure_high;

/* Of the purger's thread. */
static struct cgroup cgroup;
static bool cgroup_known;
static bool cgroup_has_limit;

#ifdef RESPIRE_TESTING
const char *pressure_test_process = "/proc/self";
#define PROCESS pressure_test_process
#else
#define PROCESS "/proc/self"
#endif

/* The second number of /proc/self/statm, in pages. */
static uint64_t resident_bytes(void)
{
    char text[128] = "";
    char path[256];
    strcpy(stpcpy(path, PROCESS), "/statm");
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return 0;
    ssize_t bytes = read(descriptor, text, sizeof(text) - 1);
    close(descriptor);
    const char *second = bytes > 0 ? strchr(text, ' ') : NULL;
    return second ? strtoull(second, NULL, 10) * PAGE_BYTES : 0;
}

static bool is_above_bytes(uint64_t goal)
{
    return goal > 0 && resident_bytes() >= goal;
}

static bool is_above_percent(uint64_t percent)
{
    cgroup_has_limit = false;
    if (percent == 0)
        return false;
    if (!cgroup_known)
        cgroup_find(&cgroup, PROCESS);
    cgroup_known = true;
    enum cgroup_use use = cgroup_use(&cgroup, percent);
    cgroup_has_limit = use != CGROUP_WITHOUT_LIMIT;
    return use == CGROUP_ABOVE || cgroup_stall_percent(&cgroup) >= STALL_PERCENT;
}

static uint64_t lowered(uint64_t goal)
{
    return pressure_is_high() ? goal - goal / 20 : goal;
}

void pressure_look(void)
{
    bool bytes = is_above_bytes(lowered(SETTING(goal_bytes)));
    bool high = is_above_percent(lowered(SETTING(goal_percent_of_cgroup))) || bytes;
    if (atomic_exchange(&pressure_high, high) == high)
        return;
    event_log("%s", !high ? "memory is below its goals again: lazy"
              : bytes     ? "resident memory is above goal_bytes: eager"
                          : "memory of the control group is above goal_percent_of_cgroup, or short: eager");
}

bool pressure_has_goal(void)
{
    return SETTING(goal_bytes) > 0 || cgroup_has_limit;
}

void pressure_forget(void)
{
    cgroup_known = false;
    atomic_store(&pressure_high, false);
}
