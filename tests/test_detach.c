/* Batches that a queue dispatcher's threads read when their processor is gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/host.h"
#include "processor/processor.h"

static const char endpoint[] = "https://collector.example/v1/events";

/* An inner dispatcher: its first call hangs until `gate_open`, the others leave
 * their attempts open. */
typedef struct inner {
    optly__mutex lock;
    optly__cond changed;
    /* Guarded by `lock`. */
    bool gate_open;
    bool blind; /* reads nothing late */
    int entered, destroys;
    bool intact; /* what was read late */
    const optly_log_event *held;
} inner;

/* A dispatcher in front of the queue dispatcher. */
typedef struct wrapper {
    optly_dispatcher queue;
    bool has_own; /* makes a delivery instead of passing the processor's on */
    optly_delivery outer;
} wrapper;

typedef struct rig {
    host *host;
    inner inner;
    wrapper wrapper;
    double failed; /* as the metrics hook was told */
    /* Guarded by inner.lock. */
    bool handler_open;
    int batches, queue_destroys;
} rig;

static bool is_intact(const optly_log_event *event)
{
    bool intact = strcmp(event->endpoint, endpoint) == 0 &&
                  strlen(event->body) == event->body_len &&
                  event->body[0] == '{' && event->event_count > 0 &&
                  strlen(event->account_id) > 0 &&
                  strlen(event->project_id) > 0 &&
                  strlen(event->revision) > 0 && strlen(event->region) > 0;

    for (uint32_t i = 0; i < event->event_count; i++)
        intact = intact &&
                 strstr(event->body, optly_user_event_uuid(event->events[i])) !=
                     NULL;
    return intact;
}

static void inner_dispatch(void *self, const optly_log_event *event,
                           optly_delivery delivery)
{
    inner *in = self;
    bool first;

    optly__mutex_lock(&in->lock);
    first = in->entered++ == 0;
    if (!first)
        in->held = event;
    optly__cond_broadcast(&in->changed);
    while (first && !in->gate_open)
        optly__cond_wait_until(&in->changed, &in->lock, OPTLY__NEVER);
    if (first && !in->blind)
        in->intact = is_intact(event);
    optly__mutex_unlock(&in->lock);
    if (first)
        optly_delivery_complete(delivery, NULL);
}

static void inner_destroy(void *self)
{
    inner *in = self;

    optly__mutex_lock(&in->lock);
    if (in->held != NULL)
        in->intact = in->intact && is_intact(in->held);
    in->destroys++;
    optly__cond_broadcast(&in->changed);
    optly__mutex_unlock(&in->lock);
}

static const optly_dispatcher_ops inner_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = inner_dispatch,
    .destroy = inner_destroy,
};

static void open_gate(inner *in)
{
    optly__mutex_lock(&in->lock);
    in->gate_open = true;
    optly__cond_broadcast(&in->changed);
    optly__mutex_unlock(&in->lock);
}

static void wait_for(inner *in, const int *counter, int count)
{
    int64_t until = optly__monotonic_ms() + 10000;
    bool reached;

    optly__mutex_lock(&in->lock);
    while (*counter < count && optly__monotonic_ms() < until)
        optly__cond_wait_until(&in->changed, &in->lock, until);
    reached = *counter >= count;
    optly__mutex_unlock(&in->lock);
    assert_true(reached);
}

static void note_counter(const char *name, double delta, void *user)
{
    if (strcmp(name, "dispatcher.failFlush") == 0)
        ((rig *)user)->failed += delta;
}

static optly_dispatcher queue_of(optly_dispatcher dispatcher)
{
    optly_queue_dispatcher_config config =
        optly_queue_dispatcher_config_default();
    optly_dispatcher queue;

    config.threads = 2;
    assert_int_equal(
        optly_queue_dispatcher_create(&queue, dispatcher, &config, NULL),
        OPTLY_OK);
    return queue;
}

static rig *rig_create(void)
{
    rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    assert_true(optly__mutex_init(&r->inner.lock));
    assert_true(optly__cond_init(&r->inner.changed));
    r->host = host_create();
    r->host->config.endpoint = endpoint;
    r->host->config.batch_size = 2;
    r->host->config.max_in_flight = 4;
    r->host->config.dispatcher =
        queue_of((optly_dispatcher){&inner_ops, &r->inner});
    return r;
}

static void destroy_processor(rig *r)
{
    optly_processor_destroy(r->host->processor);
    r->host->processor = NULL;
}

/* The inner dispatcher has been destroyed. */
static void rig_destroy(rig *r)
{
    if (r->host != NULL)
        host_destroy(r->host);
    optly__cond_cleanup(&r->inner.changed);
    optly__mutex_cleanup(&r->inner.lock);
    free(r);
}

static void test_all_of_a_batch_outlives_its_processor(void **state)
{
    rig *r = rig_create();

    (void)state;
    host_start(r->host);
    host_add_many(r->host, 0, 2);
    wait_for(&r->inner, &r->inner.entered, 1);

    destroy_processor(r);
    host_destroy(r->host); /* the project goes too */
    r->host = NULL;
    assert_int_equal(r->inner.destroys, 0);

    open_gate(&r->inner);
    wait_for(&r->inner, &r->inner.destroys, 1);
    assert_true(r->inner.intact);
    rig_destroy(r);
}

static void test_what_a_stuck_call_holds_is_abandoned(void **state)
{
    rig *r = rig_create();
    const optly_metrics metrics = {sizeof(metrics), note_counter, NULL, r};
    fake_reports *reports = &r->host->reports;

    (void)state;
    r->host->config.metrics = &metrics;
    host_start(r->host);
    host_add_many(r->host, 0, 2);
    wait_for(&r->inner, &r->inner.entered, 1);

    destroy_processor(r);

    assert_int_equal(reports->events, 2);
    assert_int_equal(reports->by_reason[OPTLY_DROP_ABANDONED], 2);
    assert_true(r->failed == 1);
    open_gate(&r->inner);
    wait_for(&r->inner, &r->inner.destroys, 1);
    assert_int_equal(reports->events, 2);
    rig_destroy(r);
}

static void test_an_attempt_beside_a_stuck_call_outlives_it(void **state)
{
    rig *r = rig_create();

    (void)state;
    host_start(r->host);
    host_add_many(r->host, 0, 4);
    wait_for(&r->inner, &r->inner.entered, 2);

    destroy_processor(r);
    assert_int_equal(r->host->reports.by_reason[OPTLY_DROP_ABANDONED], 4);

    open_gate(&r->inner);
    wait_for(&r->inner, &r->inner.destroys, 1);
    assert_non_null(r->inner.held);
    assert_true(r->inner.intact);
    rig_destroy(r);
}

/* --- behind a wrapper --- */

static void pass_result(const optly_dispatch_result *result, void *user)
{
    optly_delivery_complete(((wrapper *)user)->outer, result);
}

static void wrapper_dispatch(void *self, const optly_log_event *event,
                             optly_delivery delivery)
{
    wrapper *w = &((rig *)self)->wrapper;

    w->outer = delivery;
    if (w->has_own)
        assert_int_equal(optly_delivery_create(&delivery, pass_result, w),
                         OPTLY_OK);
    w->queue.ops->dispatch(w->queue.self, event, delivery);
}

static void wrapper_destroy(void *self)
{
    rig *r = self;

    optly_dispatcher_destroy(&r->wrapper.queue);
    optly__mutex_lock(&r->inner.lock);
    r->queue_destroys++;
    optly__cond_broadcast(&r->inner.changed);
    optly__mutex_unlock(&r->inner.lock);
}

static const optly_dispatcher_ops wrapper_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = wrapper_dispatch,
    .destroy = wrapper_destroy,
};

static void wrap(rig *r)
{
    r->wrapper.queue = r->host->config.dispatcher;
    r->host->config.dispatcher = (optly_dispatcher){&wrapper_ops, r};
}

/* Hangs once the first batch has been handed over. */
static void hang_at_the_second(const optly_log_event *event, void *user)
{
    rig *r = user;
    bool second;

    (void)event;
    optly__mutex_lock(&r->inner.lock);
    second = ++r->batches == 2;
    optly__cond_broadcast(&r->inner.changed);
    while (second && !r->handler_open)
        optly__cond_wait_until(&r->inner.changed, &r->inner.lock, OPTLY__NEVER);
    optly__mutex_unlock(&r->inner.lock);
}

static void test_a_late_worker_leaves_the_batch_too(void **state)
{
    rig *r = rig_create();

    (void)state;
    wrap(r);
    host_start(r->host);
    assert_int_equal(optly_processor_on_event_dispatch(
                         r->host->processor, hang_at_the_second, r, NULL),
                     OPTLY_OK);
    host_add_many(r->host, 0, 4);
    wait_for(&r->inner, &r->inner.entered, 1);
    wait_for(&r->inner, &r->batches, 2);

    destroy_processor(r); /* the worker frees it */
    assert_int_equal(r->queue_destroys, 0);
    optly__mutex_lock(&r->inner.lock);
    r->handler_open = true;
    optly__cond_broadcast(&r->inner.changed);
    optly__mutex_unlock(&r->inner.lock);
    wait_for(&r->inner, &r->queue_destroys, 1);

    open_gate(&r->inner);
    wait_for(&r->inner, &r->inner.destroys, 1);
    assert_true(r->inner.intact);
    rig_destroy(r);
}

static void test_a_wrapped_delivery_is_cancelled(void **state)
{
    rig *r = rig_create();

    (void)state;
    r->inner.blind = true;
    r->wrapper.has_own = true;
    wrap(r);
    host_start(r->host);
    host_add_many(r->host, 0, 2);
    wait_for(&r->inner, &r->inner.entered, 1);

    destroy_processor(r);

    assert_int_equal(r->host->reports.events, 2);
    assert_int_equal(r->host->reports.by_reason[OPTLY_DROP_CLOSED], 2);
    open_gate(&r->inner);
    wait_for(&r->inner, &r->inner.destroys, 1);
    rig_destroy(r);
}

static void test_two_queue_dispatchers_leave_the_batch_too(void **state)
{
    rig *r = rig_create();
    fake_reports *reports = &r->host->reports;

    (void)state;
    r->host->config.dispatcher = queue_of(r->host->config.dispatcher);
    host_start(r->host);
    host_add_many(r->host, 0, 2);
    wait_for(&r->inner, &r->inner.entered, 1);

    destroy_processor(r);

    assert_int_equal(reports->events, 2);
    assert_int_equal(reports->by_reason[OPTLY_DROP_ABANDONED], 2);
    open_gate(&r->inner);
    wait_for(&r->inner, &r->inner.destroys, 1);
    assert_true(r->inner.intact);
    assert_int_equal(reports->events, 2);
    rig_destroy(r);
}

/* --- the engine's part --- */

/* A group's context may be another than the equal one of its events. */
static void test_a_detached_batch_keeps_its_strings(void **state)
{
    optly_project *first = fake_project(), *second = fake_project();
    optly_user_event *early = fake_conversion(first, "early");
    optly__group_table table = {{NULL}, NULL};
    optly__group *group = optly__group_find(&table, early->context);
    optly__batch *batch = optly__batch_create(group);
    const optly_log_event *log;
    optly__kept *kept;

    (void)state;
    optly__batch_append(batch, fake_conversion(second, "late"));
    batch->block = optly__block_create(batch, endpoint);
    assert_non_null(batch->block);
    log = &batch->block->log;

    kept = optly__batch_detach(batch);
    optly__batch_discard(&table, batch);
    optly_user_event_destroy(early);
    optly_project_destroy(first);
    optly_project_destroy(second);

    assert_true(is_intact(log));
    kept->release(kept);
}

static void test_only_an_open_delivery_can_be_detached(void **state)
{
    host *h = host_create();
    optly_delivery delivery;
    optly__delivery_core *core;
    optly__kept *kept;

    (void)state;
    h->dispatcher.hold = true;
    h->config.batch_size = 1;
    h->config.max_in_flight = 2;
    host_start(h);
    host_add_many(h, 0, 1);
    assert_true(fake_dispatcher_wait(&h->dispatcher, 1));
    delivery = h->dispatcher.attempts[0].delivery;
    core = delivery.core;

    assert_null(core->detach(core, 0));
    assert_null(core->detach(core, delivery.id + 1));
    kept = core->detach(core, delivery.id);
    assert_non_null(kept);
    assert_null(core->detach(core, delivery.id));
    optly_delivery_complete(delivery, NULL); /* too late */

    kept->release(kept);
    optly_processor_destroy(h->processor);
    h->processor = NULL;
    assert_int_equal(h->reports.by_reason[OPTLY_DROP_ABANDONED], 1);
    host_destroy(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_a_batch_outlives_its_processor),
        cmocka_unit_test(test_what_a_stuck_call_holds_is_abandoned),
        cmocka_unit_test(test_an_attempt_beside_a_stuck_call_outlives_it),
        cmocka_unit_test(test_a_late_worker_leaves_the_batch_too),
        cmocka_unit_test(test_a_wrapped_delivery_is_cancelled),
        cmocka_unit_test(test_two_queue_dispatchers_leave_the_batch_too),
        cmocka_unit_test(test_a_detached_batch_keeps_its_strings),
        cmocka_unit_test(test_only_an_open_delivery_can_be_detached),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
