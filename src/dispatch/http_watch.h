/*
 * What a multi waits for: the sockets and the one timer that libcurl names,
 * and a wake from another thread. Knows nothing of libcurl.
 *
 * libcurl's own curl_multi_poll and curl_multi_perform ask the system about
 * each socket of each transfer, every time; here one poll asks about all, and
 * only the transfers that it names are run.
 */
#ifndef OPTLY__HTTP_WATCH_H
#define OPTLY__HTTP_WATCH_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include <optly/status.h>

#include "platform/waker.h"

typedef struct optly__http_watch {
    struct pollfd *sockets; /* the first is the waker's */
    size_t count, capacity;
    size_t next;    /* the first that is still to be looked at */
    int64_t due_ms; /* the timer; OPTLY__NEVER: none */
    optly__waker waker;
} optly__http_watch;

/* IO when no descriptors are left, NO_MEMORY; nothing is held then. */
optly_status optly__http_watch_init(optly__http_watch *watch);
void optly__http_watch_cleanup(optly__http_watch *watch);

/* As it was after init: no sockets, no timer. */
void optly__http_watch_forget(optly__http_watch *watch);

/* Waits for these `events` on a socket from now on, for none if 0. False when
 * out of memory. */
bool optly__http_watch_set(optly__http_watch *watch, int socket, short events);

/* Sets the timer, from now on; negative: none. */
void optly__http_watch_set_timer(optly__http_watch *watch, long timeout_ms);

/* Whether the timer is due; it is then set to the next ms, as libcurl names it
 * anew only if it changes. */
bool optly__http_watch_take_timer(optly__http_watch *watch);

/* Waits for a socket, the timer, a wake or `timeout_ms` (-1: no limit). */
void optly__http_watch_wait(optly__http_watch *watch, int timeout_ms);

/* The next socket that the last wait found ready, and what it is ready for;
 * false if there are no more. Sockets may be set meanwhile. */
bool optly__http_watch_next(optly__http_watch *watch, int *socket,
                            short *events);

#endif
