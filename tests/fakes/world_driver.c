/* The driver of a world, and what it must not sleep through. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fakes/failing_allocator.h"
#include "fakes/world.h"

enum {
    MEMORY_PATIENCE_MS = 1000,
    MOST_STEPS = 2000 /* at one instant; more is a spin */
};

void world_rouse(world *w)
{
    bool asleep;

    optly__mutex_lock(&w->engine.lock);
    asleep = optly__engine_rouse(&w->engine);
    optly__mutex_unlock(&w->engine.lock);
    w->woken = w->woken || asleep;
}

/* When an event that was never sent has to leave: at its flush interval, at
 * once for a flush, or when a lane that backs off may try again at last. */
static int64_t due_of(const world *w, uint64_t sequence, int64_t patience_ms)
{
    const witness_event *event = &w->witness.events[sequence];
    const witness_lane *lane =
        &w->witness.lanes[witness_lane_of(&w->witness, event)];
    int64_t due = event->arrival_ms + w->config.flush_interval_ms;

    if (event->flushed)
        due = w->now;
    if (lane->had_trouble && due < lane->failed_ms + w->config.backoff.max_ms)
        due = lane->failed_ms + w->config.backoff.max_ms;
    if (lane->had_trouble && due < patience_ms)
        due = patience_ms;
    return due;
}

/*
 * With room for one more batch and nobody of the lane under way, no event
 * sleeps beyond its time.
 */
static void check_deadline(const world *w)
{
    const witness *seen = &w->witness;
    int64_t patience_ms = 0;

    if (seen->memory_failed || w->engine.aborting ||
        seen->open_count == w->config.max_in_flight)
        return;
    for (uint64_t i = seen->first_live; i > 0 && i <= seen->accepted; i++) {
        const witness_event *event = &seen->events[i];

        if (witness_waits(event) && event->retry_after_until_ms > patience_ms)
            patience_ms = event->retry_after_until_ms;
    }
    for (int i = 0; i < OPTLY__ENDPOINTS; i++) {
        if (seen->lanes[i].patience_ms > patience_ms)
            patience_ms = seen->lanes[i].patience_ms;
    }
    for (uint64_t i = seen->first_live; i > 0 && i <= seen->accepted; i++) {
        const witness_event *event = &seen->events[i];
        const witness_lane *lane = &seen->lanes[witness_lane_of(seen, event)];

        if (!witness_waits(event) || (lane->had_trouble && lane->open > 0))
            continue;
        assert_true(w->wake_at <= due_of(w, i, patience_ms) + WITNESS_TICK_MS);
    }
}

/* What grows old, or was displaced, does not sleep on unnoticed. */
static void check_watch(const world *w)
{
    const witness *seen = &w->witness;

    if (w->engine.displaced_first != NULL)
        assert_true(w->wake_at <= w->now + WITNESS_TICK_MS);
    if (w->config.max_age_ms == 0 || seen->memory_failed)
        return;
    for (uint64_t i = seen->first_live; i > 0 && i <= seen->accepted; i++) {
        if (witness_waits(&seen->events[i]))
            assert_true(w->wake_at <= seen->events[i].arrival_ms +
                                          w->config.max_age_ms +
                                          WITNESS_TICK_MS);
    }
}

void world_check_awake(const world *w)
{
    const optly_stats *stats = &w->engine.ledger.stats;

    if (stats->pending > 0 && w->witness.open_count == 0 && !w->woken &&
        !w->ended && w->wake_at == OPTLY__NEVER)
        fail_msg("asleep for ever, %" PRIu64 " events wait", stats->pending);
}

/* With nothing to do there is no deadline; but that of an age that nobody
 * reaches any more may come once. */
static void check_idle(const world *w, int64_t next_ms)
{
    if (w->engine.ledger.stats.pending == 0 && w->config.max_age_ms == 0 &&
        w->engine.displaced_count == 0 && !w->engine.counted &&
        w->engine.memory_retry_ms == OPTLY__NEVER)
        assert_true(next_ms == OPTLY__NEVER);
}

/* Goes to sleep as a driver does: naps, or sleeps if the engine allows it. */
static void rest(world *w, int64_t next_ms)
{
    optly__engine *engine = &w->engine;
    bool nap;

    if (w->before_rest != NULL)
        w->before_rest(w);
    optly__mutex_lock(&engine->lock);
    nap = optly__engine_has_events(engine) || (w->naps != NULL && w->naps(w));
    engine->sleep = nap ? OPTLY__NAPPING : OPTLY__ASLEEP;
    w->woken = engine->poked || next_ms <= w->now;
    optly__mutex_unlock(&engine->lock);
    w->wake_at = next_ms;
    if (nap && next_ms > w->now + WITNESS_TICK_MS)
        w->wake_at = w->now + WITNESS_TICK_MS;
    if (w->woken)
        return;
    check_deadline(w);
    check_watch(w);
    /* Without memory all stays where it is, and is soon tried again. */
    if (engine->memory_retry_ms != OPTLY__NEVER)
        assert_true(w->wake_at <= w->now + MEMORY_PATIENCE_MS);
}

static void step(world *w)
{
    int64_t next_ms = 0;
    bool ours;

    witness_begin_step(&w->witness);
    if (w->failing_calls > 0) {
        w->witness.memory_failed = true;
        failing_allocator_fail_after(w->failing_calls - 1);
    }
    ours = optly__engine_step(&w->engine, w->now, &next_ms);
    failing_allocator_fail_after(FAILING_ALLOCATOR_NEVER);
    w->failing_calls = 0;
    assert_int_equal(ours, !w->ended);
    if (w->ended) {
        w->woken = false;
        w->wake_at = OPTLY__NEVER;
        return;
    }
    witness_end_step(&w->witness);
    world_metrics_check(&w->metrics, &w->engine.ledger.stats);
    witness_end_flushes(&w->witness);
    check_idle(w, next_ms);
    rest(w, next_ms);
}

void world_run_due(world *w)
{
    int steps = 0;

    while (!w->ended && (w->woken || w->wake_at <= w->now)) {
        step(w);
        assert_true(++steps < MOST_STEPS);
    }
    world_check_awake(w);
}

void world_poll(world *w)
{
    w->woken = true;
    world_run_due(w);
}

void world_advance(world *w, int64_t ms)
{
    int64_t until = w->now + ms;

    world_run_due(w);
    while (!w->ended && w->wake_at <= until) {
        w->now = w->wake_at;
        world_run_due(w);
    }
    w->now = until;
    witness_end_flushes(&w->witness);
}
