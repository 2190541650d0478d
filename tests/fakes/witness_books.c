#include "fakes/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* --- refusals --- */

/* Whether the event fits, were these displaced for it. */
static bool fits(const witness *w, const optly_user_event *event,
                 uint64_t events, uint64_t bytes)
{
    const optly__engine_config *config = &w->engine->config;
    const optly__ledger *ledger = &w->engine->ledger;

    return ledger->stats.pending - events < config->queue_size &&
           ledger->pending_bytes - bytes + optly_user_event_size(event) <=
               config->queue_bytes;
}

/* Whether there was room, or could have been made as the policy says. */
static bool had_room(const witness *w, const optly_user_event *event)
{
    const optly__engine *engine = w->engine;
    const optly__engine_config *config = &engine->config;
    size_t count = 0;
    uint64_t bytes = 0;
    optly_user_event *oldest;

    if (fits(w, event, 0, 0))
        return true;
    if (config->overflow != OPTLY_OVERFLOW_DROP_OLDEST)
        return false;
    while (config->queue.get(config->queue_self, count, &oldest, 1) == 1) {
        count++;
        bytes += optly_user_event_size(oldest);
        if (fits(w, event, count, bytes))
            return engine->displaced_count + count <= config->queue_size &&
                   engine->displaced_bytes + bytes <= config->queue_bytes;
    }
    return false;
}

static bool is_too_large(const witness *w, const optly_user_event *event)
{
    const optly__engine_config *config = &w->engine->config;

    return optly_user_event_size(event) > config->queue_bytes ||
           event->context->head_len + optly_user_event_json_len(event) +
                   event->context->tail_len >
               config->max_payload_bytes;
}

/* Each refusal has its reason, and there is one. */
void witness_refuse(witness *w, const optly_user_event *event,
                    optly_status status, bool queue_fails)
{
    switch (status) {
    case OPTLY_ERR_CLOSED:
        assert_true(w->engine->closing);
        w->rejected[OPTLY_REJECT_CLOSED]++;
        break;
    case OPTLY_ERR_TOO_LARGE:
        assert_true(is_too_large(w, event));
        w->rejected[OPTLY_REJECT_TOO_LARGE]++;
        break;
    case OPTLY_ERR_QUEUE_FULL:
        assert_false(had_room(w, event));
        w->rejected[OPTLY_REJECT_QUEUE_FULL]++;
        break;
    default:
        assert_true(queue_fails);
        assert_int_equal(status, OPTLY_ERR_IO);
        w->rejected[OPTLY_REJECT_INVALID]++;
        break;
    }
    assert_true(status == OPTLY_ERR_CLOSED || !w->engine->closing);
    assert_true(status == OPTLY_ERR_TOO_LARGE || w->engine->closing ||
                !is_too_large(w, event));
    witness_note_displaced(w, false);
}

/* --- the counters --- */

static void check_identity(const optly_stats *s)
{
    uint64_t rejected = 0, dropped = 0;

    for (int i = 0; i < OPTLY_REASON_SLOTS; i++) {
        rejected += s->rejected[i];
        dropped += s->dropped[i];
    }
    assert_int_equal(s->attempted, s->accepted + rejected);
    assert_int_equal(s->accepted, s->delivered + dropped + s->pending);
    assert_int_equal(s->pending, s->queued + s->in_flight + s->retry_wait);
}

/*
 * What was counted was reported. Displaced events are counted at once and
 * reported later, and so is all that a close finds behind a callback that
 * hangs.
 */
static void check_reports(const witness *w, const optly_stats *s)
{
    assert_int_equal(s->accepted, w->accepted);
    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        assert_int_equal(s->rejected[i], w->rejected[i]);
    if (w->engine->counted)
        return;
    assert_int_equal(s->delivered, w->by_reason[OPTLY_DROP_NONE]);
    for (int i = OPTLY_DROP_REFUSED; i <= OPTLY_DROP_ABANDONED; i++)
        assert_int_equal(s->dropped[i], w->by_reason[i]);
    assert_int_equal(s->dropped[OPTLY_DROP_OVERFLOW],
                     w->by_reason[OPTLY_DROP_OVERFLOW] +
                         w->engine->displaced_count);
}

/* But for what is counted ahead, see above. */
void witness_check_not_counted(const witness *w, optly_drop_reason reason)
{
    const optly_stats *s = &w->engine->ledger.stats;

    if (w->engine->counted || reason == OPTLY_DROP_OVERFLOW)
        return;
    assert_true(
        (reason == OPTLY_DROP_NONE ? s->delivered : s->dropped[reason]) <=
        w->by_reason[reason]);
}

/* A flush is over when all it waits for is reported, and not before. */
static void check_barrier(const witness *w, const witness_barrier *barrier)
{
    uint64_t left = 0;
    bool dropped = false;

    for (uint64_t i = 1; i <= w->accepted; i++) {
        if (!barrier->waits_for[i])
            continue;
        if (w->events[i].reported)
            dropped = dropped || w->events[i].dropped;
        else
            left++;
    }
    assert_int_equal(barrier->barrier.remaining, left);
    assert_int_equal(barrier->barrier.dropped, dropped);
}

void witness_check(witness *w)
{
    const optly__engine *engine = w->engine;
    const optly_stats *s = &engine->ledger.stats;

    check_identity(s);
    check_reports(w, s);
    assert_in_range(s->pending, 0, engine->config.queue_size);
    assert_in_range(engine->displaced_count, 0, engine->config.queue_size);
    assert_in_range(engine->displaced_bytes, 0, engine->config.queue_bytes);
    assert_true(s->in_flight >= w->open_events);
    if (engine->counted)
        return;
    assert_in_range(engine->ledger.pending_bytes, 0,
                    engine->config.queue_bytes);
    for (int i = 0; i < WITNESS_BARRIERS; i++) {
        if (w->barriers[i].used)
            check_barrier(w, &w->barriers[i]);
    }
}

/* --- around a step --- */

void witness_begin_step(witness *w)
{
    w->aborting = w->engine->aborting;
    w->open_before = w->open_count;
    w->hasten_target = w->flush_target;
    w->flush_target = 0;
    for (int i = 0; i < OPTLY__ENDPOINTS; i++)
        w->lanes[i].attempts_in_step = 0;
    while (w->first_live > 0 && w->first_live <= w->accepted &&
           w->events[w->first_live].reported)
        w->first_live++;
}

/* Once no answer waits to be acted on, each event is counted where it is. */
static void check_stages(const witness *w)
{
    const optly_stats *s = &w->engine->ledger.stats;
    uint64_t queued = 0, retry_wait = 0, bytes = 0;

    for (uint64_t i = w->first_live; i > 0 && i <= w->accepted; i++) {
        const witness_event *event = &w->events[i];

        if (!event->reported && !event->displaced)
            bytes += event->size;
        if (!witness_waits(event))
            continue;
        queued += event->attempts == 0;
        retry_wait += event->attempts > 0;
    }
    assert_int_equal(s->queued, queued);
    assert_int_equal(s->retry_wait, retry_wait);
    assert_int_equal(s->in_flight, w->open_events);
    assert_int_equal(w->engine->ledger.pending_bytes, bytes);
}

static void check_sums(const witness *w)
{
    const optly_stats *s = &w->engine->ledger.stats;

    assert_int_equal(s->requests, w->attempt_count);
    assert_int_equal(s->retries, w->retries);
    assert_int_equal(s->payload_bytes, w->payload_bytes);
    assert_int_equal(s->batches, w->delivered_batches);
    if (!w->memory_failed && !w->aborting)
        assert_int_equal(s->bisections, w->refused_batches);
    if (w->engine->config.queue.settle != NULL)
        assert_int_equal(w->settled, w->reported);
}

void witness_end_step(witness *w)
{
    witness_check(w);
    if (w->engine->completed_first == NULL && !w->engine->counted) {
        check_stages(w);
        check_sums(w);
        if (!w->aborting)
            witness_check_waiting(w);
    }
    /* Once close has cancelled, only the dispatcher has events left. */
    if (w->aborting && w->open_before > 0)
        assert_true(w->cancels > 0);
    if (w->aborting && w->engine->completed_first == NULL)
        assert_int_equal(w->engine->ledger.stats.pending, w->open_events);
}

/* --- the end --- */

void witness_check_end(witness *w)
{
    const optly__engine *engine = w->engine;
    const optly_stats *s = &engine->ledger.stats;

    witness_check(w);
    assert_int_equal(s->pending, 0);
    assert_int_equal(engine->displaced_count, 0);
    assert_int_equal(engine->displaced_bytes, 0);
    assert_int_equal(w->reported, w->accepted);
    assert_int_equal(s->delivered, w->by_reason[OPTLY_DROP_NONE]);
    for (int i = OPTLY_DROP_OVERFLOW; i <= OPTLY_DROP_ABANDONED; i++)
        assert_int_equal(s->dropped[i], w->by_reason[i]);
    if (!engine->counted)
        assert_int_equal(engine->ledger.pending_bytes, 0);
    w->taken = true; /* close ends what flushes still wait */
    witness_end_flushes(w);
    assert_null(engine->ledger.barriers);
}
