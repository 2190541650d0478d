#include "fakes/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- an attempt --- */

/* A refused batch comes back split, unless there was no memory for it. */
static void check_split(const witness *w, const witness_event *known,
                        const optly_log_event *log)
{
    if (known->outcome != OPTLY_REFUSED)
        return;
    assert_true(known->refused_in > 1);
    if (!w->memory_failed)
        assert_true(log->event_count <= (known->refused_in + 1) / 2);
}

/* Each event of a batch is pending, in no other batch, and due. */
static void check_event(const witness *w, const optly_log_event *log,
                        const optly_user_event *event, uint64_t before)
{
    const optly__engine_config *config = &w->engine->config;
    const witness_event *known;

    assert_in_range(event->sequence, before + 1, w->accepted);
    known = &w->events[event->sequence];
    assert_true(witness_waits(known));
    assert_true(known->announced);
    assert_int_not_equal(known->outcome, OPTLY_DELIVERED);
    assert_int_equal(log->attempt, known->attempts + 1);
    assert_true(*w->now >= known->retry_after_until_ms);
    assert_string_equal(optly_user_event_uuid(event), known->uuid);
    check_split(w, known, log);
    if (config->max_attempts > 0 && known->outcome != OPTLY_REFUSED)
        assert_true(known->attempts < config->max_attempts);
    if (config->max_age_ms > 0 && !w->memory_failed)
        assert_true(*w->now - known->arrival_ms <
                    config->max_age_ms + WITNESS_TICK_MS);
}

/* The body is the envelope around the very JSON of the events. */
static void check_body(const witness *w, const optly_log_event *log)
{
    const optly__context *context = log->events[0]->context;
    const char *at = log->body, *end = log->body + log->body_len;

    assert_true(log->body_len >= context->head_len + context->tail_len);
    assert_memory_equal(at, context->head, context->head_len);
    at += context->head_len;
    for (uint32_t i = 0; i < log->event_count; i++) {
        const witness_event *known = &w->events[log->events[i]->sequence];

        if (i > 0)
            assert_int_equal(*at++, ',');
        assert_true((size_t)(end - at) >= known->json_len);
        assert_true(witness_hash(at, known->json_len) == known->json_hash);
        at += known->json_len;
    }
    assert_int_equal(end - at, context->tail_len);
    assert_memory_equal(at, context->tail, context->tail_len);
}

/* The next event of the context has no room in the batch. */
static bool is_capped(const witness *w, const optly_log_event *log)
{
    const optly_user_event *last = log->events[log->event_count - 1];

    for (uint64_t i = last->sequence + 1; i <= w->accepted; i++) {
        const witness_event *next = &w->events[i];

        if (!next->displaced &&
            optly__context_equal(next->context, last->context))
            return log->body_len + 1 + next->json_len >
                   w->engine->config.max_payload_bytes;
    }
    return false;
}

/* A part batch has a reason to leave: its age, a flush, or the payload cap.
 * With an age limit it may also have lost some. */
static void check_not_early(const witness *w, const optly_log_event *log)
{
    const optly__engine_config *config = &w->engine->config;
    const witness_event *first = &w->events[log->events[0]->sequence];

    if (log->event_count == config->batch_size || first->attempts > 0 ||
        config->max_age_ms > 0 ||
        *w->now >= first->arrival_ms + config->flush_interval_ms)
        return;
    for (uint32_t i = 0; i < log->event_count; i++) {
        if (w->events[log->events[i]->sequence].flushed)
            return;
    }
    assert_true(is_capped(w, log));
}

/* With one in flight, what came earlier in the context leaves first. */
static void check_leaves_in_order(const witness *w, const optly_log_event *log)
{
    const optly_user_event *first = log->events[0];

    if (w->engine->config.max_in_flight > 1)
        return;
    for (uint64_t i = w->first_live; i < first->sequence; i++) {
        if (witness_waits(&w->events[i]))
            assert_false(
                optly__context_equal(w->events[i].context, first->context));
    }
}

void witness_check_batch(witness *w, const optly_log_event *log, uint32_t lane)
{
    const optly__engine_config *config = &w->engine->config;
    const witness_lane *to = &w->lanes[lane];
    const char *endpoint = config->endpoint != NULL
                               ? config->endpoint
                               : optly_region_endpoint(log->region);
    uint64_t before = 0;

    assert_false(w->aborting);
    assert_false(w->taken);
    assert_in_range(log->event_count, 1, config->batch_size);
    assert_in_range(log->body_len, 1, config->max_payload_bytes);
    assert_true(w->open_count < config->max_in_flight);
    assert_string_equal(log->endpoint, endpoint);
    assert_true(*w->now >= to->retry_after_until_ms);
    if (to->backing_off)
        assert_int_equal(to->probes, 0);
    for (uint32_t i = 0; i < log->event_count; i++) {
        assert_true(optly__context_equal(log->events[i]->context,
                                         log->events[0]->context));
        check_event(w, log, log->events[i], before);
        before = log->events[i]->sequence;
    }
    check_body(w, log);
    check_not_early(w, log);
    check_leaves_in_order(w, log);
}

/* --- a report --- */

/* With one batch in flight, nothing is delivered before what came earlier. */
static void check_order(const witness *w, uint64_t sequence)
{
    if (w->engine->config.max_in_flight > 1)
        return;
    for (uint64_t i = w->first_live; i < sequence; i++) {
        const witness_event *earlier = &w->events[i];

        if (!earlier->reported && !earlier->displaced)
            assert_false(optly__context_equal(earlier->context,
                                              w->events[sequence].context));
    }
}

/* Whether the end that is told agrees with what happened to the event. */
static void check_reason(const witness *w, const witness_event *event,
                         const optly_delivery_report *report)
{
    const optly__engine_config *config = &w->engine->config;

    switch (report->reason) {
    case OPTLY_DROP_NONE:
        assert_int_equal(event->outcome, OPTLY_DELIVERED);
        assert_false(event->displaced);
        return;
    case OPTLY_DROP_OVERFLOW:
        assert_true(event->displaced);
        assert_int_equal(event->attempts, 0);
        return;
    case OPTLY_DROP_REFUSED:
        assert_int_equal(event->outcome, OPTLY_REFUSED);
        assert_int_equal(event->refused_in, 1);
        assert_int_equal(report->event_count, 1);
        return;
    case OPTLY_DROP_EXPIRED:
        assert_true(config->max_age_ms > 0);
        assert_true(*w->now - event->arrival_ms >= config->max_age_ms);
        break;
    case OPTLY_DROP_ATTEMPTS:
        assert_true(config->max_attempts > 0);
        assert_true(event->attempts >= config->max_attempts);
        break;
    case OPTLY_DROP_CLOSED:
    case OPTLY_DROP_ABANDONED:
        assert_true(w->engine->aborting);
        break;
    }
    /* What was delivered is not called dropped. */
    assert_int_not_equal(event->outcome, OPTLY_DELIVERED);
}

void witness_check_report(const witness *w, const witness_event *event,
                          const optly_delivery_report *report,
                          uint64_t sequence)
{
    check_reason(w, event, report);
    assert_int_equal(event->in_flight, report->reason == OPTLY_DROP_ABANDONED);
    assert_int_equal(report->attempts, event->attempts);
    if (w->engine->config.queue.settle != NULL)
        assert_true(event->settled);
    if (report->reason == OPTLY_DROP_NONE)
        check_order(w, sequence);
}

/* --- waiting --- */

/* The limits on age and attempts hold wherever an event waits. */
static void check_limits(const witness *w, const witness_event *event)
{
    const optly__engine_config *config = &w->engine->config;

    if (config->max_age_ms > 0)
        assert_true(*w->now - event->arrival_ms <
                    config->max_age_ms + WITNESS_TICK_MS);
    if (config->max_attempts > 0 && event->outcome != OPTLY_REFUSED)
        assert_true(event->attempts < config->max_attempts);
}

/* An earlier event of its context that has to wait holds it up. */
static bool is_held_up(const witness *w, uint64_t sequence)
{
    const optly__context *context = w->events[sequence].context;

    if (w->engine->config.max_in_flight > 1)
        return false;
    for (uint64_t i = w->first_live; i < sequence; i++) {
        const witness_event *earlier = &w->events[i];

        if (!earlier->reported && !earlier->displaced &&
            (earlier->in_flight || earlier->retry_after_until_ms > *w->now) &&
            optly__context_equal(earlier->context, context))
            return true;
    }
    return false;
}

/*
 * A flush that has just begun makes every lane try, also one that backs off,
 * but for what the endpoint has asked for.
 */
static void check_hastened(const witness *w, uint64_t sequence)
{
    const witness_event *event = &w->events[sequence];
    const witness_lane *lane = &w->lanes[witness_lane_of(w, event)];

    if (!event->flushed || lane->open > 0 || lane->attempts_in_step > 0 ||
        w->open_count == w->engine->config.max_in_flight ||
        lane->asked_until_ms > *w->now ||
        event->retry_after_until_ms > *w->now || is_held_up(w, sequence))
        return;
    fail_msg("a flush does not try event %d", (int)sequence);
}

void witness_check_waiting(const witness *w)
{
    if (w->memory_failed)
        return;
    for (uint64_t i = w->first_live; i > 0 && i <= w->accepted; i++) {
        if (!witness_waits(&w->events[i]))
            continue;
        check_limits(w, &w->events[i]);
        if (i <= w->hasten_target)
            check_hastened(w, i);
    }
}
