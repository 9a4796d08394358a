#include "render/report_end.h"

#include <stdio.h>
#include <time.h>

#include "render/text.h"

/* Waste is worth a remedy from a quarter of the whole on, and from 4 MiB on. */
enum { REMEDY_SHARE = 4, REMEDY_BYTES = 4 << 20 };

void runtime_remedy_print(uint64_t wasted_bytes, uint64_t whole_bytes)
{
    if (wasted_bytes > whole_bytes / REMEDY_SHARE && wasted_bytes >= REMEDY_BYTES)
        puts("\nRemedy: start the program under the runtime (respire run -- COMMAND): free pages then go back to the\n"
             "system by themselves, about a second after their last use.");
}

void garbage_remedy_print(uint64_t garbage_bytes, uint64_t count_bytes)
{
    if (garbage_bytes > count_bytes / REMEDY_SHARE && garbage_bytes >= REMEDY_BYTES)
        printf("\nRemedy: %s of garbage waits for the collector. Under the runtime it goes while the program idles\n"
               "(idle_gc_ms); a lower collectgarbage(\"setpause\") keeps less of it about at any time.\n",
            SIZE(garbage_bytes));
}

void malloc_remedy_print(uint64_t trim_bytes, uint64_t held_bytes)
{
    if (trim_bytes > held_bytes / REMEDY_SHARE && trim_bytes >= REMEDY_BYTES)
        printf("\nRemedy: malloc keeps %s in free pages. A call of malloc_trim(0) in the process returns them;\n"
               "in a program of many threads, MALLOC_ARENA_MAX=2 keeps fewer of them about.\n", SIZE(trim_bytes));
}

void look_text_print(const struct process *process, bool is_core)
{
    if (is_core)
        puts("\nRead from a core file: it does not tell which pages were resident.");
    else if (process->stopped)
        printf("\nThe process stood still for %.1f ms while %s were copied.\n", process->pause_ms,
            SIZE(process->copied_bytes));
    else
        puts("\nRead without stopping the process.");
}

void snapshot_text_print(uint64_t taken_ns)
{
    char text[64];
    time_t seconds = (time_t)(taken_ns / 1000000000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts))
        printf("That was %s, as the snapshot tells.\n", text);
}
