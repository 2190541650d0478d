/* The processor from outside: acceptance, bounds, callbacks, the books. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/host.h"

static void test_a_started_processor_delivers(void **state)
{
    host *h = host_create();

    (void)state;
    host_start(h);
    host_add_many(h, 0, 25);
    assert_int_equal(optly_processor_flush(h->processor, 5000), OPTLY_OK);
    assert_int_equal(host_stats(h).delivered, 25);
    assert_int_equal(h->reports.events, 25);
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_NONE], 25);
    host_destroy(h);
}

static void test_before_start_events_only_queue_up(void **state)
{
    host *h = host_create();

    (void)state;
    host_open(h);
    host_add_many(h, 0, 100);
    assert_int_equal(fake_dispatcher_count(&h->dispatcher), 0);
    assert_int_equal(host_stats(h).queued, 100);

    assert_int_equal(optly_processor_start(h->processor), OPTLY_OK);
    assert_true(host_wait_settled(h, 100));
    host_destroy(h);
}

static void test_a_full_batch_needs_no_flush(void **state)
{
    host *h = host_create();

    (void)state;
    host_start(h);
    host_add_many(h, 0, 10);
    assert_true(host_wait_settled(h, 10));
    host_destroy(h);
}

static void test_start_twice_is_refused(void **state)
{
    host *h = host_create();

    (void)state;
    host_start(h);
    assert_int_equal(optly_processor_start(h->processor), OPTLY_ERR_INVALID);
    host_destroy(h);
}

static void test_a_full_queue_refuses_the_new_event(void **state)
{
    host *h = host_create();

    (void)state;
    h->config.queue_size = 10;
    host_open(h);
    host_add_many(h, 0, 10);
    assert_int_equal(host_add(h, 10), OPTLY_ERR_QUEUE_FULL);
    assert_int_equal(host_stats(h).rejected[OPTLY_REJECT_QUEUE_FULL], 1);
    assert_int_equal(optly_processor_flush(h->processor, 1000), OPTLY_OK);
    assert_string_equal(h->reports.visitors[0], "v0");
    assert_int_equal(h->reports.events, 10);
    host_destroy(h);
}

static void test_events_in_flight_count_against_the_bound(void **state)
{
    host *h = host_create();

    (void)state;
    h->config.queue_size = 10;
    h->dispatcher.hold = true;
    host_start(h);
    host_add_many(h, 0, 10);
    assert_true(fake_dispatcher_wait(&h->dispatcher, 1));
    assert_int_equal(host_add(h, 10), OPTLY_ERR_QUEUE_FULL);
    fake_dispatcher_complete(&h->dispatcher, 0, OPTLY_DELIVERED);
    assert_true(host_wait_settled(h, 10));
    assert_int_equal(host_add(h, 11), OPTLY_OK);
    host_destroy(h);
}

static void test_a_batch_of_ten_meets_a_queue_of_two_at_create(void **state)
{
    host *h = host_create();
    optly_error err;

    (void)state;
    h->config.queue_size = 2;
    assert_int_equal(optly_processor_create(&h->processor, &h->config, &err),
                     OPTLY_ERR_INVALID);
    assert_null(h->processor);
    assert_non_null(strstr(err.message, "batch_size"));
    assert_int_equal(h->dispatcher.destroys, 1); /* taken all the same */

    h->config.batch_size = 2;
    host_start(h);
    host_add_many(h, 0, 2);
    assert_true(host_wait_settled(h, 2));
    h->dispatcher.destroys = 0;
    host_destroy(h);
}

static void test_the_byte_bound_holds(void **state)
{
    host *h = host_create();
    optly_user_event *event = fake_conversion_of_size(h->project, "v", 2000);
    size_t size = optly_user_event_size(event);

    (void)state;
    h->config.queue_bytes = size * 2;
    host_open(h);
    assert_int_equal(optly_process_event(h->processor, event), OPTLY_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            optly_process_event(h->processor,
                                fake_conversion_of_size(h->project, "v", 2000)),
            i == 0 ? OPTLY_OK : OPTLY_ERR_QUEUE_FULL);
    assert_int_equal(
        optly_process_event(h->processor,
                            fake_conversion_of_size(h->project, "v", 9000)),
        OPTLY_ERR_TOO_LARGE);
    assert_int_equal(host_stats(h).rejected[OPTLY_REJECT_TOO_LARGE], 1);
    host_destroy(h);
}

static void test_drop_oldest_displaces_and_reports(void **state)
{
    host *h = host_create();

    (void)state;
    h->config.queue_size = 10;
    h->config.overflow = OPTLY_OVERFLOW_DROP_OLDEST;
    host_open(h);
    host_add_many(h, 0, 15);
    assert_int_equal(host_stats(h).pending, 10);
    assert_int_equal(host_dropped(h, OPTLY_DROP_OVERFLOW), 5);

    /* The displaced were not pending at the flush, so it is OK. */
    assert_int_equal(optly_processor_flush(h->processor, 1000), OPTLY_OK);
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_OVERFLOW], 5);
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_NONE], 10);
    assert_string_equal(h->reports.visitors[0], "v0");
    assert_string_equal(h->reports.visitors[5], "v5");
    host_destroy(h);
}

static void test_what_is_displaced_and_not_reported_is_bounded_too(void **state)
{
    host *h = host_create();

    (void)state;
    h->config.queue_size = 10;
    h->config.overflow = OPTLY_OVERFLOW_DROP_OLDEST;
    host_open(h);
    host_add_many(h, 0, 20); /* ten wait, ten are displaced */
    assert_int_equal(host_add(h, 20), OPTLY_ERR_QUEUE_FULL);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    assert_int_equal(host_add(h, 21), OPTLY_OK);
    host_destroy(h);
}

static void test_drop_oldest_refuses_when_all_is_under_way(void **state)
{
    host *h = host_create();

    (void)state;
    h->config.queue_size = 10;
    h->config.overflow = OPTLY_OVERFLOW_DROP_OLDEST;
    h->dispatcher.hold = true;
    host_open(h);
    host_add_many(h, 0, 10);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    assert_int_equal(host_add(h, 10), OPTLY_ERR_QUEUE_FULL);
    host_destroy(h);
}

static void *complete_first(void *user)
{
    fake_dispatcher *fake = user;

    if (fake_dispatcher_wait(fake, 1))
        fake_dispatcher_complete(fake, 0, OPTLY_DELIVERED);
    return NULL;
}

static void test_block_waits_for_room(void **state)
{
    host *h = host_create();
    pthread_t completer;

    (void)state;
    h->config.queue_size = 10;
    h->config.overflow = OPTLY_OVERFLOW_BLOCK;
    h->config.overflow_block_ms = 10000;
    h->dispatcher.hold = true;
    host_start(h);
    host_add_many(h, 0, 10);
    assert_int_equal(
        pthread_create(&completer, NULL, complete_first, &h->dispatcher), 0);
    assert_int_equal(host_add(h, 10), OPTLY_OK);
    (void)pthread_join(completer, NULL);
    host_destroy(h);
}

static void test_block_gives_up_after_its_time(void **state)
{
    host *h = host_create();
    int64_t before;

    (void)state;
    h->config.queue_size = 10;
    h->config.overflow = OPTLY_OVERFLOW_BLOCK;
    h->config.overflow_block_ms = 50;
    h->dispatcher.hold = true;
    host_start(h);
    host_add_many(h, 0, 10);
    before = optly__monotonic_ms();
    assert_int_equal(host_add(h, 10), OPTLY_ERR_QUEUE_FULL);
    assert_true(optly__monotonic_ms() - before >= 49);
    host_destroy(h);
}

static void test_block_does_not_wait_when_nobody_would_make_room(void **state)
{
    host *h = host_create();
    int64_t before;

    (void)state;
    h->config.queue_size = 10;
    h->config.overflow = OPTLY_OVERFLOW_BLOCK;
    h->config.overflow_block_ms = 60000;
    host_open(h);
    host_add_many(h, 0, 10);
    before = optly__monotonic_ms();
    assert_int_equal(host_add(h, 10), OPTLY_ERR_QUEUE_FULL);
    assert_true(optly__monotonic_ms() - before < 5000);
    host_destroy(h);
}

static void test_no_event_is_an_error_and_counted(void **state)
{
    host *h = host_create();

    (void)state;
    host_open(h);
    assert_int_equal(optly_process_event(h->processor, NULL),
                     OPTLY_ERR_INVALID);
    assert_int_equal(host_stats(h).rejected[OPTLY_REJECT_INVALID], 1);
    assert_int_equal(
        optly_process_event(NULL, fake_conversion(h->project, "v")),
        OPTLY_ERR_INVALID);
    host_destroy(h);
}

/* --- callbacks --- */

typedef struct sequence {
    char calls[64];
    optly_processor *processor;
    int own_id, other_id;
    optly_status flush, close, run_once, add, remove;
} sequence;

static void note_a(const optly_log_event *event, void *user)
{
    (void)event;
    (void)strcat(((sequence *)user)->calls, "a");
}

static void note_b(const optly_log_event *event, void *user)
{
    (void)event;
    (void)strcat(((sequence *)user)->calls, "b");
}

static void test_handlers_run_in_order_until_removed(void **state)
{
    host *h = host_create();
    sequence s = {0};
    int a, b;

    (void)state;
    h->config.batch_size = 1;
    host_open(h);
    assert_int_equal(
        optly_processor_on_event_dispatch(h->processor, note_a, &s, &a),
        OPTLY_OK);
    assert_int_equal(
        optly_processor_on_event_dispatch(h->processor, note_b, &s, &b),
        OPTLY_OK);
    assert_int_not_equal(a, b);
    host_add(h, 0);
    assert_int_equal(optly_processor_flush(h->processor, 1000), OPTLY_OK);
    assert_string_equal(s.calls, "ab");

    assert_int_equal(optly_processor_remove_on_event_dispatch(h->processor, a),
                     OPTLY_OK);
    assert_int_equal(optly_processor_remove_on_event_dispatch(h->processor, a),
                     OPTLY_ERR_NOT_FOUND);
    host_add(h, 1);
    assert_int_equal(optly_processor_flush(h->processor, 1000), OPTLY_OK);
    assert_string_equal(s.calls, "abb");
    assert_int_equal(
        optly_processor_on_event_dispatch(h->processor, NULL, NULL, NULL),
        OPTLY_ERR_INVALID);
    assert_int_equal(
        optly_processor_on_delivery(h->processor, NULL, NULL, NULL),
        OPTLY_ERR_INVALID);
    assert_int_equal(optly_processor_remove_on_delivery(h->processor, 99),
                     OPTLY_ERR_NOT_FOUND);
    host_destroy(h);
}

static void try_everything(const optly_log_event *event, void *user)
{
    sequence *s = user;
    optly_stats stats = optly_stats_default();

    (void)event;
    s->flush = optly_processor_flush(s->processor, 1000);
    s->close = optly_processor_close(s->processor, 1000, NULL);
    s->run_once = optly_processor_run_once(s->processor, 0);
    s->add = optly_processor_stats(s->processor, &stats);
    s->remove =
        optly_processor_remove_on_event_dispatch(s->processor, s->own_id);
    (void)optly_processor_remove_on_event_dispatch(s->processor, s->other_id);
}

static void test_callbacks_may_do_all_but_wait(void **state)
{
    host *h = host_create();
    sequence s = {0};

    (void)state;
    h->config.batch_size = 1;
    host_start(h);
    s.processor = h->processor;
    assert_int_equal(optly_processor_on_event_dispatch(
                         h->processor, try_everything, &s, &s.own_id),
                     OPTLY_OK);
    assert_int_equal(optly_processor_on_event_dispatch(h->processor, note_b, &s,
                                                       &s.other_id),
                     OPTLY_OK);
    host_add(h, 0);
    assert_int_equal(optly_processor_flush(h->processor, 5000), OPTLY_OK);
    assert_int_equal(s.flush, OPTLY_ERR_WOULD_DEADLOCK);
    assert_int_equal(s.close, OPTLY_ERR_WOULD_DEADLOCK);
    assert_int_equal(s.run_once, OPTLY_ERR_WOULD_DEADLOCK);
    assert_int_equal(s.add, OPTLY_OK);
    assert_int_equal(s.remove, OPTLY_OK);
    assert_string_equal(s.calls, ""); /* removed before its turn */
    host_destroy(h);
}

static void add_one_more(const optly_delivery_report *report, void *user)
{
    host *h = user;

    (void)report;
    if (h->wakes++ == 0)
        (void)host_add(h, 777);
}

static void test_a_callback_may_add_events(void **state)
{
    host *h = host_create();

    (void)state;
    h->config.batch_size = 1;
    host_start(h);
    assert_int_equal(
        optly_processor_on_delivery(h->processor, add_one_more, h, NULL),
        OPTLY_OK);
    host_add(h, 0);
    assert_true(host_wait_settled(h, 2));
    host_destroy(h);
}

/* --- hooks --- */

typedef struct counters {
    double accepted, success, fail, retry, dropped, rejected, queue_size;
    int gauges;
} counters;

static void add_counter(const char *name, double delta, void *user)
{
    counters *c = user;

    if (strcmp(name, "processor.accepted") == 0)
        c->accepted += delta;
    else if (strcmp(name, "dispatcher.successFlush") == 0)
        c->success += delta;
    else if (strcmp(name, "dispatcher.failFlush") == 0)
        c->fail += delta;
    else if (strcmp(name, "dispatcher.retryFlush") == 0)
        c->retry += delta;
    else if (strcmp(name, "processor.dropped") == 0)
        c->dropped += delta;
    else if (strcmp(name, "processor.rejected") == 0)
        c->rejected += delta;
    else
        fail_msg("unknown counter %s", name);
}

static void set_gauge(const char *name, double value, void *user)
{
    counters *c = user;

    assert_string_equal(name, "dispatcher.queueSize");
    c->queue_size = value;
    c->gauges++;
}

static void test_metrics_carry_the_names_of_the_family(void **state)
{
    host *h = host_create();
    counters c = {0};
    optly_metrics metrics = {sizeof(metrics), add_counter, set_gauge, &c};

    (void)state;
    h->config.queue_size = 20;
    h->config.metrics = &metrics;
    h->config.retry_initial_ms = 1;
    h->config.retry_max_ms = 1;
    h->dispatcher.script[0] = OPTLY_RETRY;
    h->dispatcher.script_len = 1;
    host_open(h);
    host_add_many(h, 0, 20);
    assert_int_equal(host_add(h, 20), OPTLY_ERR_QUEUE_FULL);
    assert_int_equal(optly_processor_flush(h->processor, 5000), OPTLY_OK);
    h->dispatcher.otherwise = OPTLY_REFUSED;
    host_add(h, 21);
    assert_int_equal(optly_processor_flush(h->processor, 5000),
                     OPTLY_ERR_DROPPED);
    assert_int_equal((int)c.accepted, 21);
    assert_int_equal((int)c.rejected, 1);
    assert_int_equal((int)c.success, 2);
    assert_int_equal((int)c.retry, 1);
    assert_int_equal((int)c.fail, 1);
    assert_int_equal((int)c.dropped, 1);
    assert_int_equal((int)c.queue_size, 0);
    assert_true(c.gauges > 0);
    host_destroy(h);
}

typedef struct hooks {
    int starts, stops;
} hooks;

static void on_start(void *user)
{
    ((hooks *)user)->starts++;
}

static void on_stop(void *user)
{
    ((hooks *)user)->stops++;
}

static void test_worker_hooks_run_once_each(void **state)
{
    host *h = host_create();
    hooks counted = {0, 0};

    (void)state;
    h->config.on_worker_start = on_start;
    h->config.on_worker_stop = on_stop;
    h->config.worker_user = &counted;
    h->config.worker_stack_bytes = 131072;
    host_start(h);
    host_add_many(h, 0, 10);
    assert_true(host_wait_settled(h, 10));
    host_destroy(h);
    assert_int_equal(counted.starts, 1);
    assert_int_equal(counted.stops, 1);
}

static void test_stats_need_their_struct_size(void **state)
{
    host *h = host_create();
    optly_stats zeroed;

    (void)state;
    memset(&zeroed, 0, sizeof(zeroed));
    host_open(h);
    assert_int_equal(optly_processor_stats(h->processor, &zeroed),
                     OPTLY_ERR_INVALID);
    assert_int_equal(optly_processor_stats(h->processor, NULL),
                     OPTLY_ERR_INVALID);
    assert_int_equal(optly_processor_stats(NULL, &zeroed), OPTLY_ERR_INVALID);
    host_destroy(h);
}

/* --- a queue of the host's --- */

typedef struct host_queue {
    optly_queue inner;
    optly_drop_reason settled[100];
    int settled_count;
    int destroys;
} host_queue;

static optly_status queue_add(void *self, optly_user_event *event)
{
    return optly_queue_add(&((host_queue *)self)->inner, event);
}

static size_t queue_get(void *self, size_t from, optly_user_event **events,
                        size_t max)
{
    return optly_queue_get(&((host_queue *)self)->inner, from, events, max);
}

static size_t queue_remove(void *self, optly_user_event **events, size_t max)
{
    return optly_queue_remove(&((host_queue *)self)->inner, events, max);
}

static size_t queue_size(void *self)
{
    return optly_queue_size(&((host_queue *)self)->inner);
}

static void queue_settle(void *self, const optly_user_event *const *events,
                         size_t count, optly_drop_reason reason)
{
    host_queue *queue = self;

    (void)events;
    for (size_t i = 0; i < count; i++)
        queue->settled[queue->settled_count++] = reason;
}

static void queue_destroy(void *self)
{
    host_queue *queue = self;

    queue->destroys++;
    optly_queue_destroy(&queue->inner);
}

static const optly_queue_ops host_queue_ops = {sizeof(optly_queue_ops),
                                               queue_add,
                                               queue_get,
                                               queue_remove,
                                               queue_size,
                                               queue_settle,
                                               queue_destroy};

static void test_a_hosts_queue_brings_events_and_learns_their_fate(void **state)
{
    host *h = host_create();
    host_queue queue = {0};

    (void)state;
    assert_int_equal(optly_ring_queue_create(&queue.inner, 15), OPTLY_OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(
            optly_queue_add(&queue.inner, fake_conversion(h->project, "old")),
            OPTLY_OK);
    h->config.queue.ops = &host_queue_ops;
    h->config.queue.self = &queue;
    h->config.queue_size = 100;
    host_open(h);
    assert_int_equal(host_stats(h).accepted, 5);
    assert_int_equal(host_stats(h).queued, 5);

    host_add_many(h, 0, 10);
    assert_int_equal(host_add(h, 10), OPTLY_ERR_QUEUE_FULL); /* the queue's */
    assert_int_equal(optly_processor_flush(h->processor, 1000), OPTLY_OK);
    assert_int_equal(queue.settled_count, 15);
    assert_string_equal(h->reports.visitors[0], "old");

    h->dispatcher.hold = true;
    host_add_many(h, 20, 12);
    assert_int_equal(optly_processor_run_once(h->processor, 0), OPTLY_OK);
    host_destroy(h);
    assert_int_equal(queue.destroys, 1);
    assert_int_equal(queue.settled_count, 27);
    for (int i = 15; i < 17; i++)
        assert_int_equal(queue.settled[i], OPTLY_DROP_CLOSED);
    for (int i = 17; i < 27; i++)
        assert_int_equal(queue.settled[i], OPTLY_DROP_ABANDONED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_started_processor_delivers),
        cmocka_unit_test(test_before_start_events_only_queue_up),
        cmocka_unit_test(test_a_full_batch_needs_no_flush),
        cmocka_unit_test(test_start_twice_is_refused),
        cmocka_unit_test(test_a_full_queue_refuses_the_new_event),
        cmocka_unit_test(test_events_in_flight_count_against_the_bound),
        cmocka_unit_test(test_a_batch_of_ten_meets_a_queue_of_two_at_create),
        cmocka_unit_test(test_the_byte_bound_holds),
        cmocka_unit_test(test_drop_oldest_displaces_and_reports),
        cmocka_unit_test(
            test_what_is_displaced_and_not_reported_is_bounded_too),
        cmocka_unit_test(test_drop_oldest_refuses_when_all_is_under_way),
        cmocka_unit_test(test_block_waits_for_room),
        cmocka_unit_test(test_block_gives_up_after_its_time),
        cmocka_unit_test(test_block_does_not_wait_when_nobody_would_make_room),
        cmocka_unit_test(test_no_event_is_an_error_and_counted),
        cmocka_unit_test(test_handlers_run_in_order_until_removed),
        cmocka_unit_test(test_callbacks_may_do_all_but_wait),
        cmocka_unit_test(test_a_callback_may_add_events),
        cmocka_unit_test(test_metrics_carry_the_names_of_the_family),
        cmocka_unit_test(test_worker_hooks_run_once_each),
        cmocka_unit_test(test_stats_need_their_struct_size),
        cmocka_unit_test(
            test_a_hosts_queue_brings_events_and_learns_their_fate),
    };

    return cmocka_run_group_tests_name("processor", tests, NULL, NULL);
}
