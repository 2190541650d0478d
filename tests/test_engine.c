/* One step of the engine: deadlines, flushes, completions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/rig.h"

static void test_an_idle_engine_has_no_deadline(void **state)
{
    rig *r = rig_create();

    (void)state;
    rig_start(r);
    rig_step(r);
    assert_true(r->next == OPTLY__NEVER);
    rig_add_many(r, 0, 10);
    rig_step(r);
    assert_true(r->next == OPTLY__NEVER);
    rig_destroy(r);
}

static void test_a_flush_does_not_wait_for_later_events(void **state)
{
    rig *r = rig_create();
    optly__barrier barrier;

    (void)state;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add(r, 0);
    rig_open_flush(r, &barrier);
    rig_step(r);
    rig_add(r, 1);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 1);
    assert_int_equal(barrier.remaining, 1);

    fake_dispatcher_complete(&r->dispatcher, 0, OPTLY_DELIVERED);
    rig_step(r);
    assert_int_equal(barrier.remaining, 0);
    assert_int_equal(rig_stats(r)->pending, 1);
    rig_close_flush(r, &barrier);
    rig_destroy(r);
}

static void test_retry_after_is_waited_for_also_by_a_flush(void **state)
{
    rig *r = rig_create();
    optly__barrier barrier;

    (void)state;
    r->dispatcher.script[0] = OPTLY_RETRY;
    r->dispatcher.script_len = 1;
    r->dispatcher.retry_after_ms = 120000;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    rig_open_flush(r, &barrier);
    rig_advance(r, 119999);
    assert_int_equal(r->dispatcher.attempt_count, 1);
    rig_advance(r, 1);
    assert_int_equal(r->dispatcher.attempt_count, 2);
    rig_close_flush(r, &barrier);
    rig_destroy(r);
}

static void test_a_flush_wakes_a_backoff_once(void **state)
{
    rig *r = rig_create();
    optly__barrier barrier;

    (void)state;
    r->dispatcher.otherwise = OPTLY_MISCONFIGURED; /* waits long */
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    assert_true(r->next > r->now);
    rig_open_flush(r, &barrier);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 2);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 2);
    rig_close_flush(r, &barrier);
    rig_destroy(r);
}

static void test_a_second_completion_is_ignored_and_logged(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    fake_dispatcher_complete(&r->dispatcher, 0, OPTLY_DELIVERED);
    fake_dispatcher_complete(&r->dispatcher, 0, OPTLY_REFUSED);
    rig_step(r);
    fake_dispatcher_complete(&r->dispatcher, 0, OPTLY_RETRY);
    rig_step(r);

    assert_int_equal(rig_stats(r)->delivered, 10);
    assert_int_equal(r->log_lines, 2);
    assert_non_null(strstr(r->log[0], "completed twice"));
    rig_destroy(r);
}

static void test_a_late_completion_does_not_end_a_newer_attempt(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.max_in_flight = 1;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    fake_dispatcher_complete(&r->dispatcher, 0, OPTLY_RETRY);
    rig_step(r);
    rig_advance(r, 200);
    assert_int_equal(r->dispatcher.attempt_count, 2);
    fake_dispatcher_complete(&r->dispatcher, 0, OPTLY_DELIVERED); /* late */
    rig_step(r);
    assert_int_equal(rig_stats(r)->in_flight, 10);
    rig_destroy(r);
}

/* The lane backs off with nothing to send, so the driver has no deadline. */
static void
test_the_first_event_after_a_dropped_batch_is_not_forgotten(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.batch_size = 1;
    r->config.max_attempts = 1;
    r->config.backoff.initial_ms = 60000;
    r->dispatcher.script[0] = OPTLY_RETRY;
    r->dispatcher.script_len = 1;
    rig_start(r);
    rig_add(r, 0);
    rig_step(r);
    assert_int_equal(r->reports.by_reason[OPTLY_DROP_ATTEMPTS], 1);
    assert_true(r->next == OPTLY__NEVER);
    r->engine.sleep = OPTLY__ASLEEP;
    r->wakes = 0;

    rig_add(r, 1);
    assert_int_equal(r->wakes, 1);
    rig_destroy(r);
}

/* What is open is due only much later than the end of the backoff. */
static void
test_a_backoff_with_an_open_batch_does_not_sleep_through_events(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.batch_size = 2;
    r->config.max_attempts = 1;
    r->dispatcher.script[0] = OPTLY_RETRY;
    r->dispatcher.script_len = 1;
    rig_start(r);
    rig_add_many(r, 0, 3);
    rig_step(r);
    assert_int_equal(r->reports.by_reason[OPTLY_DROP_ATTEMPTS], 2);
    assert_true(r->next == r->now + 30000);
    r->engine.sleep = OPTLY__ASLEEP;
    r->wakes = 0;
    r->now += 1000; /* the backoff is over */

    rig_add_many(r, 3, 3);
    assert_int_equal(r->wakes, 1);
    rig_step(r);
    assert_int_equal(r->reports.by_reason[OPTLY_DROP_NONE], 4);
    rig_destroy(r);
}

/* An old request tells of Retry-After while the probe is under way. */
static void test_a_failed_probe_does_not_override_retry_after(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.batch_size = 1;
    r->config.max_in_flight = 2;
    r->config.backoff.initial_ms = 1;
    r->config.backoff.max_ms = 1;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 2);
    rig_step(r);
    fake_dispatcher_complete(&r->dispatcher, 0, OPTLY_RETRY);
    rig_advance(r, 1);
    assert_int_equal(r->dispatcher.attempt_count, 3); /* the probe */

    r->dispatcher.retry_after_ms = 60000;
    fake_dispatcher_complete(&r->dispatcher, 1, OPTLY_RETRY);
    rig_step(r);
    r->dispatcher.retry_after_ms = 0;
    fake_dispatcher_complete(&r->dispatcher, 2, OPTLY_RETRY);
    rig_advance(r, 59000);
    assert_int_equal(r->dispatcher.attempt_count, 3);
    rig_advance(r, 1000);
    assert_int_equal(r->dispatcher.attempt_count, 4);
    rig_destroy(r);
}

static void test_nothing_is_due_once_close_has_cancelled(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->dispatcher.hold = true;
    r->config.max_age_ms = 100;
    rig_start(r);
    rig_add_many(r, 0, 13);
    rig_step(r);
    r->engine.closing = true;
    r->engine.aborting = true;
    rig_step(r);
    assert_int_equal(rig_stats(r)->pending, 10); /* the dispatcher's */
    assert_true(r->next == OPTLY__NEVER);
    rig_destroy(r);
}

static void
test_a_flush_that_does_not_wait_is_seen_by_the_next_step(void **state)
{
    rig *r = rig_create();
    optly__barrier barrier;

    (void)state;
    rig_start(r);
    rig_add_many(r, 0, 3);
    rig_open_flush(r, &barrier);
    rig_close_flush(r, &barrier); /* its time was up at once */
    rig_step(r);
    assert_int_equal(rig_stats(r)->delivered, 3);
    rig_add(r, 3);
    rig_step(r);
    assert_int_equal(rig_stats(r)->delivered, 3); /* it asked for no more */
    rig_destroy(r);
}

static void test_a_probe_does_not_end_what_was_asked_meanwhile(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->dispatcher.hold = true;
    r->config.batch_size = 1;
    r->config.max_in_flight = 2;
    r->config.backoff.max_ms = r->config.backoff.initial_ms = 1;
    rig_start(r);
    rig_add_many(r, 0, 3);
    rig_step(r);
    fake_dispatcher_complete(&r->dispatcher, 0, OPTLY_RETRY);
    rig_advance(r, 1);
    assert_int_equal(r->dispatcher.attempt_count, 3); /* the probe */

    r->dispatcher.retry_after_ms = 60000;
    fake_dispatcher_complete(&r->dispatcher, 1, OPTLY_RETRY);
    rig_step(r);
    fake_dispatcher_complete(&r->dispatcher, 2, OPTLY_DELIVERED);
    rig_advance(r, 59000);
    assert_int_equal(r->dispatcher.attempt_count, 3);
    rig_advance(r, 1000);
    assert_int_equal(r->dispatcher.attempt_count, 4);
    rig_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_idle_engine_has_no_deadline),
        cmocka_unit_test(test_a_flush_does_not_wait_for_later_events),
        cmocka_unit_test(test_retry_after_is_waited_for_also_by_a_flush),
        cmocka_unit_test(test_a_flush_wakes_a_backoff_once),
        cmocka_unit_test(test_a_second_completion_is_ignored_and_logged),
        cmocka_unit_test(test_a_late_completion_does_not_end_a_newer_attempt),
        cmocka_unit_test(
            test_the_first_event_after_a_dropped_batch_is_not_forgotten),
        cmocka_unit_test(
            test_a_backoff_with_an_open_batch_does_not_sleep_through_events),
        cmocka_unit_test(test_a_failed_probe_does_not_override_retry_after),
        cmocka_unit_test(test_nothing_is_due_once_close_has_cancelled),
        cmocka_unit_test(
            test_a_flush_that_does_not_wait_is_seen_by_the_next_step),
        cmocka_unit_test(test_a_probe_does_not_end_what_was_asked_meanwhile),
    };

    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
