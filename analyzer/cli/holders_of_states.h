/* Who holds the memory, for every state of a look that was understood. */
#ifndef RESPIRE_CLI_HOLDERS_OF_STATES_H
#define RESPIRE_CLI_HOLDERS_OF_STATES_H

#include "analyze/holders.h"
#include "model/process.h"

/*
 * One for each state of the process, in the order of the states; that of a damaged state is empty. Adds to each
 * state's checks; a state of which one fails becomes damaged. Release with holders_of_states_free().
 */
struct error *holders_of_states(struct process *process, const struct holders_options *options,
    struct lua_holders **holders);

void holders_of_states_free(struct lua_holders *holders, size_t count);

#endif
