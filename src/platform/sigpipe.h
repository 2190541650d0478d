/*
 * Keeps SIGPIPE from the host while a peer that went away is written to. The
 * disposition is the host's and stays; only this thread's mask changes, and
 * only between the two calls.
 */
#ifndef OPTLY__SIGPIPE_H
#define OPTLY__SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

typedef struct optly__sigpipe {
    sigset_t before;
    bool was_blocked; /* as in the library's own threads: nothing to undo */
} optly__sigpipe;

void optly__sigpipe_block(optly__sigpipe *guard);
void optly__sigpipe_restore(const optly__sigpipe *guard);

#endif
