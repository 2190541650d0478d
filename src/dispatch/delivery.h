/*
 * Deliveries: what stands behind `optly_delivery.core`.
 *
 * Whoever gives out deliveries (the processor, optly_delivery_create) embeds
 * this as the first member of the object that `core` points to.
 */
#ifndef OPTLY__DELIVERY_H
#define OPTLY__DELIVERY_H

#include <optly/dispatcher.h>

typedef struct optly__delivery_core optly__delivery_core;

/* The memory of a batch, for someone who still reads it. */
typedef struct optly__kept optly__kept;
struct optly__kept {
    /* Any thread; does not touch the core, which may be gone. */
    void (*release)(optly__kept *kept);
};

struct optly__delivery_core {
    /* `result` is whole and valid: outcome known and set, detail terminated,
     * retry_after_ms between 0 and OPTLY__RETRY_AFTER_MAX_MS. Any thread. */
    void (*complete)(optly__delivery_core *core, uint64_t id,
                     const optly_dispatch_result *result);
    /*
     * For a dispatcher that is being destroyed while something reads the batch
     * of an open delivery and cannot be stopped: the batch then stays valid
     * until the caller releases what this returns. The delivery must not be
     * completed any more; it counts as abandoned. NULL if it is not open. Not
     * beside the driver; calls nothing. The member may be NULL.
     */
    optly__kept *(*detach)(optly__delivery_core *core, uint64_t id);
};

/* 10 minutes: what a Retry-After counts at most. */
enum { OPTLY__RETRY_AFTER_MAX_MS = 600000 };

/* Makes `to` a whole and valid result of `from`, which may be NULL, zeroed,
 * of another version, or hold an unknown outcome: those are RETRY. */
void optly__dispatch_result_normalise(optly_dispatch_result *to,
                                      const optly_dispatch_result *from);

/* Completes with `outcome` and a text for the log. */
void optly__delivery_complete_as(optly_delivery delivery, optly_outcome outcome,
                                 const char *detail);

/*
 * Checks an ops table and copies it to `to`, which then has all members of
 * this library's version. OPTLY_ERR_INVALID names what is missing.
 */
optly_status optly__dispatcher_ops_copy(optly_dispatcher_ops *to,
                                        const optly_dispatcher *dispatcher,
                                        optly_error *err);

#endif
