/*
 * Driving the engine: step, then wait until something is due, comes in, or
 * was asked for. The worker thread does it, and so do run_once, flush and
 * close of a processor without one.
 */
#include "processor/processor.h"

#include <limits.h>

/* The ticks of a driver that naps. */
enum { TICK_MIN_MS = 1, TICK_MAX_MS = 32 };

/* The steps of one run_once, so that a busy processor gives the loop back. */
enum { MOST_STEPS = 1024 };

/* How often a host's loop has to come by while requests are under way. */
enum { POLL_MS = 20 };

void optly__processor_wake(void *host)
{
    optly_processor *processor = host;
    optly__engine *engine = &processor->engine;
    bool driving, started, over;

    optly__mutex_lock(&engine->lock);
    driving = processor->driving;
    started = processor->started;
    over = processor->exited;
    optly__mutex_unlock(&engine->lock);
    /* Nobody drives behind the worker, and its dispatcher may be in the midst
     * of destroy. */
    if (over)
        return;
    if (!driving && !started) {
        if (processor->on_wake != NULL)
            processor->on_wake(processor->wake_user);
    } else if (processor->dispatcher.poll != NULL) {
        processor->dispatcher.wake(processor->dispatcher_self);
    } else {
        optly__cond_broadcast(&processor->work);
    }
}

bool optly__processor_is_driver(const optly_processor *processor)
{
    const optly__engine *engine = &processor->engine;

    return (processor->driving && optly__thread_is_self(processor->driver)) ||
           (processor->started && !processor->exited &&
            optly__thread_is_self(processor->worker)) ||
           (engine->place == OPTLY__IN_CALLBACK &&
            optly__thread_is_self(engine->callback_thread));
}

static void begin_driving(optly_processor *processor)
{
    processor->driving = true;
    processor->driver = optly__thread_self();
}

static void end_driving(optly_processor *processor)
{
    optly__engine *engine = &processor->engine;

    if (optly__engine_is_ours(engine)) {
        engine->place = OPTLY__WAITING;
        engine->sleep = OPTLY__ASLEEP;
    }
    processor->driving = false;
    optly__cond_broadcast(&engine->changed);
}

static int poll_timeout_ms(int64_t until_ms)
{
    int64_t left;

    if (until_ms == OPTLY__NEVER)
        return -1;
    left = until_ms - optly__monotonic_ms();
    if (left <= 0)
        return 0;
    return left < INT_MAX ? (int)left : INT_MAX;
}

/*
 * Waits until `until_ms`, for I/O, or until roused. Lock held at entry and
 * exit. False: taken over.
 */
static bool wait_until(optly_processor *processor, optly__sleep sleep,
                       int64_t until_ms)
{
    optly__engine *engine = &processor->engine;

    engine->sleep = sleep;
    if (processor->dispatcher.poll != NULL) {
        engine->place = OPTLY__IN_DISPATCHER;
        optly__mutex_unlock(&engine->lock);
        processor->dispatcher.poll(processor->dispatcher_self,
                                   poll_timeout_ms(until_ms));
        optly__mutex_lock(&engine->lock);
    } else {
        engine->place = OPTLY__WAITING;
        while (engine->sleep != OPTLY__AWAKE && optly__engine_is_ours(engine) &&
               optly__monotonic_ms() < until_ms)
            optly__cond_wait_until(&processor->work, &engine->lock, until_ms);
    }
    if (!optly__engine_is_ours(engine))
        return false;
    engine->place = OPTLY__IN_ENGINE;
    engine->sleep = OPTLY__AWAKE;
    return true;
}

/*
 * The wake rule: while events come, the driver comes back by itself after a
 * tick, so that producers need not wake it; the tick adapts to how many came.
 * After a long tick without any it sleeps until it is woken.
 */
static optly__sleep choose_sleep(optly_processor *processor, int64_t now_ms)
{
    uint32_t taken = processor->engine.taken;
    bool tick_over = now_ms >= processor->nap_until_ms;

    processor->engine.taken = 0;
    if (taken > OPTLY__TICK_MANY_EVENTS && processor->tick_ms > TICK_MIN_MS)
        processor->tick_ms /= 2;
    else if (taken < OPTLY__TICK_FEW_EVENTS && tick_over &&
             processor->tick_ms < TICK_MAX_MS)
        processor->tick_ms *= 2;
    else if (taken == 0 && tick_over &&
             !optly__engine_has_events(&processor->engine))
        return OPTLY__ASLEEP;
    if (taken > 0 || tick_over)
        processor->nap_until_ms = now_ms + processor->tick_ms;
    return OPTLY__NAPPING;
}

/* Waits as the wake rule says. Lock held. False: taken over. */
static bool rest(optly_processor *processor, int64_t until_ms)
{
    optly__engine *engine = &processor->engine;
    int64_t now = optly__monotonic_ms();
    optly__sleep sleep;

    if (engine->poked || until_ms <= now)
        return true;
    sleep = choose_sleep(processor, now);
    if (sleep == OPTLY__NAPPING)
        until_ms = optly__earliest(until_ms, processor->nap_until_ms);
    return wait_until(processor, sleep, until_ms);
}

static bool is_settled(const optly__engine *engine)
{
    return engine->ledger.stats.pending == 0 && engine->displaced_count == 0 &&
           (!engine->aborting || engine->aborted);
}

/* Whether a flush that drives has no reason to go on: it makes way for the
 * worker, and what close has left is not its own. */
static bool is_over(const optly_processor *processor,
                    const optly__barrier *barrier)
{
    const optly__engine *engine = &processor->engine;

    return barrier->remaining == 0 || processor->started ||
           (processor->closed && (!engine->aborting || engine->aborted));
}

void optly__processor_drive(optly_processor *processor,
                            const optly__barrier *barrier, int64_t until_ms)
{
    optly__engine *engine = &processor->engine;
    bool ours = true, over = false;

    begin_driving(processor);
    while (ours && !over) {
        int64_t next;

        optly__mutex_unlock(&engine->lock);
        ours = optly__engine_step(engine, optly__monotonic_ms(), &next);
        optly__mutex_lock(&engine->lock);
        if (!ours)
            break;
        processor->next_ms = next;
        over = (barrier != NULL && is_over(processor, barrier)) ||
               (engine->closing && is_settled(engine)) || processor->stopping ||
               optly__monotonic_ms() >= until_ms;
        if (!over)
            ours = rest(processor, optly__earliest(next, until_ms));
    }
    end_driving(processor);
}

/* Calls one of the worker's hooks, if it is there. */
static void call_hook(optly_processor *processor, void (*hook)(void *user))
{
    optly__engine *engine = &processor->engine;

    if (hook == NULL)
        return;
    optly__mutex_lock(&engine->lock);
    processor->in_hook = true;
    optly__mutex_unlock(&engine->lock);
    hook(processor->worker_user);
    optly__mutex_lock(&engine->lock);
    processor->in_hook = false;
    optly__mutex_unlock(&engine->lock);
}

void optly__processor_run_worker(void *argument)
{
    optly_processor *processor = argument;
    optly__engine *engine = &processor->engine;
    bool orphaned;

    call_hook(processor, processor->on_worker_start);
    optly__mutex_lock(&engine->lock);
    while (processor->driving)
        optly__cond_wait_until(&engine->changed, &engine->lock, OPTLY__NEVER);
    optly__processor_drive(processor, NULL, OPTLY__NEVER);
    optly__mutex_unlock(&engine->lock);
    call_hook(processor, processor->on_worker_stop);

    optly__mutex_lock(&engine->lock);
    processor->exited = true;
    orphaned = processor->orphaned;
    optly__cond_broadcast(&engine->changed);
    optly__mutex_unlock(&engine->lock);
    if (orphaned) {
        processor->dispatcher.destroy(processor->dispatcher_self);
        optly__processor_free(processor);
    }
}

/* Does all that is due now. Lock not held. False: taken over. */
static bool step_while_due(optly_processor *processor, int64_t *next_ms)
{
    optly__engine *engine = &processor->engine;
    bool due = true;

    for (int steps = 0; due && steps < MOST_STEPS; steps++) {
        if (!optly__engine_step(engine, optly__monotonic_ms(), next_ms))
            return false;
        optly__mutex_lock(&engine->lock);
        due = engine->poked || *next_ms <= optly__monotonic_ms();
        optly__mutex_unlock(&engine->lock);
    }
    return true;
}

/* One round of a host's loop; the calling thread drives. Lock not held. */
static bool run_round(optly_processor *processor, int64_t until_ms)
{
    optly__engine *engine = &processor->engine;
    int64_t next;
    bool ours;

    if (!step_while_due(processor, &next))
        return false;
    optly__mutex_lock(&engine->lock);
    /* Nobody wakes it once more for the end of a close, or for a start. */
    if (engine->poked || optly__engine_has_events(engine) ||
        processor->closed || processor->started)
        until_ms = 0;
    ours =
        wait_until(processor, OPTLY__ASLEEP, optly__earliest(next, until_ms));
    optly__mutex_unlock(&engine->lock);
    if (!ours || !step_while_due(processor, &next))
        return false;
    optly__mutex_lock(&engine->lock);
    processor->next_ms = next;
    optly__mutex_unlock(&engine->lock);
    return true;
}

/* Whether a host's loop may drive, sooner or later. Lock held. */
static optly_status check_loop(const optly_processor *processor)
{
    if (processor->closed)
        return OPTLY_ERR_CLOSED;
    return processor->started ? OPTLY_ERR_INVALID : OPTLY_OK;
}

/* Waits while a flush or a close on another thread drives; `*driving` stays
 * false if that takes all of the time. Lock held. */
static optly_status await_turn(optly_processor *processor, int64_t until_ms,
                               bool *driving)
{
    optly__engine *engine = &processor->engine;
    optly_status status = OPTLY_OK;

    processor->looping = true;
    while (status == OPTLY_OK && processor->driving &&
           optly__monotonic_ms() < until_ms) {
        optly__cond_wait_until(&engine->changed, &engine->lock, until_ms);
        status = check_loop(processor);
    }
    *driving = status == OPTLY_OK && !processor->driving;
    processor->looping = *driving;
    if (*driving)
        begin_driving(processor);
    return status;
}

optly_status optly_processor_run_once(optly_processor *processor,
                                      int timeout_ms)
{
    int64_t until =
        timeout_ms < 0 ? OPTLY__NEVER : optly__monotonic_ms() + timeout_ms;
    optly_status status = optly__processor_check(processor);
    bool driving = false;
    optly__engine *engine;

    if (status != OPTLY_OK)
        return status;
    engine = &processor->engine;
    optly__mutex_lock(&engine->lock);
    status = check_loop(processor);
    if (optly__processor_is_driver(processor) ||
        (status == OPTLY_OK && processor->looping))
        status = OPTLY_ERR_WOULD_DEADLOCK;
    else if (status == OPTLY_OK)
        status = await_turn(processor, until, &driving);
    optly__mutex_unlock(&engine->lock);
    if (!driving)
        return status;

    if (!run_round(processor, until))
        status = OPTLY_ERR_CLOSED;
    optly__mutex_lock(&engine->lock);
    processor->looping = false;
    end_driving(processor);
    optly__mutex_unlock(&engine->lock);
    return status;
}

/* When the events that no step has seen yet are due. Lock held. */
static int64_t queue_due_ms(const optly__engine *engine, int64_t now_ms)
{
    const optly__engine_config *config = &engine->config;
    optly_user_event *oldest;

    if (!optly__engine_has_events(engine) ||
        config->queue.get(config->queue_self, 0, &oldest, 1) != 1)
        return OPTLY__NEVER;
    if (config->queue.size(config->queue_self) >= config->batch_size)
        return now_ms;
    return oldest->arrival_ms + config->flush_interval_ms;
}

int64_t optly_processor_next_deadline_ms(optly_processor *processor)
{
    optly__engine *engine;
    int64_t now, due;

    if (optly__processor_check(processor) != OPTLY_OK)
        return -1;
    engine = &processor->engine;
    now = optly__monotonic_ms();
    optly__mutex_lock(&engine->lock);
    due = optly__earliest(processor->next_ms, queue_due_ms(engine, now));
    if (engine->poked || engine->displaced_first != NULL)
        due = now;
    if (processor->dispatcher.poll != NULL &&
        engine->ledger.stats.in_flight > 0)
        due = optly__earliest(due, now + POLL_MS);
    if (processor->closed)
        due = OPTLY__NEVER;
    optly__mutex_unlock(&engine->lock);
    if (due == OPTLY__NEVER)
        return -1;
    return due > now ? due - now : 0;
}
