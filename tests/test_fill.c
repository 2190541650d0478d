/* From the queue into batches: count, bytes, age, contexts, flushes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/rig.h"

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
    assert_int_equal(rig_attempt(r, 0)->event_count, 10);
    assert_int_equal(rig_attempt(r, 0)->attempt, 1);
    assert_int_equal(rig_stats(r)->delivered, 10);
    assert_int_equal(rig_stats(r)->batches, 1);
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
    assert_int_equal(rig_attempt(r, 0)->event_count, 25);
    assert_int_equal(rig_attempt(r, 1)->event_count, 25);
    assert_string_equal(rig_attempt(r, 0)->first_visitor, "v0");
    assert_string_equal(rig_attempt(r, 1)->first_visitor, "v25");
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
    assert_int_equal(rig_attempt(r, 0)->event_count, 2);
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
    assert_int_equal(rig_attempt(r, 0)->event_count, 2);
    assert_int_equal(rig_attempt(r, 0)->body_len, r->config.max_payload_bytes);
    rig_advance(r, 30000);
    assert_string_equal(rig_attempt(r, 1)->first_visitor, "w");
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
        bool eu = strcmp(rig_attempt(r, i)->first_visitor, "eu") == 0;

        assert_int_equal(rig_attempt(r, i)->event_count, 10);
        assert_string_equal(rig_attempt(r, i)->endpoint,
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
    assert_int_equal(rig_attempt(r, 0)->event_count, 2);
    rig_destroy(r);
}

static void test_a_flush_keeps_the_caps(void **state)
{
    rig *r = rig_create();
    optly__barrier barrier;

    (void)state;
    rig_start(r);
    rig_add_many(r, 0, 25);
    rig_open_flush(r, &barrier);
    rig_step(r);

    assert_int_equal(r->dispatcher.attempt_count, 3);
    assert_int_equal(rig_attempt(r, 0)->event_count, 10);
    assert_int_equal(rig_attempt(r, 1)->event_count, 10);
    assert_int_equal(rig_attempt(r, 2)->event_count, 5);
    assert_int_equal(barrier.remaining, 0);
    assert_false(barrier.dropped);
    rig_close_flush(r, &barrier);
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
    rig_open_flush(r, &barrier);
    rig_step(r);
    assert_int_equal(r->dispatcher.attempt_count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig_attempt(r, i)->event_count, 100);
    rig_close_flush(r, &barrier);
    rig_destroy(r);
}

static void test_events_survive_while_there_is_no_memory(void **state)
{
    rig *r;

    (void)state;
    rig_has_no_memory = false;
    rig_watch_allocations();
    r = rig_create();
    rig_start(r);
    rig_add_many(r, 0, 55);
    rig_has_no_memory = true;
    rig_step(r);
    rig_advance(r, 5000);
    assert_int_equal(r->dispatcher.attempt_count, 0);
    assert_int_equal(rig_stats(r)->pending, 55);
    assert_int_equal(r->log_lines, 1);

    rig_has_no_memory = false;
    rig_advance(r, 100);
    assert_int_equal(rig_stats(r)->delivered, 50);
    rig_destroy(r);
    assert_int_equal(optly_set_allocator(NULL), OPTLY_OK);
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
    assert_int_equal(rig_stats(r)->pending, 505);
    rig_advance(r, 1);
    assert_int_equal(rig_stats(r)->dropped[OPTLY_DROP_EXPIRED], 500);
    rig_advance(r, 30000);
    assert_int_equal(rig_stats(r)->dropped[OPTLY_DROP_EXPIRED], 505);
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
    assert_string_equal(rig_attempt(r, 0)->endpoint, OPTLY_EVENT_ENDPOINT_US);
    assert_int_equal(r->log_lines, 1);
    optly_project_destroy(mars);
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

/* A thread may read the clock and be held up before it gets the lock. */
static void
test_a_clock_that_was_read_early_does_not_spoil_the_order(void **state)
{
    rig *r = rig_create();
    optly_project *other = fake_project_of("2", "EU");

    (void)state;
    r->config.flush_interval_ms = 1000;
    rig_start(r);
    rig_add(r, 0);
    r->now -= 5;
    rig_add_event(r, fake_conversion(other, "eu"));
    r->now += 5;
    rig_step(r);
    rig_advance(r, 996); /* it comes to rest on the way */
    assert_int_equal(r->dispatcher.attempt_count, 0);
    rig_advance(r, 4);
    assert_int_equal(r->dispatcher.attempt_count, 2);
    optly_project_destroy(other);
    rig_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_batch_leaves_at_once),
        cmocka_unit_test(test_fifty_events_in_batches_of_twenty_five_make_two),
        cmocka_unit_test(test_a_part_batch_leaves_when_its_first_event_is_old),
        cmocka_unit_test(test_one_more_byte_than_the_cap_starts_another_batch),
        cmocka_unit_test(test_contexts_fill_their_own_batches),
        cmocka_unit_test(test_equal_projects_share_a_batch),
        cmocka_unit_test(test_a_flush_keeps_the_caps),
        cmocka_unit_test(test_a_flush_fills_batches_before_it_closes_one),
        cmocka_unit_test(test_events_survive_while_there_is_no_memory),
        cmocka_unit_test(test_events_expire_wherever_they_wait),
        cmocka_unit_test(test_an_unknown_region_goes_to_us_and_says_so_once),
        cmocka_unit_test(test_many_contexts_stay_apart_and_are_forgotten),
        cmocka_unit_test(
            test_a_clock_that_was_read_early_does_not_spoil_the_order),
    };

    return cmocka_run_group_tests_name("fill", tests, NULL, NULL);
}
