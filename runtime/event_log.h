/*
 * event_log.h: one line per event of interest, where the option `log` says.
 *
 * Each line goes out as one write(), so lines of several processes in one file do not mix. Off: costs one compare.
 */
#ifndef RESPIRE_RUNTIME_EVENT_LOG_H
#define RESPIRE_RUNTIME_EVENT_LOG_H

/* "off", "stderr" or a file name. Not 0: the errno of a file that can't be opened, and the log stays what it was. */
int event_log_open(const char *destination);

void event_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* To stderr whatever the option says: something the user did is wrong. */
void event_log_complain(const char *sentence);

/* Around fork: the destination is not half changed. No lock is taken after this one. */
void event_log_lock(void);
void event_log_unlock(void);

#endif
