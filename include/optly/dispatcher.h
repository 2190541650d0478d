/**
 * @file
 * Dispatchers: one makes one attempt to deliver one batch.
 */
#ifndef OPTLY_DISPATCHER_H
#define OPTLY_DISPATCHER_H

#include <optly/queue.h>

OPTLY_BEGIN_DECLS

/**
 * One batch, ready to be sent. It and all it points to stay valid until its
 * delivery is complete, or until the dispatcher's destroy returns.
 */
typedef struct optly_log_event {
    size_t struct_size;                    /**< set by the library */
    const char *endpoint;                  /**< the URL */
    const char *body;                      /**< JSON, NUL-terminated too */
    size_t body_len;                       /**< without the NUL */
    uint32_t event_count;                  /**< of `events` */
    uint32_t attempt;                      /**< 1, 2, ... */
    const char *account_id;                /**< of all its events */
    const char *project_id;                /**< of all its events */
    const char *revision;                  /**< of all its events */
    const char *region;                    /**< of all its events */
    const optly_user_event *const *events; /**< event_count of them */
} optly_log_event;

/** What became of an attempt. */
typedef enum optly_outcome {
    OPTLY_OUTCOME_UNSET, /**< counts as RETRY */
    OPTLY_DELIVERED,     /**< it has arrived */
    OPTLY_RETRY,         /**< not now; the same bytes may pass later */
    OPTLY_REFUSED,       /**< never, as it is: split it */
    OPTLY_MISCONFIGURED, /**< not until the set-up changes: retry, rarely */
    OPTLY_CANCELLED      /**< given up after cancel */
} optly_outcome;

/** Start from optly_dispatch_result_default. Unset and unknown are RETRY. */
typedef struct optly_dispatch_result {
    size_t struct_size;     /**< set by optly_dispatch_result_default */
    optly_outcome outcome;  /**< what became of it */
    int32_t http_status;    /**< 0: none */
    int64_t retry_after_ms; /**< <= 0: none; 10 minutes at most count */
    char detail[128];       /**< for the log: no personal data */
} optly_dispatch_result;

/** A result that is unset: a retry. */
static inline optly_dispatch_result optly_dispatch_result_default(void)
{
    optly_dispatch_result result;

    memset(&result, 0, sizeof(result));
    result.struct_size = sizeof(result);
    return result;
}

/** One attempt under way; a value, copied freely. */
typedef struct optly_delivery {
    void *core;  /**< the library's */
    uint64_t id; /**< the library's */
} optly_delivery;

/**
 * Ends the attempt. Call it once, from any thread, also from within
 * `dispatch`; copies `*result` (NULL or a zeroed one is a retry). A second
 * completion is ignored and logged while the processor lives or the delivery
 * is open.
 *
 * It may call the dispatcher's `wake`: hold no lock that `wake` takes.
 */
OPTLY_API void optly_delivery_complete(optly_delivery delivery,
                                       const optly_dispatch_result *result);

/**
 * What a dispatcher can do. Keep one `static const` table per kind.
 * `dispatch` and `destroy` are required.
 */
typedef struct optly_dispatcher_ops {
    size_t struct_size; /**< sizeof(optly_dispatcher_ops) */

    /**
     * Starts, or makes, one attempt; its result goes to
     * optly_delivery_complete, at once or later. Runs on the driver.
     */
    void (*dispatch)(void *self, const optly_log_event *event,
                     optly_delivery delivery);

    /**
     * Drives I/O; returns on I/O, on a wake or after `timeout_ms` (-1: no
     * timeout). Runs on the driver. May be NULL.
     */
    void (*poll)(void *self, int timeout_ms);

    /**
     * Makes `poll` return; remembered, so that the next poll returns at once
     * if none is under way. Any thread. Required where `poll` is there.
     */
    void (*wake)(void *self);

    /**
     * Gives up what is under way: completes as CANCELLED what nobody reads any
     * more, the rest when it can. Any thread, beside dispatch and poll, also
     * several times; must not block. May be NULL.
     */
    void (*cancel)(void *self);

    /** Frees `self`, once. No delivery of it may be completed afterwards. */
    void (*destroy)(void *self);
} optly_dispatcher_ops;

/** A dispatcher: a table and the object it works on. Copied freely. */
typedef struct optly_dispatcher {
    const optly_dispatcher_ops *ops; /**< what it does; NULL: no dispatcher */
    void *self;                      /**< passed to each of them */
} optly_dispatcher;

/** Destroys a dispatcher that no processor took, and zeroes `*dispatcher`. */
OPTLY_API void optly_dispatcher_destroy(optly_dispatcher *dispatcher);

/**
 * A host's own way to send one batch. Fills in `result`, which starts as
 * optly_dispatch_result_default(), or just returns the outcome; the outcome
 * returned counts unless it is OPTLY_OUTCOME_UNSET. May block: the driver then
 * waits with it.
 */
typedef optly_outcome (*optly_dispatch_fn)(const optly_log_event *event,
                                           optly_dispatch_result *result,
                                           void *user);

/**
 * Makes a dispatcher of a function. `release`, if not NULL, gets `user` when
 * the dispatcher is destroyed, and also when this call fails.
 *
 * Returns OPTLY_OK, OPTLY_ERR_INVALID or OPTLY_ERR_NO_MEMORY; on failure
 * `*out` is zeroed.
 */
OPTLY_API optly_status
optly_function_dispatcher_create(optly_dispatcher *out, optly_dispatch_fn fn,
                                 void *user, void (*release)(void *user));

/** Receives the result of a delivery made by optly_delivery_create. */
typedef void (*optly_delivery_result_fn)(const optly_dispatch_result *result,
                                         void *user);

/**
 * Makes a delivery whose result comes to `fn`, once, on the thread that
 * completes it: for dispatchers that wrap another one. The delivery ends with
 * its completion, and must be completed; it is gone then, so that a second
 * completion is not allowed.
 *
 * Returns OPTLY_OK, OPTLY_ERR_INVALID or OPTLY_ERR_NO_MEMORY.
 */
OPTLY_API optly_status optly_delivery_create(optly_delivery *out,
                                             optly_delivery_result_fn fn,
                                             void *user);

/** Settings of a queue dispatcher; zero means the default. */
typedef struct optly_queue_dispatcher_config {
    size_t struct_size; /**< set by optly_queue_dispatcher_config_default */
    uint32_t threads;   /**< 1 to 64; default 1 */
    uint32_t capacity;  /**< batches waiting, 1 to 65,536; default 64 */
} optly_queue_dispatcher_config;

/** All defaults. */
static inline optly_queue_dispatcher_config
optly_queue_dispatcher_config_default(void)
{
    optly_queue_dispatcher_config config;

    memset(&config, 0, sizeof(config));
    config.struct_size = sizeof(config);
    return config;
}

/**
 * Runs `inner`, whose dispatch may block, on threads of its own, so that the
 * driver never waits for it. Takes `inner`, which has no `poll` (or is the
 * HTTP dispatcher, which then runs blocking). With several threads `inner`
 * runs concurrently. Completes as RETRY when full. `config` may be NULL.
 *
 * Destroy leaves a call of `inner` that has not returned after 50 ms behind,
 * with its batch, which stays valid for it and counts as ABANDONED; `inner` is
 * destroyed when it returns. A batch can only be left by the processor that
 * made it: one with a delivery of optly_delivery_create is completed as
 * CANCELLED instead, and whoever wraps the queue dispatcher so has to keep the
 * batch valid himself.
 *
 * Returns OPTLY_OK, OPTLY_ERR_INVALID, OPTLY_ERR_UNSUPPORTED,
 * OPTLY_ERR_NO_MEMORY or OPTLY_ERR_IO (no thread could be started).
 */
OPTLY_API optly_status optly_queue_dispatcher_create(
    optly_dispatcher *out, optly_dispatcher inner,
    const optly_queue_dispatcher_config *config, optly_error *err);

OPTLY_END_DECLS

#endif
