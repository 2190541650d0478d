/*
 * From the dispatcher: settles what was delivered, keeps what failed for its
 * retry, and splits what was refused. Completions come in from any thread;
 * the driver acts on them here.
 */
#include "engine/engine.h"

#include "base/memory.h"

/* How long a batch waits that could not be split for lack of memory. */
enum { SPLIT_RETRY_MS = 100 };

static optly__batch *empty_slot(optly__engine *engine, optly__slot *slot)
{
    optly__batch *batch = slot->batch;

    slot->batch = NULL;
    slot->next = engine->free_slots;
    engine->free_slots = slot;
    return batch;
}

static void return_to_lane(optly__engine *engine, optly__lane *lane,
                           optly__batch *batch)
{
    optly__free(batch->block);
    batch->block = NULL;
    optly__batch_list_insert(&lane->ready, batch);
    if (engine->config.max_age_ms > 0)
        engine->next_expiry_ms = optly__earliest(engine->next_expiry_ms,
                                                 batch->first->arrival_ms +
                                                     engine->config.max_age_ms);
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

/* The endpoint has answered as one that works. */
static void recover(optly__engine *engine, optly__lane *lane,
                    const optly__batch *batch)
{
    bool was_backing_off = lane->backing_off;

    optly__lane_recover(lane, batch);
    if (was_backing_off && !lane->backing_off)
        optly__engine_note(engine, OPTLY_LOG_INFO, "delivery works again");
}

static bool deliver(optly__engine *engine, optly__lane *lane,
                    optly__batch *batch)
{
    recover(engine, lane, batch);
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
    recover(engine, lane, batch);
    if (batch->count > 1) {
        bisect(engine, lane, batch, now_ms);
        return true;
    }
    optly__engine_note(engine, OPTLY_LOG_WARNING,
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
static void note_trouble(optly__engine *engine, optly__lane *lane,
                         const optly_dispatch_result *result)
{
    bool misconfigured = result->outcome == OPTLY_MISCONFIGURED;
    const char *what = misconfigured ? "the endpoint or the set-up is wrong"
                                     : "delivery fails";

    if (lane->backing_off && lane->misconfigured == misconfigured)
        return;
    lane->misconfigured = misconfigured;
    if (result->detail[0] != '\0')
        optly__engine_note(
            engine, misconfigured ? OPTLY_LOG_ERROR : OPTLY_LOG_WARNING,
            "%s (%s); events are kept and tried again", what, result->detail);
    else
        optly__engine_note(engine,
                           misconfigured ? OPTLY_LOG_ERROR : OPTLY_LOG_WARNING,
                           "%s (status %d); events are kept and tried again",
                           what, (int)result->http_status);
}

static bool fail(optly__engine *engine, optly__lane *lane, optly__batch *batch,
                 const optly_dispatch_result *result, int64_t now_ms)
{
    note_trouble(engine, lane, result);
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
        result = slot->result;
        batch = empty_slot(engine, slot);
        if (batch->settled) {
            optly__batch_discard(&engine->groups, batch);
            continue;
        }
        if (!answer(engine, batch, &result, aborting, now_ms) ||
            !optly__engine_tell(engine))
            return false;
    }
}

/* A detached batch stays where it is: cleanup drops the engine's share. */
static bool abandon(optly__engine *engine, optly__slot *slot, bool is_gone)
{
    optly__batch *batch = slot->batch;
    bool stays = !is_gone || batch->detached;

    if (batch->settled && stays)
        return true;
    if (stays) {
        batch->settled = true;
        engine->failed_batches++;
        return optly__engine_settle_in_place(engine, batch,
                                             OPTLY_DROP_ABANDONED);
    }
    (void)empty_slot(engine, slot);
    if (!batch->settled)
        return drop(engine, batch, OPTLY_DROP_ABANDONED);
    optly__batch_discard(&engine->groups, batch);
    return true;
}

bool optly__engine_abandon(optly__engine *engine, bool is_gone)
{
    bool ours;

    optly__mutex_lock(&engine->lock);
    engine->aborting = true;
    optly__mutex_unlock(&engine->lock);
    if (is_gone)
        optly__engine_discard_hand(engine);
    ours = optly__engine_answer(engine, 0);
    for (uint32_t i = 0; ours && i < engine->config.max_in_flight; i++) {
        if (engine->slots[i].batch != NULL)
            ours = abandon(engine, &engine->slots[i], is_gone);
    }
    return ours;
}
