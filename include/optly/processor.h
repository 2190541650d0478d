/**
 * @file
 * The processor: keeps events, batches them, has them delivered, accounts.
 */
#ifndef OPTLY_PROCESSOR_H
#define OPTLY_PROCESSOR_H

#include <optly/http_dispatcher.h>

OPTLY_BEGIN_DECLS

/** Defaults, by the names that the official SDKs give them. */
enum {
    OPTLY_DEFAULT_BATCH_SIZE = 10,                 /**< of `batch_size` */
    OPTLY_DEFAULT_EVENT_QUEUE_SIZE = 2000,         /**< of `queue_size` */
    OPTLY_DEFAULT_EVENT_FLUSH_INTERVAL_MS = 30000, /**< of the interval */
    OPTLY_CLOSE_EVENT_DISPATCH_TIMEOUT_MS = 30000  /**< for a close */
};

/** Where the events of region US go. */
#define OPTLY_EVENT_ENDPOINT_US "https://logx.optimizely.com/v1/events"
/** Where the events of region EU go. */
#define OPTLY_EVENT_ENDPOINT_EU "https://eu.logx.optimizely.com/v1/events"

/**
 * Returns the endpoint of a region, in upper or lower case; NULL for an
 * unknown one. Any thread.
 */
OPTLY_API const char *optly_region_endpoint(const char *region);

/** What process_event does at a bound of the queue. */
typedef enum optly_overflow {
    OPTLY_OVERFLOW_REJECT_NEW,  /**< refuses the new event; the default */
    OPTLY_OVERFLOW_DROP_OLDEST, /**< drops the oldest still queued, reported */
    OPTLY_OVERFLOW_BLOCK        /**< waits up to overflow_block_ms for room */
} optly_overflow;

/** Where metrics go. Runs on the driver, at most once per step and name. */
typedef struct optly_metrics {
    size_t struct_size; /**< sizeof(optly_metrics) */
    /** Adds `delta` to the counter `name`; may be NULL. */
    void (*counter_add)(const char *name, double delta, void *user);
    /** Sets the gauge `name`; may be NULL. */
    void (*gauge_set)(const char *name, double value, void *user);
    void *user; /**< passed to both */
} optly_metrics;

/**
 * Settings of a processor. Start from optly_processor_config_default; zero and
 * NULL mean the default. A value out of range is an error, never replaced.
 */
typedef struct optly_processor_config {
    size_t struct_size;         /**< set by optly_processor_config_default */
    uint32_t batch_size;        /**< events per request, 1 to 10,000; 10 */
    uint32_t queue_size;        /**< events pending, 1 to 16,777,216 and at
                                     least batch_size; default 2000, or
                                     (max_in_flight + 1) * batch_size if that
                                     is more */
    uint32_t flush_interval_ms; /**< longest wait of a batch's first event, 1
                                     to 86,400,000; 30000 */
    uint32_t max_in_flight;     /**< batches under way, 1 to 1,024; 8 */
    uint64_t queue_bytes;       /**< bytes pending, from 1024; 16 MiB */
    uint64_t max_payload_bytes; /**< of a body, 1024 to 3,500,000; 3 MiB */
    optly_overflow overflow;    /**< at a bound; default REJECT_NEW */
    uint32_t overflow_block_ms; /**< for BLOCK; 0 does not wait */
    uint32_t retry_initial_ms;  /**< 1 to 600,000; 200 */
    uint32_t retry_max_ms;      /**< from retry_initial_ms to 3,600,000; 60000,
                                   or retry_initial_ms if that is more */
    uint32_t max_attempts;      /**< per batch; 0: no limit */
    uint32_t max_age_ms;        /**< per event; 0: no limit */
    const char *endpoint;       /**< copied; NULL: by the project's region */
    const char *sdk_key; /**< the host's label; neither sent nor logged */
    optly_queue queue;   /**< taken; default a ring */
    optly_dispatcher dispatcher;   /**< taken; default HTTP */
    const optly_http_config *http; /**< for the default dispatcher; borrowed */
    optly_log_fn log;              /**< default none */
    void *log_user;                /**< passed to `log` */
    const optly_metrics *metrics;  /**< copied */
    void (*on_worker_start)(void *user); /**< first on the worker */
    void (*on_worker_stop)(void *user);  /**< last on the worker */
    void *worker_user;                   /**< passed to both */
    /** For run_once hosts: there is something to do. Any thread, no lock held;
     *  only signal your loop. */
    void (*on_wake)(void *user);
    void *wake_user;           /**< passed to `on_wake` */
    size_t worker_stack_bytes; /**< 0: the system's default; else from 65,536 */
} optly_processor_config;

/** All defaults. */
static inline optly_processor_config optly_processor_config_default(void)
{
    optly_processor_config config;

    memset(&config, 0, sizeof(config));
    config.struct_size = sizeof(config);
    return config;
}

/** Keeps events in memory and hands them to a dispatcher in batches. */
typedef struct optly_processor optly_processor;

/**
 * Makes a processor; `config` may be NULL for all defaults. Takes
 * `config->queue` and `config->dispatcher` unless the struct itself is refused
 * (a struct_size that is not right); copies the rest.
 *
 * Returns OPTLY_OK; OPTLY_ERR_INVALID with the field and its range (also for
 * `http` beside a `dispatcher`, and for metrics without a function);
 * OPTLY_ERR_UNSUPPORTED; OPTLY_ERR_NO_MEMORY; OPTLY_ERR_IO.
 */
OPTLY_API optly_status
optly_processor_create(optly_processor **out,
                       const optly_processor_config *config, optly_error *err);

/**
 * Starts the worker thread; before it events only queue up.
 *
 * Returns OPTLY_OK, OPTLY_ERR_INVALID (started already), OPTLY_ERR_CLOSED,
 * OPTLY_ERR_FORKED, OPTLY_ERR_WOULD_DEADLOCK (from a callback of run_once),
 * or OPTLY_ERR_IO when the system has no thread. Any thread.
 */
OPTLY_API optly_status optly_processor_start(optly_processor *processor);

/**
 * Hands over an event, to be delivered or dropped by name; never waits for
 * I/O. Takes `event` whatever it returns.
 *
 * Returns OPTLY_OK; else the event was not accepted and is freed:
 * OPTLY_ERR_QUEUE_FULL, OPTLY_ERR_CLOSED, OPTLY_ERR_TOO_LARGE (over
 * queue_bytes or, with its envelope, over max_payload_bytes),
 * OPTLY_ERR_INVALID, OPTLY_ERR_FORKED, or what a host's own queue answered.
 * Any thread, callbacks included.
 */
OPTLY_API optly_status optly_process_event(optly_processor *processor,
                                           optly_user_event *event);

/**
 * Sends what is pending now, without waiting for full batches, and waits up to
 * `timeout_ms` until all of it is settled and reported.
 *
 * Returns OPTLY_OK, all delivered; OPTLY_ERR_DROPPED, all settled but some
 * dropped; OPTLY_ERR_TIMEOUT, some still pending, nothing discarded;
 * OPTLY_ERR_WOULD_DEADLOCK from a callback; OPTLY_ERR_FORKED;
 * OPTLY_ERR_INVALID. Any thread; with no worker it works on the caller's.
 */
OPTLY_API optly_status optly_processor_flush(optly_processor *processor,
                                             uint32_t timeout_ms);

/** Sums over the processor's life, in events. */
typedef struct optly_close_report {
    size_t struct_size; /**< set by optly_close_report_default */
    uint64_t delivered; /**< arrived */
    uint64_t dropped;   /**< for any reason */
    uint64_t pending;   /**< still held by the dispatcher */
} optly_close_report;

/** An empty report. */
static inline optly_close_report optly_close_report_default(void)
{
    optly_close_report report;

    memset(&report, 0, sizeof(report));
    report.struct_size = sizeof(report);
    return report;
}

/**
 * Stops acceptance, flushes, and when `timeout_ms` is up cancels what is under
 * way and drops the rest as OPTLY_DROP_CLOSED. Returns within `timeout_ms` +
 * 100 ms, also when the dispatcher never does. Fills in `report` if not NULL.
 *
 * Returns OPTLY_OK when nothing had to be dropped or left for closing;
 * OPTLY_ERR_TIMEOUT otherwise; OPTLY_ERR_WOULD_DEADLOCK from a callback;
 * OPTLY_ERR_FORKED; OPTLY_ERR_INVALID. Any thread but beside destroy; a second
 * close waits for the first and reports the same.
 */
OPTLY_API optly_status optly_processor_close(optly_processor *processor,
                                             uint32_t timeout_ms,
                                             optly_close_report *report);

/**
 * Frees the processor, its dispatcher and its queue; closes with 0 ms first if
 * that was not done. No other call may be under way. In a forked child it
 * touches nothing of the parent's. Not from a callback.
 */
OPTLY_API void optly_processor_destroy(optly_processor *processor);

/**
 * For a host with its own loop, instead of start: does what is due, waits up
 * to `timeout_ms` (-1: until something is) for more, and does that.
 *
 * Returns OPTLY_OK, OPTLY_ERR_INVALID after start, OPTLY_ERR_CLOSED,
 * OPTLY_ERR_WOULD_DEADLOCK from a callback or beside another run_once (but it
 * waits for its turn beside a flush), or OPTLY_ERR_FORKED.
 */
OPTLY_API optly_status optly_processor_run_once(optly_processor *processor,
                                                int timeout_ms);

/**
 * Returns in how many ms run_once should be called next; -1: nothing is due.
 * At most 20 while a dispatcher that polls has requests under way. Any thread.
 */
OPTLY_API int64_t optly_processor_next_deadline_ms(optly_processor *processor);

/** Sees a batch just before its first attempt. Valid during the call. */
typedef void (*optly_event_dispatch_fn)(const optly_log_event *event,
                                        void *user);

/**
 * Registers a handler; `*id`, if `id` is not NULL, names it. Handlers run in
 * the order of registration, on the driver, not again on retries nor for the
 * halves of a split batch.
 *
 * Returns OPTLY_OK, OPTLY_ERR_INVALID, OPTLY_ERR_NO_MEMORY, OPTLY_ERR_FORKED.
 */
OPTLY_API optly_status optly_processor_on_event_dispatch(
    optly_processor *processor, optly_event_dispatch_fn fn, void *user,
    int *id);

/**
 * Removes a handler, and returns when a call of it under way has ended, except
 * from inside a callback. OPTLY_OK, OPTLY_ERR_NOT_FOUND, OPTLY_ERR_INVALID or
 * OPTLY_ERR_FORKED. Any thread.
 */
OPTLY_API optly_status
optly_processor_remove_on_event_dispatch(optly_processor *processor, int id);

/** How events ended: all of one batch, or part of it. */
typedef struct optly_delivery_report {
    size_t struct_size;       /**< set by the library */
    optly_drop_reason reason; /**< NONE: delivered */
    uint32_t attempts;        /**< made with these events; 0: none */
    int32_t http_status;      /**< of the last attempt; 0: none */
    uint32_t event_count;     /**< of `events` */
    const optly_user_event *const *events; /**< valid during the call */
} optly_delivery_report;

/** Sees every accepted event end, exactly once. Runs on the driver. */
typedef void (*optly_delivery_fn)(const optly_delivery_report *report,
                                  void *user);

/** Registers a handler, as optly_processor_on_event_dispatch does. */
OPTLY_API optly_status optly_processor_on_delivery(optly_processor *processor,
                                                   optly_delivery_fn fn,
                                                   void *user, int *id);

/** Removes one, as optly_processor_remove_on_event_dispatch does. */
OPTLY_API optly_status
optly_processor_remove_on_delivery(optly_processor *processor, int id);

/** Why process_event did not accept. */
typedef enum optly_reject_reason {
    OPTLY_REJECT_QUEUE_FULL, /**< a bound was reached */
    OPTLY_REJECT_CLOSED,     /**< after close */
    OPTLY_REJECT_INVALID,    /**< no event, or a queue's own refusal */
    OPTLY_REJECT_TOO_LARGE,  /**< fits into no queue or body */
    OPTLY_REJECT_NO_MEMORY   /**< the allocator returned NULL */
} optly_reject_reason;

/** The arrays of optly_stats never change size. */
enum {
    OPTLY_REASON_SLOTS = 16 /**< more than there are reasons */
};

/**
 * The books of a processor. In every snapshot:
 *
 *   attempted == accepted + sum of rejected
 *   accepted  == delivered + sum of dropped + pending
 *   pending   == queued + in_flight + retry_wait
 */
typedef struct optly_stats {
    size_t struct_size;                    /**< set by optly_stats_default */
    uint64_t attempted;                    /**< calls of optly_process_event */
    uint64_t accepted;                     /**< events that it took */
    uint64_t rejected[OPTLY_REASON_SLOTS]; /**< by optly_reject_reason */
    uint64_t delivered;                    /**< events that arrived */
    uint64_t dropped[OPTLY_REASON_SLOTS];  /**< by optly_drop_reason */
    uint64_t queued;                       /**< events never attempted yet */
    uint64_t in_flight;                    /**< events with the dispatcher */
    uint64_t retry_wait; /**< events that were attempted and wait */
    uint64_t pending;    /**< counted, not derived */
    uint64_t batches;    /**< batches delivered */
    uint64_t requests;   /**< attempts made */
    uint64_t retries;    /**< attempts after the first, halves of a split too */
    uint64_t bisections; /**< refused batches that were split */
    uint64_t payload_bytes; /**< bodies handed to the dispatcher */
} optly_stats;

/** Counters of nothing. */
static inline optly_stats optly_stats_default(void)
{
    optly_stats stats;

    memset(&stats, 0, sizeof(stats));
    stats.struct_size = sizeof(stats);
    return stats;
}

/**
 * Fills in one exact snapshot; `out->struct_size` must be set.
 * Returns OPTLY_OK, OPTLY_ERR_INVALID or OPTLY_ERR_FORKED. Any thread.
 */
OPTLY_API optly_status optly_processor_stats(optly_processor *processor,
                                             optly_stats *out);

OPTLY_END_DECLS

#endif
