/* The way in: bounds, policies, and when the driver has to be woken. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/rig.h"

static void
test_a_sleeping_driver_is_woken_by_the_first_event_only(void **state)
{
    rig *r = rig_create();

    (void)state;
    rig_start(r);
    rig_add_many(r, 0, 9);
    assert_int_equal(r->wakes, 1);
    rig_destroy(r);
}

static void test_a_napping_driver_is_woken_by_a_filling_queue(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.queue_size = 100;
    rig_start(r);
    r->engine.sleep = OPTLY__NAPPING;
    rig_add_many(r, 0, 49);
    assert_int_equal(r->wakes, 0);
    rig_add(r, 49);
    assert_int_equal(r->wakes, 1);
    rig_destroy(r);
}

static void test_a_napping_driver_is_woken_by_filling_bytes(void **state)
{
    rig *r = rig_create();
    optly_user_event *event = fake_conversion(r->project, "v0");

    (void)state;
    r->config.queue_bytes = 8 * optly_user_event_size(event);
    rig_start(r);
    for (int round = 0; round < 2; round++) {
        r->engine.sleep = OPTLY__NAPPING;
        r->wakes = 0;
        for (int i = 0; i < 3; i++)
            assert_int_equal(rig_add(r, i), OPTLY_OK);
        assert_int_equal(r->wakes, 0);
        if (round == 0)
            assert_int_equal(rig_add_event(r, event), OPTLY_OK);
        else
            assert_int_equal(rig_add(r, 0), OPTLY_OK);
        assert_int_equal(r->wakes, 1);
        rig_step(r); /* out of the queue */
    }
    rig_destroy(r);
}

static void
test_a_napping_driver_is_woken_by_work_for_all_connections(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.max_in_flight = 40;
    rig_start(r);
    r->engine.sleep = OPTLY__NAPPING;
    rig_add_many(r, 0, 399);
    assert_int_equal(r->wakes, 0);
    rig_add(r, 399);
    assert_int_equal(r->wakes, 1);
    rig_destroy(r);
}

static void
test_a_napping_driver_is_not_woken_by_what_a_tick_brings(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.max_in_flight = 2;
    rig_start(r);
    r->engine.sleep = OPTLY__NAPPING;
    rig_add_many(r, 0, 2 * OPTLY__TICK_MANY_EVENTS - 1);
    assert_int_equal(r->wakes, 0);
    rig_add(r, 2 * OPTLY__TICK_MANY_EVENTS - 1);
    assert_int_equal(r->wakes, 1);
    rig_destroy(r);
}

static void test_nothing_wakes_a_driver_that_could_not_send(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.max_in_flight = 1;
    r->config.queue_size = 30;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    r->wakes = 0;
    r->engine.sleep = OPTLY__ASLEEP;
    rig_add_many(r, 10, 20);
    assert_int_equal(r->wakes, 0);
    rig_destroy(r);
}

static void test_a_displaced_event_wakes_for_its_report(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.max_in_flight = 1;
    r->config.queue_size = 20;
    r->config.overflow = OPTLY_OVERFLOW_DROP_OLDEST;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    r->engine.sleep = OPTLY__ASLEEP;
    r->wakes = 0;
    rig_add_many(r, 10, 11);
    assert_int_equal(r->wakes, 1);
    rig_step(r);
    assert_int_equal(r->reports.by_reason[OPTLY_DROP_OVERFLOW], 1);
    assert_string_equal(r->reports.visitors[0], "v10");
    rig_destroy(r);
}

/* A host's queue that has no room of its own while `*full`. */
static optly_queue_ops ring_ops;
static bool full;

static optly_status add_unless_full(void *self, optly_user_event *event)
{
    return full ? OPTLY_ERR_NO_MEMORY : ring_ops.add(self, event);
}

/* In an outage each event displaces one: a wake for each would cost more than
 * all the rest. What was reported makes the driver nap, and then only many of
 * them wake it. */
static void test_displaced_events_wake_a_napping_driver_in_bulk(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.overflow = OPTLY_OVERFLOW_DROP_OLDEST;
    r->config.max_in_flight = 1;
    r->config.queue_size = 30;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    rig_add_many(r, 10, 20);
    r->engine.taken = 0;
    rig_add(r, 30);
    rig_step(r);
    assert_int_equal(r->reports.by_reason[OPTLY_DROP_OVERFLOW], 1);
    assert_int_equal(r->engine.taken, 1);

    r->wakes = 0;
    r->engine.sleep = OPTLY__NAPPING;
    rig_add_many(r, 31, 14);
    assert_int_equal(r->wakes, 0);
    rig_add(r, 45);
    assert_int_equal(r->wakes, 1);
    rig_destroy(r);
}

/* What is displaced is bounded by its bytes, too: not reported in time, it
 * would make new events be refused. */
static void test_large_displaced_events_wake_a_napping_driver(void **state)
{
    rig *r = rig_create();
    optly_user_event *event = fake_conversion(r->project, "v0");
    size_t size = optly_user_event_size(event);

    (void)state;
    r->config.overflow = OPTLY_OVERFLOW_DROP_OLDEST;
    r->config.queue_bytes = 8 * size;
    rig_start(r);
    for (int i = 0; i < OPTLY__ENDPOINTS; i++)
        r->engine.wants_events[i] = false; /* an outage */
    r->engine.sleep = OPTLY__NAPPING;
    assert_int_equal(rig_add_event(r, event), OPTLY_OK);
    for (int i = 1; i < 8; i++)
        assert_int_equal(rig_add(r, i), OPTLY_OK);
    r->wakes = 0;
    for (int i = 8; i < 15; i++) {
        r->engine.sleep = OPTLY__NAPPING;
        assert_int_equal(rig_add(r, 1), OPTLY_OK);
        assert_int_equal(r->wakes, i < 11 ? 0 : i - 10);
    }
    rig_destroy(r);
}

static void test_a_displaced_event_wakes_though_the_new_one_fails(void **state)
{
    rig *r = rig_create();
    optly_queue queue;

    (void)state;
    assert_int_equal(optly_ring_queue_create(&queue, 20), OPTLY_OK);
    ring_ops = *queue.ops;
    r->config.queue = ring_ops;
    r->config.queue.add = add_unless_full;
    r->config.queue_self = queue.self;
    r->config.max_in_flight = 1;
    r->config.queue_size = 20;
    r->config.overflow = OPTLY_OVERFLOW_DROP_OLDEST;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    rig_add_many(r, 10, 10);
    r->engine.sleep = OPTLY__ASLEEP;
    r->wakes = 0;

    full = true;
    assert_int_equal(rig_add(r, 20), OPTLY_ERR_NO_MEMORY);
    full = false;
    assert_int_equal(r->wakes, 1);
    rig_step(r);
    assert_int_equal(r->reports.by_reason[OPTLY_DROP_OVERFLOW], 1);
    rig_destroy(r);
}

static void test_the_first_event_with_an_age_limit_wakes(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.max_in_flight = 1;
    r->config.max_age_ms = 5000;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    r->engine.sleep = OPTLY__ASLEEP;
    r->wakes = 0;
    rig_add(r, 10);
    assert_int_equal(r->wakes, 1);
    rig_step(r);
    assert_int_equal(r->next, r->now + 5000);
    rig_destroy(r);
}

static void test_enough_of_the_oldest_go_for_a_large_event(void **state)
{
    rig *r = rig_create();
    optly_user_event *small = fake_conversion_of_size(r->project, "s", 1024);
    optly_user_event *large = fake_conversion_of_size(r->project, "l", 3000);

    (void)state;
    r->config.overflow = OPTLY_OVERFLOW_DROP_OLDEST;
    r->config.queue_bytes = small->size * 5 + 8;
    rig_start(r);
    rig_add_event(r, small);
    for (int i = 0; i < 4; i++)
        rig_add_event(r, fake_conversion_of_size(r->project, "s", 1024));
    assert_int_equal(rig_add_event(r, large), OPTLY_OK);
    assert_true(r->engine.ledger.pending_bytes <= r->config.queue_bytes);
    assert_in_range(r->engine.displaced_count, 2, 3);
    rig_destroy(r);
}

static void test_nothing_is_displaced_when_it_would_not_suffice(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.overflow = OPTLY_OVERFLOW_DROP_OLDEST;
    r->config.queue_size = 10;
    r->config.queue_bytes = 10000;
    r->dispatcher.hold = true;
    rig_start(r);
    for (int i = 0; i < 10; i++)
        rig_add(r, i);
    rig_step(r); /* all ten are under way */
    assert_int_equal(
        rig_add_event(r, fake_conversion_of_size(r->project, "l", 9000)),
        OPTLY_ERR_QUEUE_FULL);
    assert_int_equal(r->engine.displaced_count, 0);
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
    assert_int_equal(rig_stats(r)->rejected[OPTLY_REJECT_TOO_LARGE], 1);
    rig_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event_over_the_payload_cap_is_refused),
        cmocka_unit_test(
            test_a_sleeping_driver_is_woken_by_the_first_event_only),
        cmocka_unit_test(test_a_napping_driver_is_woken_by_a_filling_queue),
        cmocka_unit_test(
            test_a_napping_driver_is_woken_by_work_for_all_connections),
        cmocka_unit_test(
            test_a_napping_driver_is_not_woken_by_what_a_tick_brings),
        cmocka_unit_test(test_nothing_wakes_a_driver_that_could_not_send),
        cmocka_unit_test(test_a_napping_driver_is_woken_by_filling_bytes),
        cmocka_unit_test(test_a_displaced_event_wakes_for_its_report),
        cmocka_unit_test(test_displaced_events_wake_a_napping_driver_in_bulk),
        cmocka_unit_test(test_large_displaced_events_wake_a_napping_driver),
        cmocka_unit_test(test_a_displaced_event_wakes_though_the_new_one_fails),
        cmocka_unit_test(test_the_first_event_with_an_age_limit_wakes),
        cmocka_unit_test(test_enough_of_the_oldest_go_for_a_large_event),
        cmocka_unit_test(test_nothing_is_displaced_when_it_would_not_suffice),
    };

    return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
