/*
 * signal_frame.c: looks for a signal frame on the calling thread's stack.
 *
 * The kernel starts a handler with the address of a "restorer" as return address, which calls rt_sigreturn; it is in
 * the frame of every handler that runs. Which addresses serve as restorers, the kernel tells: they belong to the
 * signal's action, and stay there when a handler resets the signal to its default. (x86-64; elsewhere the kernel
 * returns through its vDSO.)
 *
 * A word like that may also be left in a part of a caller's frame that was never written to. That costs one idle
 * collection. A handler on an alternate stack is outside of the noted one, and so is a fiber: both count as "can't be
 * told".
 */
#include "signal_frame.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The first thread's stack is the only mapping there: mmap stays 128 MiB below its top at least (Linux: MIN_GAP). */
#define FIRST_STACK_BYTES ((size_t)64 << 20)

#define SCAN_BYTES ((size_t)1 << 20)
#define RESTORERS 4

/* struct sigaction as the system call has it (x86-64). */
struct kernel_action {
    void *handler;
    unsigned long flags;
    uintptr_t restorer;
    uint64_t mask;
};

#define HAS_RESTORER 0x04000000ul

static _Thread_local struct {
    uintptr_t low;
    uintptr_t high;
} stack;

/* Names of the program and strings of its environment: above every frame of the first thread. */
static uintptr_t first_stack_top(void)
{
    return (uintptr_t)getauxval(AT_EXECFN) & ~(uintptr_t)7;
}

static bool on_first_stack(uintptr_t frame)
{
    uintptr_t top = first_stack_top();
    return frame < top && top - frame < FIRST_STACK_BYTES;
}

void signal_frame_note_stack(void)
{
    pthread_attr_t attributes;
    void *low;
    size_t bytes;
    if (stack.high != 0 || on_first_stack((uintptr_t)__builtin_frame_address(0)))
        return;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return;
    if (pthread_attr_getstack(&attributes, &low, &bytes) == 0) {
        stack.low = (uintptr_t)low;
        stack.high = (uintptr_t)low + bytes;
    }
    pthread_attr_destroy(&attributes);
}

/* 0: this is no stack of which the end is known. */
static uintptr_t stack_top(uintptr_t frame)
{
    if (frame >= stack.low && frame < stack.high)
        return stack.high;
    return on_first_stack(frame) ? first_stack_top() : 0;
}

#ifdef __x86_64__

/* The different restorers of all signals. More than RESTORERS: RESTORERS + 1. */
static size_t find_restorers(uintptr_t *restorers)
{
    size_t count = 0;
    for (int number = 1; number < NSIG && count <= RESTORERS; number++) {
        struct kernel_action action = {0};
        if (syscall(SYS_rt_sigaction, number, NULL, &action, sizeof(action.mask)) != 0
            || !(action.flags & HAS_RESTORER))
            continue;
        size_t known = 0;
        while (known < count && restorers[known] != action.restorer)
            known++;
        if (known == count) {
            if (count < RESTORERS)
                restorers[count] = action.restorer;
            count++;
        }
    }
    return count;
}

/* Reads whole frames, of which AddressSanitizer fences off parts. */
__attribute__((no_sanitize("address"))) static bool any_word(uintptr_t from, uintptr_t to, const uintptr_t *words,
                                                             size_t count)
{
    for (uintptr_t at = from; at < to; at += sizeof(uintptr_t)) {
        for (size_t i = 0; i < count; i++) {
            if (*(const uintptr_t *)at == words[i])
                return true;
        }
    }
    return false;
}

bool in_signal_handler(const void *frame)
{
    uintptr_t from = (uintptr_t)frame & ~(uintptr_t)7;
    uintptr_t to = stack_top(from);
    uintptr_t restorers[RESTORERS];
    if (to == 0 || to - from > SCAN_BYTES)
        return true;
    size_t count = find_restorers(restorers);
    return count > RESTORERS || any_word(from, to, restorers, count);
}

#else

bool in_signal_handler(const void *frame)
{
    (void)frame;
    (void)stack_top;
    return true;
}

#endif
