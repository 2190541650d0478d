/*
 * close beside eight threads that hand events over: each call answers OK,
 * QUEUE_FULL or CLOSED, and what they counted is what the books say, to the
 * event. OPTLY_RACE_ROUNDS makes it longer.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fakes/events.h"
#include "fakes/process.h"
#include "platform/platform.h"

enum { ROUNDS = 300, PRODUCERS = 8 };

typedef struct tally {
    uint64_t accepted, full, closed, other;
} tally;

typedef struct race {
    optly_project *project;
    optly_processor *processor;
    pthread_barrier_t begin, end;
    atomic_bool over;
    atomic_uint started; /* producers that saw their first answer */
    tally answers[PRODUCERS];
    uint64_t reported, sent; /* the driver's, then read after destroy */
    uint64_t seed;
} race;

typedef struct producer {
    race *race;
    tally *answers;
} producer;

static uint32_t below(race *r, uint32_t bound)
{
    r->seed = r->seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(r->seed >> 33) % bound;
}

static void hand_over_until_closed(race *r, tally *answers)
{
    optly_status status;

    memset(answers, 0, sizeof(*answers));
    do {
        status =
            optly_process_event(r->processor, fake_conversion(r->project, "v"));
        answers->accepted += status == OPTLY_OK;
        answers->full += status == OPTLY_ERR_QUEUE_FULL;
        answers->closed += status == OPTLY_ERR_CLOSED;
        answers->other += status != OPTLY_OK &&
                          status != OPTLY_ERR_QUEUE_FULL &&
                          status != OPTLY_ERR_CLOSED;
        if (answers->accepted + answers->full + answers->closed == 1)
            (void)atomic_fetch_add(&r->started, 1);
    } while (status != OPTLY_ERR_CLOSED && answers->other == 0);
}

static void *produce(void *user)
{
    producer *p = user;

    for (;;) {
        (void)pthread_barrier_wait(&p->race->begin);
        if (atomic_load(&p->race->over))
            return NULL;
        hand_over_until_closed(p->race, p->answers);
        (void)pthread_barrier_wait(&p->race->end);
    }
}

static void count_reported(const optly_delivery_report *report, void *user)
{
    ((race *)user)->reported += report->event_count;
}

static optly_outcome count_sent(const optly_log_event *event,
                                optly_dispatch_result *result, void *user)
{
    (void)result;
    ((race *)user)->sent += event->event_count;
    return OPTLY_DELIVERED;
}

static void open_processor(race *r)
{
    optly_processor_config config = optly_processor_config_default();

    config.batch_size = 1 + below(r, 8);
    config.queue_size = config.batch_size + below(r, 64);
    config.overflow = (optly_overflow)below(r, 3);
    config.overflow_block_ms = 1;
    assert_int_equal(optly_function_dispatcher_create(&config.dispatcher,
                                                      count_sent, r, NULL),
                     OPTLY_OK);
    assert_int_equal(optly_processor_create(&r->processor, &config, NULL),
                     OPTLY_OK);
    assert_int_equal(
        optly_processor_on_delivery(r->processor, count_reported, r, NULL),
        OPTLY_OK);
    if (below(r, 4) != 0)
        assert_int_equal(optly_processor_start(r->processor), OPTLY_OK);
    r->reported = 0;
    r->sent = 0;
    atomic_store(&r->started, 0);
}

static void check_sums(race *r, const optly_close_report *report)
{
    optly_stats s = optly_stats_default();
    tally sum = {0, 0, 0, 0};
    uint64_t dropped = 0;

    for (int i = 0; i < PRODUCERS; i++) {
        sum.accepted += r->answers[i].accepted;
        sum.full += r->answers[i].full;
        sum.closed += r->answers[i].closed;
        sum.other += r->answers[i].other;
    }
    assert_int_equal(optly_processor_stats(r->processor, &s), OPTLY_OK);
    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        dropped += s.dropped[i];
    assert_int_equal(sum.other, 0);
    assert_int_equal(sum.closed, PRODUCERS);
    assert_int_equal(s.accepted, sum.accepted);
    assert_int_equal(s.rejected[OPTLY_REJECT_QUEUE_FULL], sum.full);
    assert_int_equal(s.rejected[OPTLY_REJECT_CLOSED], sum.closed);
    assert_int_equal(s.attempted, sum.accepted + sum.full + sum.closed);
    assert_int_equal(s.pending, 0);
    assert_int_equal(s.accepted, s.delivered + dropped);
    assert_int_equal(report->delivered, s.delivered);
    assert_int_equal(report->dropped, dropped);
}

static void run_round(race *r)
{
    optly_close_report report = optly_close_report_default();
    uint32_t timeout_ms, spins;
    optly_stats s = optly_stats_default();

    open_processor(r);
    timeout_ms = below(r, 2) * 10000;
    spins = below(r, 3) == 0 ? 0 : below(r, 3000);
    (void)pthread_barrier_wait(&r->begin);
    if (spins > 0) { /* else close may come before the first event */
        while (atomic_load(&r->started) == 0)
            (void)sched_yield();
    }
    for (volatile uint32_t i = 0; i < spins; i++)
        ;
    (void)optly_processor_close(r->processor, timeout_ms, &report);
    (void)pthread_barrier_wait(&r->end);

    check_sums(r, &report);
    assert_int_equal(optly_processor_stats(r->processor, &s), OPTLY_OK);
    optly_processor_destroy(r->processor);
    assert_int_equal(r->reported, s.accepted);
    assert_int_equal(r->sent, s.delivered);
}

static void test_close_races_with_eight_producers(void **state)
{
    uint32_t rounds = fake_rounds("OPTLY_RACE_ROUNDS", ROUNDS);
    pthread_t threads[PRODUCERS];
    producer producers[PRODUCERS];
    race r = {0};

    (void)state;
    r.project = fake_project();
    r.seed = 20;
    (void)pthread_barrier_init(&r.begin, NULL, PRODUCERS + 1);
    (void)pthread_barrier_init(&r.end, NULL, PRODUCERS + 1);
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (producer){&r, &r.answers[i]};
        assert_int_equal(
            pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    }
    for (uint32_t i = 0; i < rounds; i++)
        run_round(&r);
    atomic_store(&r.over, true);
    (void)pthread_barrier_wait(&r.begin);
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&r.begin);
    (void)pthread_barrier_destroy(&r.end);
    optly_project_destroy(r.project);
    print_message("close raced with %d producers %u times\n", PRODUCERS,
                  rounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_races_with_eight_producers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
