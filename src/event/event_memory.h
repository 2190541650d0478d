/*
 * Where events lie. A project has one pool for each process that builds from
 * it; the pool hands out memory from chunks that it recycles, and random bytes
 * for uuids under the same lock. It and the context of its events live until
 * the project has let go and the last event is gone.
 *
 * A forked child never touches the pool of its parent, whose lock another
 * thread may have held: it makes one of its own and leaks what it inherited.
 */
#ifndef OPTLY__EVENT_MEMORY_H
#define OPTLY__EVENT_MEMORY_H

#include "event/user_event.h"

enum { OPTLY__RANDOM_SIZE = 16 };

typedef struct optly__event_pool optly__event_pool;
typedef _Atomic(optly__event_pool *) optly__event_pool_slot;

/*
 * Returns this process's pool, and makes it if `slot` has none; NULL when out
 * of memory. The pool belongs to the slot. Any thread.
 */
optly__event_pool *optly__event_pool_get(optly__event_pool_slot *slot,
                                         optly__context *context);

/*
 * Makes an event with room for `text_size` bytes of text. Its chunk, context
 * and size are set, `next` is NULL, the rest is for the caller to write. Fills
 * in `random` with bytes never used before, if it is not NULL.
 *
 * Returns OPTLY_OK, OPTLY_ERR_NO_MEMORY or OPTLY_ERR_NO_ENTROPY. Any thread.
 */
optly_status optly__event_pool_take(optly__event_pool *pool, size_t text_size,
                                    unsigned char *random,
                                    optly_user_event **out);

/* The project lets go of the pool in `slot`, if any. */
void optly__event_pool_release(optly__event_pool_slot *slot);

#endif
