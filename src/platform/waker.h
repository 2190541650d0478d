/*
 * Ends a poll from another thread: a pipe whose reading end is among the
 * descriptors that are polled.
 */
#ifndef OPTLY__WAKER_H
#define OPTLY__WAKER_H

#include <stdbool.h>

typedef struct optly__waker {
    int read_fd, write_fd;
} optly__waker;

/* False when no descriptors are left. They are closed in what the host
 * executes. */
bool optly__waker_init(optly__waker *waker);
void optly__waker_cleanup(optly__waker *waker);

/* Makes `read_fd` readable. Any thread; does not block. */
void optly__waker_wake(const optly__waker *waker);

/* Takes back every wake so far. */
void optly__waker_drain(const optly__waker *waker);

#endif
