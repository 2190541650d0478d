/* Reports, in what groups and in what order with the counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/rig.h"

static void test_events_without_a_batch_are_reported_in_groups(void **state)
{
    rig *r = rig_create();

    (void)state;
    rig_start(r);
    rig_add_many(r, 0, 200);
    assert_true(optly__engine_drop_waiting(&r->engine, OPTLY_DROP_CLOSED));
    assert_int_equal(r->reports.events, 200);
    assert_int_equal(r->reports.reports, 4); /* of 64 at most */
    for (int i = 0; i < 200; i++) {
        char expected[16];

        (void)snprintf(expected, sizeof(expected), "v%d", i);
        assert_string_equal(r->reports.visitors[i], expected);
    }
    rig_destroy(r);
}

static void test_a_batch_is_reported_as_one(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.batch_size = 100;
    rig_start(r);
    rig_add_many(r, 0, 100);
    rig_step(r);
    assert_int_equal(r->reports.reports, 1);
    assert_int_equal(r->reports.events, 100);
    assert_int_equal(r->reports.attempts[0], 1);
    rig_destroy(r);
}

static void
test_what_was_counted_ahead_is_reported_and_not_counted(void **state)
{
    rig *r = rig_create();

    (void)state;
    rig_start(r);
    rig_add_many(r, 0, 25);
    optly__mutex_lock(&r->engine.lock);
    optly__engine_count_waiting(&r->engine);
    optly__mutex_unlock(&r->engine.lock);
    assert_int_equal(rig_stats(r)->dropped[OPTLY_DROP_CLOSED], 25);
    assert_int_equal(r->reports.events, 0);
    assert_true(optly__engine_drop_waiting(&r->engine, OPTLY_DROP_CLOSED));
    assert_int_equal(rig_stats(r)->dropped[OPTLY_DROP_CLOSED], 25);
    assert_int_equal(r->reports.by_reason[OPTLY_DROP_CLOSED], 25);
    r->engine.ledger.pending_bytes = 0; /* left as it was, for nobody */
    rig_destroy(r);
}

static void close_meanwhile(const optly_delivery_report *report, void *user)
{
    rig *r = user;

    (void)report;
    if (r->engine.counted)
        return;
    optly__mutex_lock(&r->engine.lock);
    r->engine.closing = true;
    r->engine.aborting = true;
    optly__engine_count_waiting(&r->engine);
    optly__mutex_unlock(&r->engine.lock);
}

/* Events that expire in two parts; close's time is up between them. */
static void test_what_close_has_counted_is_reported_as_such(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->config.max_age_ms = 100;
    rig_start(r);
    assert_int_equal(
        optly__handlers_add(
            &r->engine.delivery_handlers,
            optly__handler_create((optly__any_fn)close_meanwhile, r), NULL),
        OPTLY_OK);
    rig_add_many(r, 0, 3);
    rig_step(r); /* into an open batch */
    r->now += 50;
    rig_add_many(r, 3, 3);
    r->now += 200;
    rig_step(r);
    rig_check_books(r);
    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        assert_int_equal(rig_stats(r)->dropped[i], r->reports.by_reason[i]);
    r->engine.ledger.pending_bytes = 0; /* left as it was, for nobody */
    rig_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_without_a_batch_are_reported_in_groups),
        cmocka_unit_test(test_a_batch_is_reported_as_one),
        cmocka_unit_test(
            test_what_was_counted_ahead_is_reported_and_not_counted),
        cmocka_unit_test(test_what_close_has_counted_is_reported_as_such),
    };

    return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
