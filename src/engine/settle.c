/*
 * The way out: reports, counts and destroys events whose fate is known, and
 * runs all of the host's callbacks. Driver only; no lock is held over foreign
 * code.
 */
#include "engine/engine.h"

#include <string.h>

#include "base/memory.h"

/* Events per report where no array of them is at hand. */
enum { REPORT_EVENTS = 64 };

/* What a handler of either kind is called with. */
typedef void (*call_fn)(const optly__handler *handler, const void *what);

/* Picks the next handler and marks it as running; ends the one before. */
static bool next_handler(optly__engine *engine, optly__handlers *handlers,
                         int last, optly__handler *handler)
{
    int after = handlers->running;
    bool found = optly__engine_is_ours(engine) &&
                 optly__handlers_next(handlers, after, last, handler);

    handlers->running = found ? handler->id : 0;
    if (after != 0)
        optly__cond_broadcast(&engine->changed);
    return found;
}

/*
 * Runs the handlers in order, those that were there at the start, except the
 * ones that are removed on the way. Returns false when taken over.
 */
static bool run_handlers(optly__engine *engine, optly__handlers *handlers,
                         call_fn call, const void *what)
{
    optly__handler handler;
    bool ours;

    optly__mutex_lock(&engine->lock);
    int last = handlers->last_id;
    engine->place = OPTLY__IN_CALLBACK;
    engine->callback_thread = optly__thread_self();
    while (next_handler(engine, handlers, last, &handler)) {
        optly__mutex_unlock(&engine->lock);
        call(&handler, what);
        optly__mutex_lock(&engine->lock);
    }
    ours = optly__engine_is_ours(engine);
    if (ours)
        engine->place = OPTLY__IN_ENGINE;
    optly__mutex_unlock(&engine->lock);
    return ours;
}

static void call_dispatch_handler(const optly__handler *handler,
                                  const void *what)
{
    ((optly_event_dispatch_fn)handler->fn)(what, handler->user);
}

static void call_delivery_handler(const optly__handler *handler,
                                  const void *what)
{
    ((optly_delivery_fn)handler->fn)(what, handler->user);
}

static bool has_handlers(optly__engine *engine, const optly__handlers *handlers)
{
    bool has;

    optly__mutex_lock(&engine->lock);
    has = handlers->first != NULL;
    optly__mutex_unlock(&engine->lock);
    return has;
}

bool optly__engine_announce(optly__engine *engine, const optly_log_event *log)
{
    if (!has_handlers(engine, &engine->dispatch_handlers))
        return true;
    return run_handlers(engine, &engine->dispatch_handlers,
                        call_dispatch_handler, log);
}

/* Tells the queue and the handlers of one group of events. */
static bool report(optly__engine *engine, const optly_delivery_report *report)
{
    const optly__engine_config *config = &engine->config;

    if (config->queue.settle != NULL) {
        optly__engine_leave(engine, OPTLY__IN_CALLBACK);
        config->queue.settle(config->queue_self, report->events,
                             report->event_count, report->reason);
        if (!optly__engine_enter(engine))
            return false;
    }
    if (!has_handlers(engine, &engine->delivery_handlers))
        return true;
    return run_handlers(engine, &engine->delivery_handlers,
                        call_delivery_handler, report);
}

/* Reports a linked list of events in groups. */
static bool report_list(optly__engine *engine, const optly_user_event *event,
                        optly_delivery_report *one)
{
    const optly_user_event *events[REPORT_EVENTS];
    bool ours = true;

    one->events = events;
    while (ours && event != NULL) {
        one->event_count = 0;
        while (event != NULL && one->event_count < REPORT_EVENTS) {
            events[one->event_count++] = event;
            event = event->next;
        }
        ours = report(engine, one);
    }
    one->events = NULL;
    return ours;
}

static bool report_batch(optly__engine *engine, const optly__batch *batch,
                         optly_drop_reason reason)
{
    optly_delivery_report one;

    memset(&one, 0, sizeof(one));
    one.struct_size = sizeof(one);
    one.reason = reason;
    one.attempts = batch->attempts;
    one.http_status = batch->http_status;
    if (batch->block == NULL)
        return report_list(engine, batch->first, &one);
    one.event_count = batch->count;
    one.events = batch->block->events;
    return report(engine, &one);
}

/* Counts what has been reported; those who wait for it may go on. */
static void count_batch(optly__engine *engine, const optly__batch *batch,
                        optly__stage stage, optly_drop_reason reason)
{
    optly__ledger_settle(&engine->ledger, stage, batch->first, batch->count,
                         batch->event_bytes, reason);
    optly__cond_broadcast(&engine->changed);
}

bool optly__engine_settle_in_place(optly__engine *engine,
                                   const optly__batch *batch,
                                   optly_drop_reason reason)
{
    if (!report_batch(engine, batch, reason))
        return false;
    optly__mutex_lock(&engine->lock);
    count_batch(engine, batch, OPTLY__IN_FLIGHT, reason);
    optly__mutex_unlock(&engine->lock);
    return true;
}

void optly__engine_discard_hand(optly__engine *engine)
{
    optly__user_event_list_destroy(engine->hand.first);
    optly__free(engine->hand.block);
    memset(&engine->hand, 0, sizeof(engine->hand));
}

bool optly__engine_settle_hand(optly__engine *engine, optly__stage stage,
                               optly_drop_reason reason)
{
    optly__batch *hand = &engine->hand;
    bool counted;

    if (hand->count == 0)
        return true;
    optly__mutex_lock(&engine->lock);
    /* A close whose time is up may have counted it, or count it from here. */
    counted = engine->counted && stage != OPTLY__IN_FLIGHT;
    if (counted)
        reason = OPTLY_DROP_CLOSED; /* that is how */
    engine->hand_stage = stage;
    engine->hand_reason = reason;
    engine->hand_count = counted ? 0 : hand->count;
    optly__mutex_unlock(&engine->lock);
    if (!report_batch(engine, hand, reason))
        return false;
    optly__mutex_lock(&engine->lock);
    if (engine->hand_count > 0)
        count_batch(engine, hand, stage, reason);
    engine->hand_count = 0;
    optly__mutex_unlock(&engine->lock);
    optly__engine_discard_hand(engine);
    return true;
}

bool optly__engine_settle(optly__engine *engine, optly__batch *batch,
                          uint32_t count, optly__stage stage,
                          optly_drop_reason reason)
{
    optly__batch *hand = &engine->hand;

    hand->attempts = batch->attempts;
    hand->http_status = batch->http_status;
    if (count == batch->count) {
        hand->block = batch->block;
        batch->block = NULL;
    }
    optly__batch_move(hand, batch, count);
    if (batch->count == 0)
        optly__batch_destroy(&engine->groups, batch);
    return optly__engine_settle_hand(engine, stage, reason);
}

bool optly__engine_report_displaced(optly__engine *engine)
{
    optly_delivery_report one;
    uint64_t count = 0, bytes = 0;

    optly__mutex_lock(&engine->lock);
    engine->displaced_hand = engine->displaced_first;
    engine->displaced_first = NULL;
    engine->displaced_last = NULL;
    optly__mutex_unlock(&engine->lock);
    if (engine->displaced_hand == NULL)
        return true;

    memset(&one, 0, sizeof(one));
    one.struct_size = sizeof(one);
    one.reason = OPTLY_DROP_OVERFLOW;
    if (!report_list(engine, engine->displaced_hand, &one))
        return false;
    optly__mutex_lock(&engine->lock);
    for (optly_user_event *e = engine->displaced_hand; e; e = e->next) {
        optly__ledger_displaced_reported(&engine->ledger, e);
        count++;
        bytes += e->size;
    }
    engine->displaced_count -= count;
    engine->displaced_bytes -= bytes;
    engine->taken += (uint32_t)count;
    optly__cond_broadcast(&engine->changed);
    optly__mutex_unlock(&engine->lock);
    optly__user_event_list_destroy(engine->displaced_hand);
    engine->displaced_hand = NULL;
    return true;
}

static uint64_t sum(const uint64_t *slots)
{
    uint64_t total = 0;

    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        total += slots[i];
    return total;
}

static void count_up(const optly_metrics *metrics, const char *name,
                     uint64_t now, uint64_t before)
{
    if (now != before && metrics->counter_add != NULL)
        metrics->counter_add(name, (double)(now - before), metrics->user);
}

static void tell_metrics(const optly_metrics *metrics, const optly_stats *now,
                         const optly_stats *before)
{
    if (now->pending != before->pending && metrics->gauge_set != NULL)
        metrics->gauge_set("dispatcher.queueSize", (double)now->pending,
                           metrics->user);
    count_up(metrics, "dispatcher.successFlush", now->batches, before->batches);
    count_up(metrics, "dispatcher.retryFlush", now->retries, before->retries);
    count_up(metrics, "processor.accepted", now->accepted, before->accepted);
    count_up(metrics, "processor.rejected", sum(now->rejected),
             sum(before->rejected));
    count_up(metrics, "processor.dropped", sum(now->dropped),
             sum(before->dropped));
}

bool optly__engine_meter(optly__engine *engine)
{
    const optly_metrics *metrics = &engine->config.metrics;
    uint64_t failed = engine->failed_batches;
    optly_stats now;

    if (metrics->counter_add == NULL && metrics->gauge_set == NULL)
        return true;
    optly__mutex_lock(&engine->lock);
    now = engine->ledger.stats;
    optly__mutex_unlock(&engine->lock);
    if (memcmp(&now, &engine->metered, sizeof(now)) == 0 &&
        failed == engine->metered_failed)
        return true;
    optly__engine_leave(engine, OPTLY__IN_CALLBACK);
    tell_metrics(metrics, &now, &engine->metered);
    count_up(metrics, "dispatcher.failFlush", failed, engine->metered_failed);
    if (!optly__engine_enter(engine))
        return false;
    engine->metered = now;
    engine->metered_failed = failed;
    return true;
}
