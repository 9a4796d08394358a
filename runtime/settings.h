/*
 * settings.h: the options in force, for all heaps of the process.
 *
 * They start as RESPIRE_OPTIONS says and change by settings_set, which makes a change known at once: to every heap and
 * its image, to the purger, to the log. Any thread. Order of locks: settings, purge gate, registry, heap,
 * table log, log.
 */
#ifndef RESPIRE_RUNTIME_SETTINGS_H
#define RESPIRE_RUNTIME_SETTINGS_H

#include "options.h"

/* Read by SETTING alone, written by settings.c alone. */
extern struct options settings_in_force;

/* A number or a switch, as it is right now; after registry_start. */
#define SETTING(name) __atomic_load_n(&settings_in_force.name, __ATOMIC_RELAXED)

/* Once, before the first heap. What is wrong is a line on stderr, and the default is kept. */
void settings_read_environment(void);

/* False: name or value is wrong or can't be obeyed, nothing has changed, and `sentence` (OPTION_SENTENCE_BYTES) says
   why. */
bool settings_set(const char *name, const char *value, char *sentence);

/* The value as settings_set would take it (OPTION_VALUE_BYTES). False: there is no such option; see `sentence`. */
bool settings_get(const char *name, char *value, enum option_kind *kind, char *sentence);

/* Around fork: no change is half made. */
void settings_lock(void);
void settings_unlock(void);

#endif
