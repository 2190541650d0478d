/*
 * Eight producers, and threads that flush, register and remove handlers, read
 * the books, drive and close, all at once, over and over, on an endpoint that
 * often fails: each accepted event is reported once. Meant for the thread
 * sanitizer; OPTLY_STRESS_ROUNDS makes it longer.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

#include "fakes/auditor.h"
#include "fakes/events.h"
#include "fakes/process.h"
#include "platform/platform.h"

enum { ROUNDS = 25, PRODUCERS = 8, EVENTS = 40 };

typedef struct stress {
    optly_project *project;
    optly_processor *processor;
    atomic_uint accepted, reported, seed, ended;
    atomic_uint late; /* calls of a handler that was removed */
    atomic_uint snapshots;
    bool gets_worker;
    pthread_barrier_t begin; /* all threads of a round start at once */
} stress;

typedef struct part {
    void *(*run)(void *user);
    stress *stress;
} part;

typedef struct onlooker {
    stress *stress;
    atomic_bool removed;
} onlooker;

static uint32_t below(stress *s, uint32_t bound)
{
    return (atomic_fetch_add(&s->seed, 1) * 2654435761U >> 8) % bound;
}

static void count_reported(const optly_delivery_report *report, void *user)
{
    (void)atomic_fetch_add(&((stress *)user)->reported, report->event_count);
}

static void look_on(const optly_log_event *event, void *user)
{
    onlooker *o = user;

    for (uint32_t i = 0; i < event->event_count; i++) {
        if (atomic_load(&o->removed))
            (void)atomic_fetch_add(&o->stress->late, 1);
        (void)sched_yield();
    }
}

static optly_outcome respond(const optly_log_event *event,
                             optly_dispatch_result *result, void *user)
{
    static const optly_outcome outcomes[] = {
        OPTLY_DELIVERED, OPTLY_DELIVERED, OPTLY_DELIVERED, OPTLY_DELIVERED,
        OPTLY_RETRY,     OPTLY_REFUSED,   OPTLY_CANCELLED, OPTLY_MISCONFIGURED};
    stress *s = user;

    assert_true(event->body[0] == '{');
    result->retry_after_ms = below(s, 4) == 0 ? 2 : 0;
    return outcomes[below(s, 8)];
}

static void *produce(void *user)
{
    stress *s = user;

    for (int i = 0; i < EVENTS; i++) {
        if (optly_process_event(s->processor,
                                fake_conversion(s->project, "v")) == OPTLY_OK)
            (void)atomic_fetch_add(&s->accepted, 1);
    }
    (void)atomic_fetch_add(&s->ended, 1);
    return NULL;
}

static void *flush(void *user)
{
    stress *s = user;

    while (atomic_load(&s->ended) < PRODUCERS)
        (void)optly_processor_flush(s->processor, below(s, 4));
    return NULL;
}

static void look_on_reports(const optly_delivery_report *report, void *user)
{
    onlooker *o = user;

    (void)report;
    if (atomic_load(&o->removed))
        (void)atomic_fetch_add(&o->stress->late, 1);
    (void)sched_yield();
}

static void *come_and_go(void *user)
{
    stress *s = user;
    int dispatch, delivery;

    while (atomic_load(&s->ended) < PRODUCERS) {
        onlooker o = {s, false};

        assert_int_equal(optly_processor_on_event_dispatch(
                             s->processor, look_on, &o, &dispatch),
                         OPTLY_OK);
        assert_int_equal(optly_processor_on_delivery(
                             s->processor, look_on_reports, &o, &delivery),
                         OPTLY_OK);
        assert_int_equal(
            optly_processor_remove_on_event_dispatch(s->processor, dispatch),
            OPTLY_OK);
        assert_int_equal(
            optly_processor_remove_on_delivery(s->processor, delivery),
            OPTLY_OK);
        atomic_store(&o.removed, true);
        (void)sched_yield();
    }
    return NULL;
}

static uint64_t sum(const uint64_t *slots)
{
    uint64_t total = 0;

    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        total += slots[i];
    return total;
}

static void *read_books(void *user)
{
    stress *s = user;
    optly_stats stats = optly_stats_default();

    while (atomic_load(&s->ended) < PRODUCERS) {
        assert_int_equal(optly_processor_stats(s->processor, &stats), OPTLY_OK);
        assert_int_equal(stats.attempted, stats.accepted + sum(stats.rejected));
        assert_int_equal(stats.accepted,
                         stats.delivered + sum(stats.dropped) + stats.pending);
        assert_int_equal(stats.pending,
                         stats.queued + stats.in_flight + stats.retry_wait);
        (void)atomic_fetch_add(&s->snapshots, 1);
        (void)sched_yield();
    }
    return NULL;
}

/* A host without a worker; some rounds get one on the way. */
static void *drive(void *user)
{
    stress *s = user;

    while (atomic_load(&s->ended) < PRODUCERS) {
        (void)optly_processor_run_once(s->processor, 1);
        if (s->gets_worker)
            (void)optly_processor_start(s->processor);
    }
    return NULL;
}

static void *close_soon(void *user)
{
    stress *s = user;

    if (below(s, 2) == 0) {
        while (atomic_load(&s->ended) < PRODUCERS)
            (void)optly_processor_next_deadline_ms(s->processor);
    }
    (void)optly_processor_close(s->processor, below(s, 10), NULL);
    return NULL;
}

static optly_processor *open_processor(stress *s)
{
    optly_processor_config config = optly_processor_config_default();
    optly_dispatcher dispatcher;
    optly_processor *processor = NULL;

    assert_int_equal(
        optly_function_dispatcher_create(&dispatcher, respond, s, NULL),
        OPTLY_OK);
    if (below(s, 2) == 0) {
        optly_queue_dispatcher_config queue =
            optly_queue_dispatcher_config_default();

        queue.threads = 2;
        assert_int_equal(optly_queue_dispatcher_create(&dispatcher, dispatcher,
                                                       &queue, NULL),
                         OPTLY_OK);
    }
    config.dispatcher = dispatcher;
    config.batch_size = 1 + below(s, 10);
    config.queue_size = config.batch_size + below(s, 100);
    config.max_in_flight = 1 + below(s, 4);
    config.flush_interval_ms = 1 + below(s, 5);
    config.retry_initial_ms = 1;
    config.retry_max_ms = 3;
    config.max_attempts = below(s, 3);
    config.max_age_ms = below(s, 2) * 20;
    config.overflow = (optly_overflow)below(s, 3);
    config.overflow_block_ms = 2;
    assert_int_equal(optly_processor_create(&processor, &config, NULL),
                     OPTLY_OK);
    assert_int_equal(
        optly_processor_on_delivery(processor, count_reported, s, NULL),
        OPTLY_OK);
    return processor;
}

static void *run_part(void *user)
{
    const part *p = user;

    (void)pthread_barrier_wait(&p->stress->begin);
    return p->run(p->stress);
}

/* Returns how many snapshots of the books were taken. */
static uint32_t run_round(uint32_t seed)
{
    static void *(*const runs[])(void *) = {
        produce,     produce,    produce,    produce, produce,   produce,
        produce,     produce,    flush,      flush,   flush,     come_and_go,
        come_and_go, read_books, read_books, drive,   close_soon};
    enum { PARTS = sizeof(runs) / sizeof(*runs) };
    auditor *looking_on = auditor_create();
    pthread_t threads[PARTS];
    part parts[PARTS];
    stress s = {0};

    s.seed = seed * 7919;
    s.project = fake_project();
    s.gets_worker = below(&s, 2) == 0;
    s.processor = open_processor(&s);
    auditor_sample(looking_on, s.processor);
    (void)pthread_barrier_init(&s.begin, NULL, PARTS);
    for (int i = 0; i < PARTS; i++) {
        parts[i] = (part){runs[i], &s};
        assert_int_equal(pthread_create(&threads[i], NULL, run_part, &parts[i]),
                         0);
    }
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    auditor_rest(looking_on);
    (void)pthread_barrier_destroy(&s.begin);
    optly_processor_destroy(s.processor);
    auditor_check(looking_on);
    auditor_destroy(looking_on);
    assert_int_equal(s.reported, s.accepted);
    assert_int_equal(s.late, 0);
    optly_project_destroy(s.project);
    return s.snapshots;
}

static void test_all_at_once_is_counted_once(void **state)
{
    uint32_t rounds = fake_rounds("OPTLY_STRESS_ROUNDS", ROUNDS);
    uint64_t snapshots = 0;

    (void)state;
    for (uint32_t i = 0; i < rounds; i++)
        snapshots += run_round(i);
    print_message("%u rounds, %llu snapshots of the books\n", rounds,
                  (unsigned long long)snapshots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_at_once_is_counted_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
