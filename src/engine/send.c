/* To the dispatcher: picks the batch that goes next and hands it over. */
#include "engine/engine.h"

#include "base/memory.h"

bool optly__engine_may_send(const optly__engine *engine,
                            const optly__lane *lane, int64_t now_ms)
{
    return engine->in_flight < engine->config.max_in_flight &&
           optly__lane_is_open(lane, now_ms);
}

/*
 * With one batch in flight each context is first in, first out: a batch that
 * waits for its retry holds up the later ones of its context, and no other.
 * Marks the group of a waiting batch; true when `batch` is held up.
 */
static bool is_held_up(optly__engine *engine, const optly__batch *batch)
{
    return engine->config.max_in_flight == 1 &&
           batch->group->skipped_in == engine->scan;
}

/*
 * The first that may go. As a probe, the one that was tried least: a batch that
 * fails for a reason of its own says nothing about the endpoint, and would
 * fail at every probe.
 */
optly__batch *optly__engine_next_batch(optly__engine *engine, optly__lane *lane,
                                       int64_t now_ms)
{
    optly__batch *probe = NULL;

    engine->scan++;
    for (optly__batch *b = lane->ready.first; b != NULL; b = b->next) {
        if (is_held_up(engine, b))
            continue;
        if (b->not_before_ms <= now_ms) {
            if (!lane->backing_off)
                return b;
            if (probe == NULL || b->attempts < probe->attempts)
                probe = b;
        }
        b->group->skipped_in = engine->scan;
    }
    return probe;
}

/* When the first of the closed batches may go, as far as it is known. */
static int64_t ready_due_ms(optly__engine *engine, optly__lane *lane,
                            int64_t from_ms)
{
    int64_t due = OPTLY__NEVER;

    engine->scan++;
    for (optly__batch *b = lane->ready.first; b && due > from_ms; b = b->next) {
        if (is_held_up(engine, b))
            continue;
        due = optly__earliest(due, b->not_before_ms);
        b->group->skipped_in = engine->scan;
    }
    return due;
}

int64_t optly__engine_lane_due_ms(optly__engine *engine, optly__lane *lane,
                                  int64_t now_ms)
{
    int64_t from = lane->backing_off ? lane->not_before_ms : now_ms;
    int64_t due;
    bool queued;

    if (engine->in_flight >= engine->config.max_in_flight ||
        (lane->backing_off && lane->probing))
        return OPTLY__NEVER;
    due = optly__earliest(ready_due_ms(engine, lane, from),
                          optly__engine_open_due_ms(engine, lane, now_ms));
    optly__mutex_lock(&engine->lock);
    queued = engine->queued[lane - engine->lanes] > 0;
    optly__mutex_unlock(&engine->lock);
    if (lane->backing_off && queued)
        due = from;
    return due < from ? from : due;
}

static optly__slot *take_slot(optly__engine *engine)
{
    optly__slot *slot = engine->free_slots;

    engine->free_slots = slot->next;
    slot->next = NULL;
    return slot;
}

/*
 * Books the batch as under way, all under the lock: from where it is free the
 * driver counts as in the dispatcher, and may be replaced. False: close's time
 * is up meanwhile, and nothing may leave any more.
 */
static bool begin_attempt(optly__engine *engine, optly__lane *lane,
                          optly__batch *batch, optly_delivery *delivery)
{
    optly_stats *stats = &engine->ledger.stats;
    optly__slot *slot;

    optly__mutex_lock(&engine->lock);
    if (engine->aborting) {
        optly__mutex_unlock(&engine->lock);
        return false;
    }
    optly__ledger_move(&engine->ledger, optly__batch_stage(batch),
                       OPTLY__IN_FLIGHT, batch->count);
    stats->requests++;
    if (batch->attempts > 0)
        stats->retries++;
    stats->payload_bytes += batch->block->log.body_len;
    batch->attempts++;
    slot = take_slot(engine);
    slot->batch = batch;
    slot->completed = false;
    slot->id = ++engine->next_id * engine->config.max_in_flight +
               (uint64_t)(slot - engine->slots);
    delivery->core = &engine->core;
    delivery->id = slot->id;
    optly__batch_list_remove(&lane->ready, batch);
    lane->in_flight++;
    lane->probing = lane->backing_off;
    engine->in_flight++;
    batch->era = lane->era;
    batch->asks = lane->asks;
    engine->place = OPTLY__IN_DISPATCHER;
    optly__mutex_unlock(&engine->lock);
    return true;
}

/*
 * Hands a batch to the dispatcher. Sets `*sent`, unless it has to stay: for
 * want of memory, or because close's time is up. False: taken over.
 */
static bool dispatch(optly__engine *engine, optly__lane *lane,
                     optly__batch *batch, int64_t now_ms, bool *sent)
{
    const optly__engine_config *config = &engine->config;
    optly_delivery delivery;

    *sent = false;
    batch->block = optly__block_create(batch, lane->endpoint);
    if (batch->block == NULL) {
        optly__engine_out_of_memory(engine, now_ms);
        return true;
    }
    engine->memory_logged = false;
    if (!batch->notified) {
        batch->notified = true;
        if (!optly__engine_announce(engine, &batch->block->log))
            return false;
    }
    if (!begin_attempt(engine, lane, batch, &delivery)) {
        optly__free(batch->block);
        batch->block = NULL;
        return true;
    }
    config->dispatcher.dispatch(config->dispatcher_self, &batch->block->log,
                                delivery);
    *sent = true;
    return optly__engine_enter(engine);
}

static bool has_answers(optly__engine *engine)
{
    bool has;

    optly__mutex_lock(&engine->lock);
    has = engine->completed_first != NULL;
    optly__mutex_unlock(&engine->lock);
    return has;
}

/* Picks a lane, in turn, that has a batch to send now. */
static optly__batch *pick(optly__engine *engine, optly__lane **lane,
                          int64_t now_ms)
{
    for (uint32_t i = 0; i < OPTLY__ENDPOINTS; i++) {
        uint32_t number = (engine->first_lane + i) % OPTLY__ENDPOINTS;
        optly__batch *batch;

        *lane = &engine->lanes[number];
        if (!optly__engine_may_send(engine, *lane, now_ms))
            continue;
        batch = optly__engine_next_batch(engine, *lane, now_ms);
        if (batch != NULL) {
            engine->first_lane = (number + 1) % OPTLY__ENDPOINTS;
            return batch;
        }
    }
    return NULL;
}

bool optly__engine_send(optly__engine *engine, int64_t now_ms)
{
    optly__lane *lane;
    optly__batch *batch;
    bool sent = true;

    while (sent && !has_answers(engine)) {
        optly__engine_fill(engine, now_ms);
        optly__engine_close_due(engine, now_ms);
        batch = pick(engine, &lane, now_ms);
        if (batch == NULL)
            return true;
        if (!dispatch(engine, lane, batch, now_ms, &sent) ||
            !optly__engine_tell(engine))
            return false;
    }
    return true;
}
