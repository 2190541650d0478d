/*
 * Threads that run another dispatcher, and the jobs that wait for them.
 *
 * The one difficulty is an inner dispatch that does not return. Its thread
 * then outlives the pool's owner, so all that it touches is in the pool, which
 * the last to leave frees, and its result no longer has anywhere to go: a job
 * is open until its delivery is completed or given up, by whoever gets there
 * first. What it reads is the batch, which is detached from its owner then and
 * kept by the job; the job ends with its inner delivery, and at the latest with
 * the inner dispatcher.
 */
#ifndef OPTLY__DISPATCH_POOL_H
#define OPTLY__DISPATCH_POOL_H

#include <optly/dispatcher.h>

#include "platform/platform.h"

enum { OPTLY__DISPATCH_MAX_THREADS = 64 };

typedef struct optly__dispatch_pool optly__dispatch_pool;

/*
 * Makes a pool without threads, in which `capacity` jobs may wait. `inner`
 * becomes its own with the first thread that starts.
 */
optly_status optly__dispatch_pool_create(optly__dispatch_pool **out,
                                         const optly_dispatcher *inner,
                                         uint32_t capacity, optly_error *err);

/* Owner only, OPTLY__DISPATCH_MAX_THREADS times at most. */
bool optly__dispatch_pool_start_thread(optly__dispatch_pool *pool);

/* Has `event` sent; the result goes to `delivery`: RETRY when full. */
void optly__dispatch_pool_add(optly__dispatch_pool *pool,
                              const optly_log_event *event,
                              optly_delivery delivery);

/* Completes as CANCELLED what waits, and cancels the inner dispatcher. Any
 * thread. */
void optly__dispatch_pool_cancel(optly__dispatch_pool *pool);

/*
 * Cancels, stops the threads, and completes as CANCELLED what is left when the
 * inner dispatcher is destroyed; no delivery is completed afterwards. A thread
 * that the inner dispatcher keeps is left behind after 50 ms, and the batches
 * of open jobs with it, detached; the inner dispatcher is then destroyed on it,
 * when it returns. A delivery that cannot be detached is completed as
 * CANCELLED at once, and its batch must not be read any more.
 */
void optly__dispatch_pool_destroy(optly__dispatch_pool *pool);

#endif
