#include "analyze/ledger_claims.h"

#include <inttypes.h>

#include "analyze/ledger_malloc.h"
#include "analyze/ledger_rest.h"
#include "base/array.h"
#include "base/range_search.h"

struct error *claims_add(struct claims *claims, struct claim claim)
{
    if (range_bytes(claim.range) == 0)
        return NULL;
    struct claim *added = ARRAY_ADD(claims);
    if (!added)
        return error_no_memory();
    *added = claim;
    return NULL;
}

static struct error *claim_heap(const struct heap *heap, struct claims *claims)
{
    struct error *error = NULL;
    for (size_t i = 0; i < heap->region_count && !error; i++)
        error = claims_add(claims, (struct claim){
            .range = heap->regions[i].range,
            .region = &heap->regions[i],
            .heap_kind = heap->kind,
            .is_private = true,
        });
    return error;
}

static struct error *claim_state(const struct lua_state *state, struct claims *claims)
{
    struct error *error = claim_heap(&state->heap, claims);
    if (!error)
        error = claim_heap(&state->former_heap, claims);
    for (size_t i = 0; i < state->code_areas.count && !error; i++)
        error = claims_add(claims, (struct claim){
            .range = state->code_areas.items[i],
            .owner = "luajit.code",
            .is_private = true,
        });
    return error;
}

static void sort_claims(struct claims *claims)
{
    SORT_BY_START(claims->items, claims->count);
}

static struct error *check_no_overlap(const struct claims *claims)
{
    for (size_t i = 1; i < claims->count; i++)
        if (claims->items[i].range.start.value < claims->items[i - 1].range.end.value)
            return error_new(ERROR_NOT_UNDERSTOOD, "page ledger: two owners claim the page at 0x%" PRIx64,
                claims->items[i].range.start.value);
    return NULL;
}

struct error *claims_gather(const struct ledger_input *input, struct claims *claims)
{
    struct claims gathered = {0};
    struct error *error = NULL;
    for (size_t i = 0; i < input->state_count && !error; i++)
        if (!input->states[i].damage)
            error = claim_state(&input->states[i], &gathered);
    if (!error)
        error = malloc_claim(input, &gathered);
    sort_claims(&gathered);
    if (!error)
        error = check_no_overlap(&gathered);
    if (!error)
        error = rest_claim(input, &gathered);
    sort_claims(&gathered);
    if (error) {
        claims_free(&gathered);
        return error;
    }
    *claims = gathered;
    return NULL;
}

void claims_free(struct claims *claims)
{
    ARRAY_FREE(claims);
}
