#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/deliveries.h"
#include "fakes/failing_allocator.h"
#include "fakes/child.h"

/* An inner dispatcher under the test's control. */
struct inner {
    optly__mutex lock;
    optly__cond changed;
    /* Guarded by `lock`. */
    bool gate_open; /* dispatch waits for it */
    bool keep;      /* leaves completing to the test */
    optly_delivery kept[8];
    size_t entered, left, most_inside, cancels, destroys;
    bool signals_blocked;
};

static void inner_init(struct inner *inner, bool gate_open)
{
    memset(inner, 0, sizeof(*inner));
    inner->gate_open = gate_open;
    assert_true(optly__mutex_init(&inner->lock));
    assert_true(optly__cond_init(&inner->changed));
}

static void inner_cleanup(struct inner *inner)
{
    optly__cond_cleanup(&inner->changed);
    optly__mutex_cleanup(&inner->lock);
}

static bool are_signals_blocked(void)
{
    sigset_t mask;

    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    return sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGPIPE) == 1;
}

static void inner_dispatch(void *self, const optly_log_event *event,
                           optly_delivery delivery)
{
    struct inner *inner = self;
    optly_dispatch_result result = optly_dispatch_result_default();
    bool keep;

    optly__mutex_lock(&inner->lock);
    inner->signals_blocked = are_signals_blocked();
    keep = inner->keep;
    if (keep)
        inner->kept[inner->entered] = delivery;
    inner->entered++;
    if (inner->entered - inner->left > inner->most_inside)
        inner->most_inside = inner->entered - inner->left;
    optly__cond_broadcast(&inner->changed);
    while (!inner->gate_open)
        optly__cond_wait_until(&inner->changed, &inner->lock, OPTLY__NEVER);
    inner->left++;
    optly__mutex_unlock(&inner->lock);
    if (keep)
        return;
    result.outcome = OPTLY_DELIVERED;
    result.http_status = (int32_t)event->attempt;
    optly_delivery_complete(delivery, &result);
}

static void inner_cancel(void *self)
{
    struct inner *inner = self;

    optly__mutex_lock(&inner->lock);
    inner->cancels++;
    optly__mutex_unlock(&inner->lock);
}

static void inner_destroy(void *self)
{
    struct inner *inner = self;

    optly__mutex_lock(&inner->lock);
    inner->destroys++;
    optly__cond_broadcast(&inner->changed);
    optly__mutex_unlock(&inner->lock);
}

static void inner_poll(void *self, int timeout_ms)
{
    (void)self;
    (void)timeout_ms;
}

static const optly_dispatcher_ops inner_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = inner_dispatch,
    .cancel = inner_cancel,
    .destroy = inner_destroy,
};

static void open_gate(struct inner *inner)
{
    optly__mutex_lock(&inner->lock);
    inner->gate_open = true;
    optly__cond_broadcast(&inner->changed);
    optly__mutex_unlock(&inner->lock);
}

/* Waits until `*counter`, one of the inner's, is `count`. */
static void wait_for(struct inner *inner, const size_t *counter, size_t count)
{
    int64_t deadline = optly__monotonic_ms() + 10000;
    bool reached;

    optly__mutex_lock(&inner->lock);
    while (*counter < count && optly__monotonic_ms() < deadline)
        optly__cond_wait_until(&inner->changed, &inner->lock, deadline);
    reached = *counter >= count;
    optly__mutex_unlock(&inner->lock);
    assert_true(reached);
}

static optly_dispatcher wrap(struct inner *inner, uint32_t threads,
                             uint32_t capacity)
{
    optly_queue_dispatcher_config config =
        optly_queue_dispatcher_config_default();
    optly_dispatcher dispatcher;

    config.threads = threads;
    config.capacity = capacity;
    assert_int_equal(
        optly_queue_dispatcher_create(
            &dispatcher, (optly_dispatcher){&inner_ops, inner}, &config, NULL),
        OPTLY_OK);
    return dispatcher;
}

static void dispatch(optly_dispatcher dispatcher, const optly_log_event *event,
                     fake_deliveries *deliveries)
{
    dispatcher.ops->dispatch(dispatcher.self, event,
                             fake_deliveries_issue(deliveries));
}

static void test_results_come_from_the_inner_dispatcher(void **state)
{
    optly_log_event event = fake_log_event("https://a.example/", "{}");
    fake_deliveries deliveries;
    optly_dispatcher dispatcher;
    struct inner inner;

    (void)state;
    fake_deliveries_init(&deliveries);
    inner_init(&inner, true);
    dispatcher = wrap(&inner, 1, 0);
    event.attempt = 7;

    for (size_t i = 0; i < 50; i++)
        dispatch(dispatcher, &event, &deliveries);
    assert_true(fake_deliveries_wait(&deliveries, 50, 10000));
    optly_dispatcher_destroy(&dispatcher);

    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(deliveries.completions[i], 1);
        assert_int_equal(deliveries.results[i].outcome, OPTLY_DELIVERED);
        assert_int_equal(deliveries.results[i].http_status, 7);
    }
    assert_int_equal(inner.most_inside, 1);
    assert_int_equal(inner.destroys, 1);
    assert_true(inner.signals_blocked);
    inner_cleanup(&inner);
    fake_deliveries_cleanup(&deliveries);
}

static void test_threads_run_the_inner_dispatcher_side_by_side(void **state)
{
    optly_log_event event = fake_log_event("https://a.example/", "{}");
    fake_deliveries deliveries;
    optly_dispatcher dispatcher;
    struct inner inner;

    (void)state;
    fake_deliveries_init(&deliveries);
    inner_init(&inner, false);
    dispatcher = wrap(&inner, 4, 0);

    for (size_t i = 0; i < 5; i++)
        dispatch(dispatcher, &event, &deliveries);
    wait_for(&inner, &inner.entered, 4);
    assert_int_equal(fake_deliveries_completed(&deliveries), 0);
    open_gate(&inner);
    assert_true(fake_deliveries_wait(&deliveries, 5, 10000));
    optly_dispatcher_destroy(&dispatcher);

    assert_int_equal(inner.most_inside, 4);
    inner_cleanup(&inner);
    fake_deliveries_cleanup(&deliveries);
}

static void test_full_queue_is_a_retry_at_once(void **state)
{
    optly_log_event event = fake_log_event("https://a.example/", "{}");
    fake_deliveries deliveries;
    optly_dispatcher dispatcher;
    struct inner inner;

    (void)state;
    fake_deliveries_init(&deliveries);
    inner_init(&inner, false);
    dispatcher = wrap(&inner, 1, 2);

    dispatch(dispatcher, &event, &deliveries);
    wait_for(&inner, &inner.entered, 1); /* out of the queue */
    for (size_t i = 0; i < 3; i++)
        dispatch(dispatcher, &event, &deliveries);

    assert_int_equal(fake_deliveries_completed(&deliveries), 1);
    assert_int_equal(deliveries.results[3].outcome, OPTLY_RETRY);
    assert_non_null(strstr(deliveries.results[3].detail, "full"));
    open_gate(&inner);
    assert_true(fake_deliveries_wait(&deliveries, 4, 10000));
    optly_dispatcher_destroy(&dispatcher);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(deliveries.results[i].outcome, OPTLY_DELIVERED);
    inner_cleanup(&inner);
    fake_deliveries_cleanup(&deliveries);
}

static void test_cancel_ends_what_waits_and_reaches_the_inner(void **state)
{
    optly_log_event event = fake_log_event("https://a.example/", "{}");
    fake_deliveries deliveries;
    optly_dispatcher dispatcher;
    struct inner inner;

    (void)state;
    fake_deliveries_init(&deliveries);
    inner_init(&inner, false);
    dispatcher = wrap(&inner, 1, 0);
    for (size_t i = 0; i < 4; i++)
        dispatch(dispatcher, &event, &deliveries);
    wait_for(&inner, &inner.entered, 1);

    dispatcher.ops->cancel(dispatcher.self);

    assert_int_equal(fake_deliveries_completed(&deliveries), 3);
    assert_int_equal(inner.cancels, 1);
    assert_int_equal(deliveries.completions[0], 0);
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(deliveries.results[i].outcome, OPTLY_CANCELLED);

    /* What comes later works as before. */
    dispatch(dispatcher, &event, &deliveries);
    open_gate(&inner);
    assert_true(fake_deliveries_wait(&deliveries, 5, 10000));
    assert_int_equal(deliveries.results[0].outcome, OPTLY_DELIVERED);
    assert_int_equal(deliveries.results[4].outcome, OPTLY_DELIVERED);
    optly_dispatcher_destroy(&dispatcher);
    inner_cleanup(&inner);
    fake_deliveries_cleanup(&deliveries);
}

static void test_stuck_inner_does_not_hold_up_destroy(void **state)
{
    optly_log_event event = fake_log_event("https://a.example/", "{}");
    fake_deliveries deliveries;
    optly_dispatcher dispatcher;
    struct inner inner;
    int64_t start;

    (void)state;
    fake_deliveries_init(&deliveries);
    inner_init(&inner, false);
    dispatcher = wrap(&inner, 2, 0);
    for (size_t i = 0; i < 4; i++)
        dispatch(dispatcher, &event, &deliveries);
    wait_for(&inner, &inner.entered, 2);

    start = optly__monotonic_ms();
    optly_dispatcher_destroy(&dispatcher);

    assert_in_range(optly__monotonic_ms() - start, 0, FAKE_SOON_MS);
    assert_int_equal(fake_deliveries_completed(&deliveries), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(deliveries.results[i].outcome, OPTLY_CANCELLED);
    assert_int_equal(inner.destroys, 0);

    /* When they return, nobody hears of it, and the inner one goes with the
     * last of them. */
    open_gate(&inner);
    wait_for(&inner, &inner.destroys, 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(deliveries.completions[i], 1);
    assert_int_equal(inner.destroys, 1);
    fake_deliveries_cleanup(&deliveries);
    inner_cleanup(&inner);
}

static void test_inner_may_complete_later_from_another_thread(void **state)
{
    optly_log_event event = fake_log_event("https://a.example/", "{}");
    optly_dispatch_result result = optly_dispatch_result_default();
    fake_deliveries deliveries;
    optly_dispatcher dispatcher;
    struct inner inner;

    (void)state;
    fake_deliveries_init(&deliveries);
    inner_init(&inner, true);
    inner.keep = true;
    dispatcher = wrap(&inner, 1, 0);
    for (size_t i = 0; i < 3; i++)
        dispatch(dispatcher, &event, &deliveries);
    wait_for(&inner, &inner.left, 3); /* one thread, so none blocked it */
    assert_int_equal(fake_deliveries_completed(&deliveries), 0);

    result.outcome = OPTLY_REFUSED;
    optly_delivery_complete(inner.kept[1], &result);
    assert_int_equal(deliveries.results[1].outcome, OPTLY_REFUSED);
    optly_delivery_complete(inner.kept[0], NULL);
    assert_int_equal(deliveries.results[0].outcome, OPTLY_RETRY);

    /* The third never comes: it ends with the inner dispatcher. */
    optly_dispatcher_destroy(&dispatcher);
    assert_int_equal(inner.destroys, 1);
    assert_int_equal(deliveries.results[2].outcome, OPTLY_CANCELLED);
    assert_int_equal(deliveries.completions[2], 1);
    inner_cleanup(&inner);
    fake_deliveries_cleanup(&deliveries);
}

/* A processor that is slow to take a result. */
struct slow_core {
    optly__delivery_core core; /* first: the delivery points here */
    struct inner *gate;        /* its lock and gate */
    size_t inside, done;
};

static void take_slowly(optly__delivery_core *core, uint64_t id,
                        const optly_dispatch_result *result)
{
    struct slow_core *slow = (struct slow_core *)core;

    (void)id;
    (void)result;
    optly__mutex_lock(&slow->gate->lock);
    slow->inside++;
    optly__cond_broadcast(&slow->gate->changed);
    while (!slow->gate->gate_open)
        optly__cond_wait_until(&slow->gate->changed, &slow->gate->lock,
                               OPTLY__NEVER);
    slow->done++;
    optly__mutex_unlock(&slow->gate->lock);
}

struct destroyer {
    optly_dispatcher dispatcher;
    struct slow_core *slow;
    size_t done_before; /* what was done when destroy returned */
};

static void destroy_from_here(void *argument)
{
    struct destroyer *destroyer = argument;

    optly_dispatcher_destroy(&destroyer->dispatcher);
    optly__mutex_lock(&destroyer->slow->gate->lock);
    destroyer->done_before = destroyer->slow->done;
    optly__mutex_unlock(&destroyer->slow->gate->lock);
}

/* The first counts; the delivery may belong to nobody by then. */
static void test_an_inner_that_completes_twice_is_ignored(void **state)
{
    optly_log_event event = fake_log_event("https://a.example/", "{}");
    optly_dispatch_result refused = optly_dispatch_result_default();
    fake_deliveries deliveries;
    optly_dispatcher dispatcher;
    struct inner inner;

    (void)state;
    refused.outcome = OPTLY_REFUSED;
    fake_deliveries_init(&deliveries);
    inner_init(&inner, true);
    inner.keep = true;
    dispatcher = wrap(&inner, 1, 0);
    dispatch(dispatcher, &event, &deliveries);
    dispatch(dispatcher, &event, &deliveries);
    wait_for(&inner, &inner.left, 2);

    optly_delivery_complete(inner.kept[0], NULL);
    optly_delivery_complete(inner.kept[0], &refused);
    optly_delivery_complete(inner.kept[1], &refused);
    optly_delivery_complete(inner.kept[0], &refused);
    optly_dispatcher_destroy(&dispatcher);

    assert_int_equal(deliveries.completions[0], 1);
    assert_int_equal(deliveries.results[0].outcome, OPTLY_RETRY);
    assert_int_equal(deliveries.completions[1], 1);
    assert_int_equal(deliveries.results[1].outcome, OPTLY_REFUSED);
    inner_cleanup(&inner);
    fake_deliveries_cleanup(&deliveries);
}

static void test_destroy_waits_for_a_result_on_its_way(void **state)
{
    optly_log_event event = fake_log_event("https://a.example/", "{}");
    struct inner inner, gate;
    struct slow_core slow = {{.complete = take_slowly}, &gate, 0, 0};
    struct destroyer destroyer;
    optly__thread thread;
    int64_t deadline;

    (void)state;
    inner_init(&inner, true);
    inner_init(&gate, false);
    destroyer = (struct destroyer){wrap(&inner, 1, 0), &slow, 99};
    destroyer.dispatcher.ops->dispatch(destroyer.dispatcher.self, &event,
                                       (optly_delivery){&slow.core, 0});
    wait_for(&gate, &slow.inside, 1);
    assert_true(optly__thread_start(&thread, destroy_from_here, &destroyer, 0,
                                    "destroyer"));

    /* Longer than destroy waits for a stuck inner dispatcher. */
    deadline = optly__monotonic_ms() + 200;
    optly__mutex_lock(&gate.lock);
    while (optly__monotonic_ms() < deadline)
        optly__cond_wait_until(&gate.changed, &gate.lock, deadline);
    optly__mutex_unlock(&gate.lock);
    open_gate(&gate);
    optly__thread_join(&thread);

    assert_int_equal(destroyer.done_before, 1);
    wait_for(&inner, &inner.destroys, 1);
    inner_cleanup(&gate);
    inner_cleanup(&inner);
}

/* Requires create to fail with `status`, and to destroy what it took. */
static void expect_refused(const optly_dispatcher_ops *ops,
                           const optly_queue_dispatcher_config *config,
                           optly_status status, const char *why)
{
    optly_dispatcher dispatcher = {ops, NULL};
    optly_error err = {OPTLY_OK, ""};
    bool can_destroy =
        ops != NULL && ops->struct_size >= sizeof(*ops) && ops->destroy != NULL;
    struct inner inner;

    inner_init(&inner, true);
    assert_int_equal(
        optly_queue_dispatcher_create(
            &dispatcher, (optly_dispatcher){ops, &inner}, config, &err),
        status);
    assert_non_null(strstr(err.message, why));
    assert_null(dispatcher.ops);
    assert_int_equal(inner.destroys, can_destroy);
    inner_cleanup(&inner);
}

static void test_bad_arguments_are_refused_and_the_inner_destroyed(void **state)
{
    optly_queue_dispatcher_config config =
        optly_queue_dispatcher_config_default();
    optly_dispatcher_ops ops = inner_ops;

    (void)state;
    expect_refused(NULL, NULL, OPTLY_ERR_INVALID, "dispatcher.ops");
    ops.poll = inner_poll;
    ops.wake = inner_cancel;
    expect_refused(&ops, NULL, OPTLY_ERR_INVALID, "inner: has a poll");
    ops = inner_ops;
    ops.dispatch = NULL;
    expect_refused(&ops, NULL, OPTLY_ERR_INVALID, "dispatch:");
    ops = inner_ops;
    ops.struct_size = 8;
    expect_refused(&ops, NULL, OPTLY_ERR_INVALID, "struct_size");

    config.threads = 65;
    expect_refused(&inner_ops, &config, OPTLY_ERR_INVALID, "config.threads");
    config.threads = 64;
    config.capacity = 65537;
    expect_refused(&inner_ops, &config, OPTLY_ERR_INVALID, "config.capacity");
    memset(&config, 0, sizeof(config));
    expect_refused(&inner_ops, &config, OPTLY_ERR_INVALID, "struct_size");
}

static void test_missing_out_still_takes_the_inner(void **state)
{
    struct inner inner;

    (void)state;
    inner_init(&inner, true);
    assert_int_equal(
        optly_queue_dispatcher_create(
            NULL, (optly_dispatcher){&inner_ops, &inner}, NULL, NULL),
        OPTLY_ERR_INVALID);
    assert_int_equal(inner.destroys, 1);
    inner_cleanup(&inner);
}

static void test_create_survives_every_failed_allocation(void **state)
{
    optly_status status = OPTLY_ERR_NO_MEMORY;
    int failures = 0;

    (void)state;
    for (int n = 0; status != OPTLY_OK; n++) {
        optly_queue_dispatcher_config config =
            optly_queue_dispatcher_config_default();
        optly_dispatcher dispatcher;
        struct inner inner;

        inner_init(&inner, true);
        config.threads = 3;
        failing_allocator_install((size_t)n);
        status = optly_queue_dispatcher_create(
            &dispatcher, (optly_dispatcher){&inner_ops, &inner}, &config, NULL);
        optly_dispatcher_destroy(&dispatcher);
        failures += status != OPTLY_OK;
        assert_int_equal(failing_allocator_remove(), 0);
        assert_int_equal(inner.destroys, 1);
        inner_cleanup(&inner);
    }
    assert_true(failures >= 5); /* the dispatcher, its pool, three threads */
}

static void test_dispatch_without_memory_is_a_retry(void **state)
{
    optly_log_event event = fake_log_event("https://a.example/", "{}");
    fake_deliveries deliveries;
    optly_dispatcher dispatcher;
    struct inner inner;

    (void)state;
    fake_deliveries_init(&deliveries);
    inner_init(&inner, true);
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    dispatcher = wrap(&inner, 1, 0);
    failing_allocator_fail_after(0); /* the job */
    dispatch(dispatcher, &event, &deliveries);
    assert_true(fake_deliveries_wait(&deliveries, 1, 10000));
    optly_dispatcher_destroy(&dispatcher);
    assert_int_equal(failing_allocator_remove(), 0);

    assert_int_equal(deliveries.results[0].outcome, OPTLY_RETRY);
    assert_non_null(strstr(deliveries.results[0].detail, "memory"));
    assert_int_equal(inner.entered, 0);
    inner_cleanup(&inner);
    fake_deliveries_cleanup(&deliveries);
}

/* Its threads are the parent's: waiting for them would never end. */
static void test_a_forked_child_leaves_it_alone(void **state)
{
    struct inner inner;
    optly_dispatcher dispatcher;
    int status = -1;
    pid_t child;

    (void)state;
    inner_init(&inner, true);
    dispatcher = wrap(&inner, 2, 4);
    child = fork();
    if (child == 0) {
        optly_dispatcher_destroy(&dispatcher);
        fake_leave_child(inner.destroys == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    optly_dispatcher_destroy(&dispatcher);
    assert_int_equal(inner.destroys, 1);
    inner_cleanup(&inner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_come_from_the_inner_dispatcher),
        cmocka_unit_test(test_threads_run_the_inner_dispatcher_side_by_side),
        cmocka_unit_test(test_full_queue_is_a_retry_at_once),
        cmocka_unit_test(test_cancel_ends_what_waits_and_reaches_the_inner),
        cmocka_unit_test(test_inner_may_complete_later_from_another_thread),
        cmocka_unit_test(test_an_inner_that_completes_twice_is_ignored),
        cmocka_unit_test(
            test_bad_arguments_are_refused_and_the_inner_destroyed),
        cmocka_unit_test(test_missing_out_still_takes_the_inner),
        cmocka_unit_test(test_create_survives_every_failed_allocation),
        cmocka_unit_test(test_dispatch_without_memory_is_a_retry),
        /* Last: their threads may still be about when a test has ended. */
        cmocka_unit_test(test_destroy_waits_for_a_result_on_its_way),
        cmocka_unit_test(test_stuck_inner_does_not_hold_up_destroy),
        cmocka_unit_test(test_a_forked_child_leaves_it_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
