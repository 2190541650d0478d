#include "fakes/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static witness_event *event_of(witness *w, const optly_user_event *event)
{
    assert_in_range(event->sequence, 1, w->accepted);
    return &w->events[event->sequence];
}

/* --- the dispatcher --- */

/* Each event of a batch is pending, in no other batch, and due. */
static void check_event(witness *w, const optly_log_event *log,
                        const optly_user_event *event, uint64_t before)
{
    const optly__engine_config *config = &w->engine->config;
    const witness_event *known = event_of(w, event);

    assert_true(event->sequence > before);
    assert_false(known->reported);
    assert_false(known->displaced);
    assert_false(known->in_flight);
    assert_int_equal(log->attempt, known->attempts + 1);
    assert_true(*w->now >= known->retry_after_until_ms);
    if (config->max_attempts > 0 && known->outcome != OPTLY_REFUSED)
        assert_true(known->attempts < config->max_attempts);
    if (config->max_age_ms > 0 && !w->memory_failed)
        assert_true(*w->now - known->arrival_ms < config->max_age_ms);
}

/* The caps, one context, and the lane's backoff. */
static void check_batch(witness *w, const optly_log_event *log, uint32_t lane)
{
    const optly__engine_config *config = &w->engine->config;
    const witness_lane *to = &w->lanes[lane];

    assert_false(w->aborting);
    assert_in_range(log->event_count, 1, config->batch_size);
    assert_in_range(log->body_len, 1, config->max_payload_bytes);
    assert_true(w->open_count < config->max_in_flight);
    assert_string_equal(log->endpoint, w->engine->lanes[lane].endpoint);
    assert_true(*w->now >= to->retry_after_until_ms);
    if (to->backing_off)
        assert_int_equal(to->probes, 0);
    for (uint32_t i = 1; i < log->event_count; i++)
        assert_true(optly__context_equal(log->events[i]->context,
                                         log->events[0]->context));
}

static void witness_dispatch(void *self, const optly_log_event *log,
                             optly_delivery delivery)
{
    witness *w = self;
    uint32_t lane = optly__engine_lane_of(w->engine, log->events[0]);
    uint64_t before = 0;
    witness_attempt *attempt;

    check_batch(w, log, lane);
    assert_true(w->attempt_count < WITNESS_ATTEMPTS);
    attempt = &w->attempts[w->attempt_count];
    attempt->delivery = delivery;
    attempt->lane = lane;
    attempt->count = log->event_count;
    attempt->events = calloc(log->event_count, sizeof(*attempt->events));
    assert_non_null(attempt->events);
    for (uint32_t i = 0; i < log->event_count; i++) {
        witness_event *event = event_of(w, log->events[i]);

        check_event(w, log, log->events[i], before);
        before = log->events[i]->sequence;
        attempt->events[i] = before;
        event->in_flight = true;
        event->attempts++;
    }
    attempt->open = true;
    attempt->is_probe = w->lanes[lane].backing_off;
    if (attempt->is_probe)
        w->lanes[lane].probes++;
    w->open_count++;
    w->open_events += attempt->count;
    w->attempt_count++;
    if (w->on_dispatch != NULL)
        w->on_dispatch(w->user, w->attempt_count - 1);
}

static void witness_destroy(void *self)
{
    (void)self;
}

const optly_dispatcher_ops witness_dispatcher_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = witness_dispatch,
    .destroy = witness_destroy,
};

/* What an answer says about its endpoint. */
static void note_answer(witness *w, witness_attempt *attempt,
                        optly_outcome outcome, int64_t until_ms)
{
    witness_lane *lane = &w->lanes[attempt->lane];

    if (outcome == OPTLY_DELIVERED || outcome == OPTLY_REFUSED) {
        lane->backing_off = false;
        lane->retry_after_until_ms = 0;
        lane->probes = 0;
        for (uint32_t i = 0; i < w->attempt_count; i++) {
            if (w->attempts[i].lane == attempt->lane)
                w->attempts[i].is_probe = false;
        }
        return;
    }
    lane->backing_off = true;
    lane->had_trouble = true;
    if (until_ms > lane->retry_after_until_ms)
        lane->retry_after_until_ms = until_ms;
    if (attempt->is_probe)
        lane->probes--;
    attempt->is_probe = false;
}

void witness_complete(witness *w, uint32_t number, optly_outcome outcome,
                      int64_t retry_after_ms)
{
    witness_attempt *attempt = &w->attempts[number];
    optly_dispatch_result result = optly_dispatch_result_default();
    int64_t until_ms = retry_after_ms > 0 ? *w->now + retry_after_ms : 0;

    result.outcome = outcome;
    result.retry_after_ms = retry_after_ms;
    if (attempt->open) {
        attempt->open = false;
        w->open_count--;
        w->open_events -= attempt->count;
        for (uint32_t i = 0; i < attempt->count; i++) {
            witness_event *event = &w->events[attempt->events[i]];

            event->in_flight = false;
            event->outcome = outcome;
            if (outcome != OPTLY_REFUSED)
                event->retry_after_until_ms = until_ms;
        }
        note_answer(w, attempt, outcome, until_ms);
    }
    optly_delivery_complete(attempt->delivery, &result);
}

/* --- reports --- */

/* Whether the end that is told agrees with what happened to the event. */
static void check_reason(const witness *w, const witness_event *event,
                         const optly_delivery_report *report)
{
    const optly__engine_config *config = &w->engine->config;

    switch (report->reason) {
    case OPTLY_DROP_NONE:
        assert_int_equal(event->outcome, OPTLY_DELIVERED);
        break;
    case OPTLY_DROP_OVERFLOW:
        assert_true(event->displaced);
        break;
    case OPTLY_DROP_REFUSED:
        assert_int_equal(event->outcome, OPTLY_REFUSED);
        assert_int_equal(report->event_count, 1);
        break;
    case OPTLY_DROP_EXPIRED:
        assert_true(config->max_age_ms > 0);
        assert_true(*w->now - event->arrival_ms >= config->max_age_ms);
        break;
    case OPTLY_DROP_ATTEMPTS:
        assert_true(config->max_attempts > 0);
        assert_true(event->attempts >= config->max_attempts);
        break;
    case OPTLY_DROP_CLOSED:
        assert_true(w->engine->aborting);
        break;
    case OPTLY_DROP_ABANDONED:
        assert_true(w->engine->aborting);
        break;
    }
    assert_int_equal(event->in_flight, report->reason == OPTLY_DROP_ABANDONED);
    assert_int_equal(report->attempts, event->attempts);
}

/* With one batch in flight, nothing is delivered before what came earlier. */
static void check_order(const witness *w, uint64_t sequence)
{
    if (w->engine->config.max_in_flight > 1)
        return;
    for (uint64_t i = 1; i < sequence; i++) {
        const witness_event *earlier = &w->events[i];

        if (!earlier->reported && !earlier->displaced)
            assert_false(optly__context_equal(earlier->context,
                                              w->events[sequence].context));
    }
}

void witness_report(const optly_delivery_report *report, void *user)
{
    witness *w = user;

    assert_true(report->event_count > 0);
    for (uint32_t i = 0; i < report->event_count; i++) {
        witness_event *event = event_of(w, report->events[i]);

        assert_false(event->reported);
        check_reason(w, event, report);
        if (report->reason == OPTLY_DROP_NONE)
            check_order(w, report->events[i]->sequence);
        if (report->reason == OPTLY_DROP_ABANDONED)
            w->open_events--;
        event->in_flight = false;
        event->reported = true;
        event->dropped = report->reason != OPTLY_DROP_NONE;
        w->reported++;
        w->by_reason[report->reason]++;
    }
    if (w->on_report != NULL)
        w->on_report(w->user);
}

/* --- what the schedule tells --- */

void witness_accept(witness *w, const optly_user_event *event)
{
    witness_event *fresh;

    assert_true(w->accepted + 1 < WITNESS_EVENTS);
    assert_int_equal(event->sequence, ++w->accepted);
    fresh = &w->events[w->accepted];
    fresh->context = event->context;
    fresh->arrival_ms = *w->now;
    for (const optly_user_event *victim = w->engine->displaced_first; victim;
         victim = victim->next)
        event_of(w, victim)->displaced = true;
}

void witness_flush(witness *w)
{
    witness_barrier *barrier = w->barriers;

    while (barrier < w->barriers + WITNESS_BARRIERS && barrier->used)
        barrier++;
    if (barrier == w->barriers + WITNESS_BARRIERS)
        return;
    barrier->used = true;
    for (uint64_t i = 1; i < WITNESS_EVENTS; i++)
        barrier->waits_for[i] = i <= w->accepted && !w->events[i].reported &&
                                !w->events[i].displaced;
    optly__ledger_open_barrier(&w->engine->ledger, &barrier->barrier);
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

void witness_end_flushes(witness *w)
{
    for (int i = 0; i < WITNESS_BARRIERS; i++) {
        witness_barrier *barrier = &w->barriers[i];

        if (!barrier->used || barrier->barrier.remaining > 0)
            continue;
        optly__ledger_close_barrier(&w->engine->ledger, &barrier->barrier);
        barrier->used = false;
    }
}

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

/* Displaced events are counted at once and reported later. */
static void check_reports(const witness *w, const optly_stats *s)
{
    assert_int_equal(s->accepted, w->accepted);
    assert_int_equal(s->delivered, w->by_reason[OPTLY_DROP_NONE]);
    for (int i = OPTLY_DROP_REFUSED; i <= OPTLY_DROP_ABANDONED; i++)
        assert_int_equal(s->dropped[i], w->by_reason[i]);
    assert_int_equal(s->dropped[OPTLY_DROP_OVERFLOW],
                     w->by_reason[OPTLY_DROP_OVERFLOW] +
                         w->engine->displaced_count);
}

void witness_check(witness *w)
{
    const optly__engine *engine = w->engine;
    const optly_stats *s = &engine->ledger.stats;

    check_identity(s);
    check_reports(w, s);
    assert_in_range(s->pending, 0, engine->config.queue_size);
    assert_in_range(engine->ledger.pending_bytes, 0,
                    engine->config.queue_bytes);
    assert_in_range(engine->displaced_count, 0, engine->config.queue_size);
    assert_in_range(engine->displaced_bytes, 0, engine->config.queue_bytes);
    assert_true(s->in_flight >= w->open_events);
    for (int i = 0; i < WITNESS_BARRIERS; i++) {
        if (w->barriers[i].used)
            check_barrier(w, &w->barriers[i]);
    }
}

void witness_check_end(witness *w)
{
    const optly__engine *engine = w->engine;

    witness_check(w);
    assert_int_equal(engine->ledger.stats.pending, 0);
    assert_int_equal(engine->ledger.pending_bytes, 0);
    assert_int_equal(engine->displaced_count, 0);
    assert_int_equal(engine->displaced_bytes, 0);
    assert_int_equal(w->reported, w->accepted);
    witness_end_flushes(w);
    assert_null(engine->ledger.barriers);
}

void witness_cleanup(witness *w)
{
    for (uint32_t i = 0; i < w->attempt_count; i++)
        free(w->attempts[i].events);
}
