/*
 * The memory of a real LuaJIT process, damaged: no crash, no hang, and no state that passes its checks with numbers
 * that contradict each other.
 *
 * At the start a host with one Lua state is run twice, stock and under the runtime, and captured; tests/fuzz/run names
 * the program, the script and the runtime in FUZZ_HOST, FUZZ_SCRIPT and FUZZ_RUNTIME. The first byte of an input
 * chooses the capture, the rest is a list of patches of 8 bytes:
 *
 *     u8 mode, u8 unused, u16 value, u32 place
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyze/holders.h"
#include "analyze/ledger.h"
#include "damage.h"
#include "locate/lua_states.h"
#include "locate/nginx_zones.h"
#include "target/capture.h"
#include "walk/lua_state.h"

enum { IMAGES = 2 };

static struct capture images[IMAGES];
static struct damage damage;

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* The tests' embedding program; returns when it has run the script and says so. */
static pid_t start_host(const char *preload, int *input)
{
    int to[2], from[2];
    char ready;
    if (pipe(to) || pipe(from))
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        setenv("LD_PRELOAD", preload, 1);
        execl(getenv("FUZZ_HOST"), "host", "--script", getenv("FUZZ_SCRIPT"), (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    if (read(from[0], &ready, 1) != 1)
        abort();
    close(from[0]);
    *input = to[1];
    return pid;
}

static void take_image(struct capture *image, const char *preload)
{
    int input;
    pid_t pid = start_host(preload, &input);
    struct target *target;
    struct capture_options options = {.want_sizes = true, .always_stop = true};
    if (target_open_process(pid, &target) || capture_take(target, &options, image))
        abort();
    target_close(target);
    close(input);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    take_image(&images[0], "");
    take_image(&images[1], getenv("FUZZ_RUNTIME"));
    return 0;
}

/* The piece and the byte in it that `place` falls on, when all pieces stand one behind the other. */
static unsigned char *find_place(const struct capture *capture, uint64_t place, uint64_t *piece_left, address_t *at)
{
    place %= capture->copied_bytes;
    for (size_t i = 0; i < capture->piece_count; i++) {
        const struct capture_piece *piece = &capture->pieces[i];
        uint64_t bytes = range_bytes(piece->range);
        if (place < bytes) {
            *piece_left = bytes - place;
            *at = address_add(piece->range.start, place);
            return (unsigned char *)(uintptr_t)piece->data + place;
        }
        place -= bytes;
    }
    abort();
}

static void apply(struct patch patch, const struct capture *capture)
{
    uint64_t left, ignored, value;
    address_t at, elsewhere;
    unsigned char *byte = find_place(capture, patch.place & ~7u, &left, &at);
    if (left < 8)
        return;
    value = damage_note(&damage, byte);
    switch (patch.operation % 6) {
    case 0:
        byte[patch.small % 8] ^= (unsigned char)(1 << (patch.small >> 8) % 8);
        return;
    case 1:
        value = patch.small;
        break;
    case 2:
        value = at.value;
        break; /* a pointer to itself: a cycle */
    case 3:
        find_place(capture, patch_elsewhere(patch) & ~7u, &ignored, &elsewhere);
        value = elsewhere.value;
        break;
    case 4:
        value += (int16_t)patch.small;
        break;
    default:
        value = UINT64_MAX - patch.small;
        break;
    }
    memcpy(byte, &value, sizeof(value));
}

static void check_state(const struct lua_state *state)
{
    if (state->damage)
        return;
    if (checks_first_failed(&state->checks))
        abort();
    const struct heap *heap = &state->heap;
    if (heap->kind != HEAP_OTHER && heap->live_bytes + heap->free_bytes + heap->meta_bytes != heap->held_bytes)
        abort();
}

/* What the analysis makes of a state that passed its checks: each live byte is counted once. */
static void analyze(const struct lua_state *state)
{
    const struct holders_options options = {.parts = HOLDERS_ALL, .top = 5};
    struct lua_holders holders;
    if (state->damage)
        return;
    if (holders_find(state, &options, &holders))
        abort(); /* only for want of memory */
    if (holders.references.nodes[0].total_bytes != holders.live_bytes)
        abort();
    lua_holders_free(&holders);
}

static void walk(const struct capture *capture)
{
    const struct lua_wants wants = {.graph = true, .strings = true, .sparse_pages = true};
    struct lua_sites sites = {0};
    struct nginx_zones zones = {0};
    struct elf_modules modules = {0};
    struct error *error = locate_lua_states(capture, &sites);
    if (error)
        error_free(error);
    for (size_t i = 0; i < sites.count && i < 4; i++) {
        struct lua_state state;
        struct memory_map map = {0};
        if (lua_state_walk(capture, &sites.items[i], &wants, &state))
            abort(); /* only for want of memory */
        check_state(&state);
        analyze(&state);
        const struct allocator_modules allocators = {0};
        const struct ledger_input input = {
            .capture = capture,
            .modules = &modules,
            .allocators = &allocators,
            .zones = &zones,
            .states = &state,
            .state_count = 1,
        };
        error = ledger_make(&input, &map);
        error_free(error);
        memory_map_release(&map);
        lua_state_release(&state);
    }
    lua_sites_free(&sites);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (count < 1)
        return 0;
    const struct capture *image = &images[bytes[0] % IMAGES];
    for (size_t i = 0; i < patch_count(count - 1); i++)
        apply(patch_at(bytes + 1, i), image);
    walk(image);
    damage_undo(&damage);
    return 0;
}
