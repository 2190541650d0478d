/*
 * Lists of a host's handlers. Guarded by the engine's lock; the handlers
 * themselves run with no lock held, one at a time, in the order of their ids.
 */
#ifndef OPTLY__NOTIFICATION_H
#define OPTLY__NOTIFICATION_H

#include <optly/status.h>

#include "platform/platform.h"

/* The two kinds of handler, told apart by who calls them. */
typedef void (*optly__any_fn)(void);

typedef struct optly__handler {
    struct optly__handler *next;
    optly__any_fn fn;
    void *user;
    int id;
} optly__handler;

typedef struct optly__handlers {
    optly__handler *first;
    int last_id;
    int running; /* the id of the handler that runs now, or 0 */
} optly__handlers;

/* NULL when out of memory, or `fn` is NULL. Free one that no list took. */
optly__handler *optly__handler_create(optly__any_fn fn, void *user);

/* Appends `handler`, takes it, and names it in `*id`; NULL is
 * OPTLY_ERR_NO_MEMORY. Lock held: so it is made before. */
optly_status optly__handlers_add(optly__handlers *handlers,
                                 optly__handler *handler, int *id);

/* Takes a handler out, for the caller to free once the lock is given back;
 * NULL if there is none. Lock held. */
optly__handler *optly__handlers_remove(optly__handlers *handlers, int id);

/*
 * Copies the first handler whose id is over `after` and at most `last` to
 * `found`; false if there is none. Lock held.
 */
bool optly__handlers_next(const optly__handlers *handlers, int after, int last,
                          optly__handler *found);

void optly__handlers_cleanup(optly__handlers *handlers);

#endif
