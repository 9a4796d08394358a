/*
 * settings.c: the options in force, and the order in which a change of them becomes known.
 *
 * Owns the lock that lets one change in at a time. Numbers are read without it, wherever they are needed; text is
 * handed on, to the log, and not read again.
 */
#include "settings.h"

#include "event_log.h"
#include "purger.h"
#include "registry.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options settings_in_force;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Field by field, since SETTING reads without the lock; the struct is numbers, and text that nobody else reads. */
static void put_in_force(const struct options *options)
{
    const uint64_t *from = (const uint64_t *)(const void *)options;
    uint64_t *to = (uint64_t *)(void *)&settings_in_force;
    for (size_t i = 0; i < sizeof(*options) / sizeof(*to); i++)
        __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
}

_Static_assert(sizeof(struct options) % sizeof(uint64_t) == 0, "options are copied by words");

/* False: the log can't be written; it is as it was, and so is everything else. */
static bool apply(struct options *options, char *sentence)
{
    int error = strcmp(options->log, settings_in_force.log) == 0 ? 0 : event_log_open(options->log);
    if (error != 0) {
        snprintf(sentence, OPTION_SENTENCE_BYTES, "log can't be written to %.200s: %s; it stays %.200s", options->log,
                 strerror(error), settings_in_force.log);
        return false;
    }
    put_in_force(options);
    bool any_heap = registry_settings_changed();
    purger_settings_changed();
    if (any_heap)
        purger_wake();
    return true;
}

void settings_read_environment(void)
{
    struct options options;
    char sentence[OPTION_SENTENCE_BYTES];
    pthread_mutex_lock(&lock);
    options_set_defaults(&options);
    put_in_force(&options);
    options_parse(&options, secure_getenv("RESPIRE_OPTIONS"), event_log_complain);
    if (!apply(&options, sentence)) {
        event_log_complain(sentence);
        strcpy(options.log, settings_in_force.log);
        apply(&options, sentence);
    }
    pthread_mutex_unlock(&lock);
}

bool settings_set(const char *name, const char *value, char *sentence)
{
    registry_start();
    pthread_mutex_lock(&lock);
    struct options changed = settings_in_force;
    bool done = options_set(&changed, name, value, sentence) && apply(&changed, sentence);
    pthread_mutex_unlock(&lock);
    if (done)
        event_log("%s set to %s", name, value);
    return done;
}

bool settings_get(const char *name, char *value, enum option_kind *kind, char *sentence)
{
    registry_start();
    pthread_mutex_lock(&lock);
    bool found = options_get(&settings_in_force, name, value, kind, sentence);
    pthread_mutex_unlock(&lock);
    return found;
}

void settings_lock(void)
{
    pthread_mutex_lock(&lock);
}

void settings_unlock(void)
{
    pthread_mutex_unlock(&lock);
}
