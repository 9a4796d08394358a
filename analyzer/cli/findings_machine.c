#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "cli/findings.h"
#include "cli/runtime_library.h"
#include "layouts/lua_layout.h"
#include "target/target.h"

/* Bits of the effective set, from linux/capability.h. */
enum {
    CAPABILITY_SYS_PTRACE = 19,
    CAPABILITY_SYS_ADMIN = 21,
    CAPABILITY_CHECKPOINT_RESTORE = 40,
};

static uint64_t effective_capabilities(void)
{
    CLEANUP(cleanup_fclose) FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    uint64_t bits = 0;
    while (status && fgets(line, sizeof(line), status))
        if (sscanf(line, "CapEff: %" SCNx64, &bits) == 1)
            break;
    return bits;
}

static bool has_capability(uint64_t bits, int capability)
{
    return bits >> capability & 1;
}

static void find_kernel(struct findings *findings)
{
    struct utsname name;
    if (uname(&name) == 0)
        findings_add(findings, FINDING_OK, "kernel", NULL, "%s %s", name.release, name.machine);
}

/* What /proc/PID/map_files is good for. */
static void find_map_files(struct findings *findings, bool may_read)
{
    static const char remedy[] = "run as root, or grant cap_checkpoint_restore (Linux 5.9) or cap_sys_admin";
    if (may_read) {
        findings_add(findings, FINDING_OK, "deleted files", NULL,
            "programs replaced by an upgrade can still be read (/proc/PID/map_files)");
        findings_add(findings, FINDING_OK, "shared memory zones", NULL,
            "can be looked into without loading any page of theirs (/proc/PID/map_files)");
        return;
    }
    findings_add(findings, FINDING_NOTE, "deleted files", remedy,
        "programs replaced by an upgrade while they run can't be read");
    findings_add(findings, FINDING_MISSING, "shared memory zones", remedy,
        "respire shm can't look into them without loading their pages (/proc/PID/map_files is closed)");
}

static void find_rights(struct findings *findings)
{
    uint64_t bits = effective_capabilities();
    if (has_capability(bits, CAPABILITY_SYS_PTRACE))
        findings_add(findings, FINDING_OK, "other users' processes", NULL, "may be read and stopped (CAP_SYS_PTRACE)");
    else
        findings_add(findings, FINDING_MISSING, "other users' processes",
            "run as root, or: setcap cap_sys_ptrace,cap_dac_read_search,cap_checkpoint_restore+ep respire",
            "CAP_SYS_PTRACE is missing: only this user's own processes can be read");
    find_map_files(findings,
        has_capability(bits, CAPABILITY_SYS_ADMIN) || has_capability(bits, CAPABILITY_CHECKPOINT_RESTORE));
}

static void find_yama(struct findings *findings)
{
    CLEANUP(cleanup_fclose) FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    int scope;
    if (!file || fscanf(file, "%d", &scope) != 1 || scope == 0)
        return;
    if (scope == 3)
        findings_add(findings, FINDING_MISSING, "yama", "reboot without kernel.yama.ptrace_scope=3",
            "ptrace is switched off until the next boot: only cores and sleeping processes can be read");
    else if (!has_capability(effective_capabilities(), CAPABILITY_SYS_PTRACE))
        findings_add(findings, FINDING_MISSING, "yama", "run as root, or: sysctl kernel.yama.ptrace_scope=0",
            "kernel.yama.ptrace_scope=%d forbids to stop a process that is not our child", scope);
}

static void find_proof_of_sleep(struct findings *findings)
{
    if (access("/proc/self/schedstat", R_OK) == 0)
        findings_add(findings, FINDING_OK, "looks without a stop", NULL,
            "a sleeping process is copied without stopping it (/proc/PID/schedstat)");
    else
        findings_add(findings, FINDING_NOTE, "looks without a stop", "a kernel with CONFIG_SCHED_INFO",
            "no /proc/PID/schedstat: every look stops the process for a moment");
}

static void find_runtime(struct findings *findings)
{
    char path[PATH_MAX];
    struct error *error = runtime_library_find(NULL, path);
    if (error) {
        findings_add(findings, FINDING_MISSING, "runtime", "make build", "%s", error_text(error));
        error_free(error);
        return;
    }
    findings_add(findings, FINDING_OK, "runtime", NULL, "%s", path);
}

static void find_layouts(struct findings *findings)
{
    const struct lua_layout_branch *branch;
    for (size_t i = 0; (branch = lua_layout_branch(i)); i++)
        findings_add(findings, FINDING_OK, i ? "" : "layouts known", NULL, "%zu from %s to %s", branch->count,
            branch->rows[branch->count - 1].name, branch->rows[0].name);
}

void findings_of_machine(struct findings *findings)
{
    find_kernel(findings);
    find_rights(findings);
    find_yama(findings);
    find_proof_of_sleep(findings);
    find_runtime(findings);
    find_layouts(findings);
}
