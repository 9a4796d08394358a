/* A process as a look might have shown it, made by hand: two heaps, a damaged state, and a graph of few objects. */
#ifndef RESPIRE_TESTS_SNAPSHOT_MODEL_H
#define RESPIRE_TESTS_SNAPSHOT_MODEL_H

#include "model/process.h"

enum { MODEL_OBJECTS = 6 };

/* The objects by number: a table, its key, a string that is no key, a function, its proto, a coroutine. */
enum { MODEL_TABLE, MODEL_KEY, MODEL_STRING, MODEL_FUNCTION, MODEL_PROTO, MODEL_THREAD };

struct process model_make(void);

/* Fails the test where the two differ. */
void model_assert_equal(const struct process *left, const struct process *right);

#endif
