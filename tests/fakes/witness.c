#include "fakes/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static witness_event *event_of(witness *w, const optly_user_event *event)
{
    assert_in_range(event->sequence, 1, w->accepted);
    return &w->events[event->sequence];
}

bool witness_waits(const witness_event *event)
{
    return !event->reported && !event->displaced && !event->in_flight;
}

uint64_t witness_hash(const char *bytes, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325ULL, word;

    for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
        hash ^= hash >> 29;
    }
    for (; len > 0; bytes++, len--)
        hash = (hash ^ (unsigned char)*bytes) * 0x100000001b3ULL;
    return hash;
}

uint32_t witness_lane_of(const witness *w, const witness_event *event)
{
    return w->engine->config.endpoint != NULL ? 0 : event->context->endpoint;
}

/* --- the dispatcher --- */

static void open_attempt(witness *w, const optly_log_event *log, uint32_t lane,
                         optly_delivery delivery)
{
    witness_attempt *attempt = &w->attempts[w->attempt_count];

    attempt->delivery = delivery;
    attempt->lane = lane;
    attempt->count = log->event_count;
    attempt->events = calloc(log->event_count, sizeof(*attempt->events));
    assert_non_null(attempt->events);
    for (uint32_t i = 0; i < log->event_count; i++) {
        witness_event *event = event_of(w, log->events[i]);

        attempt->events[i] = log->events[i]->sequence;
        event->in_flight = true;
        event->attempts++;
    }
    attempt->open = true;
    attempt->is_probe = w->lanes[lane].backing_off;
    if (attempt->is_probe)
        w->lanes[lane].probes++;
    w->lanes[lane].open++;
    w->lanes[lane].attempts_in_step++;
    w->open_count++;
    w->open_events += attempt->count;
    w->attempt_count++;
    w->retries += log->attempt > 1;
    w->payload_bytes += log->body_len;
}

static void witness_dispatch(void *self, const optly_log_event *log,
                             optly_delivery delivery)
{
    witness *w = self;
    uint32_t lane = witness_lane_of(w, event_of(w, log->events[0]));

    witness_check_batch(w, log, lane);
    assert_true(w->attempt_count < WITNESS_ATTEMPTS);
    open_attempt(w, log, lane, delivery);
    if (w->on_dispatch != NULL)
        w->on_dispatch(w->user, w->attempt_count - 1);
}

static void witness_cancel(void *self)
{
    witness *w = self;

    w->cancels++;
    if (w->on_cancel != NULL)
        w->on_cancel(w->user);
}

static void witness_destroy(void *self)
{
    (void)self;
}

const optly_dispatcher_ops witness_dispatcher_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = witness_dispatch,
    .cancel = witness_cancel,
    .destroy = witness_destroy,
};

static void end_probe(witness_lane *lane, witness_attempt *attempt)
{
    if (attempt->is_probe)
        lane->probes--;
    attempt->is_probe = false;
}

/* What an answer says about its endpoint. */
static void note_answer(witness *w, witness_attempt *attempt,
                        optly_outcome outcome, int64_t until_ms)
{
    witness_lane *lane = &w->lanes[attempt->lane];
    int64_t spread_ms = 0;

    lane->open--;
    if (outcome == OPTLY_DELIVERED || outcome == OPTLY_REFUSED) {
        /* What it has asked for since this one left, it still asks for. */
        if (lane->retry_after_until_ms > 0 &&
            attempt < w->attempts + lane->asked_after) {
            end_probe(lane, attempt);
            return;
        }
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
    lane->failed_ms = *w->now;
    if (until_ms > lane->retry_after_until_ms)
        lane->retry_after_until_ms = until_ms;
    if (until_ms > 0)
        lane->asked_after = w->attempt_count;
    if (until_ms > lane->asked_until_ms)
        lane->asked_until_ms = until_ms;
    /* Up to half of the time asked for comes on top of it. */
    if (until_ms > 0)
        spread_ms = (until_ms - *w->now) / 2;
    if (lane->asked_until_ms + spread_ms > lane->patience_ms)
        lane->patience_ms = lane->asked_until_ms + spread_ms;
    end_probe(lane, attempt);
}

static void close_attempt(witness *w, witness_attempt *attempt,
                          optly_outcome outcome, int64_t until_ms)
{
    attempt->open = false;
    w->open_count--;
    for (uint32_t i = 0; i < attempt->count; i++) {
        witness_event *event = &w->events[attempt->events[i]];

        if (!event->in_flight)
            continue; /* abandoned meanwhile */
        w->open_events--;
        event->in_flight = false;
        event->outcome = outcome;
        if (outcome == OPTLY_REFUSED)
            event->refused_in = attempt->count;
        else
            event->retry_after_until_ms = until_ms;
    }
    w->delivered_batches += outcome == OPTLY_DELIVERED;
    w->refused_batches += outcome == OPTLY_REFUSED && attempt->count > 1;
    note_answer(w, attempt, outcome, until_ms);
}

void witness_complete(witness *w, uint32_t number, optly_outcome outcome,
                      int64_t retry_after_ms)
{
    witness_attempt *attempt = &w->attempts[number];
    optly_dispatch_result result = optly_dispatch_result_default();

    result.outcome = outcome;
    result.retry_after_ms = retry_after_ms;
    if (attempt->open)
        close_attempt(w, attempt, outcome,
                      retry_after_ms > 0 ? *w->now + retry_after_ms : 0);
    optly_delivery_complete(attempt->delivery, &result);
}

/* --- what the host is told --- */

/* Once for each event, before its first attempt. */
void witness_announce(const optly_log_event *log, void *user)
{
    witness *w = user;

    assert_true(log->event_count > 0);
    for (uint32_t i = 0; i < log->event_count; i++) {
        witness_event *event = event_of(w, log->events[i]);

        assert_false(event->announced);
        assert_int_equal(event->attempts, 0);
        event->announced = true;
    }
}

/* A host's queue hears of each end once, before the handlers do. */
void witness_settle(witness *w, const optly_user_event *const *events,
                    size_t count, optly_drop_reason reason)
{
    for (size_t i = 0; i < count; i++) {
        witness_event *event = event_of(w, events[i]);

        assert_false(event->settled);
        assert_false(event->reported);
        assert_true(reason <= OPTLY_DROP_ABANDONED);
        event->settled = true;
        w->settled++;
    }
}

void witness_report(const optly_delivery_report *report, void *user)
{
    witness *w = user;

    assert_true(report->event_count > 0);
    witness_check_not_counted(w, report->reason);
    for (uint32_t i = 0; i < report->event_count; i++) {
        witness_event *event = event_of(w, report->events[i]);

        assert_false(event->reported);
        witness_check_report(w, event, report, report->events[i]->sequence);
        if (report->reason == OPTLY_DROP_ABANDONED)
            w->open_events--;
        event->in_flight = false;
        event->reported = true;
        event->dropped = report->reason != OPTLY_DROP_NONE;
        w->reported++;
        w->by_reason[report->reason]++;
    }
    if (w->on_report == NULL)
        return;
    w->in_report = true;
    w->on_report(w->user);
    w->in_report = false;
}

/* --- what the schedule tells --- */

/* What was displaced for the newest event is the oldest of the queue, and no
 * more than it took. */
void witness_note_displaced(witness *w, bool accepted)
{
    const optly__engine *engine = w->engine;
    optly_user_event *oldest = NULL;
    witness_event *last = NULL;

    (void)engine->config.queue.get(engine->config.queue_self, 0, &oldest, 1);
    for (const optly_user_event *victim = engine->displaced_first; victim;
         victim = victim->next) {
        witness_event *event = event_of(w, victim);

        if (oldest != NULL)
            assert_true(victim->sequence < oldest->sequence);
        if (!event->displaced)
            last = event;
        event->displaced = true;
    }
    if (last != NULL && accepted)
        assert_true(engine->ledger.stats.pending + 1 >
                        engine->config.queue_size ||
                    engine->ledger.pending_bytes + last->size >
                        engine->config.queue_bytes);
}

void witness_accept(witness *w, const optly_user_event *event)
{
    witness_event *fresh;

    assert_true(w->accepted + 1 < WITNESS_EVENTS);
    assert_false(w->engine->closing);
    assert_int_equal(event->sequence, ++w->accepted);
    fresh = &w->events[w->accepted];
    fresh->context = event->context;
    fresh->arrival_ms = event->arrival_ms;
    fresh->size = optly_user_event_size(event);
    fresh->json_len = optly_user_event_json_len(event);
    fresh->json_hash =
        witness_hash(optly_user_event_json(event), fresh->json_len);
    memcpy(fresh->uuid, optly_user_event_uuid(event), sizeof(fresh->uuid));
    if (w->first_live == 0)
        w->first_live = 1;
    assert_true(fresh->size <= w->engine->config.queue_bytes);
    witness_note_displaced(w, true);
}

void witness_note_flush(witness *w)
{
    for (uint64_t i = 1; i <= w->accepted; i++)
        w->events[i].flushed = true;
}

void witness_flush(witness *w, int64_t until_ms)
{
    witness_barrier *barrier = w->barriers;

    while (barrier < w->barriers + WITNESS_BARRIERS && barrier->used)
        barrier++;
    if (barrier == w->barriers + WITNESS_BARRIERS)
        return;
    barrier->used = true;
    barrier->until_ms = until_ms;
    memset(barrier->waits_for, 0, sizeof(barrier->waits_for));
    for (uint64_t i = 1; i <= w->accepted; i++) {
        witness_event *event = &w->events[i];

        barrier->waits_for[i] = !event->reported && !event->displaced;
        event->flushed = event->flushed || barrier->waits_for[i];
    }
    w->flush_target = w->accepted;
    optly__ledger_open_barrier(&w->engine->ledger, &barrier->barrier);
}

void witness_end_flushes(witness *w)
{
    for (int i = 0; i < WITNESS_BARRIERS; i++) {
        witness_barrier *barrier = &w->barriers[i];

        if (!barrier->used || (barrier->barrier.remaining > 0 &&
                               *w->now < barrier->until_ms && !w->taken))
            continue;
        optly__ledger_close_barrier(&w->engine->ledger, &barrier->barrier);
        barrier->used = false;
    }
}

void witness_cleanup(witness *w)
{
    for (uint32_t i = 0; i < w->attempt_count; i++)
        free(w->attempts[i].events);
    memset(w->attempts, 0, w->attempt_count * sizeof(*w->attempts));
    memset(w->events, 0, (size_t)(w->accepted + 1) * sizeof(*w->events));
    memset(w, 0, offsetof(witness, events));
}
