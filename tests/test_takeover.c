/* The driver comes back from foreign code and finds that it has lost the
 * engine: wherever that was, it touches nothing more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/rig.h"

static rig *current;

/* As a thread does that destroys the processor meanwhile. */
static void lose_the_engine(void)
{
    optly__engine *engine = &current->engine;

    optly__mutex_lock(&engine->lock);
    engine->taken_over = true; /* `taker` is zeroed: not this thread */
    optly__mutex_unlock(&engine->lock);
}

static void lose_it_in_a_report(const optly_delivery_report *report, void *user)
{
    (void)report;
    (void)user;
    lose_the_engine();
}

static void lose_it_in_the_queue(void *self,
                                 const optly_user_event *const *events,
                                 size_t count, optly_drop_reason reason)
{
    (void)self;
    (void)events;
    (void)count;
    (void)reason;
    lose_the_engine();
}

static void lose_it_in_cancel(void *self)
{
    (void)self;
    lose_the_engine();
}

static void lose_it_in_metrics(const char *name, double value, void *user)
{
    (void)name;
    (void)value;
    (void)user;
    lose_the_engine();
}

static void lose_it_in_the_log(optly_log_level level, const char *message,
                               void *user)
{
    (void)level;
    (void)message;
    (void)user;
    lose_the_engine();
}

static rig *rig_for_loss(void)
{
    current = rig_create();
    return current;
}

static void add_losing_handler(rig *r)
{
    assert_int_equal(
        optly__handlers_add(
            &r->engine.delivery_handlers,
            optly__handler_create((optly__any_fn)lose_it_in_a_report, NULL),
            NULL),
        OPTLY_OK);
}

/* The step ends there; what is left goes without a word. */
static void expect_loss(rig *r, uint64_t delivered_or_dropped)
{
    const optly_stats *stats = rig_stats(r);
    uint64_t settled;

    assert_false(optly__engine_step(&r->engine, r->now, &r->next));
    settled = stats->delivered;
    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        settled += stats->dropped[i];
    assert_int_equal(settled, delivered_or_dropped);
    rig_check_books(r);
}

/* So that no handler's own check hides what a test is about. */
static void remove_handlers(rig *r)
{
    optly__handlers_cleanup(&r->engine.delivery_handlers);
    memset(&r->engine.delivery_handlers, 0,
           sizeof(r->engine.delivery_handlers));
}

static void rig_leave(rig *r)
{
    optly__engine_cleanup(&r->engine);
    fake_dispatcher_cleanup(&r->dispatcher);
    optly_project_destroy(r->project);
    free(r);
}

static void test_lost_while_the_queue_is_told(void **state)
{
    rig *r = rig_for_loss();

    (void)state;
    rig_start(r);
    r->engine.config.queue.settle = lose_it_in_the_queue;
    remove_handlers(r);
    rig_add_many(r, 0, 10);
    assert_true(optly__engine_step(&r->engine, r->now, &r->next)); /* sent */
    expect_loss(r, 0);
    rig_leave(r);
}

static void test_lost_while_displaced_events_are_reported(void **state)
{
    rig *r = rig_for_loss();

    (void)state;
    r->config.queue_size = 5;
    r->config.overflow = OPTLY_OVERFLOW_DROP_OLDEST;
    rig_start(r);
    add_losing_handler(r);
    rig_add_many(r, 0, 6);
    expect_loss(r, 1); /* displaced ones count as they go */
    assert_int_equal(r->engine.displaced_count, 1); /* not as reported */
    rig_leave(r);
}

static void test_lost_while_expired_events_are_reported(void **state)
{
    /* In an open batch, in two that failed, and in the queue. */
    for (int where = 0; where < 3; where++) {
        rig *r = rig_for_loss();
        int count = where == 0 ? 3 : 20;

        (void)state;
        r->config.max_age_ms = 100;
        r->config.backoff.initial_ms = 60000;
        r->dispatcher.hold = true;
        rig_start(r);
        add_losing_handler(r);
        rig_add_many(r, 0, count);
        if (where < 2)
            rig_step(r);
        if (where == 1) {
            fake_dispatcher_complete(&r->dispatcher, 0, OPTLY_RETRY);
            fake_dispatcher_complete(&r->dispatcher, 1, OPTLY_RETRY);
            rig_step(r);
        }
        assert_int_equal(rig_stats(r)->queued, where == 1 ? 0 : count);
        assert_int_equal(rig_stats(r)->retry_wait, where == 1 ? count : 0);
        r->now += 1000;
        expect_loss(r, 0);
        assert_int_equal(rig_stats(r)->pending, count);
        /* Of two batches only the first was begun with. */
        assert_int_equal(r->engine.hand.count, where == 1 ? 10 : count);
        rig_leave(r);
    }
}

static void test_lost_in_cancel(void **state)
{
    rig *r = rig_for_loss();

    (void)state;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 15);
    rig_step(r);
    r->engine.config.dispatcher.cancel = lose_it_in_cancel;
    remove_handlers(r);
    r->engine.aborting = true;
    expect_loss(r, 0);
    assert_false(r->engine.aborted);
    rig_leave(r);
}

static void test_lost_while_close_drops_what_waits(void **state)
{
    rig *r = rig_for_loss();

    (void)state;
    rig_start(r);
    add_losing_handler(r);
    rig_add_many(r, 0, 15);
    r->engine.aborting = true;
    expect_loss(r, 0);
    assert_false(r->engine.aborted);
    rig_leave(r);
}

static void test_lost_while_abandoned_batches_are_reported(void **state)
{
    rig *r = rig_for_loss();

    (void)state;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 20);
    rig_step(r);
    add_losing_handler(r);
    assert_false(optly__engine_abandon(&r->engine, false));
    assert_int_equal(r->reports.events, 10); /* and not the second batch */
    assert_int_equal(rig_stats(r)->dropped[OPTLY_DROP_ABANDONED], 0);
    rig_leave(r);
}

static void test_lost_while_metrics_are_told(void **state)
{
    rig *r = rig_for_loss();

    (void)state;
    r->config.metrics.counter_add = lose_it_in_metrics;
    rig_start(r);
    rig_add_many(r, 0, 10);
    expect_loss(r, 0);
    assert_int_equal(r->engine.metered.accepted, 0); /* for another to tell */
    rig_leave(r);
}

static void test_lost_while_the_log_is_written(void **state)
{
    rig *r = rig_for_loss();
    optly_project *mars = fake_project_of("1", "MARS");

    (void)state;
    r->config.log.log = lose_it_in_the_log;
    rig_start(r);
    for (int i = 0; i < 20; i++)
        rig_add_event(r, fake_conversion(mars, "m"));
    expect_loss(r, 0); /* an unknown region; after the first batch is sent */
    assert_int_equal(r->dispatcher.attempt_count, 1);
    optly_project_destroy(mars);
    rig_leave(r);
}

/* Not a loss, but what comes before one: it may be said more than once. */
static void test_abandoned_twice_is_reported_once(void **state)
{
    rig *r = rig_for_loss();

    (void)state;
    r->dispatcher.hold = true;
    rig_start(r);
    rig_add_many(r, 0, 10);
    rig_step(r);
    for (int i = 0; i < 2; i++) {
        assert_true(optly__engine_abandon(&r->engine, false));
        assert_int_equal(r->reports.events, 10);
        assert_int_equal(rig_stats(r)->dropped[OPTLY_DROP_ABANDONED], 10);
    }
    rig_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_while_the_queue_is_told),
        cmocka_unit_test(test_lost_while_displaced_events_are_reported),
        cmocka_unit_test(test_lost_while_expired_events_are_reported),
        cmocka_unit_test(test_lost_in_cancel),
        cmocka_unit_test(test_lost_while_close_drops_what_waits),
        cmocka_unit_test(test_lost_while_abandoned_batches_are_reported),
        cmocka_unit_test(test_lost_while_metrics_are_told),
        cmocka_unit_test(test_lost_while_the_log_is_written),
        cmocka_unit_test(test_abandoned_twice_is_reported_once),
    };

    return cmocka_run_group_tests_name("takeover", tests, NULL, NULL);
}
