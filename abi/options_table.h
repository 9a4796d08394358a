/*
 * options_table.h: every option of the runtime, one row each.
 *
 * The runtime parses RESPIRE_OPTIONS="name=value,name=value" by these rows and words its complaints from them; the
 * analyzer prints them in `respire run --help`. An option that is not a row does not exist.
 *
 *     OPTION(name, kind, minimum, maximum, default, description)
 *
 * kind         INTEGER      a decimal number, minimum and maximum included
 *              SWITCH       on | off
 *              DESTINATION  off | stderr | FILE (appended to, created with mode 0600)
 * default      as text, as a user would write it
 */
#ifndef RESPIRE_ABI_OPTIONS_TABLE_H
#define RESPIRE_ABI_OPTIONS_TABLE_H

#define RESPIRE_OPTIONS_TABLE(OPTION)                                                                                \
    OPTION(decay_ms, INTEGER, 500, 3600000, "1000", "free pages go back to the system after this many milliseconds") \
    OPTION(background, SWITCH, 0, 1, "on", "off: give pages back only when respire_trim is called")                  \
    OPTION(idle_gc_ms, INTEGER, 0, 3600000, "50", "collect garbage after this many idle milliseconds; 0: never")     \
    OPTION(goal_bytes, INTEGER, 0, 1152921504606846976, "0",                                                         \
           "while this much is resident, collect and give back at once; 0: no goal")                                 \
    OPTION(goal_percent_of_cgroup, INTEGER, 0, 100, "90",                                                            \
           "the same while this part of the control group's memory limit is in use, or it stalls; 0: no goal")       \
    OPTION(table_log, INTEGER, 0, 1073741824, "4096",                                                                \
           "note where Lua tables grow to this many records (at least 1024) or more; 0: never")                      \
    OPTION(log, DESTINATION, 0, 0, "off", "one line per event (heap created, closed, pages given back)")

#endif
