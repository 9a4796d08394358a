/*
 * failure.h: why the last call of the public interface failed, in the thread that made it.
 *
 * The one way in which errors reach a caller: a function says so here and returns false, NULL or -1; the caller
 * asks respire_error() for the sentence, and Lua gets it as the message.
 */
#ifndef RESPIRE_RUNTIME_FAILURE_H
#define RESPIRE_RUNTIME_FAILURE_H

/* Room for any sentence, and how much is kept of one. */
#define FAILURE_BYTES 512

void failure_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The thread's own buffer of FAILURE_BYTES: its last sentence, "" before the first. */
char *failure_sentence(void);

#endif
