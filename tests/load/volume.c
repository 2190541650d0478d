/*
 * volume [events per thread]: eight threads hand over events as fast as they
 * can while the service fails at 30 % of the requests. Every event is
 * accounted for at the end, on both sides. Default: 1,000,000 events each.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "fakes/auditor.h"
#include "fakes/events.h"
#include "load.h"

enum { THREADS = 8, EVENTS = 1000000, FAULT_PERCENT = 30 };

typedef struct producer {
    pthread_t thread;
    sink *sink;
    optly_processor *processor;
    const optly_project *project;
    uint64_t first, count, refused;
} producer;

static void *produce(void *user)
{
    producer *p = user;

    for (uint64_t i = p->first; i < p->first + p->count; i++) {
        sink_event *event = &p->sink->list[i];

        if (optly_process_event(p->processor, load_event(p->project, i)) ==
            OPTLY_OK)
            (void)atomic_fetch_or(&event->marks, LOAD_ACCEPTED);
        else
            p->refused++;
    }
    return NULL;
}

static optly_processor *open_processor(sink *s)
{
    optly_processor_config config = optly_processor_config_default();
    optly_http_config http = optly_http_config_default();
    optly_processor *processor = NULL;

    http.timeout_ms = 5000;
    config.http = &http;
    config.endpoint = s->url;
    config.batch_size = 500;
    config.queue_size = 20000;
    config.retry_initial_ms = 2;
    config.retry_max_ms = 20;
    config.overflow = OPTLY_OVERFLOW_BLOCK;
    config.overflow_block_ms = 20; /* long backoffs make some refusals */
    LOAD_CHECK(optly_processor_create(&processor, &config, NULL) == OPTLY_OK);
    LOAD_CHECK(optly_processor_on_delivery(processor, load_report, s, NULL) ==
               OPTLY_OK);
    LOAD_CHECK(optly_processor_start(processor) == OPTLY_OK);
    return processor;
}

static uint64_t sum(const uint64_t *slots)
{
    uint64_t all = 0;

    for (int i = 0; i < OPTLY_REASON_SLOTS; i++)
        all += slots[i];
    return all;
}

static void report(const optly_stats *stats, const load_sums *sums,
                   const sink *s, int64_t took_ns)
{
    audit_counts audit = audit_counts_read();

    (void)printf("volume: %llu attempted = %llu accepted + %llu refused, in "
                 "%.1f s\n",
                 (unsigned long long)stats->attempted,
                 (unsigned long long)stats->accepted,
                 (unsigned long long)sum(stats->rejected),
                 (double)took_ns / 1e9);
    (void)printf("volume: %llu requests, %llu with a fault (%.1f %%), %llu "
                 "retries\n",
                 (unsigned long long)s->requests, (unsigned long long)s->faults,
                 100.0 * (double)s->faults / (double)s->requests,
                 (unsigned long long)stats->retries);
    (void)printf(
        "volume: %llu delivered, %llu seen, %llu of them more than "
        "once, %llu lost, %llu invented, %llu unproven, %llu changed\n",
        (unsigned long long)sums->delivered, (unsigned long long)sums->seen,
        (unsigned long long)sums->twice, (unsigned long long)sums->lost,
        (unsigned long long)sums->invented, (unsigned long long)sums->unproven,
        (unsigned long long)s->changed);
    (void)printf("volume: %llu samples, %llu violations\n",
                 (unsigned long long)audit.samples,
                 (unsigned long long)audit.violations);
}

static void check(const optly_stats *stats, const load_sums *sums,
                  const sink *s, uint64_t attempted, uint64_t refused)
{
    LOAD_CHECK(stats->attempted == attempted);
    LOAD_CHECK(stats->attempted == stats->accepted + sum(stats->rejected));
    LOAD_CHECK(sum(stats->rejected) == refused);
    LOAD_CHECK(stats->accepted == sums->accepted);
    LOAD_CHECK(stats->delivered == stats->accepted);
    LOAD_CHECK(sums->delivered == sums->accepted);
    LOAD_CHECK(sums->seen == sums->accepted);
    LOAD_CHECK(sums->dropped == 0 && sums->lost == 0);
    LOAD_CHECK(sums->invented == 0 && sums->unproven == 0);
    LOAD_CHECK(s->changed == 0 && s->strangers == 0);
    LOAD_CHECK(audit_counts_read().violations == 0);
}

/* Returns how many events were refused. */
static uint64_t produce_all(sink *s, optly_processor *processor,
                            const optly_project *project, uint64_t each)
{
    producer producers[THREADS];
    uint64_t refused = 0;

    memset(producers, 0, sizeof(producers));
    for (uint64_t i = 0; i < THREADS; i++) {
        producer *p = &producers[i];

        p->sink = s;
        p->processor = processor;
        p->project = project;
        p->first = i * each;
        p->count = each;
        LOAD_CHECK(pthread_create(&p->thread, NULL, produce, p) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(producers[i].thread, NULL);
        refused += producers[i].refused;
    }
    return refused;
}

int main(int argc, char **argv)
{
    uint64_t each = load_argument(argc, argv, 1, EVENTS), refused;
    sink *s = sink_start(THREADS * each);
    optly_project *project = fake_project();
    optly_stats stats = optly_stats_default();
    auditor *looking_on = auditor_create();
    int64_t start = load_now_ns();
    optly_processor *processor;
    load_sums sums;

    atomic_store(&s->fault_percent, FAULT_PERCENT);
    atomic_store(&s->fault_mask, 1U << SINK_ERROR | 1U << SINK_RESET |
                                     1U << SINK_LOST | 1U << SINK_LOST_ERROR |
                                     1U << SINK_SLOW | 1U << SINK_GARBAGE);
    processor = open_processor(s);
    auditor_sample(looking_on, processor);
    refused = produce_all(s, processor, project, each);
    LOAD_CHECK(optly_processor_flush(processor, 600000) == OPTLY_OK);
    LOAD_CHECK(optly_processor_stats(processor, &stats) == OPTLY_OK);
    auditor_rest(looking_on);
    optly_processor_destroy(processor);
    sums = load_sum_up(s, 0, THREADS * each);
    report(&stats, &sums, s, load_now_ns() - start);
    check(&stats, &sums, s, THREADS * each, refused);
    auditor_destroy(looking_on);
    optly_project_destroy(project);
    sink_stop(s);
    return 0;
}
