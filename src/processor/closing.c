/*
 * Flush, close and destroy: waiting with a limit, and what is done when a
 * dispatcher or a callback does not come back.
 */
#include "processor/processor.h"

#include <assert.h>
#include <string.h>

enum {
    /* How long close and destroy wait beyond their time for a driver to act;
     * how long close may then report in its place; together below 100. */
    GRACE_MS = 50,
    REPORT_MS = 30,
    /* How long a driver may stay in the library's own code, which is never
     * long, but on a machine with too much to do. */
    ENGINE_MS = 1000
};

static bool is_settled(const optly_processor *processor)
{
    return processor->engine.ledger.stats.pending == 0 &&
           processor->engine.displaced_count == 0;
}

/* Has the driver step at once. Lock held, released while it wakes. */
static void rouse(optly_processor *processor)
{
    optly__engine *engine = &processor->engine;

    if (!optly__engine_rouse(engine))
        return;
    optly__mutex_unlock(&engine->lock);
    optly__processor_wake(processor);
    optly__mutex_lock(&engine->lock);
}

/*
 * Waits, or drives if nobody else does, until the barrier is over (NULL: until
 * all is settled), close is through, or `until_ms`. Returns whether it drove.
 * Lock held.
 */
static bool await(optly_processor *processor, const optly__barrier *barrier,
                  int64_t until_ms)
{
    optly__engine *engine = &processor->engine;
    bool driven = false;

    for (;;) {
        bool over =
            barrier != NULL ? barrier->remaining == 0 : is_settled(processor);
        bool may_drive = !processor->started && !processor->driving;

        if (over || processor->closed)
            return driven;
        /* Even with no time at all, what can be done at once is done. */
        if (optly__monotonic_ms() >= until_ms && (driven || !may_drive))
            return driven;
        if (may_drive)
            optly__processor_drive(processor, barrier, until_ms);
        else
            optly__cond_wait_until(&engine->changed, &engine->lock, until_ms);
        driven = driven || may_drive;
    }
}

/*
 * Takes the lock for a call that waits for the driver, and keeps it only on
 * OPTLY_OK: in the driver itself it would wait for ever.
 */
static optly_status lock_to_wait(optly_processor *processor)
{
    optly_status status = optly__processor_check(processor);

    if (status != OPTLY_OK)
        return status;
    optly__mutex_lock(&processor->engine.lock);
    if (!optly__processor_is_driver(processor))
        return OPTLY_OK;
    optly__mutex_unlock(&processor->engine.lock);
    return OPTLY_ERR_WOULD_DEADLOCK;
}

optly_status optly_processor_flush(optly_processor *processor,
                                   uint32_t timeout_ms)
{
    optly_status status = lock_to_wait(processor);
    optly__engine *engine;
    optly__barrier barrier;
    bool driven, leaves_work;

    if (status != OPTLY_OK)
        return status;
    engine = &processor->engine;
    optly__ledger_open_barrier(&engine->ledger, &barrier);
    if (barrier.remaining > 0)
        rouse(processor);
    driven = await(processor, &barrier, optly__monotonic_ms() + timeout_ms);
    if (barrier.remaining > 0)
        status = OPTLY_ERR_TIMEOUT;
    else if (barrier.dropped)
        status = OPTLY_ERR_DROPPED;
    optly__ledger_close_barrier(&engine->ledger, &barrier);
    leaves_work = driven && engine->ledger.stats.pending > 0;
    optly__mutex_unlock(&engine->lock);
    /* The host's loop does not know the deadlines of what is left. */
    if (leaves_work)
        optly__processor_wake(processor);
    return status;
}

/* Whether the driver has not done what a close that ran out of time asks. */
static bool has_waiting(const optly_processor *processor)
{
    const optly_stats *stats = &processor->engine.ledger.stats;

    return stats->queued > 0 || stats->retry_wait > 0 ||
           processor->engine.hand_count > 0 ||
           processor->engine.displaced_count > 0;
}

/*
 * Waits until the driver is somewhere from where it can be replaced; inside
 * the engine it never stays long. Lock held.
 */
static void await_foreign_code(optly_processor *processor)
{
    optly__engine *engine = &processor->engine;
    int64_t until = optly__monotonic_ms() + ENGINE_MS;

    while (engine->place == OPTLY__IN_ENGINE && has_waiting(processor) &&
           optly__monotonic_ms() < until)
        optly__cond_wait_until(&engine->changed, &engine->lock,
                               optly__monotonic_ms() + 1);
}

/* Drops what waits until all is done or time is up. The driver's; lock not
 * held. Returns whether all is done. */
static bool drop_until(optly__engine *engine, int64_t until_ms)
{
    bool dropped = true;

    while (dropped && optly__monotonic_ms() < until_ms) {
        if (!optly__engine_drop_some(engine, OPTLY_DROP_CLOSED, &dropped))
            break;
    }
    return !dropped;
}

/*
 * The driver does not come. In a dispatcher: the calling thread reports what
 * waits in its place. In a callback: handlers run one at a time, so it is
 * counted ahead, and reported when the driver is back. Lock held.
 */
static void replace_driver(optly_processor *processor)
{
    optly__engine *engine = &processor->engine;

    await_foreign_code(processor);
    if (!has_waiting(processor) || engine->place == OPTLY__IN_ENGINE)
        return;
    if (engine->place != OPTLY__IN_CALLBACK) {
        optly__engine_take_over(engine);
        optly__mutex_unlock(&engine->lock);
        (void)drop_until(engine, optly__monotonic_ms() + REPORT_MS);
        optly__mutex_lock(&engine->lock);
        engine->place = OPTLY__IN_DISPATCHER; /* where the worker still is */
    }
    if (has_waiting(processor))
        optly__engine_count_waiting(engine);
}

/* Time is up: cancels what is under way, drops the rest. Lock held. */
static void cut_short(optly_processor *processor)
{
    optly__engine *engine = &processor->engine;

    engine->aborting = true;
    if (processor->dispatcher.cancel != NULL) {
        optly__mutex_unlock(&engine->lock);
        processor->dispatcher.cancel(processor->dispatcher_self);
        optly__mutex_lock(&engine->lock);
    }
    rouse(processor);
    (void)await(processor, NULL, optly__monotonic_ms() + GRACE_MS);
    if (has_waiting(processor))
        replace_driver(processor);
}

static void fill_report(const optly_processor *processor,
                        optly_close_report *report)
{
    const optly_stats *stats = &processor->engine.ledger.stats;

    if (report == NULL)
        return;
    report->delivered = stats->delivered;
    report->pending = stats->pending;
    report->dropped = 0;
    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        report->dropped += stats->dropped[i];
}

/* Closes, or waits for the one that does. Lock held. */
static void close_once(optly_processor *processor, uint32_t timeout_ms)
{
    optly__engine *engine = &processor->engine;
    optly__barrier barrier;

    if (engine->closing) {
        while (!processor->closed)
            optly__cond_wait_until(&engine->changed, &engine->lock,
                                   OPTLY__NEVER);
        return;
    }
    engine->closing = true;
    optly__cond_broadcast(&engine->changed);
    optly__ledger_open_barrier(&engine->ledger, &barrier);
    rouse(processor);
    if (timeout_ms > 0)
        (void)await(processor, NULL, optly__monotonic_ms() + timeout_ms);
    if (!is_settled(processor))
        cut_short(processor);
    optly__ledger_close_barrier(&engine->ledger, &barrier);
    processor->closed = true;
    optly__cond_broadcast(&engine->changed);
    /* A host's loop may have begun another round since it was last woken. */
    if (processor->driving)
        rouse(processor);
}

optly_status optly_processor_close(optly_processor *processor,
                                   uint32_t timeout_ms,
                                   optly_close_report *report)
{
    const optly_stats *stats;
    optly__engine *engine;
    optly_status status;

    if (report != NULL &&
        report->struct_size < OPTLY__SIZE_TO(optly_close_report, pending))
        return OPTLY_ERR_INVALID;
    status = lock_to_wait(processor);
    if (status != OPTLY_OK)
        return status;
    engine = &processor->engine;
    close_once(processor, timeout_ms);
    stats = &engine->ledger.stats;
    if (stats->dropped[OPTLY_DROP_CLOSED] > 0 || stats->pending > 0)
        status = OPTLY_ERR_TIMEOUT;
    fill_report(processor, report);
    optly__mutex_unlock(&engine->lock);
    return status;
}

/* Whether the worker is in foreign code, and may never come back. Lock held. */
static bool is_in_foreign_code(const optly_processor *processor)
{
    optly__place place = processor->engine.place;

    return place == OPTLY__IN_DISPATCHER || place == OPTLY__IN_CALLBACK ||
           processor->in_hook;
}

/* Asks the worker to leave; false: it hangs in foreign code. Lock held. */
static bool stop_worker(optly_processor *processor)
{
    optly__engine *engine = &processor->engine;
    int64_t now = optly__monotonic_ms(), until = now + GRACE_MS;

    processor->stopping = true;
    rouse(processor);
    while (!processor->exited &&
           (now < until ||
            (!is_in_foreign_code(processor) && now < until + ENGINE_MS))) {
        optly__cond_wait_until(&engine->changed, &engine->lock,
                               now + GRACE_MS / 10);
        now = optly__monotonic_ms();
    }
    return processor->exited;
}

/*
 * The worker hangs: reports what the dispatcher holds, unless a handler is
 * what hangs, and leaves the processor to the worker. Returns false if the
 * worker came back meanwhile. Lock held, released on the way.
 */
static bool leave_to_worker(optly_processor *processor)
{
    optly__engine *engine = &processor->engine;
    bool may_report = engine->place == OPTLY__IN_DISPATCHER ||
                      engine->place == OPTLY__WAITING;

    engine->taken_over = true;
    engine->taker = optly__thread_self();
    if (may_report) {
        optly__mutex_unlock(&engine->lock);
        (void)optly__engine_abandon(engine, false);
        optly__mutex_lock(&engine->lock);
    }
    processor->orphaned = !processor->exited;
    return processor->orphaned;
}

/* Stops the worker; false: the processor is its from here on. */
static bool end_worker(optly_processor *processor)
{
    optly__engine *engine = &processor->engine;
    bool left;

    if (!processor->started)
        return true;
    optly__mutex_lock(&engine->lock);
    left = !stop_worker(processor) && leave_to_worker(processor);
    if (left)
        optly__thread_detach(&processor->worker);
    optly__mutex_unlock(&engine->lock);
    if (!left)
        optly__thread_join(&processor->worker);
    return !left;
}

/* The dispatcher is gone: settles what it held and what close had no time to
 * report. No other thread is left. */
static void settle_rest(optly_processor *processor)
{
    optly__engine *engine = &processor->engine;

    optly__mutex_lock(&engine->lock);
    engine->place = OPTLY__WAITING;
    optly__engine_take_over(engine);
    optly__mutex_unlock(&engine->lock);
    (void)optly__engine_abandon(engine, true);
    (void)drop_until(engine, optly__monotonic_ms() + REPORT_MS);
    (void)optly__engine_meter(engine);
}

void optly_processor_destroy(optly_processor *processor)
{
    if (optly__processor_check(processor) != OPTLY_OK)
        return;
    if (optly_processor_close(processor, 0, NULL) == OPTLY_ERR_WOULD_DEADLOCK) {
        assert(0 && "destroy from a callback");
        return; /* a leak hurts less than freeing what is in use */
    }
    if (!end_worker(processor))
        return;
    processor->dispatcher.destroy(processor->dispatcher_self);
    settle_rest(processor);
    optly__processor_free(processor);
}
