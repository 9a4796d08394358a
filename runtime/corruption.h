/*
 * corruption.h: the end, when the books of a heap and a call of the allocator contradict each other.
 */
#ifndef RESPIRE_RUNTIME_CORRUPTION_H
#define RESPIRE_RUNTIME_CORRUPTION_H

#include <stddef.h>

/*
 * One line on stderr, then abort: going on would hand the same memory out twice. `what` is what was seen, such as
 * "double free of a large block"; `bytes` is the size that the caller gave. Any lock may be held: nothing is locked or
 * allocated here.
 */
void corruption_found(const char *what, const void *address, size_t bytes) __attribute__((noreturn, cold));

#endif
