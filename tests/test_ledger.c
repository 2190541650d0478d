/* The books, and which events a flush waits for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/ledger.h"

enum { EVENTS = 6 };

/* An event that is only counted: no text. */
static optly_user_event *make_event(void)
{
    optly_user_event *event = calloc(1, sizeof(*event));

    assert_non_null(event);
    event->size = 100;
    return event;
}

static void accept_events(optly__ledger *ledger, optly_user_event **events)
{
    memset(ledger, 0, sizeof(*ledger));
    for (int i = 0; i < EVENTS; i++) {
        events[i] = make_event();
        optly__ledger_accept(ledger, events[i], 7);
    }
    for (int i = 0; i + 1 < EVENTS; i++)
        events[i]->next = events[i + 1];
}

static void free_events(optly_user_event **events)
{
    for (int i = 0; i < EVENTS; i++)
        free(events[i]);
}

static void test_accepting_numbers_events_and_counts_bytes(void **state)
{
    optly_user_event *events[EVENTS];
    optly__ledger ledger;

    (void)state;
    accept_events(&ledger, events);
    assert_int_equal(events[0]->sequence, 1);
    assert_int_equal(events[EVENTS - 1]->sequence, EVENTS);
    assert_int_equal(events[0]->arrival_ms, 7);
    assert_int_equal(ledger.pending_bytes, EVENTS * 100);
    assert_int_equal(ledger.stats.queued, EVENTS);
    free_events(events);
}

static void test_each_refusal_has_its_reason(void **state)
{
    const struct {
        optly_status status;
        optly_reject_reason reason;
    } rows[] = {
        {OPTLY_ERR_QUEUE_FULL, OPTLY_REJECT_QUEUE_FULL},
        {OPTLY_ERR_CLOSED, OPTLY_REJECT_CLOSED},
        {OPTLY_ERR_TOO_LARGE, OPTLY_REJECT_TOO_LARGE},
        {OPTLY_ERR_NO_MEMORY, OPTLY_REJECT_NO_MEMORY},
        {OPTLY_ERR_INVALID, OPTLY_REJECT_INVALID},
        {OPTLY_ERR_IO, OPTLY_REJECT_INVALID},
    };
    optly__ledger ledger;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(&ledger, 0, sizeof(ledger));
        optly__ledger_reject(&ledger, rows[i].status);
        assert_int_equal(ledger.stats.rejected[rows[i].reason], 1);
        assert_int_equal(ledger.stats.attempted, 1);
    }
}

static void test_settling_takes_from_the_stage_it_is_in(void **state)
{
    optly_user_event *events[EVENTS];
    optly__ledger ledger;

    (void)state;
    accept_events(&ledger, events);
    optly__ledger_move(&ledger, OPTLY__QUEUED, OPTLY__IN_FLIGHT, 4);
    optly__ledger_move(&ledger, OPTLY__IN_FLIGHT, OPTLY__RETRY_WAIT, 2);
    optly__ledger_settle(&ledger, OPTLY__IN_FLIGHT, events[0], 2, 200,
                         OPTLY_DROP_NONE);
    optly__ledger_settle(&ledger, OPTLY__RETRY_WAIT, events[2], 2, 200,
                         OPTLY_DROP_EXPIRED);
    assert_int_equal(ledger.stats.delivered, 2);
    assert_int_equal(ledger.stats.dropped[OPTLY_DROP_EXPIRED], 2);
    assert_int_equal(ledger.stats.queued, 2);
    assert_int_equal(ledger.stats.in_flight, 0);
    assert_int_equal(ledger.stats.retry_wait, 0);
    assert_int_equal(ledger.stats.pending, 2);
    assert_int_equal(ledger.pending_bytes, 200);
    free_events(events);
}

static void test_a_barrier_counts_only_what_was_pending(void **state)
{
    optly_user_event *events[EVENTS], *later = make_event();
    optly__ledger ledger;
    optly__barrier barrier;

    (void)state;
    accept_events(&ledger, events);
    optly__ledger_settle(&ledger, OPTLY__QUEUED, events[0], 1, 100,
                         OPTLY_DROP_NONE);
    optly__ledger_open_barrier(&ledger, &barrier);
    assert_int_equal(barrier.remaining, EVENTS - 1);
    assert_int_equal(ledger.flush_target, EVENTS);

    optly__ledger_accept(&ledger, later, 8);
    events[EVENTS - 1]->next = later;
    optly__ledger_settle(&ledger, OPTLY__QUEUED, events[3], 4, 400,
                         OPTLY_DROP_NONE); /* three of it, and the later one */
    assert_int_equal(barrier.remaining, 2);
    optly__ledger_settle(&ledger, OPTLY__QUEUED, events[1], 2, 200,
                         OPTLY_DROP_REFUSED);
    assert_int_equal(barrier.remaining, 0);
    assert_true(barrier.dropped);
    optly__ledger_close_barrier(&ledger, &barrier);
    assert_null(ledger.barriers);
    free_events(events);
    free(later);
}

static void test_a_displaced_event_concerns_only_earlier_flushes(void **state)
{
    optly_user_event *events[EVENTS];
    optly__ledger ledger;
    optly__barrier before, after;

    (void)state;
    accept_events(&ledger, events);
    optly__ledger_open_barrier(&ledger, &before);
    optly__ledger_displace(&ledger, events[0]);
    optly__ledger_open_barrier(&ledger, &after);
    assert_int_equal(before.remaining, EVENTS);
    assert_int_equal(after.remaining, EVENTS - 1);

    optly__ledger_displaced_reported(&ledger, events[0]);
    assert_int_equal(before.remaining, EVENTS - 1);
    assert_true(before.dropped);
    assert_int_equal(after.remaining, EVENTS - 1);
    assert_false(after.dropped);
    optly__ledger_close_barrier(&ledger, &before);
    optly__ledger_close_barrier(&ledger, &after);
    free_events(events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepting_numbers_events_and_counts_bytes),
        cmocka_unit_test(test_each_refusal_has_its_reason),
        cmocka_unit_test(test_settling_takes_from_the_stage_it_is_in),
        cmocka_unit_test(test_a_barrier_counts_only_what_was_pending),
        cmocka_unit_test(test_a_displaced_event_concerns_only_earlier_flushes),
    };

    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
