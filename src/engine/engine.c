#include "engine/engine.h"

#include <string.h>

#include "base/memory.h"

/* optly_delivery_complete of a delivery that this engine gave out. */
static void complete(optly__delivery_core *core, uint64_t id,
                     const optly_dispatch_result *result)
{
    optly__engine *engine = (optly__engine *)core;
    optly__slot *slot = &engine->slots[id % engine->config.max_in_flight];
    bool counts, wake = false;

    if (engine->generation != optly__fork_generation())
        return;
    optly__mutex_lock(&engine->lock);
    counts = slot->id == id && !slot->completed;
    if (counts) {
        slot->completed = true;
        slot->result = *result;
        slot->next = NULL;
        if (engine->completed_last != NULL)
            engine->completed_last->next = slot;
        else
            engine->completed_first = slot;
        engine->completed_last = slot;
        wake = optly__engine_rouse(engine);
    }
    optly__mutex_unlock(&engine->lock);
    if (!counts)
        optly__log_write(&engine->config.log, OPTLY_LOG_WARNING,
                         "a delivery was completed twice; the first counts");
    if (wake)
        engine->config.wake(engine->config.host);
}

/* Counts what a host's queue brought along from an earlier life. */
static void accept_queued(optly__engine *engine, int64_t now_ms)
{
    const optly__engine_config *config = &engine->config;
    size_t count = config->queue.size(config->queue_self);

    for (size_t i = 0; i < count; i++) {
        optly_user_event *event;

        if (config->queue.get(config->queue_self, i, &event, 1) != 1)
            break;
        optly__ledger_accept(&engine->ledger, event, now_ms);
        engine->queued[optly__engine_lane_of(engine, event)]++;
        engine->queued_bytes += event->size;
    }
}

static void lanes_init(optly__engine *engine)
{
    const char *endpoint = engine->config.endpoint;
    optly__lane *lanes = engine->lanes;

    lanes[OPTLY__ENDPOINT_US].endpoint =
        endpoint != NULL ? endpoint : OPTLY_EVENT_ENDPOINT_US;
    lanes[OPTLY__ENDPOINT_EU].endpoint =
        endpoint != NULL ? endpoint : OPTLY_EVENT_ENDPOINT_EU;
    for (int i = 0; i < OPTLY__ENDPOINTS; i++)
        engine->wants_events[i] = true;
}

optly_status optly__engine_init(optly__engine *engine,
                                const optly__engine_config *config,
                                int64_t now_ms)
{
    memset(engine, 0, sizeof(*engine));
    engine->core.complete = complete;
    engine->core.detach = optly__engine_detach;
    engine->config = *config;
    engine->generation = optly__fork_generation();
    engine->place = OPTLY__WAITING;
    engine->sleep = OPTLY__ASLEEP;
    engine->next_expiry_ms = OPTLY__NEVER;
    engine->memory_retry_ms = OPTLY__NEVER;
    engine->random = config->seed | 1;
    lanes_init(engine);
    engine->slots =
        optly__alloc_zero(config->max_in_flight * sizeof(*engine->slots));
    if (engine->slots == NULL)
        return OPTLY_ERR_NO_MEMORY;
    for (uint32_t i = config->max_in_flight; i-- > 0;) {
        engine->slots[i].completed = true; /* no delivery has its id yet */
        engine->slots[i].next = engine->free_slots;
        engine->free_slots = &engine->slots[i];
    }
    if (!optly__mutex_init(&engine->lock))
        goto fail_slots;
    if (!optly__cond_init(&engine->changed))
        goto fail_lock;
    accept_queued(engine, now_ms);
    return OPTLY_OK;

fail_lock:
    optly__mutex_cleanup(&engine->lock);
fail_slots:
    optly__free(engine->slots);
    return OPTLY_ERR_IO;
}

/* Reads what other threads have asked for; false when taken over. */
static bool begin_step(optly__engine *engine, bool *hasten, bool *aborting)
{
    optly__mutex_lock(&engine->lock);
    if (!optly__engine_is_ours(engine)) {
        optly__mutex_unlock(&engine->lock);
        return false;
    }
    engine->place = OPTLY__IN_ENGINE;
    engine->sleep = OPTLY__AWAKE;
    engine->poked = false;
    engine->flush_target = engine->ledger.flush_target;
    *hasten = engine->hastened != engine->ledger.barriers_made;
    engine->hastened = engine->ledger.barriers_made;
    *aborting = engine->aborting;
    optly__mutex_unlock(&engine->lock);
    engine->memory_retry_ms = OPTLY__NEVER;
    return true;
}

/*
 * Whether the first event for the lane has to be noticed: it could be sent, or
 * the lane has nothing else that would bring the driver back when it can.
 */
static bool wants(const optly__engine *engine, const optly__lane *lane,
                  int64_t due_ms, int64_t now_ms)
{
    return optly__engine_may_send(engine, lane, now_ms) ||
           (due_ms > lane->not_before_ms && !lane->probing &&
            engine->in_flight < engine->config.max_in_flight);
}

static void end_step(optly__engine *engine, int64_t now_ms, int64_t *next_ms)
{
    bool wanted[OPTLY__ENDPOINTS];

    *next_ms = optly__earliest(engine->next_expiry_ms, engine->memory_retry_ms);
    for (int i = 0; i < OPTLY__ENDPOINTS; i++) {
        optly__lane *lane = &engine->lanes[i];
        int64_t due_ms = optly__engine_lane_due_ms(engine, lane, now_ms);

        wanted[i] = wants(engine, lane, due_ms, now_ms);
        if (engine->memory_retry_ms == OPTLY__NEVER)
            *next_ms = optly__earliest(*next_ms, due_ms);
    }
    optly__mutex_lock(&engine->lock);
    for (int i = 0; i < OPTLY__ENDPOINTS; i++)
        engine->wants_events[i] = wanted[i];
    if (engine->completed_first != NULL || engine->displaced_first != NULL)
        *next_ms = now_ms;
    optly__mutex_unlock(&engine->lock);
}

/*
 * Close's time is up. Cancels once more, since a batch may have been on its
 * way when close did, and drops the rest.
 */
static bool abort_step(optly__engine *engine)
{
    const optly__engine_config *config = &engine->config;

    if (!engine->cancelled && config->dispatcher.cancel != NULL &&
        engine->in_flight > 0) {
        engine->cancelled = true;
        optly__engine_leave(engine, OPTLY__IN_DISPATCHER);
        config->dispatcher.cancel(config->dispatcher_self);
        if (!optly__engine_enter(engine))
            return false;
    }
    if (!optly__engine_drop_waiting(engine, OPTLY_DROP_CLOSED))
        return false;
    engine->next_expiry_ms = OPTLY__NEVER; /* nothing waits to grow old */
    engine->aborted = true;
    return true;
}

bool optly__engine_step(optly__engine *engine, int64_t now_ms, int64_t *next_ms)
{
    bool hasten, aborting;

    if (!begin_step(engine, &hasten, &aborting) ||
        !optly__engine_answer(engine, now_ms) ||
        !optly__engine_report_displaced(engine))
        return false;
    /* After the answers: a flush concerns a backoff that has just begun. */
    for (int i = 0; hasten && i < OPTLY__ENDPOINTS; i++)
        optly__lane_hasten(&engine->lanes[i], now_ms);
    if (aborting) {
        if (!abort_step(engine))
            return false;
    } else if (!optly__engine_expire(engine, now_ms) ||
               !optly__engine_send(engine, now_ms)) {
        return false;
    }
    if (!optly__engine_tell(engine) || !optly__engine_meter(engine))
        return false;
    end_step(engine, now_ms, next_ms);
    return true;
}

static void destroy_list(optly__engine *engine, optly__batch_list *list)
{
    while (list->first != NULL) {
        optly__batch *batch = list->first;

        optly__batch_list_remove(list, batch);
        optly__batch_discard(&engine->groups, batch);
    }
}

void optly__engine_cleanup(optly__engine *engine)
{
    for (uint32_t i = 0; i < engine->config.max_in_flight; i++) {
        if (engine->slots[i].batch != NULL)
            optly__batch_discard(&engine->groups, engine->slots[i].batch);
    }
    for (int i = 0; i < OPTLY__ENDPOINTS; i++) {
        destroy_list(engine, &engine->lanes[i].ready);
        destroy_list(engine, &engine->lanes[i].open);
    }
    optly__engine_discard_hand(engine);
    optly__user_event_list_destroy(engine->displaced_hand);
    optly__user_event_list_destroy(engine->displaced_first);
    optly__user_event_list_destroy(engine->backlog_first);
    engine->config.queue.destroy(engine->config.queue_self);
    optly__handlers_cleanup(&engine->dispatch_handlers);
    optly__handlers_cleanup(&engine->delivery_handlers);
    optly__free(engine->slots);
    optly__cond_cleanup(&engine->changed);
    optly__mutex_cleanup(&engine->lock);
}
