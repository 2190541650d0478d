/*
 * To the dispatcher and back: picks the batch that goes next, hands it over,
 * and acts on the answer. Driver only; completions come in from any thread.
 */
#include "engine/engine.h"

#include "base/memory.h"

/* How long a batch waits that could not be split for lack of memory. */
enum { SPLIT_RETRY_MS = 100 };

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

optly__batch *optly__engine_next_batch(optly__engine *engine, optly__lane *lane,
                                       int64_t now_ms)
{
    engine->scan++;
    for (optly__batch *b = lane->ready.first; b != NULL; b = b->next) {
        if (is_held_up(engine, b))
            continue;
        if (b->not_before_ms <= now_ms)
            return b;
        b->group->skipped_in = engine->scan;
    }
    return NULL;
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
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
        due = earliest(due, b->not_before_ms);
        b->group->skipped_in = engine->scan;
    }
    return due;
}

static int64_t open_due_ms(optly__engine *engine, const optly__lane *lane,
                           int64_t now_ms)
{
    int64_t due = OPTLY__NEVER;

    for (optly__batch *b = engine->open.first; b != NULL; b = b->next) {
        if (&engine->lanes[optly__engine_lane_of(engine, b->first)] == lane)
            due = earliest(due, optly__engine_batch_due_ms(engine, b, now_ms));
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
    due = earliest(ready_due_ms(engine, lane, from),
                   open_due_ms(engine, lane, now_ms));
    optly__mutex_lock(&engine->lock);
    queued = engine->queued[lane - engine->lanes] > 0;
    optly__mutex_unlock(&engine->lock);
    if (lane->backing_off && queued)
        due = from;
    return due < from ? from : due;
}

static optly__slot *free_slot(optly__engine *engine)
{
    optly__slot *slot = engine->slots;

    while (slot->batch != NULL)
        slot++;
    return slot;
}

/* Books the batch as under way; the lock is taken here. */
static optly_delivery begin_attempt(optly__engine *engine, optly__lane *lane,
                                    optly__batch *batch)
{
    optly__slot *slot = free_slot(engine);
    optly_stats *stats = &engine->ledger.stats;
    optly_delivery delivery;

    optly__batch_list_remove(&lane->ready, batch);
    lane->in_flight++;
    lane->probing = lane->backing_off;
    engine->in_flight++;
    batch->era = lane->era;

    optly__mutex_lock(&engine->lock);
    optly__ledger_move(&engine->ledger, optly__batch_stage(batch),
                       OPTLY__IN_FLIGHT, batch->count);
    stats->requests++;
    if (batch->attempts > 0)
        stats->retries++;
    stats->payload_bytes += batch->block->log.body_len;
    batch->attempts++;
    slot->batch = batch;
    slot->completed = false;
    slot->id = ++engine->next_id * engine->config.max_in_flight +
               (uint64_t)(slot - engine->slots);
    delivery.core = &engine->core;
    delivery.id = slot->id;
    engine->place = OPTLY__IN_DISPATCHER;
    optly__mutex_unlock(&engine->lock);
    return delivery;
}

/*
 * Hands a batch to the dispatcher. Sets `*sent` unless memory ran out, which
 * leaves the batch where it was. False: taken over.
 */
static bool dispatch(optly__engine *engine, optly__lane *lane,
                     optly__batch *batch, bool *sent)
{
    const optly__engine_config *config = &engine->config;
    optly_delivery delivery;

    *sent = false;
    batch->block = optly__block_create(batch, lane->endpoint);
    if (batch->block == NULL)
        return true;
    if (!batch->notified) {
        batch->notified = true;
        if (!optly__engine_announce(engine, &batch->block->log))
            return false;
    }
    delivery = begin_attempt(engine, lane, batch);
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
    bool sent;

    for (;;) {
        optly__engine_fill(engine, now_ms);
        optly__engine_close_due(engine, now_ms);
        batch = pick(engine, &lane, now_ms);
        if (batch == NULL)
            return true;
        if (!dispatch(engine, lane, batch, &sent))
            return false;
        if (!sent) {
            optly__engine_out_of_memory(engine, now_ms);
            return true;
        }
        if (has_answers(engine))
            return true;
    }
}

static void return_to_lane(optly__engine *engine, optly__lane *lane,
                           optly__batch *batch)
{
    optly__free(batch->block);
    batch->block = NULL;
    optly__batch_list_insert(&lane->ready, batch);
    if (engine->config.max_age_ms > 0)
        engine->next_expiry_ms =
            earliest(engine->next_expiry_ms,
                     batch->first->arrival_ms + engine->config.max_age_ms);
    optly__mutex_lock(&engine->lock);
    optly__ledger_move(&engine->ledger, OPTLY__IN_FLIGHT, OPTLY__RETRY_WAIT,
                       batch->count);
    optly__mutex_unlock(&engine->lock);
}

static bool drop(optly__engine *engine, optly__batch *batch,
                 optly_drop_reason reason)
{
    engine->failed_batches++;
    return optly__engine_settle(engine, batch, batch->count, OPTLY__IN_FLIGHT,
                                reason);
}

static bool deliver(optly__engine *engine, optly__lane *lane,
                    optly__batch *batch)
{
    if (lane->backing_off)
        optly__log_write(&engine->config.log, OPTLY_LOG_INFO,
                         "delivery works again");
    optly__lane_recover(lane);
    optly__mutex_lock(&engine->lock);
    engine->ledger.stats.batches++;
    optly__mutex_unlock(&engine->lock);
    return optly__engine_settle(engine, batch, batch->count, OPTLY__IN_FLIGHT,
                                OPTLY_DROP_NONE);
}

/*
 * Splits a refused batch; its halves take its place. Without memory for it
 * the whole batch is tried, and refused, once more.
 */
static void bisect(optly__engine *engine, optly__lane *lane,
                   optly__batch *batch, int64_t now_ms)
{
    optly__batch *front = optly__batch_create(batch->group);

    batch->not_before_ms = 0;
    if (front == NULL) {
        batch->not_before_ms = now_ms + SPLIT_RETRY_MS;
        return_to_lane(engine, lane, batch);
        return;
    }
    front->attempts = batch->attempts;
    front->http_status = batch->http_status;
    front->order = batch->order;
    front->notified = true;
    optly__batch_move(front, batch, (batch->count + 1) / 2);
    optly__mutex_lock(&engine->lock);
    engine->ledger.stats.bisections++;
    optly__mutex_unlock(&engine->lock);
    return_to_lane(engine, lane, batch);
    return_to_lane(engine, lane, front);
}

static bool refuse(optly__engine *engine, optly__lane *lane,
                   optly__batch *batch, int64_t now_ms)
{
    optly__lane_recover(lane);
    if (batch->count > 1) {
        bisect(engine, lane, batch, now_ms);
        return true;
    }
    optly__log_write(&engine->config.log, OPTLY_LOG_WARNING,
                     "event %s was refused (HTTP %d) and is dropped",
                     optly_user_event_uuid(batch->first),
                     (int)batch->http_status);
    return drop(engine, batch, OPTLY_DROP_REFUSED);
}

static double next_chance(optly__engine *engine)
{
    /* xorshift64*: jitter needs spread, not secrecy. */
    engine->random ^= engine->random >> 12;
    engine->random ^= engine->random << 25;
    engine->random ^= engine->random >> 27;
    return (double)((engine->random * 0x2545F4914F6CDD1DULL) >> 11) * 0x1p-53;
}

/* Says what is wrong when trouble begins or changes its kind, not each time. */
static void log_trouble(optly__engine *engine, optly__lane *lane,
                        const optly_dispatch_result *result)
{
    bool misconfigured = result->outcome == OPTLY_MISCONFIGURED;

    if (lane->backing_off && lane->misconfigured == misconfigured)
        return;
    optly__log_write(&engine->config.log,
                     misconfigured ? OPTLY_LOG_ERROR : OPTLY_LOG_WARNING,
                     "%s (HTTP %d%s%s); events are kept and tried again",
                     misconfigured ? "the endpoint or the set-up is wrong"
                                   : "delivery fails",
                     (int)result->http_status,
                     result->detail[0] != '\0' ? ", " : "", result->detail);
    lane->misconfigured = misconfigured;
}

static bool fail(optly__engine *engine, optly__lane *lane, optly__batch *batch,
                 const optly_dispatch_result *result, int64_t now_ms)
{
    log_trouble(engine, lane, result);
    optly__lane_fail(lane, batch, result, &engine->config.backoff, now_ms,
                     next_chance(engine));
    if (engine->config.max_attempts > 0 &&
        batch->attempts >= engine->config.max_attempts)
        return drop(engine, batch, OPTLY_DROP_ATTEMPTS);
    return_to_lane(engine, lane, batch);
    return true;
}

static bool answer(optly__engine *engine, optly__batch *batch,
                   const optly_dispatch_result *result, bool aborting,
                   int64_t now_ms)
{
    optly__lane *lane =
        &engine->lanes[optly__engine_lane_of(engine, batch->first)];

    engine->in_flight--;
    lane->in_flight--;
    batch->http_status = result->http_status;
    if (result->outcome == OPTLY_DELIVERED)
        return deliver(engine, lane, batch);
    if (result->outcome == OPTLY_REFUSED && (batch->count == 1 || !aborting))
        return refuse(engine, lane, batch, now_ms);
    if (aborting)
        return drop(engine, batch, OPTLY_DROP_CLOSED);
    return fail(engine, lane, batch, result, now_ms);
}

bool optly__engine_answer(optly__engine *engine, int64_t now_ms)
{
    for (;;) {
        optly_dispatch_result result;
        optly__batch *batch;
        optly__slot *slot;
        bool aborting;

        optly__mutex_lock(&engine->lock);
        slot = engine->completed_first;
        if (slot != NULL) {
            engine->completed_first = slot->next;
            if (engine->completed_first == NULL)
                engine->completed_last = NULL;
        }
        aborting = engine->aborting;
        optly__mutex_unlock(&engine->lock);
        if (slot == NULL)
            return true;
        batch = slot->batch;
        result = slot->result;
        slot->batch = NULL;
        if (!answer(engine, batch, &result, aborting, now_ms))
            return false;
    }
}

bool optly__engine_abandon(optly__engine *engine, bool is_gone)
{
    bool ours;

    optly__mutex_lock(&engine->lock);
    engine->aborting = true;
    optly__mutex_unlock(&engine->lock);
    ours = optly__engine_answer(engine, 0);
    for (uint32_t i = 0; ours && i < engine->config.max_in_flight; i++) {
        optly__batch *batch = engine->slots[i].batch;

        if (batch == NULL)
            continue;
        if (is_gone) {
            engine->slots[i].batch = NULL;
            ours = drop(engine, batch, OPTLY_DROP_ABANDONED);
        } else {
            ours = optly__engine_settle_in_place(engine, batch,
                                                 OPTLY_DROP_ABANDONED);
        }
    }
    return ours;
}
