/*
 * failure.c: one sentence per thread, in memory that a thread gets with its first failure.
 *
 * Not thread-local variables: those of a library that is loaded late come out of a small reserve of the loader's, or
 * make it depend on the loader by name.
 */
#include "failure.h"

#include "options.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(FAILURE_BYTES == OPTION_SENTENCE_BYTES, "the options' complaints are written straight into it");

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;
/* For threads that get no memory of their own. */
static char shared[FAILURE_BYTES];

static void create_key(void)
{
    has_key = pthread_key_create(&key, free) == 0;
}

char *failure_sentence(void)
{
    pthread_once(&once, create_key);
    char *sentence = has_key ? pthread_getspecific(key) : NULL;
    if (sentence || !has_key)
        return sentence ? sentence : shared;
    sentence = calloc(1, FAILURE_BYTES);
    if (sentence && pthread_setspecific(key, sentence) != 0) {
        free(sentence);
        sentence = NULL;
    }
    return sentence ? sentence : shared;
}

void failure_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure_sentence(), FAILURE_BYTES, format, arguments);
    va_end(arguments);
}
