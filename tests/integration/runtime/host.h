/* What the small hosts of these tests share. Each prints `name value` lines, and exits with 1 where it can't go on. */
#ifndef RESPIRE_TESTS_HOST_H
#define RESPIRE_TESTS_HOST_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "respire.h"

/* Present only when librespire.so is. */
#pragma weak respire_newstate
#pragma weak respire_stats
#pragma weak respire_trim
#pragma weak respire_set
#pragma weak respire_get
#pragma weak respire_error

static inline void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static inline void sleep_ms(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&pause, &pause) != 0 && errno == EINTR) {
    }
}

/* A number of a line `key: number kB` of /proc/self/status. */
static inline long status_value(const char *key)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long value = -1;
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
            value = strtol(line + strlen(key) + 1, NULL, 10);
    }
    if (file)
        fclose(file);
    return value;
}

static inline long rss_kib(void)
{
    return status_value("VmRSS");
}

static inline long mapping_count(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    long lines = 0;
    for (int c = file ? getc(file) : EOF; c != EOF; c = getc(file))
        lines += c == '\n';
    if (file)
        fclose(file);
    return lines;
}

/* 1: the state is on a respire heap; 0: it is not, or there is no respire. */
static inline int on_respire(struct lua_State *state)
{
    struct respire_stats stats;
    return respire_stats && respire_stats(state, &stats) == 0;
}

static inline void print(const char *name, long value)
{
    printf("%s %ld\n", name, value);
    fflush(stdout);
}

#endif
