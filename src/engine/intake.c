/*
 * The way in: the queue, its bounds, and who has to be woken. Everything here
 * runs with the engine's lock held and touches memory only.
 */
#include "engine/engine.h"

uint32_t optly__engine_lane_of(const optly__engine *engine,
                               const optly_user_event *event)
{
    return engine->config.endpoint != NULL ? 0 : event->context->endpoint;
}

static bool is_too_large(const optly__engine *engine,
                         const optly_user_event *event)
{
    const optly__context *context = event->context;

    return event->size > engine->config.queue_bytes ||
           context->head_len + event->json_len + context->tail_len >
               engine->config.max_payload_bytes;
}

/* Whether an event of `size` fits once `events` of `bytes` are gone. */
static bool has_room(const optly__engine *engine, uint64_t size,
                     uint64_t events, uint64_t bytes)
{
    const optly__ledger *ledger = &engine->ledger;

    return ledger->stats.pending - events < engine->config.queue_size &&
           ledger->pending_bytes - bytes + size <= engine->config.queue_bytes;
}

/*
 * Counts how many of the oldest queued events have to go for one of `size`.
 * Returns false when all of them, or the bound on what is displaced and not
 * yet reported, do not suffice.
 */
static bool count_victims(optly__engine *engine, uint64_t size, size_t *count)
{
    const optly__engine_config *config = &engine->config;
    uint64_t bytes = 0;
    optly_user_event *victim;

    *count = 0;
    while (!has_room(engine, size, *count, bytes)) {
        if (config->queue.get(config->queue_self, *count, &victim, 1) != 1)
            return false;
        bytes += victim->size;
        (*count)++;
    }
    return engine->displaced_count + *count <= config->queue_size &&
           engine->displaced_bytes + bytes <= config->queue_bytes;
}

static void displace_oldest(optly__engine *engine)
{
    optly_user_event *victim;

    if (engine->config.queue.remove(engine->config.queue_self, &victim, 1) != 1)
        return;
    engine->queued[optly__engine_lane_of(engine, victim)]--;
    engine->queued_bytes -= victim->size;
    optly__ledger_displace(&engine->ledger, victim);
    engine->displaced_count++;
    engine->displaced_bytes += victim->size;
    victim->next = NULL;
    if (engine->displaced_last != NULL)
        engine->displaced_last->next = victim;
    else
        engine->displaced_first = victim;
    engine->displaced_last = victim;
}

static optly_status make_room(optly__engine *engine, uint64_t size)
{
    size_t victims;

    if (has_room(engine, size, 0, 0))
        return OPTLY_OK;
    if (engine->config.overflow != OPTLY_OVERFLOW_DROP_OLDEST ||
        !count_victims(engine, size, &victims))
        return OPTLY_ERR_QUEUE_FULL;
    while (victims-- > 0)
        displace_oldest(engine);
    return OPTLY_OK;
}

static size_t queue_len(const optly__engine *engine)
{
    return engine->queued[OPTLY__ENDPOINT_US] +
           engine->queued[OPTLY__ENDPOINT_EU];
}

/* Whether the driver has to look at the queue although it cannot send: for a
 * displaced event to report, or the first one whose age it has to watch. */
static bool is_urgent(const optly__engine *engine)
{
    return engine->displaced_first != NULL ||
           (engine->config.max_age_ms > 0 && queue_len(engine) == 1);
}

/*
 * A driver that naps comes back by itself within a tick, and waking it costs
 * the producer microseconds; so only a queue that fills up, by events or by
 * bytes, wakes it, or one with enough to use every connection that is also
 * more than ticks, which adapt, will go on to bring. One that sleeps is woken
 * by anything it can act on: an event it can send, a displaced one to report,
 * and the first whose age it has to watch.
 */
static bool should_wake(const optly__engine *engine, uint32_t lane)
{
    const optly__engine_config *config = &engine->config;
    size_t len = queue_len(engine), half = (config->queue_size + 1) / 2;
    uint64_t half_bytes = (config->queue_bytes + 1) / 2;
    bool wanted = engine->wants_events[lane];

    if (engine->sleep == OPTLY__ASLEEP)
        return wanted || is_urgent(engine);
    if (engine->sleep != OPTLY__NAPPING)
        return false;
    if (engine->displaced_count >= half ||
        engine->displaced_bytes >= half_bytes)
        return true;
    return wanted &&
           (len >= half || engine->queued_bytes >= half_bytes ||
            (len >= (uint64_t)config->batch_size * config->max_in_flight &&
             len >= (size_t)2 * OPTLY__TICK_MANY_EVENTS));
}

optly_status optly__engine_add(optly__engine *engine, optly_user_event *event,
                               int64_t now_ms, bool *wake)
{
    const optly__engine_config *config = &engine->config;
    optly_status status;
    uint32_t lane;

    *wake = false;
    if (engine->closing)
        return OPTLY_ERR_CLOSED;
    if (is_too_large(engine, event))
        return OPTLY_ERR_TOO_LARGE;
    status = make_room(engine, event->size);
    if (status != OPTLY_OK)
        return status;
    lane = optly__engine_lane_of(engine, event);
    status = config->queue.add(config->queue_self, event);
    /* What made room for it has to be reported even so. */
    if (status != OPTLY_OK && engine->displaced_first == NULL)
        return status;
    if (status == OPTLY_OK) {
        optly__ledger_accept(&engine->ledger, event, now_ms);
        engine->queued[lane]++;
        engine->queued_bytes += event->size;
    }
    *wake = should_wake(engine, lane);
    if (*wake)
        engine->sleep = OPTLY__AWAKE; /* one wake-up is enough */
    else if (engine->sleep == OPTLY__AWAKE && is_urgent(engine))
        engine->poked = true; /* before it falls asleep on an old deadline */
    return status;
}

size_t optly__engine_take(optly__engine *engine, optly_user_event **events,
                          size_t max)
{
    size_t count =
        engine->config.queue.remove(engine->config.queue_self, events, max);

    for (size_t i = 0; i < count; i++) {
        engine->queued[optly__engine_lane_of(engine, events[i])]--;
        engine->queued_bytes -= events[i]->size;
    }
    return count;
}

bool optly__engine_has_events(const optly__engine *engine)
{
    for (int lane = 0; lane < OPTLY__ENDPOINTS; lane++) {
        if (engine->wants_events[lane] && engine->queued[lane] > 0)
            return true;
    }
    return false;
}

bool optly__engine_rouse(optly__engine *engine)
{
    bool was_asleep = engine->sleep != OPTLY__AWAKE;

    engine->poked = true;
    engine->sleep = OPTLY__AWAKE;
    return was_asleep;
}
