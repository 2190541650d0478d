/*
 * A multi: requests side by side on one multi handle of libcurl, driven by one
 * thread at a time.
 */
#ifndef OPTLY__HTTP_MULTI_H
#define OPTLY__HTTP_MULTI_H

#include <stdatomic.h>

#include "dispatch/http_transfer.h"
#include "dispatch/http_watch.h"

/* A request that waits for one of max_connections to be free. libcurl would
 * count the wait as part of its time. */
struct optly__http_waiting;

typedef struct optly__http_multi optly__http_multi;
struct optly__http_multi {
    const optly__http_client *client;
    void *handle;            /* CURLM; NULL after it broke, until it is used */
    atomic_bool cancelled;   /* set by any thread; the driver obeys */
    optly__http_watch watch; /* any thread may wake it */
    /* The driver's. */
    bool broken; /* libcurl failed: the handle must not be driven any more */
    optly__http_transfer *active, *active_tail; /* oldest first */
    uint32_t active_count;
    optly__http_transfer *idle;
    struct optly__http_waiting *waiting, *waiting_tail; /* oldest first */
    /* For its owner. */
    optly__http_multi *next;
};

/* Fills in `multi`; `client` outlives it. Tries all settings of a transfer. */
optly_status optly__http_multi_init(optly__http_multi *multi,
                                    const optly__http_client *client,
                                    optly_error *err);

/* Completes as CANCELLED what is under way, then frees all. */
void optly__http_multi_cleanup(optly__http_multi *multi);

/* Starts a request, or has it wait. Driver only. */
void optly__http_multi_dispatch(optly__http_multi *multi,
                                const optly_log_event *event,
                                optly_delivery delivery);

/* Gives up what is under way if cancel was called; says whether it was. poll
 * does it, too. Driver only. */
bool optly__http_multi_obey(optly__http_multi *multi);

/* Does I/O, completes what has ended; returns on I/O, wake, timeout (-1:
 * none), or at once when something was completed. Driver only. */
void optly__http_multi_poll(optly__http_multi *multi, int timeout_ms);

/* Any thread; neither blocks. */
void optly__http_multi_wake(optly__http_multi *multi);
void optly__http_multi_cancel(optly__http_multi *multi);

#endif
