/*
 * From the builders to the collector: the whole way, over real sockets. An
 * auditor holds what the collector saw against what was accepted, and the
 * counters against the identity all the while.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector.h"
#include "fakes/auditor.h"
#include "fakes/events.h"
#include "platform/platform.h"

enum { THREADS = 4, MOST_EVENTS = 20000 };

typedef struct way {
    collector *server;
    optly_project *project;
    optly_processor_config config;
    optly_http_config http;
    optly_processor *processor;
    auditor *auditor;
} way;

static way *way_create(void)
{
    way *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->server = collector_create(NULL);
    assert_non_null(w->server);
    w->project = fake_project();
    w->auditor = auditor_create();
    w->http = optly_http_config_default();
    w->http.timeout_ms = 5000;
    w->config = optly_processor_config_default();
    w->config.endpoint = collector_endpoint(w->server);
    w->config.http = &w->http;
    w->config.retry_initial_ms = 5;
    w->config.retry_max_ms = 50;
    w->config.overflow = OPTLY_OVERFLOW_BLOCK;
    w->config.overflow_block_ms = 30000;
    return w;
}

static void way_start(way *w)
{
    optly_error err = {OPTLY_OK, ""};

    if (optly_processor_create(&w->processor, &w->config, &err) != OPTLY_OK)
        fail_msg("%s", err.message);
    assert_int_equal(optly_processor_start(w->processor), OPTLY_OK);
    auditor_watch(w->auditor, w->processor);
}

/* Holds what the collector saw against what was accepted and reported. */
static void way_destroy(way *w)
{
    collector_sighting seen;

    auditor_rest(w->auditor);
    optly_processor_destroy(w->processor);
    for (size_t i = 0; collector_uuid_at(w->server, i, &seen); i++)
        auditor_see_event(w->auditor, seen.uuid, seen.hash, seen.count);
    auditor_check(w->auditor);
    auditor_destroy(w->auditor);
    optly_project_destroy(w->project);
    collector_destroy(w->server);
    free(w);
}

static void hand_over(way *w, optly_user_event *event)
{
    assert_int_equal(auditor_offer(w->auditor, event), OPTLY_OK);
}

static void add_event(way *w, const optly_project *project, int number)
{
    char visitor[32];

    (void)snprintf(visitor, sizeof(visitor), "visitor-%d", number);
    hand_over(w, number % 2 ? fake_impression(project, visitor)
                            : fake_conversion(project, visitor));
}

static void add_events(way *w, int count)
{
    for (int i = 0; i < count; i++)
        add_event(w, w->project, i);
}

static void add_fault(way *w, collector_fault fault)
{
    assert_true(collector_add_fault(w->server, &fault));
}

/* Every accepted event is there, with one set of bytes, and nothing else; which
 * ones they are, way_destroy checks. */
static void check_all_arrived(way *w, bool once)
{
    collector_counts counts;

    collector_read(w->server, &counts);
    assert_int_equal(counts.distinct, auditor_accepted(w->auditor));
    assert_int_equal(counts.changed, 0);
    assert_int_equal(counts.malformed, 0);
    if (once)
        assert_int_equal(counts.duplicates, 0);
}

static void check_closes_clean(way *w)
{
    optly_close_report report = optly_close_report_default();

    assert_int_equal(optly_processor_close(w->processor, 30000, &report),
                     OPTLY_OK);
    assert_int_equal(report.delivered, auditor_accepted(w->auditor));
    assert_int_equal(report.dropped, 0);
    assert_int_equal(report.pending, 0);
}

static void *produce(void *user)
{
    add_events(user, MOST_EVENTS / THREADS / 2);
    return NULL;
}

static void test_events_of_four_threads_arrive_exactly_once(void **state)
{
    way *w = way_create();
    pthread_t threads[THREADS];

    (void)state;
    w->config.batch_size = 50;
    way_start(w);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, w), 0);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(optly_processor_flush(w->processor, 30000), OPTLY_OK);
    check_all_arrived(w, true);
    check_closes_clean(w);
    way_destroy(w);
}

static void test_the_same_with_gzip_and_http1(void **state)
{
    way *w = way_create();

    (void)state;
    w->http.gzip_level = 1;
    w->http.http1_only = true;
    way_start(w);
    add_events(w, 1000);
    check_closes_clean(w);
    check_all_arrived(w, true);
    way_destroy(w);
}

static void test_http_200_is_success(void **state)
{
    way *w = way_create();
    collector_fault fault = {.count = 10, .status = 200, .after = true};

    (void)state;
    add_fault(w, fault);
    way_start(w);
    add_events(w, 100);
    check_closes_clean(w);
    check_all_arrived(w, true);
    way_destroy(w);
}

static void test_a_lost_answer_repeats_the_same_bytes(void **state)
{
    way *w = way_create();
    collector_fault reset = {.count = 3, .reset = true, .after = true};
    collector_fault error = {.count = 3, .status = 500, .after = true};
    collector_counts counts;

    (void)state;
    add_fault(w, reset);
    add_fault(w, error);
    way_start(w);
    add_events(w, 200);
    check_closes_clean(w);
    check_all_arrived(w, false);
    collector_read(w->server, &counts);
    assert_true(counts.duplicates >= 10);
    assert_int_equal(counts.changed, 0); /* same uuids, same bytes */
    way_destroy(w);
}

static void test_it_recovers_from_an_outage_without_new_traffic(void **state)
{
    way *w = way_create();
    collector_fault outage = {.count = 12, .status = 503};

    (void)state;
    add_fault(w, outage);
    way_start(w);
    add_events(w, 100);
    /* No flush and no further event: what is kept goes out by itself. */
    assert_true(collector_wait_requests(w->server, 12 + 10, 20000));
    check_closes_clean(w);
    check_all_arrived(w, true);
    way_destroy(w);
}

static void test_a_failed_dispatch_keeps_its_events(void **state)
{
    way *w = way_create();
    collector_fault fault = {.count = 1, .status = 429};
    optly_stats stats = optly_stats_default();

    (void)state;
    (void)snprintf(fault.retry_after, sizeof(fault.retry_after), "30");
    add_fault(w, fault);
    way_start(w);
    add_events(w, 10);
    assert_true(collector_wait_requests(w->server, 1, 10000));
    assert_int_equal(optly_processor_flush(w->processor, 100),
                     OPTLY_ERR_TIMEOUT); /* does not override Retry-After */
    assert_int_equal(optly_processor_stats(w->processor, &stats), OPTLY_OK);
    assert_int_equal(stats.pending, 10);
    assert_int_equal(stats.requests, 1);
    way_destroy(w);
}

static void test_close_on_a_dead_endpoint_is_in_time(void **state)
{
    way *w = way_create();
    collector_fault silence = {.count = 60, .delay_ms = 60000};
    optly_close_report report = optly_close_report_default();
    int64_t before;

    (void)state;
    add_fault(w, silence);
    way_start(w);
    add_events(w, 100);
    assert_true(collector_wait_requests(w->server, 1, 10000));
    before = optly__monotonic_ms();
    assert_int_equal(optly_processor_close(w->processor, 200, &report),
                     OPTLY_ERR_TIMEOUT);
    assert_true(optly__monotonic_ms() - before < 200 + 400);
    assert_int_equal(report.dropped, 100);
    assert_int_equal(report.pending, 0); /* all were cancelled */
    way_destroy(w);
}

static void test_a_not_a_number_does_not_block_what_follows(void **state)
{
    way *w = way_create();
    const optly_user user = {"visitor", NULL, 0};
    const optly_pair tags[] = {optly_double("value", NAN)};
    optly_conversion purchase = optly_conversion_default();
    optly_user_event *event;

    (void)state;
    purchase.event_key = "purchase";
    purchase.tags = tags;
    purchase.tag_count = 1;
    w->config.batch_size = 1;
    way_start(w);
    assert_int_equal(
        optly_create_conversion(&event, w->project, &user, &purchase, NULL),
        OPTLY_OK);
    hand_over(w, event);
    add_events(w, 20);
    assert_int_equal(optly_processor_flush(w->processor, 10000), OPTLY_OK);
    check_all_arrived(w, true);
    way_destroy(w);
}

static void test_regions_and_privacy_are_not_mixed(void **state)
{
    way *w = way_create();
    optly_project *eu = fake_project_of("1", "EU");
    collector_kept kept;

    (void)state;
    way_start(w);
    for (int i = 0; i < 20; i++)
        add_event(w, i % 2 ? eu : w->project, i);
    check_closes_clean(w);
    check_all_arrived(w, true);
    for (uint64_t number = 1; number <= 2; number++) {
        assert_true(collector_copy_batch(w->server, number, &kept));
        assert_int_equal(kept.events, 10);
        free(kept.body);
    }
    optly_project_destroy(eu);
    way_destroy(w);
}

static void test_a_chaos_of_faults_loses_and_invents_nothing(void **state)
{
    way *w = way_create();
    const collector_fault faults[] = {
        {.status = 500},
        {.status = 503},
        {.status = 429},
        {.status = 408},
        {.reset = true},
        {.reset = true, .after = true},
        {.status = 502, .after = true},
        {.delay_ms = 20},
        {.status = 404},
        {.status = 302},
    };

    (void)state;
    for (size_t i = 0; i < 60; i++)
        add_fault(w, faults[i % (sizeof(faults) / sizeof(faults[0]))]);
    way_start(w);
    add_events(w, 2000);
    check_closes_clean(w);
    check_all_arrived(w, false);
    way_destroy(w);
}

static void test_a_host_s_loop_delivers_without_a_thread(void **state)
{
    way *w = way_create();
    optly_stats stats = optly_stats_default();

    (void)state;
    assert_int_equal(optly_processor_create(&w->processor, &w->config, NULL),
                     OPTLY_OK);
    auditor_listen(w->auditor, w->processor); /* no second thread */
    add_events(w, 100);
    do {
        int64_t next = optly_processor_next_deadline_ms(w->processor);

        assert_in_range(next, 0, 30000);
        assert_int_equal(
            optly_processor_run_once(w->processor, next < 20 ? (int)next : 20),
            OPTLY_OK);
        assert_int_equal(optly_processor_stats(w->processor, &stats), OPTLY_OK);
        assert_true(audit_snapshot(&stats));
    } while (stats.delivered < 100);
    check_all_arrived(w, true);
    way_destroy(w);
}

static void test_the_queue_dispatcher_delivers_over_http_too(void **state)
{
    way *w = way_create();
    optly_dispatcher inner;
    optly_queue_dispatcher_config config =
        optly_queue_dispatcher_config_default();

    (void)state;
    config.threads = 3;
    assert_int_equal(optly_http_dispatcher_create(&inner, &w->http, NULL),
                     OPTLY_OK);
    assert_int_equal(optly_queue_dispatcher_create(&w->config.dispatcher, inner,
                                                   &config, NULL),
                     OPTLY_OK);
    w->config.http = NULL;
    way_start(w);
    add_events(w, 500);
    check_closes_clean(w);
    check_all_arrived(w, true);
    way_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_of_four_threads_arrive_exactly_once),
        cmocka_unit_test(test_the_same_with_gzip_and_http1),
        cmocka_unit_test(test_http_200_is_success),
        cmocka_unit_test(test_a_lost_answer_repeats_the_same_bytes),
        cmocka_unit_test(test_it_recovers_from_an_outage_without_new_traffic),
        cmocka_unit_test(test_a_failed_dispatch_keeps_its_events),
        cmocka_unit_test(test_close_on_a_dead_endpoint_is_in_time),
        cmocka_unit_test(test_a_not_a_number_does_not_block_what_follows),
        cmocka_unit_test(test_regions_and_privacy_are_not_mixed),
        cmocka_unit_test(test_a_chaos_of_faults_loses_and_invents_nothing),
        cmocka_unit_test(test_a_host_s_loop_delivers_without_a_thread),
        cmocka_unit_test(test_the_queue_dispatcher_delivers_over_http_too),
    };

    return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
