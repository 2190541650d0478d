/* Driving: the host's own loop, the wake rule, deadlines. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/host.h"

static void test_run_once_does_all_that_is_due(void **state)
{
    host *h = host_create();

    (void)state;
    host_open(h);
    host_add_many(h, 0, 55);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    assert_int_equal(host_stats(h).delivered, 50);
    host_destroy(h);
}

static void test_next_deadline_is_the_age_of_the_first_event(void **state)
{
    host *h = host_create();
    int64_t due;

    (void)state;
    host_open(h);
    assert_int_equal(optly_processor_next_deadline_ms(h->processor), -1);
    host_add(h, 0);
    due = optly_processor_next_deadline_ms(h->processor);
    assert_in_range(due, 29000, 30000);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    due = optly_processor_next_deadline_ms(h->processor);
    assert_in_range(due, 29000, 30000);
    host_add_many(h, 1, 9);
    assert_in_range(optly_processor_next_deadline_ms(h->processor), 0, 30000);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    assert_int_equal(optly_processor_next_deadline_ms(h->processor), -1);
    assert_int_equal(optly_processor_next_deadline_ms(NULL), -1);
    host_destroy(h);
}

static void test_a_full_batch_in_the_queue_is_due_now(void **state)
{
    host *h = host_create();

    (void)state;
    host_open(h);
    host_add_many(h, 0, 10);
    assert_int_equal(optly_processor_next_deadline_ms(h->processor), 0);
    host_destroy(h);
}

static void test_on_wake_signals_once_until_the_next_round(void **state)
{
    host *h = host_create();

    (void)state;
    host_open(h);
    host_add_many(h, 0, 3);
    assert_int_equal(h->wakes, 1);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    host_add_many(h, 3, 3);
    assert_int_equal(h->wakes, 2);
    host_destroy(h);
}

static void test_a_completion_wakes_the_host(void **state)
{
    host *h = host_create();

    (void)state;
    h->dispatcher.hold = true;
    host_open(h);
    host_add_many(h, 0, 10);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    h->wakes = 0;
    fake_dispatcher_complete(&h->dispatcher, 0, OPTLY_DELIVERED);
    assert_int_equal(h->wakes, 1);
    assert_int_equal(optly_processor_next_deadline_ms(h->processor), 0);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    assert_int_equal(host_stats(h).delivered, 10);
    host_destroy(h);
}

static void *complete_first(void *user)
{
    fake_dispatcher *fake = user;

    if (fake_dispatcher_wait(fake, 1))
        fake_dispatcher_complete(fake, 0, OPTLY_DELIVERED);
    return NULL;
}

static void test_run_once_waits_until_something_comes_in(void **state)
{
    host *h = host_create();
    pthread_t completer;

    (void)state;
    h->dispatcher.hold = true;
    host_open(h);
    host_add_many(h, 0, 10);
    assert_int_equal(
        pthread_create(&completer, NULL, complete_first, &h->dispatcher), 0);
    while (host_stats(h).delivered < 10)
        assert_int_equal(optly_processor_run_once(h->processor, 10000),
                         OPTLY_OK);
    (void)pthread_join(completer, NULL);
    host_destroy(h);
}

static void test_run_once_waits_no_longer_than_it_may(void **state)
{
    host *h = host_create();
    int64_t before = optly__monotonic_ms();

    (void)state;
    host_open(h);
    assert_int_equal(optly_processor_run_once(h->processor, 30), OPTLY_OK);
    assert_in_range(optly__monotonic_ms() - before, 30, 1000);
    host_destroy(h);
}

static void test_run_once_is_not_for_a_started_processor(void **state)
{
    host *h = host_create();

    (void)state;
    host_start(h);
    assert_int_equal(optly_processor_run_once(h->processor, 0),
                     OPTLY_ERR_INVALID);
    assert_int_equal(optly_processor_run_once(NULL, 0), OPTLY_ERR_INVALID);
    host_destroy(h);
}

/* --- a dispatcher that polls --- */

typedef struct poller {
    fake_dispatcher *fake;
    optly__mutex lock;
    optly__cond woken;
    bool wake;
    int polls, wakes, last_timeout_ms;
    int late_wakes; /* within destroy */
} poller;

static void poller_dispatch(void *self, const optly_log_event *event,
                            optly_delivery delivery)
{
    fake_dispatcher_ops.dispatch(((poller *)self)->fake, event, delivery);
}

static void poller_poll(void *self, int timeout_ms)
{
    poller *p = self;
    int64_t until =
        timeout_ms < 0 ? OPTLY__NEVER : optly__monotonic_ms() + timeout_ms;

    optly__mutex_lock(&p->lock);
    p->polls++;
    p->last_timeout_ms = timeout_ms;
    while (!p->wake && optly__monotonic_ms() < until)
        optly__cond_wait_until(&p->woken, &p->lock, until);
    p->wake = false;
    optly__mutex_unlock(&p->lock);
}

static void poller_wake(void *self)
{
    poller *p = self;

    optly__mutex_lock(&p->lock);
    p->wake = true;
    p->wakes++;
    optly__cond_broadcast(&p->woken);
    optly__mutex_unlock(&p->lock);
}

/* What is held ends in destroy. */
static void poller_destroy(void *self)
{
    poller *p = self;
    int wakes = p->wakes;

    if (p->fake->hold)
        fake_dispatcher_complete(p->fake, 0, OPTLY_RETRY);
    p->late_wakes = p->wakes - wakes;
    fake_dispatcher_ops.destroy(p->fake);
}

static const optly_dispatcher_ops poller_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = poller_dispatch,
    .poll = poller_poll,
    .wake = poller_wake,
    .destroy = poller_destroy,
};

static void poller_init(poller *p, host *h)
{
    memset(p, 0, sizeof(*p));
    p->fake = &h->dispatcher;
    (void)optly__mutex_init(&p->lock);
    (void)optly__cond_init(&p->woken);
    h->config.dispatcher.ops = &poller_ops;
    h->config.dispatcher.self = p;
}

static void poller_cleanup(poller *p)
{
    optly__cond_cleanup(&p->woken);
    optly__mutex_cleanup(&p->lock);
}

static int poller_polls(poller *p)
{
    int polls;

    optly__mutex_lock(&p->lock);
    polls = p->polls;
    optly__mutex_unlock(&p->lock);
    return polls;
}

static void test_the_worker_waits_inside_poll_and_is_woken_there(void **state)
{
    host *h = host_create();
    poller p;

    (void)state;
    poller_init(&p, h);
    host_start(h);
    while (poller_polls(&p) == 0)
        ;
    host_add_many(h, 0, 10);
    assert_int_equal(optly_processor_flush(h->processor, 5000), OPTLY_OK);
    assert_true(p.wakes > 0);
    assert_int_equal(optly_processor_close(h->processor, 1000, NULL), OPTLY_OK);
    host_destroy(h);
    poller_cleanup(&p);
}

/* Half of it may be gone by then. */
static void test_what_ends_in_destroy_does_not_wake_the_dispatcher(void **state)
{
    host *h = host_create();
    poller p;

    (void)state;
    poller_init(&p, h);
    h->dispatcher.hold = true;
    host_start(h);
    host_add_many(h, 0, 10);
    assert_true(fake_dispatcher_wait(&h->dispatcher, 1));
    optly_processor_destroy(h->processor);
    h->processor = NULL;
    assert_int_equal(h->dispatcher.destroys, 1);
    assert_int_equal(p.late_wakes, 0);
    assert_int_equal(h->reports.events, 10);
    host_destroy(h);
    poller_cleanup(&p);
}

static void test_an_idle_worker_sleeps_without_a_timeout(void **state)
{
    host *h = host_create();
    int64_t until = optly__monotonic_ms() + 10000;
    bool rests = false;
    poller p;

    (void)state;
    poller_init(&p, h);
    host_start(h);
    host_add_many(h, 0, 10);
    assert_true(host_wait_settled(h, 10));
    /* In the end nothing wakes it for as long as several ticks would take. */
    while (!rests && optly__monotonic_ms() < until) {
        int polls = poller_polls(&p);
        int64_t still = optly__monotonic_ms() + 150;

        while (optly__monotonic_ms() < still)
            ;
        optly__mutex_lock(&p.lock);
        rests = p.polls == polls && p.last_timeout_ms == -1;
        optly__mutex_unlock(&p.lock);
    }
    assert_true(rests);
    host_destroy(h);
    poller_cleanup(&p);
}

static void test_a_host_comes_by_often_while_a_poller_is_busy(void **state)
{
    host *h = host_create();
    poller p;

    (void)state;
    poller_init(&p, h);
    h->dispatcher.hold = true;
    host_open(h);
    host_add_many(h, 0, 10);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    assert_in_range(optly_processor_next_deadline_ms(h->processor), 0, 20);
    host_destroy(h);
    poller_cleanup(&p);
}

/* --- who wakes whom --- */

/* A poller to which ten events come during each of its first visits. */
typedef struct traffic {
    poller poller; /* first: it is the dispatcher's self */
    host *host;
    int visits, long_sleeps;
} traffic;

enum { TRAFFIC_VISITS = 5, LONGEST_NAP_MS = 32 };

static void traffic_poll(void *self, int timeout_ms)
{
    traffic *t = self;

    if (t->visits == TRAFFIC_VISITS) {
        poller_poll(&t->poller, timeout_ms);
        return;
    }
    if (timeout_ms < 0 || timeout_ms > LONGEST_NAP_MS)
        t->long_sleeps++;
    else
        poller_poll(&t->poller, timeout_ms);
    host_add_many(t->host, 10 * t->visits++, 10);
}

static void test_a_worker_naps_while_events_come(void **state)
{
    optly_dispatcher_ops ops = poller_ops;
    host *h = host_create();
    traffic t = {.host = h};

    (void)state;
    poller_init(&t.poller, h);
    ops.poll = traffic_poll;
    h->config.dispatcher.ops = &ops;
    host_start(h);
    assert_true(host_wait_settled(h, 10 * TRAFFIC_VISITS));
    assert_int_equal(optly_processor_close(h->processor, 1000, NULL), OPTLY_OK);
    assert_int_equal(t.long_sleeps, 1); /* until the first event */
    host_destroy(h);
    poller_cleanup(&t.poller);
}

static void test_a_burst_wakes_a_sleeping_worker_only_once(void **state)
{
    host *h = host_create();
    poller p;
    int timeout = 0;

    (void)state;
    poller_init(&p, h);
    h->config.queue_size = 100000;
    host_start(h);
    while (timeout != -1) {
        optly__mutex_lock(&p.lock);
        timeout = p.last_timeout_ms;
        optly__mutex_unlock(&p.lock);
    }
    host_add_many(h, 0, 70); /* below every other threshold */
    assert_in_range(p.wakes, 1, 10);
    assert_int_equal(optly_processor_flush(h->processor, 5000), OPTLY_OK);
    host_destroy(h);
    poller_cleanup(&p);
}

static optly_status status_beside;

static void *run_once_too(void *user)
{
    status_beside = optly_processor_run_once(((host *)user)->processor, 0);
    return NULL;
}

static void loop_beside(fake_dispatcher *self)
{
    pthread_t other;

    assert_int_equal(pthread_create(&other, NULL, run_once_too, self->user), 0);
    (void)pthread_join(other, NULL);
}

static void test_a_second_loop_beside_the_first_is_refused(void **state)
{
    host *h = host_create();

    (void)state;
    h->dispatcher.on_dispatch = loop_beside;
    h->dispatcher.user = h;
    host_open(h);
    host_add_many(h, 0, 10);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    assert_int_equal(status_beside, OPTLY_ERR_WOULD_DEADLOCK);
    assert_int_equal(host_stats(h).delivered, 10);
    host_destroy(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_once_does_all_that_is_due),
        cmocka_unit_test(test_next_deadline_is_the_age_of_the_first_event),
        cmocka_unit_test(test_a_full_batch_in_the_queue_is_due_now),
        cmocka_unit_test(test_on_wake_signals_once_until_the_next_round),
        cmocka_unit_test(test_a_completion_wakes_the_host),
        cmocka_unit_test(test_run_once_waits_until_something_comes_in),
        cmocka_unit_test(test_run_once_waits_no_longer_than_it_may),
        cmocka_unit_test(test_run_once_is_not_for_a_started_processor),
        cmocka_unit_test(test_the_worker_waits_inside_poll_and_is_woken_there),
        cmocka_unit_test(
            test_what_ends_in_destroy_does_not_wake_the_dispatcher),
        cmocka_unit_test(test_an_idle_worker_sleeps_without_a_timeout),
        cmocka_unit_test(test_a_host_comes_by_often_while_a_poller_is_busy),
        cmocka_unit_test(test_a_worker_naps_while_events_come),
        cmocka_unit_test(test_a_burst_wakes_a_sleeping_worker_only_once),
        cmocka_unit_test(test_a_second_loop_beside_the_first_is_refused),
    };

    return cmocka_run_group_tests_name("driver", tests, NULL, NULL);
}
