/*
 * From the queue into batches: takes events out, finds the open batch of their
 * context, closes batches, and drops what nobody will send. Driver only.
 */
#include "engine/engine.h"

/* Events taken out of the queue for one locking of it. */
enum { TAKE_EVENTS = 256 };

/* How long to wait after an allocation failed. */
enum { MEMORY_RETRY_MS = 100 };

void optly__engine_out_of_memory(optly__engine *engine, int64_t now_ms)
{
    engine->memory_retry_ms = now_ms + MEMORY_RETRY_MS;
    if (!engine->memory_logged)
        optly__engine_note(engine, OPTLY_LOG_ERROR,
                           "out of memory; events wait for some");
    engine->memory_logged = true;
}

static void watch_age(optly__engine *engine, const optly_user_event *event)
{
    int64_t expiry = event->arrival_ms + engine->config.max_age_ms;

    if (engine->config.max_age_ms > 0 && expiry < engine->next_expiry_ms)
        engine->next_expiry_ms = expiry;
}

static void close_batch(optly__engine *engine, optly__lane *lane,
                        optly__batch *batch)
{
    optly__batch_list_remove(&lane->open, batch);
    batch->group->open = NULL;
    batch->order = ++engine->next_order;
    optly__batch_list_append(&lane->ready, batch);
}

/* Finds a batch with room for `event`; NULL when out of memory. */
static optly__batch *open_batch(optly__engine *engine, optly__lane *lane,
                                const optly_user_event *event)
{
    optly__group *group = optly__group_find(&engine->groups, event->context);
    optly__batch *batch;

    if (group == NULL)
        return NULL;
    batch = group->open;
    if (batch != NULL && optly__batch_body_len(batch, event->json_len) >
                             engine->config.max_payload_bytes) {
        close_batch(engine, lane, batch);
        batch = NULL;
    }
    if (batch != NULL)
        return batch;
    batch = optly__batch_create(group);
    if (batch == NULL) {
        optly__group_release(&engine->groups, group);
        return NULL;
    }
    group->open = batch;
    optly__batch_list_append(&lane->open, batch);
    batch->opened_ms = event->arrival_ms;
    batch->opened_sequence = event->sequence;
    return batch;
}

static void log_unknown_region(optly__engine *engine,
                               const optly__context *context)
{
    if (engine->region_logged || engine->config.endpoint != NULL ||
        context->region_is_known)
        return;
    engine->region_logged = true;
    optly__engine_note(engine, OPTLY_LOG_WARNING,
                       "region: not a known one, its events go to the US "
                       "endpoint");
}

/* Puts an event into its batch; false when out of memory. */
static bool place(optly__engine *engine, optly_user_event *event)
{
    optly__lane *lane = &engine->lanes[optly__engine_lane_of(engine, event)];
    optly__batch *batch = open_batch(engine, lane, event);

    if (batch == NULL)
        return false;
    log_unknown_region(engine, event->context);
    optly__batch_append(batch, event);
    watch_age(engine, event);
    if (batch->count == engine->config.batch_size)
        close_batch(engine, lane, batch);
    return true;
}

static void backlog_append(optly__engine *engine, optly_user_event *event)
{
    event->next = NULL;
    if (engine->backlog_last != NULL)
        engine->backlog_last->next = event;
    else
        engine->backlog_first = event;
    engine->backlog_last = event;
}

static optly_user_event *backlog_pop(optly__engine *engine)
{
    optly_user_event *event = engine->backlog_first;

    engine->backlog_first = event->next;
    if (engine->backlog_first == NULL)
        engine->backlog_last = NULL;
    return event;
}

/* Places what is in the backlog; false when out of memory. */
static bool place_backlog(optly__engine *engine)
{
    while (engine->backlog_first != NULL) {
        optly_user_event *event = engine->backlog_first;
        optly_user_event *next = event->next;

        if (!place(engine, event))
            return false;
        engine->backlog_first = next;
    }
    engine->backlog_last = NULL;
    return true;
}

static size_t take(optly__engine *engine)
{
    optly_user_event *events[TAKE_EVENTS];
    size_t count;

    optly__mutex_lock(&engine->lock);
    count = optly__engine_take(engine, events, TAKE_EVENTS);
    optly__mutex_unlock(&engine->lock);
    for (size_t i = 0; i < count; i++)
        backlog_append(engine, events[i]);
    engine->taken += (uint32_t)count;
    return count;
}

/* Whether fewer batches are closed and wait than may be in flight, or than
 * two, so that there is a choice. */
static bool has_few_ready(const optly__engine *engine, const optly__lane *lane)
{
    uint32_t most = engine->config.max_in_flight, count = 0;

    if (most < 2)
        most = 2;
    for (const optly__batch *b = lane->ready.first; b != NULL; b = b->next) {
        if (++count == most)
            return false;
    }
    return true;
}

/*
 * Whether the lane may send and has nothing ready, or for a probe nothing but
 * batches that failed before. Of those it does not collect more than could
 * have failed side by side: the rest stays in the queue, for DROP_OLDEST.
 */
static bool is_hungry(optly__engine *engine, optly__lane *lane, int64_t now_ms)
{
    const optly__batch *next;

    if (!optly__engine_may_send(engine, lane, now_ms))
        return false;
    next = optly__engine_next_batch(engine, lane, now_ms);
    return next == NULL || (lane->backing_off && next->attempts > 0 &&
                            has_few_ready(engine, lane));
}

/* Whether the queue has something for a hungry lane. */
static bool needs_more(optly__engine *engine, int64_t now_ms)
{
    bool needs = false;

    for (int i = 0; i < OPTLY__ENDPOINTS && !needs; i++) {
        if (!is_hungry(engine, &engine->lanes[i], now_ms))
            continue;
        optly__mutex_lock(&engine->lock);
        needs = engine->queued[i] > 0;
        optly__mutex_unlock(&engine->lock);
    }
    return needs;
}

void optly__engine_fill(optly__engine *engine, int64_t now_ms)
{
    bool placed = place_backlog(engine);

    while (placed && needs_more(engine, now_ms)) {
        if (take(engine) == 0)
            break;
        placed = place_backlog(engine);
    }
    if (!placed)
        optly__engine_out_of_memory(engine, now_ms);
}

/* With one batch in flight an earlier one of the context goes first. */
static bool is_held_up(const optly__engine *engine, const optly__batch *batch)
{
    return engine->config.max_in_flight == 1 && batch->group->batches > 1;
}

static int64_t due_ms(const optly__engine *engine, const optly__batch *batch,
                      int64_t now_ms)
{
    if (batch->opened_sequence <= engine->flush_target)
        return now_ms;
    return batch->opened_ms + engine->config.flush_interval_ms;
}

/* The open batch that is due first; they stand in the order of that. */
static optly__batch *first_open(const optly__engine *engine,
                                const optly__lane *lane)
{
    optly__batch *batch = lane->open.first;

    while (batch != NULL && is_held_up(engine, batch))
        batch = batch->next;
    return batch;
}

/* One that could not leave yet may as well fill up further. */
void optly__engine_close_due(optly__engine *engine, int64_t now_ms)
{
    for (int i = 0; i < OPTLY__ENDPOINTS; i++) {
        optly__lane *lane = &engine->lanes[i];
        optly__batch *batch;

        if (lane->open.first == NULL || !is_hungry(engine, lane, now_ms))
            continue;
        batch = first_open(engine, lane);
        if (batch != NULL && due_ms(engine, batch, now_ms) <= now_ms)
            close_batch(engine, lane, batch);
    }
}

int64_t optly__engine_open_due_ms(const optly__engine *engine,
                                  const optly__lane *lane, int64_t now_ms)
{
    const optly__batch *batch = first_open(engine, lane);

    return batch != NULL ? due_ms(engine, batch, now_ms) : OPTLY__NEVER;
}

/* Settles the expired events of one batch, which may be gone afterwards. */
static bool expire_batch(optly__engine *engine, optly__batch_list *list,
                         optly__batch *batch, int64_t limit_ms)
{
    uint32_t count = optly__batch_count_older(batch, limit_ms);
    bool is_open = batch->group->open == batch;

    if (count == batch->count) {
        optly__batch_list_remove(list, batch);
        if (is_open)
            batch->group->open = NULL;
        engine->failed_batches++;
    } else {
        watch_age(engine, batch->first);
    }
    if (count == 0)
        return true;
    return optly__engine_settle(engine, batch, count, optly__batch_stage(batch),
                                OPTLY_DROP_EXPIRED);
}

static bool expire_list(optly__engine *engine, optly__batch_list *list,
                        int64_t limit_ms)
{
    optly__batch *next;

    for (optly__batch *batch = list->first; batch != NULL; batch = next) {
        next = batch->next;
        if (!expire_batch(engine, list, batch, limit_ms))
            return false;
    }
    return true;
}

/* Moves the expired events of the queue to the hand; notes the next expiry. */
static void take_expired(optly__engine *engine, int64_t limit_ms)
{
    const optly__engine_config *config = &engine->config;
    optly_user_event *event;

    while (engine->backlog_first != NULL &&
           engine->backlog_first->arrival_ms <= limit_ms)
        optly__batch_append(&engine->hand, backlog_pop(engine));
    optly__mutex_lock(&engine->lock);
    while (config->queue.get(config->queue_self, 0, &event, 1) == 1) {
        if (event->arrival_ms > limit_ms) {
            watch_age(engine, event);
            break;
        }
        if (optly__engine_take(engine, &event, 1) == 0)
            break;
        optly__batch_append(&engine->hand, event);
    }
    optly__mutex_unlock(&engine->lock);
}

static bool expire_batches(optly__engine *engine, int64_t limit_ms)
{
    engine->next_expiry_ms = OPTLY__NEVER;
    for (int i = 0; i < OPTLY__ENDPOINTS; i++) {
        if (!expire_list(engine, &engine->lanes[i].ready, limit_ms) ||
            !expire_list(engine, &engine->lanes[i].open, limit_ms))
            return false;
    }
    return true;
}

bool optly__engine_expire(optly__engine *engine, int64_t now_ms)
{
    int64_t limit_ms = now_ms - engine->config.max_age_ms;

    if (engine->config.max_age_ms == 0)
        return true;
    if (now_ms >= engine->next_expiry_ms && !expire_batches(engine, limit_ms))
        return false;
    take_expired(engine, limit_ms);
    return optly__engine_settle_hand(engine, OPTLY__QUEUED, OPTLY_DROP_EXPIRED);
}

static bool drop_first(optly__engine *engine, optly__batch_list *list,
                       optly_drop_reason reason)
{
    optly__batch *batch = list->first;

    optly__batch_list_remove(list, batch);
    if (batch->group->open == batch)
        batch->group->open = NULL;
    engine->failed_batches++;
    return optly__engine_settle(engine, batch, batch->count,
                                optly__batch_stage(batch), reason);
}

/* Moves what is in no batch yet to the hand. */
static void take_to_hand(optly__engine *engine)
{
    if (engine->backlog_first == NULL)
        (void)take(engine);
    while (engine->backlog_first != NULL)
        optly__batch_append(&engine->hand, backlog_pop(engine));
}

bool optly__engine_drop_some(optly__engine *engine, optly_drop_reason reason,
                             bool *dropped)
{
    *dropped = true;
    for (int i = 0; i < OPTLY__ENDPOINTS; i++) {
        if (engine->lanes[i].ready.first != NULL)
            return drop_first(engine, &engine->lanes[i].ready, reason);
        if (engine->lanes[i].open.first != NULL)
            return drop_first(engine, &engine->lanes[i].open, reason);
    }
    take_to_hand(engine);
    *dropped = engine->hand.count > 0;
    if (*dropped)
        return optly__engine_settle_hand(engine, OPTLY__QUEUED, reason);
    return optly__engine_report_displaced(engine);
}

bool optly__engine_drop_waiting(optly__engine *engine, optly_drop_reason reason)
{
    bool dropped = true;

    while (dropped) {
        if (!optly__engine_drop_some(engine, reason, &dropped))
            return false;
    }
    return true;
}
