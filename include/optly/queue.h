/**
 * @file
 * The queue between process_event and the batches; a host may bring its own.
 */
#ifndef OPTLY_QUEUE_H
#define OPTLY_QUEUE_H

#include <optly/user_event.h>

OPTLY_BEGIN_DECLS

/** How an accepted event ended. */
typedef enum optly_drop_reason {
    OPTLY_DROP_NONE,     /**< delivered */
    OPTLY_DROP_OVERFLOW, /**< displaced by a newer one (DROP_OLDEST) */
    OPTLY_DROP_REFUSED,  /**< the endpoint refused it, alone */
    OPTLY_DROP_EXPIRED,  /**< older than max_age_ms */
    OPTLY_DROP_ATTEMPTS, /**< max_attempts were made */
    OPTLY_DROP_CLOSED,   /**< undelivered when close's time was up */
    OPTLY_DROP_ABANDONED /**< held by a dispatcher that never answered */
} optly_drop_reason;

/**
 * What a queue can do. Keep one `static const` table per kind; all members
 * but `settle` are required.
 *
 * The processor calls add, get, remove and size under its own lock: they are
 * first in, first out, touch memory only, drop nothing by themselves and
 * never call the processor.
 */
typedef struct optly_queue_ops {
    size_t struct_size; /**< sizeof(optly_queue_ops) */

    /** Appends. Takes the event only when it returns OPTLY_OK. */
    optly_status (*add)(void *self, optly_user_event *event);

    /**
     * Looks at up to `max` events, the oldest being number 0, beginning with
     * number `from`. Returns how many; the queue keeps them.
     */
    size_t (*get)(void *self, size_t from, optly_user_event **events,
                  size_t max);

    /** Takes out the oldest, up to `max`, for the caller to own. */
    size_t (*remove)(void *self, optly_user_event **events, size_t max);

    /** Returns how many events it has. */
    size_t (*size)(void *self);

    /**
     * Tells the fate of events that were removed: NONE is delivered. A durable
     * queue forgets them, or keeps them for the next start where the reason is
     * CLOSED or ABANDONED. Runs on the driver, no lock held. Borrows.
     */
    void (*settle)(void *self, const optly_user_event *const *events,
                   size_t count, optly_drop_reason reason);

    /** Frees the queue with all events in it. */
    void (*destroy)(void *self);
} optly_queue_ops;

/** A queue: a table and the object it works on. Copied freely. */
typedef struct optly_queue {
    const optly_queue_ops *ops; /**< what it does; NULL: no queue */
    void *self;                 /**< passed to each of them */
} optly_queue;

/**
 * Makes the default queue: a ring in memory for `capacity` events (1 to
 * 16,777,216). Not for several threads at once.
 *
 * Returns OPTLY_OK, OPTLY_ERR_INVALID or OPTLY_ERR_NO_MEMORY; on failure
 * `*out` is zeroed.
 */
OPTLY_API optly_status optly_ring_queue_create(optly_queue *out,
                                               size_t capacity);

/**
 * @name The operations of a queue that no processor took
 *
 * @{
 */

/**
 * Appends an event. Returns OPTLY_OK, or OPTLY_ERR_QUEUE_FULL and the caller
 * keeps the event.
 */
OPTLY_API optly_status optly_queue_add(optly_queue *queue,
                                       optly_user_event *event);

/**
 * Looks at up to `max` events, beginning with number `from`, the oldest being
 * 0. Returns how many; the queue keeps them.
 */
OPTLY_API size_t optly_queue_get(optly_queue *queue, size_t from,
                                 optly_user_event **events, size_t max);

/**
 * Takes out the oldest, up to `max`, for the caller to own. Returns how many.
 */
OPTLY_API size_t optly_queue_remove(optly_queue *queue,
                                    optly_user_event **events, size_t max);

/** Returns how many events it has. */
OPTLY_API size_t optly_queue_size(optly_queue *queue);

/** Frees the queue and what is in it, and zeroes `*queue`. */
OPTLY_API void optly_queue_destroy(optly_queue *queue);

/** @} */

OPTLY_END_DECLS

#endif
