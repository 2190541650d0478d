#include "platform/sigpipe.h"

#include <time.h>

static void only_sigpipe(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGPIPE);
}

void optly__sigpipe_block(optly__sigpipe *guard)
{
    sigset_t sigpipe;

    only_sigpipe(&sigpipe);
    guard->was_blocked =
        pthread_sigmask(SIG_BLOCK, &sigpipe, &guard->before) != 0 ||
        sigismember(&guard->before, SIGPIPE) == 1;
}

void optly__sigpipe_restore(const optly__sigpipe *guard)
{
    static const struct timespec at_once = {0, 0};
    sigset_t sigpipe;

    if (guard->was_blocked)
        return;
    /* It was not blocked before, so what is pending now came from us. */
    only_sigpipe(&sigpipe);
    (void)sigtimedwait(&sigpipe, NULL, &at_once);
    (void)pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}
