#include "dispatch/dispatch_pool.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "dispatch/delivery.h"
#include "dispatch/http_dispatcher.h"

/* How long stop waits for an inner dispatch before it leaves it behind. */
enum { STUCK_AFTER_MS = 50 };

struct job {
    optly__dispatch_pool *pool;
    const optly_log_event *event;
    optly_delivery outer; /* where the result goes */
    uint64_t cancel_count;
    /* Guarded by the pool's lock. */
    uint64_t id;       /* of the inner delivery, once it runs */
    bool open;         /* not completed or given up yet */
    optly__kept *kept; /* the memory of `event`, once it is detached */
    struct job *next, *previous;
};

struct job_list {
    struct job *first, *last;
};

struct optly__dispatch_pool {
    optly__delivery_core core; /* first: inner deliveries point here */

    /* Set by create, then read-only. */
    optly_dispatcher inner;
    optly_dispatcher_ops inner_ops;
    bool inner_is_http;
    uint32_t capacity;

    /* Used by the owner only. */
    optly__thread handles[OPTLY__DISPATCH_MAX_THREADS];
    uint32_t started;

    optly__mutex lock;
    optly__cond changed;
    /* Guarded by `lock`. */
    struct job_list waiting, running;
    struct job_list abandoned; /* ran, and not open any more */
    uint64_t last_id;
    uint32_t waiting_count;
    uint32_t completing; /* results on their way out */
    uint32_t threads;    /* not yet ended */
    uint32_t inside;     /* threads in a call of the inner dispatcher */
    uint32_t references; /* the dispatcher's, one per thread and running job */
    bool stopping;
};

static void append(struct job_list *list, struct job *job)
{
    job->next = NULL;
    job->previous = list->last;
    if (list->last != NULL)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
}

static void unlink_job(struct job_list *list, struct job *job)
{
    if (job->previous != NULL)
        job->previous->next = job->next;
    else
        list->first = job->next;
    if (job->next != NULL)
        job->next->previous = job->previous;
    else
        list->last = job->previous;
}

static void free_pool(optly__dispatch_pool *pool)
{
    optly__cond_cleanup(&pool->changed);
    optly__mutex_cleanup(&pool->lock);
    optly__free(pool);
}

static void release_pool(optly__dispatch_pool *pool)
{
    bool last;

    optly__mutex_lock(&pool->lock);
    last = --pool->references == 0;
    optly__mutex_unlock(&pool->lock);
    if (last)
        free_pool(pool);
}

/* The result of a job, on whichever thread it comes: ends the job. Lock held,
 * released on the way. */
static void end_job(optly__dispatch_pool *pool, struct job *job,
                    const optly_dispatch_result *result)
{
    optly__kept *kept = job->kept;
    bool open = job->open;

    unlink_job(open ? &pool->running : &pool->abandoned, job);
    if (open)
        pool->completing++;
    optly__mutex_unlock(&pool->lock);
    if (kept != NULL)
        kept->release(kept);
    if (open) {
        optly_delivery_complete(job->outer, result);
        optly__mutex_lock(&pool->lock);
        pool->completing--;
        optly__cond_broadcast(&pool->changed);
        optly__mutex_unlock(&pool->lock);
    }
    optly__free(job);
    release_pool(pool);
}

static struct job *find_job(const struct job_list *list, uint64_t id)
{
    struct job *job = list->first;

    while (job != NULL && job->id != id)
        job = job->next;
    return job;
}

/* The memory that the job reads; NULL if it cannot be had. Lock held, over the
 * call too: the job could end beside it. */
static optly__kept *detach_outer(const struct job *job)
{
    optly__delivery_core *core = job->outer.core;

    if (core == NULL || core->detach == NULL)
        return NULL;
    return core->detach(core, job->outer.id);
}

/* optly_delivery_complete of an inner delivery. A job that is not there has
 * ended: the inner dispatcher completes it once more. */
static void complete(optly__delivery_core *core, uint64_t id,
                     const optly_dispatch_result *result)
{
    optly__dispatch_pool *pool = (optly__dispatch_pool *)core;
    struct job *job;

    optly__mutex_lock(&pool->lock);
    job = find_job(&pool->running, id);
    if (job == NULL)
        job = find_job(&pool->abandoned, id);
    if (job != NULL)
        end_job(pool, job, result);
    else
        optly__mutex_unlock(&pool->lock);
}

/*
 * The detach of an inner delivery: the inner dispatcher is a queue dispatcher,
 * too, and leaves the batch behind. Its lock is held, so that of the pool in
 * front is taken within, and then the engine's. The job's end goes nowhere.
 */
static optly__kept *detach(optly__delivery_core *core, uint64_t id)
{
    optly__dispatch_pool *pool = (optly__dispatch_pool *)core;
    optly__kept *kept = NULL;
    struct job *job;

    optly__mutex_lock(&pool->lock);
    job = find_job(&pool->running, id);
    if (job != NULL)
        kept = detach_outer(job);
    if (kept != NULL) {
        unlink_job(&pool->running, job);
        append(&pool->abandoned, job);
        job->open = false;
    }
    optly__mutex_unlock(&pool->lock);
    return kept;
}

static void run_blocking(optly__dispatch_pool *pool, struct job *job)
{
    optly_dispatch_result result = optly_dispatch_result_default();

    optly__http_dispatch_blocking(pool->inner.self, job->event,
                                  job->cancel_count, &result);
    optly__mutex_lock(&pool->lock);
    end_job(pool, job, &result);
}

/* The job may end within dispatch. */
static void run_inner(optly__dispatch_pool *pool, const struct job *job)
{
    optly_delivery delivery = {&pool->core, job->id};

    pool->inner_ops.dispatch(pool->inner.self, job->event, delivery);
}

/* Waits for a job and moves it to those running; NULL: stop. */
static struct job *take_job(optly__dispatch_pool *pool)
{
    struct job *job = NULL;

    optly__mutex_lock(&pool->lock);
    while (pool->waiting.first == NULL && !pool->stopping)
        optly__cond_wait_until(&pool->changed, &pool->lock, OPTLY__NEVER);
    if (!pool->stopping) {
        job = pool->waiting.first;
        unlink_job(&pool->waiting, job);
        pool->waiting_count--;
        append(&pool->running, job);
        job->id = ++pool->last_id;
        pool->inside++;
        pool->references++;
        /* Read where cancel has to pass: it then counts for this job. */
        if (pool->inner_is_http)
            job->cancel_count = optly__http_cancel_count(pool->inner.self);
    }
    optly__mutex_unlock(&pool->lock);
    return job;
}

/* Ends jobs whose inner deliveries the inner dispatcher, now destroyed, has
 * left open: nobody else does any more. */
static void end_jobs(optly__dispatch_pool *pool, const struct job_list *list)
{
    struct job *job;

    optly__mutex_lock(&pool->lock);
    while ((job = list->first) != NULL) {
        optly_delivery delivery = {&pool->core, job->id};

        optly__mutex_unlock(&pool->lock);
        optly__delivery_complete_as(delivery, OPTLY_CANCELLED, "abandoned");
        optly__mutex_lock(&pool->lock);
    }
    optly__mutex_unlock(&pool->lock);
}

/* The last thread out takes the inner dispatcher along. */
static void leave_inner(optly__dispatch_pool *pool)
{
    bool last;

    optly__mutex_lock(&pool->lock);
    last = --pool->threads == 0;
    optly__cond_broadcast(&pool->changed);
    optly__mutex_unlock(&pool->lock);
    if (!last)
        return;
    pool->inner_ops.destroy(pool->inner.self);
    end_jobs(pool, &pool->running);
    end_jobs(pool, &pool->abandoned);
}

static void come_back(optly__dispatch_pool *pool)
{
    optly__mutex_lock(&pool->lock);
    pool->inside--;
    optly__cond_broadcast(&pool->changed);
    optly__mutex_unlock(&pool->lock);
}

static void run_thread(void *argument)
{
    optly__dispatch_pool *pool = argument;
    struct job *job;

    while ((job = take_job(pool)) != NULL) {
        if (pool->inner_is_http)
            run_blocking(pool, job);
        else
            run_inner(pool, job);
        come_back(pool);
    }
    leave_inner(pool);
    release_pool(pool);
}

/* Puts a job at the end; false when there is no room. */
static bool enqueue(optly__dispatch_pool *pool, struct job *job)
{
    bool room;

    optly__mutex_lock(&pool->lock);
    room = pool->waiting_count < pool->capacity;
    if (room) {
        append(&pool->waiting, job);
        pool->waiting_count++;
        optly__cond_broadcast(&pool->changed);
    }
    optly__mutex_unlock(&pool->lock);
    return room;
}

void optly__dispatch_pool_add(optly__dispatch_pool *pool,
                              const optly_log_event *event,
                              optly_delivery delivery)
{
    struct job *job = optly__alloc_zero(sizeof(*job));

    if (job == NULL) {
        optly__delivery_complete_as(delivery, OPTLY_RETRY, "out of memory");
        return;
    }
    job->pool = pool;
    job->event = event;
    job->outer = delivery;
    job->open = true;
    if (!enqueue(pool, job)) {
        optly__free(job);
        optly__delivery_complete_as(delivery, OPTLY_RETRY,
                                    "the dispatcher's queue is full");
    }
}

static void cancel_waiting(optly__dispatch_pool *pool)
{
    struct job *job, *next;

    optly__mutex_lock(&pool->lock);
    job = pool->waiting.first;
    pool->waiting.first = pool->waiting.last = NULL;
    pool->waiting_count = 0;
    optly__mutex_unlock(&pool->lock);
    for (; job != NULL; job = next) {
        next = job->next;
        optly__delivery_complete_as(job->outer, OPTLY_CANCELLED, "cancelled");
        optly__free(job);
    }
}

void optly__dispatch_pool_cancel(optly__dispatch_pool *pool)
{
    cancel_waiting(pool);
    if (pool->inner_ops.cancel != NULL)
        pool->inner_ops.cancel(pool->inner.self);
}

/* Takes over the memory that the job reads; false if it cannot be had. Lock
 * held. */
static bool keep_event(struct job *job)
{
    job->kept = detach_outer(job);
    return job->kept != NULL;
}

/*
 * Gives up what the inner dispatcher has not completed and may still read; its
 * result, should it come after all, goes nowhere. Waits for results already on
 * their way.
 */
static void abandon_running(optly__dispatch_pool *pool)
{
    struct job *job;

    optly__mutex_lock(&pool->lock);
    while ((job = pool->running.first) != NULL) {
        optly_delivery outer = job->outer;

        unlink_job(&pool->running, job);
        append(&pool->abandoned, job);
        job->open = false;
        if (keep_event(job))
            continue;
        optly__mutex_unlock(&pool->lock);
        optly__delivery_complete_as(outer, OPTLY_CANCELLED, "abandoned");
        optly__mutex_lock(&pool->lock);
    }
    while (pool->completing > 0)
        optly__cond_wait_until(&pool->changed, &pool->lock, OPTLY__NEVER);
    optly__mutex_unlock(&pool->lock);
}

/* Waits for the threads' inner calls; false when some are stuck. */
static bool wait_for_threads(optly__dispatch_pool *pool)
{
    /* The HTTP dispatcher obeys a cancel, and reads the events until it has:
     * there is nothing to leave behind. */
    int64_t deadline = pool->inner_is_http
                           ? OPTLY__NEVER
                           : optly__monotonic_ms() + STUCK_AFTER_MS;
    bool ended;

    optly__mutex_lock(&pool->lock);
    /* A thread that is not in a call leaves by itself, however loaded the
     * machine is. */
    while (pool->threads > 0 &&
           (pool->inside == 0 || optly__monotonic_ms() < deadline))
        optly__cond_wait_until(&pool->changed, &pool->lock,
                               pool->inside == 0 ? OPTLY__NEVER : deadline);
    ended = pool->threads == 0;
    optly__mutex_unlock(&pool->lock);
    return ended;
}

static void stop_threads(optly__dispatch_pool *pool)
{
    optly__mutex_lock(&pool->lock);
    pool->stopping = true;
    optly__cond_broadcast(&pool->changed);
    optly__mutex_unlock(&pool->lock);
}

void optly__dispatch_pool_destroy(optly__dispatch_pool *pool)
{
    bool ended;

    /* First, since the last thread to stop destroys the inner dispatcher. */
    optly__dispatch_pool_cancel(pool);
    stop_threads(pool);
    ended = wait_for_threads(pool);
    for (uint32_t i = 0; i < pool->started; i++) {
        if (ended)
            optly__thread_join(&pool->handles[i]);
        else
            optly__thread_detach(&pool->handles[i]);
    }
    abandon_running(pool);
    release_pool(pool);
}

optly_status optly__dispatch_pool_create(optly__dispatch_pool **out,
                                         const optly_dispatcher *inner,
                                         uint32_t capacity, optly_error *err)
{
    optly__dispatch_pool *pool = optly__alloc_zero(sizeof(*pool));
    optly_status status;

    if (pool == NULL)
        return optly__fail_memory(err);
    pool->core.complete = complete;
    pool->core.detach = detach;
    pool->references = 1;
    pool->capacity = capacity;
    pool->inner = *inner;
    pool->inner_is_http = optly__is_http_dispatcher(inner);
    status = optly__dispatcher_ops_copy(&pool->inner_ops, inner, err);
    if (status == OPTLY_OK && pool->inner_ops.poll != NULL &&
        !pool->inner_is_http)
        status = optly__fail(err, OPTLY_ERR_INVALID,
                             "inner: has a poll, which nobody would call");
    if (status != OPTLY_OK)
        goto fail_memory;
    status = OPTLY_ERR_NO_MEMORY;
    if (!optly__mutex_init(&pool->lock))
        goto fail_memory;
    if (!optly__cond_init(&pool->changed))
        goto fail_mutex;
    *out = pool;
    return OPTLY_OK;

fail_mutex:
    optly__mutex_cleanup(&pool->lock);
fail_memory:
    optly__free(pool);
    return status != OPTLY_ERR_NO_MEMORY ? status : optly__fail_memory(err);
}

/* Each thread brings its own references. */
bool optly__dispatch_pool_start_thread(optly__dispatch_pool *pool)
{
    bool started;

    optly__mutex_lock(&pool->lock);
    pool->threads++;
    pool->references++;
    optly__mutex_unlock(&pool->lock);
    started = optly__thread_start(&pool->handles[pool->started], run_thread,
                                  pool, 0, "optly-dispatch");
    if (started) {
        pool->started++;
        return true;
    }
    optly__mutex_lock(&pool->lock);
    pool->threads--;
    pool->references--;
    optly__mutex_unlock(&pool->lock);
    return false;
}
