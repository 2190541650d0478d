/* What an answer does: settle, wait and retry, split, drop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/rig.h"

static void lose_memory(fake_dispatcher *fake)
{
    (void)fake;
    rig_has_no_memory = true;
}

static void test_a_retry_sends_the_same_bytes(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->dispatcher.script[0] = OPTLY_RETRY;
    r->dispatcher.script[1] = OPTLY_RETRY;
    r->dispatcher.script_len = 2;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    assert_int_equal(rig_stats(r)->retry_wait, 10);
    rig_advance(r, 1000);

    assert_int_equal(r->dispatcher.attempt_count, 3);
    for (int i = 1; i < 3; i++) {
        assert_true(rig_attempt(r, i)->body_hash ==
                    rig_attempt(r, 0)->body_hash);
        assert_string_equal(rig_attempt(r, i)->first_uuid,
                            rig_attempt(r, 0)->first_uuid);
        assert_int_equal(rig_attempt(r, i)->attempt, i + 1);
    }
    assert_int_equal(rig_stats(r)->delivered, 10);
    assert_int_equal(rig_stats(r)->retries, 2);
    assert_int_equal(r->announced, 1); /* not again on retries */
    assert_int_equal(r->reports.attempts[0], 3);
    rig_destroy(r);
}

static void test_the_backoff_grows_within_its_bounds(void **state)
{
    rig *r = rig_create();
    int64_t bound = 200;

    (void)state;
    r->dispatcher.otherwise = OPTLY_RETRY;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    rig_advance(r, 3600 * 1000);

    assert_true(r->dispatcher.attempt_count > 60);
    for (int i = 1; i < r->dispatcher.attempt_count; i++) {
        int64_t waited =
            rig_attempt(r, i)->at_ms - rig_attempt(r, i - 1)->at_ms;

        assert_true(waited >= 0 && waited <= bound);
        bound = bound * 2 < 60000 ? bound * 2 : 60000;
    }
    rig_destroy(r);
}

static void test_an_outage_costs_one_request_per_backoff_step(void **state)
{
    rig *r = rig_create();
    int requests;

    (void)state;
    r->config.queue_size = 1000;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 500);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 8);
    r->dispatcher.hold = false;
    r->dispatcher.otherwise = OPTLY_RETRY;
    for (int i = 0; i < 8; i++)
        fake_dispatcher_complete(&r->dispatcher, i, OPTLY_RETRY);
    rig_step(r);
    rig_advance(r, 600 * 1000);

    /* 600 s: nine steps up to the cap, then about 30 s each; not 8 times. */
    requests = r->dispatcher.attempt_count;
    assert_in_range(requests, 8 + 15, 8 + 60);
    r->dispatcher.otherwise = OPTLY_DELIVERED;
    rig_advance(r, 60 * 1000); /* recovers by itself, without new events */
    assert_int_equal(rig_stats(r)->delivered, 500);
    assert_int_equal(rig_stats(r)->pending, 0);
    rig_destroy(r);
}

static void test_several_failures_of_one_moment_lengthen_it_once(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 80);
    rig_step(r);
    for (int i = 0; i < 8; i++)
        fake_dispatcher_complete(&r->dispatcher, i, OPTLY_RETRY);
    rig_step(r);
    assert_int_equal(r->engine.lanes[0].failures, 1);
    assert_true(r->engine.lanes[0].not_before_ms <= r->now + 200);
    rig_destroy(r);
}

static void test_a_refused_batch_is_split_until_the_bad_event(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->dispatcher.poison = "v6";
    r->dispatcher.http_status = 400;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);

    assert_int_equal(rig_stats(r)->delivered, 9);
    assert_int_equal(rig_stats(r)->dropped[OPTLY_DROP_REFUSED], 1);
    assert_true(r->dispatcher.attempt_count <= 2 * 4 + 1);
    assert_int_equal(r->announced, 1); /* not again for the halves */
    assert_int_equal(rig_attempt(r, 1)->attempt, 2); /* nor counted from one */
    for (int i = 0; i < 10; i++)
        assert_int_equal(r->reports.reasons[i] == OPTLY_DROP_REFUSED,
                         strcmp(r->reports.visitors[i], "v6") == 0);
    assert_non_null(strstr(r->log[0], "refused"));
    rig_destroy(r);
}

static void test_halves_keep_their_place_with_one_in_flight(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.max_in_flight = 1;
    r->dispatcher.poison = "v2";
    rig_start(r);
    rig_add_many(r, 0, 30);
    rig_step(r);

    assert_int_equal(r->reports.events, 30);
    for (int i = 0; i < 30; i++) {
        char expected[16];

        (void)snprintf(expected, sizeof(expected), "v%d", i);
        assert_string_equal(r->reports.visitors[i], expected);
    }
    rig_destroy(r);
}

static void
test_no_memory_to_split_with_loses_neither_event_nor_place(void **state)
{
    optly__barrier barrier;
    rig *r;

    (void)state;
    rig_has_no_memory = false;
    rig_watch_allocations();
    r = rig_create();
    r->config.max_in_flight = 1;
    r->dispatcher.poison = "v2";
    r->dispatcher.on_dispatch = lose_memory; /* before the answer */
    rig_start(r);
    rig_add_many(r, 0, 15);
    rig_open_flush(r, &barrier);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 1);
    assert_int_equal(rig_stats(r)->retry_wait, 10);
    assert_int_equal(r->reports.events, 0); /* the other five wait behind */

    rig_has_no_memory = false;
    r->dispatcher.on_dispatch = NULL;
    rig_advance(r, 1000);
    assert_int_equal(barrier.remaining, 0);
    for (int i = 0; i < 15; i++) {
        char expected[16];

        (void)snprintf(expected, sizeof(expected), "v%d", i);
        assert_string_equal(r->reports.visitors[i], expected);
    }
    rig_close_flush(r, &barrier);
    rig_destroy(r);
    assert_int_equal(optly_set_allocator(NULL), OPTLY_OK);
}

static void test_all_refused_drops_each_alone(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->dispatcher.otherwise = OPTLY_REFUSED;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    assert_int_equal(rig_stats(r)->dropped[OPTLY_DROP_REFUSED], 10);
    assert_int_equal(rig_stats(r)->bisections, 9);
    rig_destroy(r);
}

static void test_max_attempts_drops_the_batch(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.max_attempts = 3;
    r->dispatcher.otherwise = OPTLY_RETRY;
    r->dispatcher.http_status = 503;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    rig_advance(r, 10000);
    assert_int_equal(r->dispatcher.attempt_count, 3);
    assert_int_equal(rig_stats(r)->dropped[OPTLY_DROP_ATTEMPTS], 10);
    assert_int_equal(r->reports.attempts[0], 3);
    assert_int_equal(r->reports.http_status, 503);
    rig_destroy(r);
}

static void test_unasked_cancellation_and_unknown_outcomes_retry(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->dispatcher.script[0] = OPTLY_CANCELLED;
    r->dispatcher.script[1] = (optly_outcome)77;
    r->dispatcher.script_len = 2;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    rig_advance(r, 1000);
    assert_int_equal(r->dispatcher.attempt_count, 3);
    assert_int_equal(rig_stats(r)->delivered, 10);
    rig_destroy(r);
}

static void test_misconfiguration_waits_at_the_cap_and_logs_once(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->dispatcher.otherwise = OPTLY_MISCONFIGURED;
    r->dispatcher.http_status = 404;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    rig_advance(r, 600000);
    assert_in_range(r->dispatcher.attempt_count, 8, 60);
    assert_int_equal(r->log_lines, 1);
    assert_non_null(strstr(r->log[0], "404"));
    rig_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_retry_sends_the_same_bytes),
        cmocka_unit_test(test_the_backoff_grows_within_its_bounds),
        cmocka_unit_test(test_an_outage_costs_one_request_per_backoff_step),
        cmocka_unit_test(test_several_failures_of_one_moment_lengthen_it_once),
        cmocka_unit_test(test_a_refused_batch_is_split_until_the_bad_event),
        cmocka_unit_test(test_halves_keep_their_place_with_one_in_flight),
        cmocka_unit_test(
            test_no_memory_to_split_with_loses_neither_event_nor_place),
        cmocka_unit_test(test_all_refused_drops_each_alone),
        cmocka_unit_test(test_max_attempts_drops_the_batch),
        cmocka_unit_test(test_unasked_cancellation_and_unknown_outcomes_retry),
        cmocka_unit_test(test_misconfiguration_waits_at_the_cap_and_logs_once),
    };

    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
