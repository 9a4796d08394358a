/*
 * A library to preload before the runtime: a kernel that refuses what the runtime asks of it, as the host wishes.
 * Calls of everybody else go through untouched. The host declares these weak, so that it also runs without.
 */
#ifndef RESPIRE_TESTS_REFUSING_H
#define RESPIRE_TESTS_REFUSING_H

/*
 * From now on the every-th call of this kind fails, each one with 1, none with 0. Kinds: map, resize, unmap, discard
 * (advice that gives pages back), advise (any other advice), thread.
 */
void refusing_set(const char *kind, long every);

/* From now on so many calls of this kind succeed, and none behind them. */
void refusing_set_after(const char *kind, long successes);

/* Calls refused until now. */
long refusing_count(void);

/* From now on every mapping that the runtime makes is advised to be of huge pages first, as where they always are. */
void refusing_huge_pages(void);

/* Mappings advised so until now. */
long refusing_huge_count(void);

#endif
