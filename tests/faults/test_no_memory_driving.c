/*
 * Every allocation fails while events are on their way: none that was accepted
 * is lost, the books balance all the while, and what comes after is delivered.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/events.h"
#include "fakes/failing_allocator.h"
#include "faults/fault_point.h"
#include "faults/list_queue.h"
#include "faults/stand.h"

static void build_and_process(fault_point *point)
{
    stand s;

    stand_init(&s);
    stand_open(&s);
    fault_begin(point);
    for (int i = 0; i < 30; i++) {
        optly_status status = stand_add(&s, s.project, i);

        assert_true(status == OPTLY_OK || status == OPTLY_ERR_NO_MEMORY);
    }
    fault_end(point);
    assert_int_equal(s.accepted + s.refused, 30);
    assert_int_equal(s.refused > 0, point->hit);
    stand_check_books(&s);
    stand_finish(&s, 0);
}

static void start(fault_point *point)
{
    optly_status status;
    stand s;

    stand_init(&s);
    stand_open(&s);
    stand_add_many(&s, 0, 15);
    fault_begin(point);
    status = optly_processor_start(s.processor);
    fault_end(point);

    /* The worker may have been the one that was hit. */
    assert_true(status == OPTLY_OK || point->hit);
    if (status != OPTLY_OK) {
        assert_int_equal(status, OPTLY_ERR_IO);
        assert_int_equal(optly_processor_start(s.processor), OPTLY_OK);
    }
    stand_finish(&s, 0);
}

static void batch(fault_point *point)
{
    optly_project *others[3] = {fake_project_of("2", "US"),
                                fake_project_of("3", "EU"),
                                fake_project_of("4", "EU")};
    stand s;

    stand_init(&s);
    stand_open(&s);
    for (int i = 0; i < 60; i++)
        assert_int_equal(
            stand_add(&s, i % 4 ? others[i % 4 - 1] : s.project, i), OPTLY_OK);
    fault_begin(point);
    stand_run(&s, 3);
    fault_end(point);
    stand_finish(&s, 0);
    for (int i = 0; i < 3; i++)
        optly_project_destroy(others[i]);
}

static void dispatch_by_threads(fault_point *point)
{
    optly_dispatcher inner;
    stand s;

    stand_init(&s);
    inner = s.config.dispatcher;
    assert_int_equal(
        optly_queue_dispatcher_create(&s.config.dispatcher, inner, NULL, NULL),
        OPTLY_OK);
    stand_open(&s);
    stand_add_many(&s, 0, 40);
    fault_begin(point);
    stand_run(&s, 5);
    fault_end(point);
    stand_finish(&s, 0);
}

/* A dispatcher around another one, with deliveries of its own. */
typedef struct wrapper {
    optly_dispatcher inner;
    optly_delivery outer;
} wrapper;

static void pass_on(const optly_dispatch_result *result, void *user)
{
    optly_delivery_complete(((wrapper *)user)->outer, result);
}

static void wrap_dispatch(void *self, const optly_log_event *event,
                          optly_delivery delivery)
{
    wrapper *w = self;
    optly_delivery inner;

    w->outer = delivery;
    if (optly_delivery_create(&inner, pass_on, w) != OPTLY_OK)
        optly_delivery_complete(delivery, NULL);
    else
        w->inner.ops->dispatch(w->inner.self, event, inner);
}

static void wrap_destroy(void *self)
{
    optly_dispatcher_destroy(&((wrapper *)self)->inner);
}

static void dispatch_through_a_wrapper(fault_point *point)
{
    static const optly_dispatcher_ops ops = {.struct_size = sizeof(ops),
                                             .dispatch = wrap_dispatch,
                                             .destroy = wrap_destroy};
    wrapper w;
    stand s;

    stand_init(&s);
    w.inner = s.config.dispatcher;
    s.config.dispatcher = (optly_dispatcher){&ops, &w};
    stand_open(&s);
    stand_add_many(&s, 0, 25);
    fault_begin(point);
    stand_run(&s, 4);
    fault_end(point);
    stand_finish(&s, 0);
}

static void retry(fault_point *point)
{
    stand s;

    stand_init(&s);
    stand_open(&s);
    stand_add_many(&s, 0, 30);
    atomic_store(&s.retries, 6);
    fault_begin(point);
    for (int i = 0; i < 12; i++) {
        /* The backoff is a millisecond at most. */
        assert_int_equal(optly_processor_run_once(s.processor, 2), OPTLY_OK);
        stand_check_books(&s);
    }
    fault_end(point);
    stand_finish(&s, 0);
}

static void bisect(fault_point *point)
{
    stand s;

    stand_init(&s);
    s.poison = "visitor-7.";
    stand_open(&s);
    stand_add_many(&s, 0, 20);
    fault_begin(point);
    stand_run(&s, 8);
    fault_end(point);
    stand_finish(&s, 1);
}

static void flush(fault_point *point)
{
    optly_status status;
    stand s;

    stand_init(&s);
    stand_open(&s);
    assert_int_equal(optly_processor_start(s.processor), OPTLY_OK);
    stand_add_many(&s, 0, 12);
    fault_begin(point);
    status = optly_processor_flush(s.processor, point->for_good ? 200 : 20000);
    fault_end(point);

    if (status != OPTLY_OK)
        assert_true(status == OPTLY_ERR_TIMEOUT && point->for_good);
    stand_finish(&s, 0);
}

/* Memory that comes back lets close deliver; else it drops by name, in time. */
static void close_down(fault_point *point)
{
    optly_close_report report = optly_close_report_default();
    optly_status status;
    stand s;

    stand_init(&s);
    stand_open(&s);
    stand_add_many(&s, 0, 25);
    fault_begin(point);
    status = optly_processor_close(s.processor, point->for_good ? 5 : 20000,
                                   &report);
    fault_end(point);

    if (status != OPTLY_OK)
        assert_true(status == OPTLY_ERR_TIMEOUT && point->for_good);
    assert_int_equal(status == OPTLY_OK,
                     atomic_load(&s.dropped[OPTLY_DROP_CLOSED]) == 0);
    assert_int_equal(report.delivered, atomic_load(&s.delivered));
    assert_int_equal(report.dropped, stand_dropped(&s));
    assert_int_equal(report.delivered + report.dropped, 25);
    stand_check_books(&s);
    stand_cleanup(&s);
}

static void ignore_batch(const optly_log_event *event, void *user)
{
    (void)event;
    (*(int *)user)++;
}

static void ignore_report(const optly_delivery_report *report, void *user)
{
    (void)report;
    (*(int *)user)++;
}

static void handlers(fault_point *point)
{
    int calls = 0, first = -1, second = -1;
    optly_status status;
    stand s;

    stand_init(&s);
    stand_open(&s);
    fault_begin(point);
    status = optly_processor_on_event_dispatch(s.processor, ignore_batch,
                                               &calls, &first);
    if (status == OPTLY_OK)
        status = optly_processor_on_delivery(s.processor, ignore_report, &calls,
                                             &second);
    fault_end(point);

    fault_expect(point, status, OPTLY_ERR_NO_MEMORY);
    stand_add_many(&s, 0, 10);
    stand_run(&s, 2);
    assert_int_equal(calls, (first >= 0) + (second >= 0));
    assert_int_equal(
        optly_processor_remove_on_event_dispatch(s.processor, first),
        first >= 0 ? OPTLY_OK : OPTLY_ERR_NOT_FOUND);
    assert_int_equal(optly_processor_remove_on_delivery(s.processor, second),
                     second >= 0 ? OPTLY_OK : OPTLY_ERR_NOT_FOUND);
    stand_finish(&s, 0);
}

static void count_metric(const char *name, double value, void *user)
{
    (void)name;
    (void)value;
    (*(int *)user)++;
}

/* A full queue that displaces, with metrics and deadlines looked at. */
static void displace_and_look_on(fault_point *point)
{
    optly_metrics metrics = {sizeof(metrics), count_metric, count_metric, NULL};
    int calls = 0;
    stand s;

    stand_init(&s);
    metrics.user = &calls;
    s.config.queue_size = 20;
    s.config.overflow = OPTLY_OVERFLOW_DROP_OLDEST;
    s.config.metrics = &metrics;
    stand_open(&s);
    stand_add_many(&s, 0, 20);
    fault_begin(point);
    (void)stand_add(&s, s.project, 20);
    (void)optly_processor_next_deadline_ms(s.processor);
    stand_run(&s, 3);
    fault_end(point);
    assert_true(calls > 0);
    /* Room first, so that what comes next displaces nothing. */
    assert_int_not_equal(optly_processor_flush(s.processor, 20000),
                         OPTLY_ERR_TIMEOUT);
    stand_finish(&s, s.accepted - 20);
}

/* Events that were saved come back by a host's queue, and more are added. */
static void recover(fault_point *point)
{
    static unsigned char saved[4096];
    list_queue queue = {NULL, 0};
    optly_user_event *event;
    optly_processor *processor;
    optly_status status;
    size_t size;
    stand s;

    stand_init(&s);
    event = fake_conversion(s.project, "before");
    size = optly_user_event_save(event, saved, sizeof(saved));
    optly_user_event_destroy(event);
    assert_true(size <= sizeof(saved));
    s.config.queue = (optly_queue){&list_queue_ops, &queue};

    fault_begin(point);
    for (int i = 0; i < 5; i++) {
        if (optly_user_event_restore(&event, saved, size, NULL) != OPTLY_OK)
            continue;
        if (list_queue_ops.add(&queue, event) == OPTLY_OK)
            s.accepted++;
        else
            optly_user_event_destroy(event);
    }
    status = optly_processor_create(&processor, &s.config, NULL);
    fault_end(point);

    if (status != OPTLY_OK) { /* the queue and the dispatcher were taken */
        assert_int_equal(status, OPTLY_ERR_NO_MEMORY);
        assert_int_equal(queue.count, 0);
        stand_cleanup(&s);
        return;
    }
    optly_processor_destroy(processor);
    stand_cleanup(&s);
}

static void process_by_a_hosts_queue(fault_point *point)
{
    list_queue queue = {NULL, 0};
    stand s;

    stand_init(&s);
    s.config.queue = (optly_queue){&list_queue_ops, &queue};
    stand_open(&s);
    fault_begin(point);
    for (int i = 0; i < 15; i++) {
        optly_status status = stand_add(&s, s.project, i);

        assert_true(status == OPTLY_OK || status == OPTLY_ERR_NO_MEMORY);
    }
    stand_run(&s, 2);
    fault_end(point);
    stand_finish(&s, 0);
}

enum { PRODUCERS = 4, EVENTS = 60 };

typedef struct producer {
    pthread_t thread;
    stand *stand;
    unsigned accepted;
} producer;

static void *produce(void *user)
{
    producer *p = user;
    stand mine = {.processor = p->stand->processor};

    for (int i = 0; i < EVENTS; i++)
        (void)stand_add(&mine, p->stand->project, i);
    p->accepted = mine.accepted;
    return NULL;
}

static void worker_beside_four_producers(fault_point *point)
{
    producer producers[PRODUCERS];
    stand s;

    stand_init(&s);
    stand_open(&s);
    atomic_store(&s.retries, 5);
    assert_int_equal(optly_processor_start(s.processor), OPTLY_OK);
    fault_begin(point);
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (producer){.stand = &s};
        assert_int_equal(
            pthread_create(&producers[i].thread, NULL, produce, &producers[i]),
            0);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        (void)pthread_join(producers[i].thread, NULL);
        s.accepted += producers[i].accepted;
    }
    stand_check_books(&s);
    fault_end(point);
    stand_finish(&s, 0);
}

static void test_no_accepted_event_is_lost(void **state)
{
    static const struct {
        const char *name;
        fault_scenario run;
    } scenarios[] = {
        {"build and process", build_and_process},
        {"start", start},
        {"batch", batch},
        {"dispatch by threads", dispatch_by_threads},
        {"dispatch by a wrapper", dispatch_through_a_wrapper},
        {"retry", retry},
        {"bisect", bisect},
        {"flush", flush},
        {"close", close_down},
        {"handlers", handlers},
        {"displace, stats, metrics", displace_and_look_on},
        {"restore into a queue", recover},
        {"a host's queue", process_by_a_hosts_queue},
        {"worker, four producers", worker_beside_four_producers},
    };

    (void)state;
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        (void)fault_run(&fault_memory, scenarios[i].name, scenarios[i].run);
    assert_int_equal(failing_allocator_remove(), 0);
    fault_print_total("allocations, driving");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_accepted_event_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
