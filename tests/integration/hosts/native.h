/* What the small C hosts of these tests share: a pause in which the test looks at the process from outside. */
#ifndef RESPIRE_TESTS_NATIVE_H
#define RESPIRE_TESTS_NATIVE_H

#include "../runtime/host.h"

/* Say that everything until here is told, and wait until the test says to go on. */
static inline void wait_for_test(void)
{
    printf("ready\n");
    fflush(stdout);
    for (int c = getchar(); c != '\n'; c = getchar()) {
        if (c == EOF)
            exit(1);
    }
}

#endif
