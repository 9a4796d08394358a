#include "cli/commands.h"

#define A_CORE (OPTION_CORE | OPTION_SYSROOT)
#define READING (OPTION_HELP | OPTION_JSON | A_CORE | OPTION_SNAPSHOT | OPTION_NO_STOP)
#define HOLDERS \
    (OPTION_REFS | OPTION_GARBAGE | OPTION_STRINGS | OPTION_SHOW_STRINGS | OPTION_OBJECTS | OPTION_PINS | OPTION_TOP)

const struct command commands[] = {
    {
        .name = "ps",
        .operands = "",
        .summary = "which processes here hold LuaJIT or nginx, and how much of it could go back",
        .examples = "  respire ps\n"
                    "  respire ps --json | jq '.processes[] | select(.reclaimable_bytes > 100e6) | .pid'\n",
        .options = OPTION_HELP | OPTION_JSON | OPTION_NO_STOP,
        .operand = OPERAND_NONE,
        .run = command_ps,
    },
    {
        .name = "mem",
        .operands = "PID",
        .summary = "where the memory of a process is: the system's view, and every resident page by owner",
        .examples = "  respire mem 1234\n"
                    "  respire mem --json $(pgrep -f 'nginx: worker' | head -1)\n"
                    "  respire mem --core core.1234\n",
        .options = READING,
        .operand = OPERAND_PID,
        .run = command_mem,
    },
    {
        .name = "lua",
        .operands = "PID",
        .summary = "inside LuaJIT: states, heap held/live/free/reclaimable, who holds the memory, by path",
        .examples = "  respire lua 1234\n"
                    "  respire lua --refs 1234\n"
                    "  respire lua --refs=svg 1234 > 1234.svg\n"
                    "  respire lua --garbage --pins --top 20 1234\n"
                    "  respire lua --json 1234 | jq '.states[].allocator.reclaimable_bytes'\n"
                    "  respire lua --core core.1234\n",
        .options = READING | HOLDERS,
        .operand = OPERAND_PID,
        .run = command_lua,
    },
    {
        .name = "heap",
        .operands = "PID",
        .summary = "inside glibc's malloc: arenas, used and free chunks by size, what malloc_trim would return",
        .examples = "  respire heap 1234\n"
                    "  respire heap --top 30 1234\n"
                    "  respire heap --json 1234 | jq '.histogram.used | max_by(.bytes)'\n"
                    "  respire heap --core core.1234\n",
        .options = READING | OPTION_TOP,
        .operand = OPERAND_PID,
        .run = command_heap,
    },
    {
        .name = "pools",
        .operands = "PID",
        .summary = "nginx's memory pools by who holds them: the cycle, modules, connections, requests, or nobody",
        .examples = "  respire pools 1234\n"
                    "  respire pools --list --top 30 1234\n"
                    "  respire pools --json 1234 | jq '.owners[] | select(.kind == \"unowned\")'\n"
                    "  respire pools --core core.1234\n",
        .options = READING | OPTION_LIST | OPTION_TOP,
        .operand = OPERAND_PID,
        .run = command_pools,
    },
    {
        .name = "shm",
        .operands = "PID [ZONE]",
        .summary = "nginx's shared memory zones: pages loaded and not yet, slabs, entries; will it fit when they fill",
        .examples = "  respire shm 1234\n"
                    "  respire shm 1234 sessions\n"
                    "  respire shm --show-strings --top 20 1234 sessions\n"
                    "  respire shm --json 1234 | jq '.zones[] | {name, loaded_bytes, unloaded_bytes}'\n"
                    "  respire shm --core core.1234 sessions\n",
        .options = OPTION_HELP | OPTION_JSON | A_CORE | OPTION_SNAPSHOT | OPTION_SHOW_STRINGS | OPTION_TOP,
        .operand = OPERAND_PID_AND_ZONE,
        .run = command_shm,
    },
    {
        .name = "snapshot",
        .operands = "PID -o FILE",
        .summary = "keep a moment in a file, for all analyses and for diff; no contents of memory are in it",
        .examples = "  respire snapshot 1234 -o before.respire\n"
                    "  respire lua --refs --snapshot before.respire\n"
                    "  respire snapshot --core core.1234 -o crashed.respire\n",
        .options = OPTION_HELP | OPTION_JSON | A_CORE | OPTION_NO_STOP | OPTION_OUTPUT | OPTION_SHOW_STRINGS,
        .operand = OPERAND_PID,
        .run = command_snapshot,
    },
    {
        .name = "diff",
        .operands = "A B | PID --seconds N",
        .summary = "what grew between two moments, by path, type and size; A and B are snapshots or process ids",
        .examples = "  respire diff 1234 --seconds 60\n"
                    "  respire diff yesterday.respire 1234\n"
                    "  respire diff --json before.respire after.respire | jq '.growth.paths[0]'\n",
        .options = OPTION_HELP | OPTION_JSON | OPTION_NO_STOP | OPTION_SECONDS | OPTION_TOP,
        .operand = OPERAND_MOMENTS,
        .run = command_diff,
    },
    {
        .name = "run",
        .operands = "-- COMMAND [ARGUMENTS]",
        .summary = "start a program under the runtime: its LuaJIT gives free memory back by itself",
        .examples = "  respire run -- nginx -g 'daemon off;'\n"
                    "  respire run -o decay_ms=500 -o log=stderr -- nginx -c /etc/nginx/nginx.conf\n",
        .options = OPTION_HELP | OPTION_SET | OPTION_LIBRARY,
        .operand = OPERAND_COMMAND,
        .run = command_run,
        .more_help = command_run_more_help,
    },
    {
        .name = "doctor",
        .operands = "[PID]",
        .summary = "what works on this machine or for this process, what is missing, and the remedy",
        .examples = "  respire doctor\n"
                    "  respire doctor 1234\n",
        .options = OPTION_HELP | OPTION_JSON,
        .operand = OPERAND_PID_OPTIONAL,
        .run = command_doctor,
    },
};

const size_t command_count = sizeof(commands) / sizeof(commands[0]);
