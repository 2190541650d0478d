/* Flush, close and destroy, also when something does not come back. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/child.h"
#include "fakes/host.h"
#include "fakes/process.h"
#include "processor/processor.h"

/* The promise is 100 ms; a loaded machine gets some more. */
enum { SLACK_MS = 400 };

static optly_close_report close_within(host *h, uint32_t ms,
                                       optly_status expected)
{
    optly_close_report report = optly_close_report_default();
    int64_t before = optly__monotonic_ms();

    assert_int_equal(optly_processor_close(h->processor, ms, &report),
                     expected);
    assert_true(optly__monotonic_ms() - before <= (int64_t)ms + SLACK_MS);
    (void)host_stats(h);
    return report;
}

static void test_close_delivers_what_is_queued(void **state)
{
    host *h = host_create();
    optly_close_report report;

    (void)state;
    host_start(h);
    host_add_many(h, 0, 25);
    report = close_within(h, 5000, OPTLY_OK);
    assert_int_equal(report.delivered, 25);
    assert_int_equal(report.dropped, 0);
    assert_int_equal(report.pending, 0);
    assert_int_equal(host_add(h, 25), OPTLY_ERR_CLOSED);
    assert_int_equal(host_stats(h).rejected[OPTLY_REJECT_CLOSED], 1);
    host_destroy(h);
}

static void test_close_without_a_worker_drives_by_itself(void **state)
{
    host *h = host_create();

    (void)state;
    host_open(h);
    host_add_many(h, 0, 25);
    assert_int_equal(close_within(h, 5000, OPTLY_OK).delivered, 25);
    assert_int_equal(optly_processor_run_once(h->processor, 0),
                     OPTLY_ERR_CLOSED);
    assert_int_equal(optly_processor_start(h->processor), OPTLY_ERR_CLOSED);
    host_destroy(h);
}

static void test_close_on_a_dead_endpoint_ends_in_time(void **state)
{
    host *h = host_create();
    optly_close_report report;

    (void)state;
    h->dispatcher.otherwise = OPTLY_RETRY;
    host_start(h);
    host_add_many(h, 0, 25);
    report = close_within(h, 100, OPTLY_ERR_TIMEOUT);
    assert_int_equal(report.delivered, 0);
    assert_int_equal(report.dropped, 25);
    assert_int_equal(host_dropped(h, OPTLY_DROP_CLOSED), 25);
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_CLOSED], 25);
    host_destroy(h);
}

static void test_close_with_no_time_drops_at_once(void **state)
{
    for (int started = 0; started < 2; started++) {
        host *h = host_create();

        (void)state;
        h->dispatcher.hold = true;
        h->dispatcher.complete_on_cancel = true;
        if (started)
            host_start(h);
        else
            host_open(h);
        host_add_many(h, 0, 5);
        assert_int_equal(close_within(h, 0, OPTLY_ERR_TIMEOUT).dropped, 5);
        host_destroy(h);
    }
}

static void test_close_cancels_what_is_under_way(void **state)
{
    host *h = host_create();
    optly_close_report report;

    (void)state;
    h->dispatcher.hold = true;
    h->dispatcher.complete_on_cancel = true;
    host_start(h);
    host_add_many(h, 0, 15);
    assert_true(fake_dispatcher_wait(&h->dispatcher, 1));
    report = close_within(h, 30, OPTLY_ERR_TIMEOUT);
    assert_in_range(h->dispatcher.cancels, 1, 2); /* the driver may repeat it */
    assert_int_equal(report.dropped, 15);
    assert_int_equal(report.pending, 0);
    host_destroy(h);
}

static void test_a_dispatcher_that_never_answers_is_abandoned(void **state)
{
    host *h = host_create();
    fake_reports reports;
    optly_close_report report;

    (void)state;
    h->config.max_in_flight = 1;
    h->dispatcher.hold = true;
    host_start(h);
    host_add_many(h, 0, 15);
    assert_true(fake_dispatcher_wait(&h->dispatcher, 1));
    report = close_within(h, 30, OPTLY_ERR_TIMEOUT);
    assert_int_equal(report.pending, 10);
    assert_int_equal(report.dropped, 5);
    optly_processor_destroy(h->processor);
    h->processor = NULL;
    reports = h->reports;
    assert_int_equal(reports.by_reason[OPTLY_DROP_CLOSED], 5);
    assert_int_equal(reports.by_reason[OPTLY_DROP_ABANDONED], 10);
    assert_int_equal(reports.events, 15);
    host_destroy(h);
}

static void test_destroy_is_close_with_no_time(void **state)
{
    host *h = host_create();

    (void)state;
    host_open(h);
    host_add_many(h, 0, 5);
    optly_processor_destroy(h->processor);
    h->processor = NULL;
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_CLOSED], 5);
    assert_int_equal(h->dispatcher.destroys, 1);
    optly_processor_destroy(NULL);
    host_destroy(h);
}

static void test_flush_tells_delivered_from_dropped_from_pending(void **state)
{
    host *h = host_create();

    (void)state;
    host_start(h);
    assert_int_equal(optly_processor_flush(h->processor, 0), OPTLY_OK);
    host_add(h, 0);
    assert_int_equal(optly_processor_flush(h->processor, 5000), OPTLY_OK);
    h->dispatcher.otherwise = OPTLY_REFUSED;
    host_add(h, 1);
    assert_int_equal(optly_processor_flush(h->processor, 5000),
                     OPTLY_ERR_DROPPED);
    h->dispatcher.otherwise = OPTLY_RETRY;
    host_add(h, 2);
    assert_int_equal(optly_processor_flush(h->processor, 20),
                     OPTLY_ERR_TIMEOUT);
    assert_int_equal(host_stats(h).pending, 1); /* nothing is discarded */
    h->dispatcher.otherwise = OPTLY_DELIVERED;
    assert_int_equal(optly_processor_flush(h->processor, 5000), OPTLY_OK);
    host_destroy(h);
}

static void *flush_a_lot(void *user)
{
    for (int i = 0; i < 50; i++)
        (void)optly_processor_flush(((host *)user)->processor, 5000);
    return NULL;
}

static void *add_a_lot(void *user)
{
    for (int i = 0; i < 500; i++)
        (void)host_add(user, i);
    return NULL;
}

static void test_several_threads_flush_and_add_and_all_is_counted(void **state)
{
    host *h = host_create();
    pthread_t threads[8];
    optly_stats s;

    (void)state;
    h->config.queue_size = 10000;
    host_start(h);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i % 2 ? flush_a_lot : add_a_lot, h),
                         0);
    for (int i = 0; i < 8; i++)
        (void)pthread_join(threads[i], NULL);
    (void)close_within(h, 10000, OPTLY_OK);
    s = host_stats(h);
    assert_int_equal(s.accepted, 2000);
    assert_int_equal(s.delivered, 2000);
    assert_int_equal(h->reports.events, 2000);
    host_destroy(h);
}

static void *add_until_closed(void *user)
{
    optly_status status;

    do {
        status = host_add(user, 0);
    } while (status == OPTLY_OK || status == OPTLY_ERR_QUEUE_FULL);
    assert_int_equal(status, OPTLY_ERR_CLOSED);
    return NULL;
}

static void *close_too(void *user)
{
    (void)optly_processor_close(((host *)user)->processor, 5000, NULL);
    return NULL;
}

static void test_close_races_with_producers_and_itself(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        host *h = host_create();
        pthread_t threads[4];

        host_start(h);
        for (int i = 0; i < 3; i++)
            assert_int_equal(
                pthread_create(&threads[i], NULL, add_until_closed, h), 0);
        assert_int_equal(pthread_create(&threads[3], NULL, close_too, h), 0);
        (void)close_within(h, 5000, OPTLY_OK);
        for (int i = 0; i < 4; i++)
            (void)pthread_join(threads[i], NULL);
        assert_int_equal(host_stats(h).accepted, host_stats(h).delivered);
        host_destroy(h);
    }
}

/* --- what hangs --- */

/* Something that hangs until it is let go. Outlives the processor. */
typedef struct hang {
    optly__mutex lock;
    optly__cond changed;
    bool entered, released, destroyed, stopped;
} hang;

static hang *hang_create(void)
{
    hang *g = calloc(1, sizeof(*g));

    assert_non_null(g);
    (void)optly__mutex_init(&g->lock);
    (void)optly__cond_init(&g->changed);
    return g;
}

static void hang_here(hang *g)
{
    optly__mutex_lock(&g->lock);
    g->entered = true;
    optly__cond_broadcast(&g->changed);
    while (!g->released)
        optly__cond_wait_until(&g->changed, &g->lock, OPTLY__NEVER);
    optly__mutex_unlock(&g->lock);
}

static void hang_set(hang *g, bool *what)
{
    optly__mutex_lock(&g->lock);
    *what = true;
    optly__cond_broadcast(&g->changed);
    optly__mutex_unlock(&g->lock);
}

static void hang_await(hang *g, const bool *what)
{
    int64_t until = optly__monotonic_ms() + 10000;

    optly__mutex_lock(&g->lock);
    while (!*what && optly__monotonic_ms() < until)
        optly__cond_wait_until(&g->changed, &g->lock, until);
    assert_true(*what);
    optly__mutex_unlock(&g->lock);
}

static void hang_destroy(hang *g)
{
    optly__cond_cleanup(&g->changed);
    optly__mutex_cleanup(&g->lock);
    free(g);
}

static optly_outcome hang_in_dispatch(const optly_log_event *event,
                                      optly_dispatch_result *result, void *user)
{
    size_t len = event->body_len;

    (void)result;
    hang_here(user);
    /* The event must still be there. */
    return strlen(event->body) == len ? OPTLY_DELIVERED : OPTLY_REFUSED;
}

static void note_destroyed(void *user)
{
    hang_set(user, &((hang *)user)->destroyed);
}

static void note_stopped(void *user)
{
    hang_set(user, &((hang *)user)->stopped);
}

static host *host_with_hanging_dispatcher(hang *g)
{
    host *h = host_create();

    assert_int_equal(optly_function_dispatcher_create(&h->config.dispatcher,
                                                      hang_in_dispatch, g,
                                                      note_destroyed),
                     OPTLY_OK);
    h->config.on_worker_stop = note_stopped;
    h->config.worker_user = g;
    host_start(h);
    host_add_many(h, 0, 10);
    hang_await(g, &g->entered);
    host_add_many(h, 10, 7);
    return h;
}

static void test_close_returns_although_the_dispatcher_hangs(void **state)
{
    hang *g = hang_create();
    host *h = host_with_hanging_dispatcher(g);
    optly_close_report report;
    int64_t before;

    (void)state;
    report = close_within(h, 50, OPTLY_ERR_TIMEOUT);
    assert_int_equal(report.dropped, 7);
    assert_int_equal(report.pending, 10);
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_CLOSED], 7);

    before = optly__monotonic_ms();
    optly_processor_destroy(h->processor);
    assert_true(optly__monotonic_ms() - before < SLACK_MS);
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_ABANDONED], 10);
    assert_int_equal(h->reports.events, 17);
    assert_false(g->destroyed);

    /* When it comes back, it cleans up after itself. */
    hang_set(g, &g->released);
    hang_await(g, &g->destroyed);
    assert_true(g->stopped);
    assert_int_equal(h->reports.events, 17);
    h->processor = NULL;
    host_destroy(h);
    hang_destroy(g);
}

static void test_a_dispatcher_that_comes_back_after_close_counts(void **state)
{
    hang *g = hang_create();
    host *h = host_with_hanging_dispatcher(g);

    (void)state;
    (void)close_within(h, 50, OPTLY_ERR_TIMEOUT);
    hang_set(g, &g->released);
    hang_await(g, &g->stopped);
    optly_processor_destroy(h->processor);
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_NONE], 10);
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_CLOSED], 7);
    assert_true(g->destroyed);
    h->processor = NULL;
    host_destroy(h);
    hang_destroy(g);
}

static void test_only_destroy_with_a_hanging_dispatcher_returns(void **state)
{
    hang *g = hang_create();
    host *h = host_with_hanging_dispatcher(g);
    int64_t before = optly__monotonic_ms();

    (void)state;
    optly_processor_destroy(h->processor);
    assert_true(optly__monotonic_ms() - before < SLACK_MS);
    assert_int_equal(h->reports.events, 17);
    hang_set(g, &g->released);
    hang_await(g, &g->destroyed);
    h->processor = NULL;
    host_destroy(h);
    hang_destroy(g);
}

static void hang_in_callback(const optly_log_event *event, void *user)
{
    (void)event;
    hang_here(user);
}

static void test_close_returns_although_a_callback_hangs(void **state)
{
    hang *g = hang_create();
    host *h = host_create();
    optly_close_report report;

    (void)state;
    h->config.on_worker_stop = note_stopped;
    h->config.worker_user = g;
    host_start(h);
    assert_int_equal(optly_processor_on_event_dispatch(
                         h->processor, hang_in_callback, g, NULL),
                     OPTLY_OK);
    host_add_many(h, 0, 17);
    hang_await(g, &g->entered);
    report = close_within(h, 50, OPTLY_ERR_TIMEOUT);
    assert_int_equal(report.dropped, 17); /* counted, but not called */
    assert_int_equal(h->reports.events, 0);
    optly_processor_destroy(h->processor);
    assert_int_equal(h->dispatcher.destroys, 0);

    hang_set(g, &g->released);
    hang_await(g, &g->stopped);
    optly__mutex_lock(&h->dispatcher.lock);
    while (h->dispatcher.destroys == 0)
        optly__cond_wait_until(&h->dispatcher.changed, &h->dispatcher.lock,
                               optly__monotonic_ms() + 1000);
    optly__mutex_unlock(&h->dispatcher.lock);
    assert_int_equal(h->dispatcher.attempt_count, 0);
    assert_int_equal(h->reports.events, 0);
    h->processor = NULL;
    host_destroy(h);
    hang_destroy(g);
}

/* --- fork --- */

static void test_a_forked_child_is_told_and_hurts_nothing(void **state)
{
    host *h = host_create();
    int status;
    pid_t child;

    (void)state;
    h->dispatcher.hold = true;
    host_start(h);
    host_add_many(h, 0, 15);
    assert_true(fake_dispatcher_wait(&h->dispatcher, 1));
    child = fork();
    if (child == 0) {
        optly_stats s = optly_stats_default();
        optly_processor *own = NULL;
        optly_processor_config config = optly_processor_config_default();
        fake_dispatcher fake;
        bool good =
            host_add(h, 1) == OPTLY_ERR_FORKED &&
            optly_processor_flush(h->processor, 1000) == OPTLY_ERR_FORKED &&
            optly_processor_close(h->processor, 1000, NULL) ==
                OPTLY_ERR_FORKED &&
            optly_processor_start(h->processor) == OPTLY_ERR_FORKED &&
            optly_processor_run_once(h->processor, 0) == OPTLY_ERR_FORKED &&
            optly_processor_stats(h->processor, &s) == OPTLY_ERR_FORKED &&
            optly_processor_next_deadline_ms(h->processor) == -1;

        optly_processor_destroy(h->processor);
        good = good && h->dispatcher.destroys == 0;
        fake_dispatcher_init(&fake);
        config.dispatcher = fake_dispatcher_as_dispatcher(&fake);
        good =
            good && optly_processor_create(&own, &config, NULL) == OPTLY_OK &&
            (!process_threads_survive_fork() ||
             optly_processor_start(own) == OPTLY_OK) && /* else close drives */
            optly_process_event(own, fake_conversion(h->project, "child")) ==
                OPTLY_OK &&
            optly_processor_close(own, 5000, NULL) == OPTLY_OK;
        optly_processor_destroy(own);
        fake_leave_child(good && fake.attempt_count == 1 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    fake_dispatcher_complete(&h->dispatcher, 0, OPTLY_DELIVERED);
    h->dispatcher.hold = false;
    (void)close_within(h, 5000, OPTLY_OK);
    assert_int_equal(host_stats(h).delivered, 15);
    host_destroy(h);
}

/* --- a driver that is elsewhere --- */

static pthread_t host_thread;
static _Atomic(hang *) allocator_hang; /* NULL: it does not */

static void *hang_in_allocator(size_t size, void *user)
{
    hang *g = atomic_load(&allocator_hang);

    (void)user;
    if (g != NULL && !pthread_equal(pthread_self(), host_thread))
        hang_here(g);
    return malloc(size);
}

static void release_memory(void *memory, void *user)
{
    (void)user;
    free(memory);
}

/* The engine cannot be replaced while it is at work: close waits a second for
 * that, and says what is left. */
static void test_close_returns_although_the_allocator_hangs(void **state)
{
    const optly_allocator allocator = {hang_in_allocator, release_memory, NULL};
    optly_close_report report = optly_close_report_default();
    hang *g = hang_create();
    int64_t before;
    host *h;

    (void)state;
    atomic_store(&allocator_hang, NULL);
    host_thread = pthread_self();
    assert_int_equal(optly_set_allocator(&allocator), OPTLY_OK);
    h = host_create();
    host_start(h);
    atomic_store(&allocator_hang, g);
    host_add_many(h, 0, 17);
    hang_await(g, &g->entered);
    before = optly__monotonic_ms();
    assert_int_equal(optly_processor_close(h->processor, 0, &report),
                     OPTLY_ERR_TIMEOUT);
    assert_in_range(optly__monotonic_ms() - before, 1000, 10000);
    assert_int_equal(report.pending, 17);
    assert_int_equal(report.dropped, 0);

    hang_set(g, &g->released);
    optly_processor_destroy(h->processor);
    assert_int_equal(h->reports.events, 17);
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_CLOSED] +
                         h->reports.by_reason[OPTLY_DROP_NONE],
                     17);
    h->processor = NULL;
    atomic_store(&allocator_hang, NULL);
    host_destroy(h);
    assert_int_equal(optly_set_allocator(NULL), OPTLY_OK);
    hang_destroy(g);
}

static optly_status loop_status;

static void *run_one_round(void *user)
{
    loop_status = optly_processor_run_once(((host *)user)->processor, 0);
    return NULL;
}

/* A round of the host's own loop hangs, and another thread closes. */
static void test_a_round_that_comes_back_after_close_is_told(void **state)
{
    hang *g = hang_create();
    host *h = host_create();
    pthread_t loop;
    optly_close_report report;

    (void)state;
    assert_int_equal(optly_function_dispatcher_create(&h->config.dispatcher,
                                                      hang_in_dispatch, g,
                                                      note_destroyed),
                     OPTLY_OK);
    host_open(h);
    host_add_many(h, 0, 10);
    assert_int_equal(pthread_create(&loop, NULL, run_one_round, h), 0);
    hang_await(g, &g->entered);
    host_add_many(h, 10, 7);
    report = close_within(h, 50, OPTLY_ERR_TIMEOUT);
    assert_int_equal(report.dropped, 7);
    assert_int_equal(report.pending, 10);

    hang_set(g, &g->released);
    (void)pthread_join(loop, NULL);
    assert_int_equal(loop_status, OPTLY_ERR_CLOSED);
    optly_processor_destroy(h->processor);
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_CLOSED], 7);
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_NONE], 10);
    h->processor = NULL;
    host_destroy(h);
    hang_destroy(g);
}

static void test_a_report_that_is_too_short_is_refused(void **state)
{
    host *h = host_create();
    optly_close_report report = {0};

    (void)state;
    host_open(h);
    host_add_many(h, 0, 3);
    assert_int_equal(optly_processor_close(h->processor, 1000, &report),
                     OPTLY_ERR_INVALID);
    assert_int_equal(host_add(h, 3), OPTLY_OK); /* it is not closed */
    assert_int_equal(close_within(h, 5000, OPTLY_OK).delivered, 4);
    host_destroy(h);
}

static bool is_asleep(host *h)
{
    optly__engine *engine = &h->processor->engine;
    bool asleep;

    optly__mutex_lock(&engine->lock);
    asleep = engine->sleep == OPTLY__ASLEEP;
    optly__mutex_unlock(&engine->lock);
    return asleep;
}

static void *run_one_long_round(void *user)
{
    loop_status = optly_processor_run_once(((host *)user)->processor, 60000);
    return NULL;
}

/* The same in what it does after it has slept. */
static void test_a_round_that_is_woken_and_hangs_is_told(void **state)
{
    hang *g = hang_create();
    host *h = host_create();
    pthread_t loop;

    (void)state;
    h->config.batch_size = 1; /* so that the first event is sent */
    assert_int_equal(optly_function_dispatcher_create(&h->config.dispatcher,
                                                      hang_in_dispatch, g,
                                                      note_destroyed),
                     OPTLY_OK);
    host_open(h);
    h->processor->engine.sleep = OPTLY__AWAKE; /* until the round sleeps */
    assert_int_equal(pthread_create(&loop, NULL, run_one_long_round, h), 0);
    while (!is_asleep(h))
        (void)sched_yield();
    host_add_many(h, 0, 17);
    hang_await(g, &g->entered);
    assert_int_equal(close_within(h, 50, OPTLY_ERR_TIMEOUT).dropped, 16);

    hang_set(g, &g->released);
    (void)pthread_join(loop, NULL);
    assert_int_equal(loop_status, OPTLY_ERR_CLOSED);
    optly_processor_destroy(h->processor);
    assert_int_equal(h->reports.events, 17);
    h->processor = NULL;
    host_destroy(h);
    hang_destroy(g);
}

static void hang_in_hook(void *user)
{
    hang_here(user);
}

static void destroy_while_the_start_hook_hangs(int events)
{
    hang *g = hang_create();
    host *h = host_create();
    int64_t before;

    h->config.on_worker_start = hang_in_hook;
    h->config.on_worker_stop = note_stopped;
    h->config.worker_user = g;
    host_start(h);
    hang_await(g, &g->entered);
    host_add_many(h, 0, events);
    before = optly__monotonic_ms();
    optly_processor_destroy(h->processor);
    assert_true(optly__monotonic_ms() - before < SLACK_MS);
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_CLOSED], events);
    assert_int_equal(h->dispatcher.destroys, 0);

    hang_set(g, &g->released);
    hang_await(g, &g->stopped);
    optly__mutex_lock(&h->dispatcher.lock);
    while (h->dispatcher.destroys == 0)
        optly__cond_wait_until(&h->dispatcher.changed, &h->dispatcher.lock,
                               optly__monotonic_ms() + 1000);
    optly__mutex_unlock(&h->dispatcher.lock);
    assert_int_equal(h->dispatcher.attempt_count, 0);
    h->processor = NULL;
    host_destroy(h);
    hang_destroy(g);
}

/* The worker has not begun, and may never do; with or without something that
 * close had to drop in its place. */
static void test_destroy_returns_although_a_worker_hook_hangs(void **state)
{
    (void)state;
    destroy_while_the_start_hook_hangs(17);
    destroy_while_the_start_hook_hangs(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* It changes the allocator; later ones leave threads behind. */
        cmocka_unit_test(test_close_returns_although_the_allocator_hangs),
        cmocka_unit_test(test_close_delivers_what_is_queued),
        cmocka_unit_test(test_close_without_a_worker_drives_by_itself),
        cmocka_unit_test(test_close_on_a_dead_endpoint_ends_in_time),
        cmocka_unit_test(test_close_with_no_time_drops_at_once),
        cmocka_unit_test(test_close_cancels_what_is_under_way),
        cmocka_unit_test(test_a_dispatcher_that_never_answers_is_abandoned),
        cmocka_unit_test(test_destroy_is_close_with_no_time),
        cmocka_unit_test(test_flush_tells_delivered_from_dropped_from_pending),
        cmocka_unit_test(test_several_threads_flush_and_add_and_all_is_counted),
        cmocka_unit_test(test_close_races_with_producers_and_itself),
        cmocka_unit_test(test_close_returns_although_the_dispatcher_hangs),
        cmocka_unit_test(test_a_dispatcher_that_comes_back_after_close_counts),
        cmocka_unit_test(test_only_destroy_with_a_hanging_dispatcher_returns),
        cmocka_unit_test(test_close_returns_although_a_callback_hangs),
        cmocka_unit_test(test_a_forked_child_is_told_and_hurts_nothing),
        cmocka_unit_test(test_a_round_that_comes_back_after_close_is_told),
        cmocka_unit_test(test_a_report_that_is_too_short_is_refused),
        cmocka_unit_test(test_a_round_that_is_woken_and_hangs_is_told),
        cmocka_unit_test(test_destroy_returns_although_a_worker_hook_hangs),
    };

    return cmocka_run_group_tests_name("closing", tests, NULL, NULL);
}
