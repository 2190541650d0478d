/* Which batch goes next: limits, order, lanes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/rig.h"

static void test_three_revisions_flush_as_three_batches_in_order(void **state)
{
    rig *r = rig_create();
    optly_project *second = fake_project_of("2", "US");
    optly_project *third = fake_project_of("3", "US");
    optly__barrier barrier;

    (void)state;
    r->config.max_in_flight = 1;
    rig_start(r);
    rig_add_event(r, fake_conversion(r->project, "a"));
    rig_add_event(r, fake_conversion(second, "b"));
    rig_add_event(r, fake_conversion(third, "c"));
    rig_add_event(r, fake_conversion(r->project, "d"));
    rig_open_flush(r, &barrier);
    rig_step(r);

    assert_int_equal(barrier.remaining, 0);
    assert_int_equal(r->dispatcher.attempt_count, 3);
    assert_string_equal(rig_attempt(r, 0)->first_visitor, "a");
    assert_int_equal(rig_attempt(r, 0)->event_count, 2);
    assert_string_equal(rig_attempt(r, 1)->revision, "2");
    assert_string_equal(rig_attempt(r, 2)->revision, "3");
    rig_close_flush(r, &barrier);
    optly_project_destroy(second);
    optly_project_destroy(third);
    rig_destroy(r);
}

static void test_no_more_than_max_in_flight_are_under_way(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.max_in_flight = 3;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 100);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 3);
    assert_int_equal(rig_stats(r)->in_flight, 30);
    assert_int_equal(rig_stats(r)->queued, 70);

    fake_dispatcher_complete(&r->dispatcher, 1, OPTLY_DELIVERED);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 4);
    rig_destroy(r);
}

static void test_an_outage_of_one_endpoint_does_not_stop_the_other(void **state)
{
    rig *r = rig_create();
    optly_project *eu = fake_project_of("1", "eu");

    (void)state;
    r->config.max_in_flight = 1;
    r->dispatcher.script[0] = OPTLY_MISCONFIGURED;
    r->dispatcher.script_len = 1;
    rig_start(r);
    rig_add_many(r, 0, 300); /* US, fails at first and waits */
    for (int i = 0; i < 10; i++)
        rig_add_event(r, fake_conversion(eu, "eu"));
    rig_step(r);

    assert_int_equal(rig_stats(r)->delivered, 10);
    assert_string_equal(rig_attempt(r, 1)->endpoint, OPTLY_EVENT_ENDPOINT_EU);
    optly_project_destroy(eu);
    rig_destroy(r);
}

static void test_a_batch_that_always_fails_does_not_block_others(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    fake_dispatcher_complete(&r->dispatcher, 0, OPTLY_RETRY);
    r->dispatcher.hold = false;
    for (int round = 0; round < 5; round++) {
        rig_add_many(r, 100 + round * 10, 10);
        rig_advance(r, 250);
    }
    assert_true(rig_stats(r)->delivered >= 50);
    rig_destroy(r);
}

/* The endpoint answers at once, so that no other batch is under way to show
 * that it works: only the one that goes next can. */
static void test_a_batch_that_fails_at_every_try_lets_others_pass(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->dispatcher.unlucky = "v0";
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    for (int round = 0; round < 20; round++) {
        rig_add_many(r, 100 + round * 10, 10);
        rig_advance(r, 250);
    }
    rig_advance(r, 60000);

    assert_int_equal(rig_stats(r)->delivered, 200);
    assert_int_equal(rig_stats(r)->retry_wait, 10);
    rig_destroy(r);
}

static void test_a_failing_context_lets_others_pass_one_in_flight(void **state)
{
    rig *r = rig_create();
    optly_project *other = fake_project_of("2", "US");

    (void)state;
    r->config.max_in_flight = 1;
    r->config.batch_size = 1;
    r->dispatcher.unlucky = "a1";
    rig_start(r);
    rig_add_event(r, fake_conversion(r->project, "a1"));
    rig_step(r);
    rig_add_event(r, fake_conversion(other, "b1"));
    rig_add_event(r, fake_conversion(r->project, "a2"));
    rig_advance(r, 60000);

    assert_int_equal(r->reports.events, 1);
    assert_string_equal(r->reports.visitors[0], "b1");
    optly_project_destroy(other);
    rig_destroy(r);
}

/* Each probe of an outage may take out one batch more, and DROP_OLDEST needs
 * something to displace. */
static void test_probes_leave_the_queue_as_it_is(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.max_in_flight = 3;
    r->config.batch_size = 100;
    r->dispatcher.otherwise = OPTLY_RETRY;
    rig_start(r);
    rig_add_many(r, 0, 2000);
    rig_advance(r, 3600000);

    assert_true(r->dispatcher.attempt_count > 50);
    assert_in_range(rig_stats(r)->retry_wait, 300, 500);
    assert_true(r->engine.queued[0] >= 1400);
    rig_destroy(r);
}

static void test_one_in_flight_keeps_each_context_in_order(void **state)
{
    rig *r = rig_create();
    optly_project *other = fake_project_of("2", "US");

    (void)state;
    r->config.max_in_flight = 1;
    r->config.batch_size = 1;
    r->dispatcher.script[0] = OPTLY_RETRY;
    r->dispatcher.script[1] = OPTLY_RETRY;
    r->dispatcher.script_len = 2;
    rig_start(r);
    rig_add_event(r, fake_conversion(r->project, "a1"));
    rig_add_event(r, fake_conversion(r->project, "a2"));
    rig_add_event(r, fake_conversion(other, "b1"));
    rig_add_event(r, fake_conversion(r->project, "a3"));
    rig_advance(r, 5000);

    int a = 0;
    for (int i = 0; i < r->reports.events; i++) {
        if (r->reports.visitors[i][0] == 'a')
            assert_int_equal(r->reports.visitors[i][1], '1' + a++);
    }
    assert_int_equal(a, 3);
    optly_project_destroy(other);
    rig_destroy(r);
}

static void test_a_given_endpoint_serves_all_regions(void **state)
{
    rig *r = rig_create();
    optly_project *eu = fake_project_of("1", "EU");

    (void)state;
    r->config.endpoint = "http://127.0.0.1:1/v1/events";
    r->config.batch_size = 1;
    rig_start(r);
    rig_add_event(r, fake_conversion(eu, "eu"));
    rig_add(r, 1);
    rig_step(r);
    assert_string_equal(rig_attempt(r, 0)->endpoint, r->config.endpoint);
    assert_string_equal(rig_attempt(r, 1)->endpoint, r->config.endpoint);
    optly_project_destroy(eu);
    rig_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_revisions_flush_as_three_batches_in_order),
        cmocka_unit_test(test_no_more_than_max_in_flight_are_under_way),
        cmocka_unit_test(
            test_an_outage_of_one_endpoint_does_not_stop_the_other),
        cmocka_unit_test(test_a_batch_that_always_fails_does_not_block_others),
        cmocka_unit_test(test_a_batch_that_fails_at_every_try_lets_others_pass),
        cmocka_unit_test(test_a_failing_context_lets_others_pass_one_in_flight),
        cmocka_unit_test(test_probes_leave_the_queue_as_it_is),
        cmocka_unit_test(test_one_in_flight_keeps_each_context_in_order),
        cmocka_unit_test(test_a_given_endpoint_serves_all_regions),
    };

    return cmocka_run_group_tests_name("send", tests, NULL, NULL);
}
