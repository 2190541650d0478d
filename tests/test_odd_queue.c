/* A host's queue that does not keep what it says: nothing hangs or crashes,
 * and what it gives after all is delivered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fakes/rig.h"

/* A ring that gives nothing while it is told to lie. */
static struct odd_queue {
    optly_queue ring;
    bool hides, keeps;
} odd;

static optly_status odd_add(void *self, optly_user_event *event)
{
    (void)self;
    return optly_queue_add(&odd.ring, event);
}

static size_t odd_get(void *self, size_t from, optly_user_event **events,
                      size_t max)
{
    (void)self;
    return odd.hides ? 0 : optly_queue_get(&odd.ring, from, events, max);
}

static size_t odd_remove(void *self, optly_user_event **events, size_t max)
{
    (void)self;
    return odd.keeps ? 0 : optly_queue_remove(&odd.ring, events, max);
}

static size_t odd_size(void *self)
{
    (void)self;
    return optly_queue_size(&odd.ring);
}

static void odd_destroy(void *self)
{
    (void)self;
    optly_queue_destroy(&odd.ring);
}

static rig *rig_with_odd_queue(void)
{
    static const optly_queue_ops ops = {
        .struct_size = sizeof(optly_queue_ops),
        .add = odd_add,
        .get = odd_get,
        .remove = odd_remove,
        .size = odd_size,
        .destroy = odd_destroy,
    };
    rig *r = rig_create();

    odd.hides = odd.keeps = false;
    assert_int_equal(optly_ring_queue_create(&odd.ring, r->config.queue_size),
                     OPTLY_OK);
    r->config.queue = ops;
    r->config.queue_self = &odd;
    return r;
}

static void test_events_it_hides_at_first_do_not_count(void **state)
{
    rig *r = rig_with_odd_queue();

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            optly_queue_add(&odd.ring, fake_conversion(r->project, "old")),
            OPTLY_OK);
    odd.hides = true;
    rig_start(r);
    assert_int_equal(rig_stats(r)->accepted, 0);
    rig_check_books(r);
    optly__engine_cleanup(&r->engine);
    fake_dispatcher_cleanup(&r->dispatcher);
    optly_project_destroy(r->project);
    free(r);
}

static void test_what_it_does_not_give_is_sent_later(void **state)
{
    rig *r = rig_with_odd_queue();

    (void)state;
    rig_start(r);
    rig_add_many(r, 0, 10);
    odd.keeps = true;
    assert_true(optly__engine_step(&r->engine, r->now, &r->next));
    assert_int_equal(r->dispatcher.attempt_count, 0);
    assert_int_equal(rig_stats(r)->pending, 10);
    odd.keeps = false;
    rig_advance(r, 30000);
    assert_int_equal(rig_stats(r)->delivered, 10);
    rig_destroy(r);
}

static void test_what_it_does_not_give_does_not_expire(void **state)
{
    rig *r = rig_with_odd_queue();

    (void)state;
    r->config.max_age_ms = 100;
    rig_start(r);
    rig_add_many(r, 0, 10);
    odd.keeps = true;
    r->now += 1000;
    assert_true(optly__engine_step(&r->engine, r->now, &r->next));
    assert_int_equal(rig_stats(r)->pending, 10);
    odd.keeps = false;
    rig_step(r);
    assert_int_equal(rig_stats(r)->dropped[OPTLY_DROP_EXPIRED], 10);
    rig_destroy(r);
}

static void test_what_it_does_not_give_is_not_displaced(void **state)
{
    rig *r = rig_with_odd_queue();

    (void)state;
    r->config.queue_size = 5;
    r->config.overflow = OPTLY_OVERFLOW_DROP_OLDEST;
    rig_start(r);
    rig_add_many(r, 0, 5);
    odd.keeps = true;
    assert_int_equal(rig_add(r, 5), OPTLY_OK); /* the ring had room for it */
    assert_int_equal(rig_stats(r)->pending, 6);
    odd.keeps = false;
    rig_advance(r, 30000);
    assert_int_equal(rig_stats(r)->delivered, 6);
    rig_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_it_hides_at_first_do_not_count),
        cmocka_unit_test(test_what_it_does_not_give_is_sent_later),
        cmocka_unit_test(test_what_it_does_not_give_does_not_expire),
        cmocka_unit_test(test_what_it_does_not_give_is_not_displaced),
    };

    return cmocka_run_group_tests_name("odd_queue", tests, NULL, NULL);
}
