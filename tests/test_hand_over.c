/*
 * Close and destroy beside a driver that is slow or stuck in foreign code, and
 * comes back at a bad moment: each event is reported and counted once.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/host.h"
#include "processor/processor.h"

enum { PATIENCE_MS = 5000 };

/* What a test and the threads of its processor tell each other. */
typedef struct stage {
    host *host;
    atomic_bool entered, released, stopped;
    double pending_gauge; /* as the metrics hook saw it last */
    double dropped;
    optly_status status;
    int wakes; /* of on_wake, at the last dispatch */
    optly_processor *worker_of;
} stage;

static bool wait_for(atomic_bool *flag)
{
    int64_t until = optly__monotonic_ms() + PATIENCE_MS;

    while (!atomic_load(flag) && optly__monotonic_ms() < until)
        (void)sched_yield();
    return atomic_load(flag);
}

/* Waits until the driver is at a place. */
static bool wait_for_place(stage *s, optly__place place)
{
    optly__engine *engine = &s->host->processor->engine;
    int64_t until = optly__monotonic_ms() + PATIENCE_MS;
    bool there = false;

    while (!there && optly__monotonic_ms() < until) {
        optly__mutex_lock(&engine->lock);
        there = engine->place == place;
        optly__mutex_unlock(&engine->lock);
        (void)sched_yield();
    }
    return there;
}

static stage *stage_create(void)
{
    stage *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    s->host = host_create();
    s->host->config.batch_size = 1;
    return s;
}

static void stage_destroy(stage *s)
{
    host_destroy(s->host);
    free(s);
}

static void destroy_processor(stage *s)
{
    optly_processor_destroy(s->host->processor);
    s->host->processor = NULL;
}

static void note_stopped(void *user)
{
    atomic_store(&((stage *)user)->stopped, true);
}

static void note_gauge(const char *name, double value, void *user)
{
    (void)name;
    ((stage *)user)->pending_gauge = value;
}

static void note_counter(const char *name, double delta, void *user)
{
    if (strcmp(name, "processor.dropped") == 0)
        ((stage *)user)->dropped += delta;
}

/* --- a callback that returns after close has counted for it --- */

static void hold_the_first(fake_dispatcher *fake)
{
    fake->hold = fake->attempt_count == 1;
}

static void block_on_delivered(const optly_delivery_report *report, void *user)
{
    stage *s = user;

    if (report->reason != OPTLY_DROP_NONE)
        return;
    atomic_store(&s->entered, true);
    (void)wait_for(&s->released);
}

static void test_a_late_callback_does_not_spoil_what_is_abandoned(void **state)
{
    stage *s = stage_create();
    const optly_metrics metrics = {sizeof(metrics), note_counter, note_gauge,
                                   s};

    (void)state;
    s->host->dispatcher.on_dispatch = hold_the_first;
    s->host->config.metrics = &metrics;
    s->host->config.on_worker_stop = note_stopped;
    s->host->config.worker_user = s;
    host_start(s->host);
    assert_int_equal(optly_processor_on_delivery(s->host->processor,
                                                 block_on_delivered, s, NULL),
                     OPTLY_OK);
    host_add_many(s->host, 0, 2); /* one is held, one is delivered */
    assert_true(wait_for(&s->entered));
    assert_int_equal(optly_processor_close(s->host->processor, 0, NULL),
                     OPTLY_ERR_TIMEOUT);

    atomic_store(&s->released, true);
    assert_true(wait_for_place(s, OPTLY__WAITING));
    destroy_processor(s);
    assert_int_equal(s->host->reports.by_reason[OPTLY_DROP_NONE], 1);
    assert_int_equal(s->host->reports.by_reason[OPTLY_DROP_ABANDONED], 1);
    if (atomic_load(&s->stopped)) { /* else the worker tells the hook, later */
        assert_true(s->pending_gauge == 0);
        assert_true(s->dropped == 1);
    }
    stage_destroy(s);
}

static void
test_what_close_counted_is_reported_when_the_callback_is_back(void **state)
{
    stage *s = stage_create();
    optly_close_report report = optly_close_report_default();
    optly_stats stats;

    (void)state;
    s->host->config.max_in_flight = 1;
    s->host->config.on_worker_stop = note_stopped;
    s->host->config.worker_user = s;
    host_start(s->host);
    assert_int_equal(optly_processor_on_delivery(s->host->processor,
                                                 block_on_delivered, s, NULL),
                     OPTLY_OK);
    host_add_many(s->host, 0, 1);
    assert_true(wait_for(&s->entered));
    host_add_many(s->host, 1, 200);
    assert_int_equal(optly_processor_close(s->host->processor, 0, &report),
                     OPTLY_ERR_TIMEOUT);
    assert_int_equal(report.delivered, 1); /* it is in its report */
    assert_int_equal(report.dropped, 200);
    assert_int_equal(report.pending, 0);

    atomic_store(&s->released, true);
    assert_true(wait_for(&s->stopped));
    stats = host_stats(s->host);
    assert_int_equal(stats.delivered, 1); /* not counted again */
    assert_int_equal(stats.dropped[OPTLY_DROP_CLOSED], 200);
    destroy_processor(s);
    assert_int_equal(s->host->reports.by_reason[OPTLY_DROP_NONE], 1);
    assert_int_equal(s->host->reports.by_reason[OPTLY_DROP_CLOSED], 200);
    stage_destroy(s);
}

/* --- a dispatcher that returns while destroy reports for it --- */

static void block_in_dispatch(fake_dispatcher *fake)
{
    stage *s = fake->user;

    atomic_store(&s->entered, true);
    (void)wait_for(&s->released);
}

/* The worker is through before destroy goes on. */
static void release_on_abandoned(const optly_delivery_report *report,
                                 void *user)
{
    stage *s = user;
    optly_processor *processor = s->host->processor;
    int64_t until = optly__monotonic_ms() + PATIENCE_MS;
    bool exited = false;

    if (report->reason != OPTLY_DROP_ABANDONED || atomic_load(&s->released))
        return;
    atomic_store(&s->released, true);
    while (!exited && optly__monotonic_ms() < until) {
        optly__mutex_lock(&processor->engine.lock);
        exited = processor->exited;
        optly__mutex_unlock(&processor->engine.lock);
        (void)sched_yield();
    }
}

static void test_a_dispatch_that_ends_during_destroy_counts_once(void **state)
{
    stage *s = stage_create();

    (void)state;
    s->host->dispatcher.on_dispatch = block_in_dispatch;
    s->host->dispatcher.user = s;
    host_start(s->host);
    assert_int_equal(optly_processor_on_delivery(s->host->processor,
                                                 release_on_abandoned, s, NULL),
                     OPTLY_OK);
    host_add_many(s->host, 0, 1);
    assert_true(wait_for(&s->entered));

    destroy_processor(s);
    assert_int_equal(s->host->reports.by_reason[OPTLY_DROP_ABANDONED], 1);
    assert_int_equal(s->host->reports.events, 1);
    stage_destroy(s);
}

/* --- a takeover just after a batch has left --- */

/* Flags that order nothing between threads: under a race detector, what the
 * driver does to the engine once it counts as gone shows as a race. */
typedef struct quiet_dispatcher {
    atomic_bool entered, released;
} quiet_dispatcher;

static void quiet_dispatch(void *self, const optly_log_event *event,
                           optly_delivery delivery)
{
    quiet_dispatcher *quiet = self;
    int64_t until = optly__monotonic_ms() + PATIENCE_MS;

    (void)event;
    (void)delivery;
    atomic_store_explicit(&quiet->entered, true, memory_order_relaxed);
    while (!atomic_load_explicit(&quiet->released, memory_order_relaxed) &&
           optly__monotonic_ms() < until)
        (void)sched_yield();
}

static void quiet_destroy(void *self)
{
    (void)self;
}

static const optly_dispatcher_ops quiet_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = quiet_dispatch,
    .destroy = quiet_destroy,
};

static void test_a_driver_in_dispatch_has_let_go_of_the_engine(void **state)
{
    stage *s = stage_create();
    optly_close_report report = optly_close_report_default();
    quiet_dispatcher quiet = {false, false};
    int64_t until = optly__monotonic_ms() + PATIENCE_MS;

    (void)state;
    s->host->config.dispatcher.ops = &quiet_ops;
    s->host->config.dispatcher.self = &quiet;
    host_start(s->host);
    host_add_many(s->host, 0, 3);
    while (!atomic_load_explicit(&quiet.entered, memory_order_relaxed) &&
           optly__monotonic_ms() < until)
        (void)sched_yield();

    assert_int_equal(optly_processor_close(s->host->processor, 0, &report),
                     OPTLY_ERR_TIMEOUT);
    assert_int_equal(report.pending, 1);
    assert_int_equal(s->host->reports.by_reason[OPTLY_DROP_CLOSED], 2);
    atomic_store_explicit(&quiet.released, true, memory_order_relaxed);
    optly_processor_destroy(s->host->processor);
    s->host->processor = NULL;
    stage_destroy(s);
}

/* --- a batch that leaves just after cancel --- */

static void wait_for_cancel(const optly_log_event *event, void *user)
{
    stage *s = user;
    int64_t until = optly__monotonic_ms() + PATIENCE_MS;
    bool cancelled = false;

    (void)event;
    atomic_store(&s->entered, true);
    while (!cancelled && optly__monotonic_ms() < until) {
        optly__mutex_lock(&s->host->dispatcher.lock);
        cancelled = s->host->dispatcher.cancels > 0;
        optly__mutex_unlock(&s->host->dispatcher.lock);
        (void)sched_yield();
    }
}

static void test_no_batch_leaves_uncancelled_after_cancel(void **state)
{
    stage *s = stage_create();
    optly_close_report report = optly_close_report_default();

    (void)state;
    s->host->dispatcher.hold = true;
    s->host->dispatcher.complete_on_cancel = true;
    host_start(s->host);
    assert_int_equal(optly_processor_on_event_dispatch(
                         s->host->processor, wait_for_cancel, s, NULL),
                     OPTLY_OK);
    host_add_many(s->host, 0, 1);
    assert_true(wait_for(&s->entered));

    assert_int_equal(optly_processor_close(s->host->processor, 0, &report),
                     OPTLY_ERR_TIMEOUT);
    assert_int_equal(report.pending, 0);
    assert_int_equal(report.dropped, 1);
    stage_destroy(s);
}

/* --- a log hook that blocks --- */

static void block_in_log(optly_log_level level, const char *message, void *user)
{
    stage *s = user;

    (void)level;
    (void)message;
    atomic_store(&s->entered, true);
    (void)wait_for(&s->released);
}

static void *close_at_once(void *user)
{
    stage *s = user;

    (void)optly_processor_close(s->host->processor, 0, NULL);
    atomic_store(&s->stopped, true);
    return NULL;
}

static void test_close_does_not_wait_for_the_log(void **state)
{
    stage *s = stage_create();
    int64_t until;
    pthread_t thread;
    bool in_time;

    (void)state;
    s->host->dispatcher.otherwise = OPTLY_RETRY; /* "delivery fails" */
    s->host->config.log = block_in_log;
    s->host->config.log_user = s;
    host_start(s->host);
    host_add_many(s->host, 0, 2);
    assert_true(wait_for(&s->entered));

    until = optly__monotonic_ms() + 1000; /* 100 are promised */
    assert_int_equal(pthread_create(&thread, NULL, close_at_once, s), 0);
    while (!atomic_load(&s->stopped) && optly__monotonic_ms() < until)
        (void)sched_yield();
    in_time = atomic_load(&s->stopped);
    atomic_store(&s->released, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(in_time);
    stage_destroy(s);
}

/* --- the hooks of the worker --- */

static void flush_and_close(void *user)
{
    stage *s = user;

    while (s->host->processor == NULL)
        (void)sched_yield();
    s->status = optly_processor_flush(s->host->processor, 30);
    if (s->status == OPTLY_ERR_WOULD_DEADLOCK)
        s->status = optly_processor_close(s->host->processor, 30, NULL);
    atomic_store(&s->entered, true);
}

static void test_on_worker_start_cannot_wait_for_its_own_worker(void **state)
{
    stage *s = stage_create();

    (void)state;
    s->host->config.on_worker_start = flush_and_close;
    s->host->config.worker_user = s;
    host_open(s->host);
    host_add_many(s->host, 0, 1);
    assert_int_equal(optly_processor_start(s->host->processor), OPTLY_OK);
    assert_true(wait_for(&s->entered));
    assert_int_equal(s->status, OPTLY_ERR_WOULD_DEADLOCK);
    stage_destroy(s);
}

/* A worker that is late, as on a machine with too much to do: it comes when
 * destroy has waited for long. */
static void work_late(void *user)
{
    stage *s = user;
    int64_t until;

    while (!atomic_load(&s->entered))
        (void)sched_yield();
    until = optly__monotonic_ms() + 150;
    while (optly__monotonic_ms() < until)
        (void)sched_yield();
    optly__processor_run_worker(s->worker_of);
}

static void test_destroy_does_not_leave_a_late_worker_behind(void **state)
{
    stage *s = stage_create();
    optly_processor *processor;

    (void)state;
    host_open(s->host);
    processor = s->host->processor;
    s->worker_of = processor;
    assert_true(
        optly__thread_start(&processor->worker, work_late, s, 0, "late"));
    processor->started = true;
    atomic_store(&s->entered, true);

    destroy_processor(s);
    assert_int_equal(s->host->dispatcher.destroys, 1); /* not later */
    stage_destroy(s);
}

/* --- a queue dispatcher whose function is stuck --- */

static optly_outcome read_late(const optly_log_event *event,
                               optly_dispatch_result *result, void *user)
{
    stage *s = user;

    (void)result;
    atomic_store(&s->entered, true);
    (void)wait_for(&s->released);
    /* The delivery is open, and no destroy of this dispatcher has returned. */
    return event->body[0] == '{' &&
                   optly_user_event_json_len(event->events[0]) > 0
               ? OPTLY_DELIVERED
               : OPTLY_RETRY;
}

static void release_function(void *user)
{
    atomic_store(&((stage *)user)->stopped, true);
}

static void
test_a_stuck_function_may_read_its_batch_till_it_returns(void **state)
{
    stage *s = stage_create();
    optly_dispatcher function, queue;

    (void)state;
    assert_int_equal(optly_function_dispatcher_create(&function, read_late, s,
                                                      release_function),
                     OPTLY_OK);
    assert_int_equal(
        optly_queue_dispatcher_create(&queue, function, NULL, NULL), OPTLY_OK);
    s->host->config.dispatcher = queue;
    host_start(s->host);
    host_add_many(s->host, 0, 1);
    assert_true(wait_for(&s->entered));

    destroy_processor(s);
    atomic_store(&s->released, true);
    assert_true(wait_for(&s->stopped));
    assert_int_equal(s->host->reports.events, 1);
    stage_destroy(s);
}

/* An inner dispatcher may hold its attempts until its destroy. */
static void test_a_queue_dispatcher_frees_jobs_that_never_end(void **state)
{
    stage *s = stage_create();
    optly_dispatcher queue;

    (void)state;
    s->host->dispatcher.hold = true;
    assert_int_equal(optly_queue_dispatcher_create(
                         &queue,
                         fake_dispatcher_as_dispatcher(&s->host->dispatcher),
                         NULL, NULL),
                     OPTLY_OK);
    s->host->config.dispatcher = queue;
    host_start(s->host);
    host_add_many(s->host, 0, 1);
    assert_true(fake_dispatcher_wait(&s->host->dispatcher, 1));

    destroy_processor(s); /* the leak checker sees what is left */
    assert_int_equal(s->host->reports.events, 1);
    stage_destroy(s);
}

/* --- a host's loop, and a flush on another thread --- */

static void note_wakes(fake_dispatcher *fake)
{
    stage *s = fake->user;

    s->wakes = s->host->wakes;
}

/* The loop may have asked for the deadline before, or been refused beside the
 * flush: it has to come by again for the retry. */
static void test_a_flush_that_leaves_work_behind_wakes_the_loop(void **state)
{
    stage *s = stage_create();

    (void)state;
    s->host->dispatcher.otherwise = OPTLY_RETRY;
    s->host->dispatcher.on_dispatch = note_wakes;
    s->host->dispatcher.user = s;
    host_open(s->host);
    host_add_many(s->host, 0, 1);
    assert_int_equal(optly_processor_flush(s->host->processor, 0),
                     OPTLY_ERR_TIMEOUT);

    assert_int_equal(fake_dispatcher_count(&s->host->dispatcher), 1);
    assert_true(s->host->wakes > s->wakes);
    stage_destroy(s);
}

/* Waits for the turn of a run_once on another thread. */
static bool wait_for_loop(stage *s)
{
    optly_processor *processor = s->host->processor;
    int64_t until = optly__monotonic_ms() + PATIENCE_MS;
    bool looping = false;

    while (!looping && optly__monotonic_ms() < until) {
        optly__mutex_lock(&processor->engine.lock);
        looping = processor->looping;
        optly__mutex_unlock(&processor->engine.lock);
        (void)sched_yield();
    }
    return looping;
}

static void *run_without_limit(void *user)
{
    stage *s = user;

    s->status = optly_processor_run_once(s->host->processor, -1);
    atomic_store(&s->stopped, true);
    return NULL;
}

static void *flush_long(void *user)
{
    stage *s = user;

    (void)optly_processor_flush(s->host->processor, PATIENCE_MS);
    return NULL;
}

static void *close_with_time(void *user)
{
    stage *s = user;

    (void)optly_processor_close(s->host->processor, PATIENCE_MS, NULL);
    return NULL;
}

/* A run_once waits for its turn beside a call that drives; then `go_on`, and
 * the call ends, and so does run_once. */
static void run_once_beside(stage *s, void *(*drive)(void *),
                            void (*go_on)(stage *))
{
    pthread_t driver, loop;

    s->host->dispatcher.on_dispatch = block_in_dispatch;
    s->host->dispatcher.user = s;
    host_open(s->host);
    host_add_many(s->host, 0, 1);
    assert_int_equal(pthread_create(&driver, NULL, drive, s), 0);
    assert_true(wait_for(&s->entered));
    assert_int_equal(pthread_create(&loop, NULL, run_without_limit, s), 0);
    assert_true(wait_for_loop(s));

    if (go_on != NULL)
        go_on(s);
    atomic_store(&s->released, true);
    assert_int_equal(pthread_join(driver, NULL), 0);
    assert_true(wait_for(&s->stopped));
    assert_int_equal(pthread_join(loop, NULL), 0);
    assert_int_equal(s->host->reports.events, 1);
}

static void test_a_loop_that_waits_beside_close_ends_with_it(void **state)
{
    stage *s = stage_create();

    (void)state;
    run_once_beside(s, close_with_time, NULL);
    assert_int_equal(s->status, OPTLY_ERR_CLOSED);
    stage_destroy(s);
}

/* A dispatcher whose first wake returns when the loop has come round. */
typedef struct polled_dispatcher {
    atomic_int polls, wakes;
    atomic_bool woken;
} polled_dispatcher;

static void polled_poll(void *self, int timeout_ms)
{
    polled_dispatcher *polled = self;
    int64_t until = optly__monotonic_ms() + 2 * PATIENCE_MS;

    atomic_fetch_add(&polled->polls, 1);
    while (timeout_ms != 0 && !atomic_exchange(&polled->woken, false) &&
           optly__monotonic_ms() < until)
        (void)sched_yield();
}

static void polled_wake(void *self)
{
    polled_dispatcher *polled = self;
    int64_t until = optly__monotonic_ms() + PATIENCE_MS;
    int polls = atomic_load(&polled->polls);

    atomic_store(&polled->woken, true);
    if (atomic_fetch_add(&polled->wakes, 1) > 0)
        return;
    while (atomic_load(&polled->polls) == polls &&
           optly__monotonic_ms() < until)
        (void)sched_yield();
}

static const optly_dispatcher_ops polled_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = quiet_dispatch,
    .poll = polled_poll,
    .wake = polled_wake,
    .destroy = quiet_destroy,
};

static void *run_while_open(void *user)
{
    stage *s = user;

    do
        s->status = optly_processor_run_once(s->host->processor, -1);
    while (s->status == OPTLY_OK);
    atomic_store(&s->stopped, true);
    return NULL;
}

static void test_a_loop_does_not_sleep_through_the_end_of_close(void **state)
{
    stage *s = stage_create();
    polled_dispatcher polled = {0, 0, false};
    pthread_t loop;

    (void)state;
    s->host->config.dispatcher.ops = &polled_ops;
    s->host->config.dispatcher.self = &polled;
    host_open(s->host);
    assert_int_equal(pthread_create(&loop, NULL, run_while_open, s), 0);
    assert_true(wait_for_place(s, OPTLY__IN_DISPATCHER));

    assert_int_equal(optly_processor_close(s->host->processor, 0, NULL),
                     OPTLY_OK);
    assert_true(wait_for(&s->stopped));
    assert_int_equal(pthread_join(loop, NULL), 0);
    assert_int_equal(s->status, OPTLY_ERR_CLOSED);
    assert_int_equal(optly_processor_next_deadline_ms(s->host->processor), -1);
    destroy_processor(s);
    stage_destroy(s);
}

static void *flush_on_and_on(void *user)
{
    stage *s = user;

    s->status = optly_processor_flush(s->host->processor, 2 * PATIENCE_MS);
    atomic_store(&s->stopped, true);
    return NULL;
}

/* With a worker it does not wait on either. */
static void test_a_flush_that_drives_ends_with_close(void **state)
{
    stage *s = stage_create();
    pthread_t thread;

    (void)state;
    s->host->dispatcher.hold = true;
    host_open(s->host);
    host_add_many(s->host, 0, 1);
    assert_int_equal(pthread_create(&thread, NULL, flush_on_and_on, s), 0);
    assert_true(fake_dispatcher_wait(&s->host->dispatcher, 1));

    assert_int_equal(optly_processor_close(s->host->processor, 0, NULL),
                     OPTLY_ERR_TIMEOUT);
    assert_true(wait_for(&s->stopped));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(s->status, OPTLY_ERR_TIMEOUT);
    stage_destroy(s);
}

static void start_worker(stage *s)
{
    assert_int_equal(optly_processor_start(s->host->processor), OPTLY_OK);
}

static void test_a_loop_that_waits_beside_flush_ends_with_start(void **state)
{
    stage *s = stage_create();

    (void)state;
    run_once_beside(s, flush_long, start_worker);
    assert_int_equal(s->status, OPTLY_ERR_INVALID);
    stage_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_late_callback_does_not_spoil_what_is_abandoned),
        cmocka_unit_test(
            test_what_close_counted_is_reported_when_the_callback_is_back),
        cmocka_unit_test(test_a_dispatch_that_ends_during_destroy_counts_once),
        cmocka_unit_test(test_a_driver_in_dispatch_has_let_go_of_the_engine),
        cmocka_unit_test(test_no_batch_leaves_uncancelled_after_cancel),
        cmocka_unit_test(test_close_does_not_wait_for_the_log),
        cmocka_unit_test(test_on_worker_start_cannot_wait_for_its_own_worker),
        cmocka_unit_test(test_destroy_does_not_leave_a_late_worker_behind),
        cmocka_unit_test(
            test_a_stuck_function_may_read_its_batch_till_it_returns),
        cmocka_unit_test(test_a_queue_dispatcher_frees_jobs_that_never_end),
        cmocka_unit_test(test_a_flush_that_leaves_work_behind_wakes_the_loop),
        cmocka_unit_test(test_a_loop_does_not_sleep_through_the_end_of_close),
        cmocka_unit_test(test_a_flush_that_drives_ends_with_close),
        cmocka_unit_test(test_a_loop_that_waits_beside_close_ends_with_it),
        cmocka_unit_test(test_a_loop_that_waits_beside_flush_ends_with_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
