/*
 * Foreign code that never returns: close and destroy come back in time, every
 * time, and count every event. OPTLY_STUCK_ROUNDS makes it longer.
 *
 * The promise is 100 ms beyond the time limit on a machine that has a processor
 * for the caller: what a call waited for one, as the kernel counts it, is not
 * held against it.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fakes/events.h"
#include "fakes/process.h"
#include "platform/platform.h"

enum { ROUNDS = 64, HOSTS = 8, EVENTS = 5, PROMISE_US = 100000 };

typedef enum place {
    IN_DISPATCH,
    IN_POLL,
    IN_QUEUED_DISPATCH,
    IN_DISPATCH_HANDLER,
    IN_DELIVERY_HANDLER,
    IN_LOG,
    IN_METRICS,
    IN_WORKER_START,
    PLACES
} place;

static const uint32_t limits_ms[] = {0, 1, 10, 40};
enum { LIMITS = sizeof(limits_ms) / sizeof(*limits_ms) };

/* One processor with a place that hangs until it is let go. */
typedef struct hang {
    place place;
    optly__mutex lock;
    optly__cond changed;
    /* Guarded by `lock`. */
    bool entered, released, destroyed;
} hang;

/* What a thread of the test found. */
typedef struct host {
    pthread_t thread;
    optly_project *project;
    uint32_t first, rounds;
    uint32_t late_by_clock, late, lost;
    int64_t worst_us; /* beyond the limit, the processor's absence taken off */
} host;

static void stay(hang *g, place here)
{
    if (g->place != here)
        return;
    optly__mutex_lock(&g->lock);
    g->entered = true;
    optly__cond_broadcast(&g->changed);
    while (!g->released)
        optly__cond_wait_until(&g->changed, &g->lock, OPTLY__NEVER);
    optly__mutex_unlock(&g->lock);
}

static void set(hang *g, bool *flag)
{
    optly__mutex_lock(&g->lock);
    *flag = true;
    optly__cond_broadcast(&g->changed);
    optly__mutex_unlock(&g->lock);
}

/* No limit: ctest has one. */
static void await(hang *g, const bool *flag)
{
    optly__mutex_lock(&g->lock);
    while (!*flag)
        optly__cond_wait_until(&g->changed, &g->lock, OPTLY__NEVER);
    optly__mutex_unlock(&g->lock);
}

static void dispatch(void *self, const optly_log_event *event,
                     optly_delivery delivery)
{
    hang *g = self;
    optly_dispatch_result result = optly_dispatch_result_default();

    (void)event;
    stay(g, IN_DISPATCH);
    stay(g, IN_QUEUED_DISPATCH);
    result.outcome = g->place == IN_LOG ? OPTLY_RETRY : OPTLY_DELIVERED;
    optly_delivery_complete(delivery, &result);
}

static void poll(void *self, int timeout_ms)
{
    (void)timeout_ms;
    stay(self, IN_POLL);
}

static void wake(void *self)
{
    (void)self; /* a poll that hangs does not hear it */
}

static void destroy(void *self)
{
    hang *g = self;

    set(g, &g->destroyed);
}

static const optly_dispatcher_ops plain_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = dispatch,
    .destroy = destroy,
};

static const optly_dispatcher_ops polled_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = dispatch,
    .poll = poll,
    .wake = wake,
    .destroy = destroy,
};

static void handle_dispatch(const optly_log_event *event, void *user)
{
    (void)event;
    stay(user, IN_DISPATCH_HANDLER);
}

static void handle_delivery(const optly_delivery_report *report, void *user)
{
    (void)report;
    stay(user, IN_DELIVERY_HANDLER);
}

static void handle_log(optly_log_level level, const char *message, void *user)
{
    (void)level;
    (void)message;
    stay(user, IN_LOG);
}

static void handle_gauge(const char *name, double value, void *user)
{
    (void)name;
    (void)value;
    stay(user, IN_METRICS);
}

static void handle_start(void *user)
{
    stay(user, IN_WORKER_START);
}

static optly_processor *open_processor(hang *g)
{
    const optly_metrics metrics = {sizeof(metrics), NULL, handle_gauge, g};
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor = NULL;

    config.batch_size = 2;
    config.dispatcher.ops = g->place == IN_POLL ? &polled_ops : &plain_ops;
    config.dispatcher.self = g;
    if (g->place == IN_QUEUED_DISPATCH &&
        optly_queue_dispatcher_create(&config.dispatcher, config.dispatcher,
                                      NULL, NULL) != OPTLY_OK)
        abort();
    config.log = handle_log;
    config.log_user = g;
    config.metrics = &metrics;
    config.on_worker_start = handle_start;
    config.worker_user = g;
    if (optly_processor_create(&processor, &config, NULL) != OPTLY_OK ||
        optly_processor_on_event_dispatch(processor, handle_dispatch, g,
                                          NULL) != OPTLY_OK ||
        optly_processor_on_delivery(processor, handle_delivery, g, NULL) !=
            OPTLY_OK ||
        optly_processor_start(processor) != OPTLY_OK)
        abort();
    return processor;
}

/* Records how far beyond its limit a call came back. */
static void judge(host *h, int64_t begun_ms, int64_t starved_us,
                  uint32_t limit_ms)
{
    int64_t beyond =
        (optly__monotonic_ms() - begun_ms - (int64_t)limit_ms) * 1000;
    int64_t own = beyond - (process_starved_us() - starved_us);

    h->late_by_clock += beyond > PROMISE_US;
    h->late += own > PROMISE_US;
    if (own > h->worst_us)
        h->worst_us = own;
}

static void run_round(host *h, uint32_t number)
{
    hang g = {.place = (place)(number % PLACES)};
    uint32_t limit_ms = limits_ms[number / PLACES % LIMITS];
    optly_close_report report = optly_close_report_default();
    optly_processor *processor;
    int64_t begun, starved;

    (void)optly__mutex_init(&g.lock);
    (void)optly__cond_init(&g.changed);
    processor = open_processor(&g);
    for (int i = 0; i < EVENTS; i++) {
        if (optly_process_event(processor, fake_conversion(h->project, "v")) !=
            OPTLY_OK)
            abort();
    }
    await(&g, &g.entered);

    starved = process_starved_us();
    begun = optly__monotonic_ms();
    (void)optly_processor_close(processor, limit_ms, &report);
    judge(h, begun, starved, limit_ms);
    h->lost += report.delivered + report.dropped + report.pending != EVENTS;

    starved = process_starved_us();
    begun = optly__monotonic_ms();
    optly_processor_destroy(processor);
    judge(h, begun, starved, 0);

    set(&g, &g.released);
    await(&g, &g.destroyed);
    optly__mutex_lock(&g.lock); /* `set` has let go of it */
    optly__mutex_unlock(&g.lock);
    optly__cond_cleanup(&g.changed);
    optly__mutex_cleanup(&g.lock);
}

static void *run_host(void *user)
{
    host *h = user;

    for (uint32_t i = 0; i < h->rounds; i++)
        run_round(h, h->first + i);
    return NULL;
}

static void test_close_and_destroy_come_back_in_time(void **state)
{
    uint32_t rounds = fake_rounds("OPTLY_STUCK_ROUNDS", ROUNDS) / HOSTS;
    optly_project *project = fake_project();
    int threads = process_threads();
    host hosts[HOSTS] = {{0}}, sum = {0};

    (void)state;
    for (uint32_t i = 0; i < HOSTS; i++) {
        hosts[i].project = project;
        hosts[i].first = i * rounds;
        hosts[i].rounds = rounds;
        assert_int_equal(
            pthread_create(&hosts[i].thread, NULL, run_host, &hosts[i]), 0);
    }
    for (int i = 0; i < HOSTS; i++) {
        assert_int_equal(pthread_join(hosts[i].thread, NULL), 0);
        sum.late_by_clock += hosts[i].late_by_clock;
        sum.late += hosts[i].late;
        sum.lost += hosts[i].lost;
        if (hosts[i].worst_us > sum.worst_us)
            sum.worst_us = hosts[i].worst_us;
    }
    print_message("%u closes and as many destroys, %u beyond t + 100 ms (by "
                  "the clock alone %u), the worst t + %.1f ms\n",
                  rounds * HOSTS, sum.late, sum.late_by_clock,
                  (double)sum.worst_us / 1000);
    assert_int_equal(sum.late, 0);
    assert_int_equal(sum.lost, 0);
    assert_true(process_threads_fall_to(threads));
    optly_project_destroy(project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_and_destroy_come_back_in_time),
    };

    return cmocka_run_group_tests(tests, process_warm_up, NULL);
}
