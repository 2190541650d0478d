#include "fakes/world.h"

/* 0, 1, 2, 3 to 4, 5 to 8 and so on. */
static uint64_t magnitude(uint64_t count)
{
    uint64_t power = 0;

    while (count > 1U << power)
        power++;
    return count == 0 ? 0 : power + 1;
}

/* How far away a time is: past, a tick, a second, further, never. */
static uint64_t distance(int64_t from_ms, int64_t to_ms)
{
    if (to_ms == OPTLY__NEVER)
        return 4;
    if (to_ms <= from_ms)
        return 0;
    if (to_ms - from_ms <= WITNESS_TICK_MS)
        return 1;
    return to_ms - from_ms <= 1000 ? 2 : 3;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
    return hash ^ hash >> 31;
}

static uint64_t mix_flag(uint64_t hash, bool flag)
{
    return mix(hash, flag ? 2 : 1);
}

static uint64_t batches_of(const optly__batch_list *list)
{
    uint64_t count = 0;

    for (const optly__batch *batch = list->first; batch; batch = batch->next)
        count++;
    return count;
}

static uint64_t mix_lane(uint64_t hash, const world *w, int number)
{
    const optly__engine *engine = &w->engine;
    const optly__lane *lane = &engine->lanes[number];

    hash = mix(hash, magnitude(engine->queued[number]));
    hash = mix(hash, magnitude(batches_of(&lane->open)));
    hash = mix(hash, magnitude(batches_of(&lane->ready)));
    hash = mix(hash, magnitude(lane->in_flight));
    hash = mix_flag(hash, lane->backing_off);
    hash = mix_flag(hash, lane->probing);
    hash = mix_flag(hash, lane->misconfigured);
    hash = mix_flag(hash, engine->wants_events[number]);
    hash = mix(hash, magnitude(lane->failures));
    hash = mix(hash, distance(w->now, lane->not_before_ms));
    return mix(hash, distance(w->now, lane->retry_after_until_ms));
}

static uint64_t mix_flushes(uint64_t hash, const world *w)
{
    uint64_t open = 0, waiting = 0;

    for (const optly__barrier *b = w->engine.ledger.barriers; b; b = b->next) {
        open++;
        waiting += b->remaining;
    }
    return mix(mix(hash, magnitude(open)), magnitude(waiting));
}

uint64_t world_state(const world *w)
{
    const optly__engine *engine = &w->engine;
    uint64_t completed = 0, hash = 0;

    for (const optly__slot *slot = engine->completed_first; slot;
         slot = slot->next)
        completed++;
    for (int i = 0; i < OPTLY__ENDPOINTS; i++)
        hash = mix_lane(hash, w, i);
    hash = mix(hash, magnitude(engine->ledger.stats.retry_wait));
    hash = mix(hash, magnitude(engine->ledger.stats.in_flight));
    hash = mix(hash, magnitude(completed));
    hash = mix(hash, magnitude(engine->displaced_count));
    hash = mix_flag(hash, engine->backlog_first != NULL);
    hash = mix_flushes(hash, w);
    hash = mix_flag(hash, engine->closing);
    hash = mix_flag(hash, engine->aborting);
    hash = mix_flag(hash, engine->counted);
    hash = mix_flag(hash, engine->taken_over);
    hash = mix_flag(hash, engine->poked);
    hash = mix_flag(hash, w->woken);
    hash = mix(hash, (uint64_t)engine->sleep);
    hash = mix(hash, (uint64_t)engine->place);
    hash = mix(hash, distance(w->now, w->wake_at));
    hash = mix(hash, distance(w->now, engine->next_expiry_ms));
    return mix(hash, distance(w->now, engine->memory_retry_ms));
}
