/* The states in which a call can be made, one of them at a time. */
#ifndef OPTLY_LIFECYCLE_STATES_H
#define OPTLY_LIFECYCLE_STATES_H

#include "lifecycle/calls.h"

typedef enum life {
    WITH_NULL,  /* no object at all */
    NEW,        /* an event is queued, nobody drives */
    RUNNING,    /* the same with a worker */
    CLOSING,    /* another thread is in close, which waits for a dispatcher */
    CLOSED,     /* close has returned */
    FORKED,     /* in a child of a running parent */
    DISPATCHED, /* in a handler of on_event_dispatch, on the worker */
    DELIVERED,  /* in a handler of on_delivery, delivered */
    DROPPED,    /* the same, dropped */
    LOG,        /* in the log hook (the header asks not to) */
    COUNTER,    /* in the metrics hooks */
    GAUGE,
    DISPATCH, /* in the dispatcher's dispatch, on the worker */
    POLL,
    CANCEL, /* on the thread that closes */
    SETTLE, /* in the queue's settle */
    WORKER_START,
    WORKER_STOP,
    WAKE,        /* in on_wake, within process_event */
    LOOP,        /* in a handler, within run_once */
    RELEASE,     /* in the dispatcher's destroy, within the processor's */
    POOL,        /* on a thread of a queue dispatcher */
    BUILDER_LOG, /* in the project's log hook, within a builder */
    RESULT,      /* in the result function of a delivery of one's own */
    STATES
} life;

extern const char *const state_names[STATES];

/*
 * Brings everything into `state`, makes the call there, and takes it down
 * again. Returns what the call answered; STATE_NOT_REACHED when it was not
 * made within 10 s.
 */
enum { STATE_NOT_REACHED = 101 };
int state_call(life at, const call *what);

#endif
