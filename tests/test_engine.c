/* What the engine decides, on a virtual clock: batches, backoff, order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/rig.h"

#define attempt(r, i) (&(r)->dispatcher.attempts[i])

static const optly_stats *stats(const rig *r)
{
    return &r->engine.ledger.stats;
}

static void test_a_full_batch_leaves_at_once(void **state)
{
    rig *r = rig_create();

    (void)state;
    rig_start(r);
    rig_add_many(r, 0, 9);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 0);

    rig_add(r, 9);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 1);
    assert_int_equal(attempt(r, 0)->event_count, 10);
    assert_int_equal(attempt(r, 0)->attempt, 1);
    assert_int_equal(stats(r)->delivered, 10);
    assert_int_equal(stats(r)->batches, 1);
    assert_int_equal(r->announced, 1);
    rig_destroy(r);
}

static void test_fifty_events_in_batches_of_twenty_five_make_two(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.batch_size = 25;
    rig_start(r);
    rig_add_many(r, 0, 50);
    rig_step(r);

    assert_int_equal(r->dispatcher.attempt_count, 2);
    assert_int_equal(attempt(r, 0)->event_count, 25);
    assert_int_equal(attempt(r, 1)->event_count, 25);
    assert_string_equal(attempt(r, 0)->first_visitor, "v0");
    assert_string_equal(attempt(r, 1)->first_visitor, "v25");
    rig_destroy(r);
}

static void test_a_part_batch_leaves_when_its_first_event_is_old(void **state)
{
    rig *r = rig_create();

    (void)state;
    rig_start(r);
    rig_add(r, 0);
    rig_step(r);
    assert_int_equal(r->next, r->now + 30000);
    rig_advance(r, 20000);
    rig_add(r, 1); /* does not push the deadline back */
    rig_advance(r, 9999);
    assert_int_equal(r->dispatcher.attempt_count, 0);

    rig_advance(r, 1);
    assert_int_equal(r->dispatcher.attempt_count, 1);
    assert_int_equal(attempt(r, 0)->event_count, 2);
    rig_destroy(r);
}

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

static void test_one_more_byte_than_the_cap_starts_another_batch(void **state)
{
    rig *r = rig_create();
    optly_user_event *event = fake_conversion_of_size(r->project, "v", 2000);
    const optly__context *context = event->context;
    size_t envelope = context->head_len + context->tail_len;

    (void)state;
    optly_user_event_destroy(event);
    r->config.max_payload_bytes = envelope + 2000 + 1 + 2000;
    rig_start(r);
    for (int i = 0; i < 2; i++)
        rig_add_event(r, fake_conversion_of_size(r->project, "v", 2000));
    rig_add_event(r, fake_conversion_of_size(r->project, "w", 2000));
    rig_step(r);

    assert_int_equal(r->dispatcher.attempt_count, 1);
    assert_int_equal(attempt(r, 0)->event_count, 2);
    assert_int_equal(attempt(r, 0)->body_len, r->config.max_payload_bytes);
    rig_advance(r, 30000);
    assert_string_equal(attempt(r, 1)->first_visitor, "w");
    rig_destroy(r);
}

static void test_an_event_over_the_payload_cap_is_refused(void **state)
{
    rig *r = rig_create();
    optly_user_event *event = fake_conversion_of_size(r->project, "v", 2000);
    size_t envelope = event->context->head_len + event->context->tail_len;

    (void)state;
    optly_user_event_destroy(event);
    r->config.max_payload_bytes = envelope + 2000;
    rig_start(r);
    assert_int_equal(
        rig_add_event(r, fake_conversion_of_size(r->project, "v", 2000)),
        OPTLY_OK);
    assert_int_equal(
        rig_add_event(r, fake_conversion_of_size(r->project, "v", 2001)),
        OPTLY_ERR_TOO_LARGE);
    assert_int_equal(stats(r)->rejected[OPTLY_REJECT_TOO_LARGE], 1);
    rig_destroy(r);
}

static void test_contexts_fill_their_own_batches(void **state)
{
    rig *r = rig_create();
    optly_project *other = fake_project_of("2", "EU");

    (void)state;
    rig_start(r);
    for (int i = 0; i < 10; i++) {
        rig_add(r, i);
        rig_add_event(r, fake_conversion(other, "eu"));
    }
    rig_step(r);

    assert_int_equal(r->dispatcher.attempt_count, 2);
    for (int i = 0; i < 2; i++) {
        bool eu = strcmp(attempt(r, i)->first_visitor, "eu") == 0;

        assert_int_equal(attempt(r, i)->event_count, 10);
        assert_string_equal(attempt(r, i)->endpoint,
                            eu ? OPTLY_EVENT_ENDPOINT_EU
                               : OPTLY_EVENT_ENDPOINT_US);
    }
    optly_project_destroy(other);
    rig_destroy(r);
}

static void test_equal_projects_share_a_batch(void **state)
{
    rig *r = rig_create();
    optly_project *same = fake_project();

    (void)state;
    r->config.batch_size = 2;
    rig_start(r);
    rig_add_event(r, fake_conversion(r->project, "a"));
    rig_add_event(r, fake_conversion(same, "b"));
    optly_project_destroy(same);
    rig_step(r);

    assert_int_equal(r->dispatcher.attempt_count, 1);
    assert_int_equal(attempt(r, 0)->event_count, 2);
    rig_destroy(r);
}

static void open_flush(rig *r, optly__barrier *barrier)
{
    optly__ledger_open_barrier(&r->engine.ledger, barrier);
}

static void close_flush(rig *r, optly__barrier *barrier)
{
    optly__ledger_close_barrier(&r->engine.ledger, barrier);
}

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
    open_flush(r, &barrier);
    rig_step(r);

    assert_int_equal(barrier.remaining, 0);
    assert_int_equal(r->dispatcher.attempt_count, 3);
    assert_string_equal(attempt(r, 0)->first_visitor, "a");
    assert_int_equal(attempt(r, 0)->event_count, 2);
    assert_string_equal(attempt(r, 1)->revision, "2");
    assert_string_equal(attempt(r, 2)->revision, "3");
    close_flush(r, &barrier);
    optly_project_destroy(second);
    optly_project_destroy(third);
    rig_destroy(r);
}

static void test_a_flush_keeps_the_caps(void **state)
{
    rig *r = rig_create();
    optly__barrier barrier;

    (void)state;
    rig_start(r);
    rig_add_many(r, 0, 25);
    open_flush(r, &barrier);
    rig_step(r);

    assert_int_equal(r->dispatcher.attempt_count, 3);
    assert_int_equal(attempt(r, 0)->event_count, 10);
    assert_int_equal(attempt(r, 1)->event_count, 10);
    assert_int_equal(attempt(r, 2)->event_count, 5);
    assert_int_equal(barrier.remaining, 0);
    assert_false(barrier.dropped);
    close_flush(r, &barrier);
    rig_destroy(r);
}

static void test_a_flush_fills_batches_before_it_closes_one(void **state)
{
    rig *r = rig_create();
    optly__barrier barrier;

    (void)state;
    r->config.batch_size = 100;
    rig_start(r);
    rig_add_many(r, 0, 300); /* more than are taken out at once */
    open_flush(r, &barrier);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(attempt(r, i)->event_count, 100);
    close_flush(r, &barrier);
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
    open_flush(r, &barrier);
    rig_step(r);
    rig_add(r, 1);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 1);
    assert_int_equal(barrier.remaining, 1);

    fake_dispatcher_complete(&r->dispatcher, 0, OPTLY_DELIVERED);
    rig_step(r);
    assert_int_equal(barrier.remaining, 0);
    assert_int_equal(stats(r)->pending, 1);
    close_flush(r, &barrier);
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
    assert_int_equal(stats(r)->in_flight, 30);
    assert_int_equal(stats(r)->queued, 70);

    fake_dispatcher_complete(&r->dispatcher, 1, OPTLY_DELIVERED);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 4);
    rig_destroy(r);
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
    assert_int_equal(stats(r)->retry_wait, 10);
    rig_advance(r, 1000);

    assert_int_equal(r->dispatcher.attempt_count, 3);
    for (int i = 1; i < 3; i++) {
        assert_true(attempt(r, i)->body_hash == attempt(r, 0)->body_hash);
        assert_string_equal(attempt(r, i)->first_uuid,
                            attempt(r, 0)->first_uuid);
        assert_int_equal(attempt(r, i)->attempt, i + 1);
    }
    assert_int_equal(stats(r)->delivered, 10);
    assert_int_equal(stats(r)->retries, 2);
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
        int64_t waited = attempt(r, i)->at_ms - attempt(r, i - 1)->at_ms;

        assert_true(waited >= 0 && waited <= bound);
        bound = bound * 2 < 60000 ? bound * 2 : 60000;
    }
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
    open_flush(r, &barrier);
    rig_advance(r, 119999);
    assert_int_equal(r->dispatcher.attempt_count, 1);
    rig_advance(r, 1);
    assert_int_equal(r->dispatcher.attempt_count, 2);
    close_flush(r, &barrier);
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
    open_flush(r, &barrier);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 2);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 2);
    close_flush(r, &barrier);
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
    assert_int_equal(stats(r)->delivered, 500);
    assert_int_equal(stats(r)->pending, 0);
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

    assert_int_equal(stats(r)->delivered, 10);
    assert_string_equal(attempt(r, 1)->endpoint, OPTLY_EVENT_ENDPOINT_EU);
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
    assert_true(stats(r)->delivered >= 50);
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

static void test_a_refused_batch_is_split_until_the_bad_event(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->dispatcher.poison = "v6";
    r->dispatcher.http_status = 400;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);

    assert_int_equal(stats(r)->delivered, 9);
    assert_int_equal(stats(r)->dropped[OPTLY_DROP_REFUSED], 1);
    assert_true(r->dispatcher.attempt_count <= 2 * 4 + 1);
    assert_int_equal(r->announced, 1);           /* not again for the halves */
    assert_int_equal(attempt(r, 1)->attempt, 2); /* nor counted from one */
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

/* Lets `failing_now` allocations of the library fail. */
static bool failing_now;

static void *allocate_or_fail(size_t size, void *user)
{
    (void)user;
    return failing_now ? NULL : malloc(size);
}

static void release_it(void *memory, void *user)
{
    (void)user;
    free(memory);
}

static void fail_allocations(fake_dispatcher *fake)
{
    (void)fake;
    failing_now = true;
}

static void
test_no_memory_to_split_with_loses_neither_event_nor_place(void **state)
{
    const optly_allocator allocator = {allocate_or_fail, release_it, NULL};
    optly__barrier barrier;
    rig *r;

    (void)state;
    failing_now = false;
    assert_int_equal(optly_set_allocator(&allocator), OPTLY_OK);
    r = rig_create();
    r->config.max_in_flight = 1;
    r->dispatcher.poison = "v2";
    r->dispatcher.on_dispatch = fail_allocations; /* before the answer */
    rig_start(r);
    rig_add_many(r, 0, 15);
    open_flush(r, &barrier);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 1);
    assert_int_equal(stats(r)->retry_wait, 10);
    assert_int_equal(r->reports.events, 0); /* the other five wait behind */

    failing_now = false;
    r->dispatcher.on_dispatch = NULL;
    rig_advance(r, 1000);
    assert_int_equal(barrier.remaining, 0);
    for (int i = 0; i < 15; i++) {
        char expected[16];

        (void)snprintf(expected, sizeof(expected), "v%d", i);
        assert_string_equal(r->reports.visitors[i], expected);
    }
    close_flush(r, &barrier);
    rig_destroy(r);
    assert_int_equal(optly_set_allocator(NULL), OPTLY_OK);
}

static void test_events_survive_while_there_is_no_memory(void **state)
{
    const optly_allocator allocator = {allocate_or_fail, release_it, NULL};
    rig *r;

    (void)state;
    failing_now = false;
    assert_int_equal(optly_set_allocator(&allocator), OPTLY_OK);
    r = rig_create();
    rig_start(r);
    rig_add_many(r, 0, 55);
    failing_now = true;
    rig_step(r);
    rig_advance(r, 5000);
    assert_int_equal(r->dispatcher.attempt_count, 0);
    assert_int_equal(stats(r)->pending, 55);
    assert_int_equal(r->log_lines, 1);

    failing_now = false;
    rig_advance(r, 100);
    assert_int_equal(stats(r)->delivered, 50);
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
    assert_int_equal(stats(r)->dropped[OPTLY_DROP_REFUSED], 10);
    assert_int_equal(stats(r)->bisections, 9);
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
    assert_int_equal(stats(r)->dropped[OPTLY_DROP_ATTEMPTS], 10);
    assert_int_equal(r->reports.attempts[0], 3);
    assert_int_equal(r->reports.http_status, 503);
    rig_destroy(r);
}

static void test_events_expire_wherever_they_wait(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.max_age_ms = 60000;
    r->config.max_in_flight = 1;
    r->dispatcher.otherwise = OPTLY_RETRY;
    rig_start(r);
    rig_add_many(r, 0, 500); /* one tried, some ready, the rest queued */
    rig_step(r);
    rig_advance(r, 30000);
    rig_add_many(r, 500, 5);
    rig_advance(r, 29999);
    assert_int_equal(stats(r)->pending, 505);
    rig_advance(r, 1);
    assert_int_equal(stats(r)->dropped[OPTLY_DROP_EXPIRED], 500);
    rig_advance(r, 30000);
    assert_int_equal(stats(r)->dropped[OPTLY_DROP_EXPIRED], 505);
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

    assert_int_equal(stats(r)->delivered, 10);
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
    assert_int_equal(stats(r)->in_flight, 10);
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
    assert_int_equal(stats(r)->delivered, 10);
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

static void test_an_unknown_region_goes_to_us_and_says_so_once(void **state)
{
    rig *r = rig_create();
    optly_project *mars = fake_project_of("1", "MARS");

    (void)state;
    rig_start(r);
    for (int i = 0; i < 20; i++)
        rig_add_event(r, fake_conversion(mars, "m"));
    rig_step(r);
    assert_string_equal(attempt(r, 0)->endpoint, OPTLY_EVENT_ENDPOINT_US);
    assert_int_equal(r->log_lines, 1);
    optly_project_destroy(mars);
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
    assert_string_equal(attempt(r, 0)->endpoint, r->config.endpoint);
    assert_string_equal(attempt(r, 1)->endpoint, r->config.endpoint);
    optly_project_destroy(eu);
    rig_destroy(r);
}

static void test_many_contexts_stay_apart_and_are_forgotten(void **state)
{
    rig *r = rig_create();
    char revision[16];

    (void)state;
    r->config.batch_size = 2;
    rig_start(r);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(revision, sizeof(revision), "r%d", i);
        optly_project *project = fake_project_of(revision, "US");

        rig_add_event(r, fake_conversion(project, "x"));
        optly_project_destroy(project);
    }
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 0);
    rig_advance(r, 30000);
    assert_int_equal(r->dispatcher.attempt_count, 300);
    for (int i = 0; i < OPTLY__GROUP_BUCKETS; i++)
        assert_null(r->engine.groups.buckets[i]);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_batch_leaves_at_once),
        cmocka_unit_test(test_fifty_events_in_batches_of_twenty_five_make_two),
        cmocka_unit_test(test_a_part_batch_leaves_when_its_first_event_is_old),
        cmocka_unit_test(test_an_idle_engine_has_no_deadline),
        cmocka_unit_test(test_one_more_byte_than_the_cap_starts_another_batch),
        cmocka_unit_test(test_an_event_over_the_payload_cap_is_refused),
        cmocka_unit_test(test_contexts_fill_their_own_batches),
        cmocka_unit_test(test_equal_projects_share_a_batch),
        cmocka_unit_test(test_three_revisions_flush_as_three_batches_in_order),
        cmocka_unit_test(test_a_flush_keeps_the_caps),
        cmocka_unit_test(test_a_flush_fills_batches_before_it_closes_one),
        cmocka_unit_test(test_a_flush_does_not_wait_for_later_events),
        cmocka_unit_test(test_no_more_than_max_in_flight_are_under_way),
        cmocka_unit_test(test_a_retry_sends_the_same_bytes),
        cmocka_unit_test(test_the_backoff_grows_within_its_bounds),
        cmocka_unit_test(test_retry_after_is_waited_for_also_by_a_flush),
        cmocka_unit_test(test_a_flush_wakes_a_backoff_once),
        cmocka_unit_test(test_an_outage_costs_one_request_per_backoff_step),
        cmocka_unit_test(test_several_failures_of_one_moment_lengthen_it_once),
        cmocka_unit_test(
            test_an_outage_of_one_endpoint_does_not_stop_the_other),
        cmocka_unit_test(test_a_batch_that_always_fails_does_not_block_others),
        cmocka_unit_test(test_one_in_flight_keeps_each_context_in_order),
        cmocka_unit_test(test_a_refused_batch_is_split_until_the_bad_event),
        cmocka_unit_test(test_halves_keep_their_place_with_one_in_flight),
        cmocka_unit_test(
            test_no_memory_to_split_with_loses_neither_event_nor_place),
        cmocka_unit_test(test_events_survive_while_there_is_no_memory),
        cmocka_unit_test(test_all_refused_drops_each_alone),
        cmocka_unit_test(test_max_attempts_drops_the_batch),
        cmocka_unit_test(test_events_expire_wherever_they_wait),
        cmocka_unit_test(test_a_second_completion_is_ignored_and_logged),
        cmocka_unit_test(test_a_late_completion_does_not_end_a_newer_attempt),
        cmocka_unit_test(test_unasked_cancellation_and_unknown_outcomes_retry),
        cmocka_unit_test(test_misconfiguration_waits_at_the_cap_and_logs_once),
        cmocka_unit_test(test_an_unknown_region_goes_to_us_and_says_so_once),
        cmocka_unit_test(test_a_given_endpoint_serves_all_regions),
        cmocka_unit_test(test_many_contexts_stay_apart_and_are_forgotten),
        cmocka_unit_test(
            test_the_first_event_after_a_dropped_batch_is_not_forgotten),
        cmocka_unit_test(
            test_a_backoff_with_an_open_batch_does_not_sleep_through_events),
        cmocka_unit_test(test_a_failed_probe_does_not_override_retry_after),
    };

    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
