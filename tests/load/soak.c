/*
 * soak [rounds] [seconds per round]: a day's flushes in 20 minutes. Two threads
 * hand over events, a third flushes every 50 ms, and the service changes its
 * faults all the time. Each round has a processor of its own. Nothing is lost,
 * and neither memory nor threads nor descriptors grow. Default: 20 rounds of
 * 60 seconds.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fakes/auditor.h"
#include "fakes/events.h"
#include "fakes/failing_allocator.h"
#include "fakes/process.h"
#include "load.h"

enum {
    ROUNDS = 20,
    SECONDS = 60,
    PRODUCERS = 2,
    FLUSH_MS = 50,
    EVENTS_PER_FLUSH = 10, /* and producer */
    PHASE_FLUSHES = 30,    /* then the faults change */
    CLOSE_MS = 5000,
    MOST_ROUNDS = 1000,
    GROWTH_KIB = 64 /* of all of the second half */
};

typedef struct round_figures {
    long private_kib, in_use_kib, threads, descriptors;
    size_t live; /* allocations of the library */
} round_figures;

typedef struct soak {
    sink *sink;
    optly_processor *processor;
    optly_project *project;
    atomic_ullong next_event;
    atomic_bool over, worker_left;
    long threads_before;
    uint64_t late_rounds; /* destroy did not wait for the worker */
    uint64_t flushes, flushed, dropped_flushes, late_flushes;
    uint64_t events, rejected, delivered, dropped, seen, unreported;
    round_figures figures[MOST_ROUNDS];
} soak;

static void pause_ms(long ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

    (void)nanosleep(&pause, NULL);
}

static void *produce(void *user)
{
    soak *s = user;

    while (!atomic_load(&s->over)) {
        for (int i = 0; i < EVENTS_PER_FLUSH; i++) {
            uint64_t number = atomic_fetch_add(&s->next_event, 1);

            LOAD_CHECK(number < s->sink->capacity);
            if (optly_process_event(s->processor,
                                    load_event(s->project, number)) == OPTLY_OK)
                (void)atomic_fetch_or(&s->sink->list[number].marks,
                                      LOAD_ACCEPTED);
        }
        pause_ms(FLUSH_MS);
    }
    return NULL;
}

/* Goes through the faults: none, each at 30 %, all, a dead endpoint. */
static void set_faults(sink *s, uint64_t phase)
{
    uint32_t kind = (uint32_t)(phase % (SINK_FAULTS + 3));

    atomic_store(&s->fault_percent, kind == SINK_FAULTS + 2 ? 100 : 30);
    if (kind < SINK_FAULTS)
        atomic_store(&s->fault_mask, 1U << kind);
    else if (kind == SINK_FAULTS)
        atomic_store(&s->fault_mask, 0);
    else if (kind == SINK_FAULTS + 1)
        atomic_store(&s->fault_mask, (1U << SINK_FAULTS) - 1);
    else
        atomic_store(&s->fault_mask, 1U << SINK_RESET | 1U << SINK_SILENT);
}

static void flush_on(soak *s, uint64_t seconds)
{
    int64_t until = load_now_ns() + (int64_t)seconds * 1000000000;
    int64_t next = load_now_ns();

    while (load_now_ns() < until) {
        optly_status status;

        if (s->flushes++ % PHASE_FLUSHES == 0)
            set_faults(s->sink, s->flushes / PHASE_FLUSHES);
        status = optly_processor_flush(s->processor, FLUSH_MS);
        s->flushed += status == OPTLY_OK;
        s->dropped_flushes += status == OPTLY_ERR_DROPPED;
        s->late_flushes += status == OPTLY_ERR_TIMEOUT;
        next += FLUSH_MS * 1000000;
        if (next > load_now_ns())
            pause_ms((long)((next - load_now_ns()) / 1000000));
        else
            next = load_now_ns();
    }
}

static void note_worker_left(void *user)
{
    atomic_store(&((soak *)user)->worker_left, true);
}

static void open_processor(soak *s)
{
    optly_processor_config config = optly_processor_config_default();
    optly_http_config http = optly_http_config_default();

    http.timeout_ms = 1000;
    config.http = &http;
    config.endpoint = s->sink->url;
    config.retry_initial_ms = 10;
    config.retry_max_ms = 500;
    config.on_worker_stop = note_worker_left;
    config.worker_user = s;
    atomic_store(&s->worker_left, false);
    s->project = fake_project();
    LOAD_CHECK(optly_processor_create(&s->processor, &config, NULL) ==
               OPTLY_OK);
    LOAD_CHECK(optly_processor_on_delivery(s->processor, load_report, s->sink,
                                           NULL) == OPTLY_OK);
    LOAD_CHECK(optly_processor_start(s->processor) == OPTLY_OK);
}

/* On a machine with too much to do the worker may not have run for so long that
 * close or destroy took it for one that hangs. Returns whether it was so. */
static bool was_late(soak *s, const optly_stats *stats)
{
    bool late = stats->pending > 0 || !atomic_load(&s->worker_left);

    while (!atomic_load(&s->worker_left))
        pause_ms(1);
    s->late_rounds += late;
    return late;
}

/* Closes; what was dropped then is known by name, and nothing is lost. */
static void close_processor(soak *s, uint64_t first)
{
    optly_stats stats = optly_stats_default();
    load_sums sums;
    bool late;

    (void)optly_processor_close(s->processor, CLOSE_MS, NULL);
    LOAD_CHECK(optly_processor_stats(s->processor, &stats) == OPTLY_OK);
    optly_processor_destroy(s->processor);
    late = was_late(s, &stats);
    optly_project_destroy(s->project);
    sums = load_sum_up(s->sink, first, atomic_load(&s->next_event) - first);
    LOAD_CHECK(sums.invented == 0 && sums.unproven == 0);
    LOAD_CHECK(sums.accepted == stats.accepted);
    LOAD_CHECK(sums.accepted == sums.delivered + sums.dropped + sums.lost);
    if (!late) {
        LOAD_CHECK(sums.lost == 0);
        LOAD_CHECK(sums.delivered == stats.delivered);
        LOAD_CHECK(sums.dropped == stats.dropped[OPTLY_DROP_CLOSED]);
    }
    s->unreported += sums.lost;
    s->events += stats.attempted;
    s->rejected += stats.attempted - stats.accepted;
    s->delivered += sums.delivered;
    s->dropped += sums.dropped;
    s->seen += sums.seen;
}

static round_figures measure(long threads_before)
{
    round_figures figures = {0};

    /* A thread leaves the kernel's list a moment after it was joined. */
    for (int i = 0; i < 1000 && load_threads() > threads_before; i++)
        pause_ms(1);
    figures.live = failing_allocator_live();
#ifdef __GLIBC__
    figures.in_use_kib = (long)(mallinfo2().uordblks / 1024);
#endif
    figures.private_kib = load_private_kib();
    figures.threads = load_threads();
    figures.descriptors = load_descriptors();
    return figures;
}

static void run_round(soak *s, uint64_t round, uint64_t seconds)
{
    uint64_t first = atomic_load(&s->next_event);
    auditor *looking_on = auditor_create();
    pthread_t producers[PRODUCERS];
    const round_figures *now = &s->figures[round];

    open_processor(s);
    auditor_sample(looking_on, s->processor);
    atomic_store(&s->over, false);
    for (int i = 0; i < PRODUCERS; i++)
        LOAD_CHECK(pthread_create(&producers[i], NULL, produce, s) == 0);
    flush_on(s, seconds);
    atomic_store(&s->over, true);
    for (int i = 0; i < PRODUCERS; i++)
        (void)pthread_join(producers[i], NULL);
    auditor_rest(looking_on);
    close_processor(s, first);
    auditor_destroy(looking_on);
    s->figures[round] = measure(s->threads_before);
    (void)printf("soak: round %llu: %ld KiB private, %ld KiB in use, %ld "
                 "threads, %ld descriptors, %zu allocations alive\n",
                 (unsigned long long)round + 1, now->private_kib,
                 now->in_use_kib, now->threads, now->descriptors, now->live);
    (void)fflush(stdout);
}

/* KiB that the line of best fit rises within the second half. */
static double growth_kib(const soak *s, uint64_t rounds, bool in_use)
{
    uint64_t first = rounds / 2, n = rounds - first;
    double mean_x = 0, mean_y = 0, above = 0, below = 0;

    for (uint64_t i = first; i < rounds; i++) {
        const round_figures *f = &s->figures[i];

        mean_x += (double)i / (double)n;
        mean_y += (double)(in_use ? f->in_use_kib : f->private_kib) / (double)n;
    }
    for (uint64_t i = first; i < rounds; i++) {
        const round_figures *f = &s->figures[i];
        double x = (double)i - mean_x;

        above +=
            x * ((double)(in_use ? f->in_use_kib : f->private_kib) - mean_y);
        below += x * x;
    }
    return below > 0 ? above / below * (double)(n - 1) : 0;
}

static void report(const soak *s, uint64_t rounds)
{
    audit_counts audit = audit_counts_read();

    (void)printf("soak: %llu flushes: %llu delivered all, %llu found some "
                 "dropped, %llu timed out\n",
                 (unsigned long long)s->flushes, (unsigned long long)s->flushed,
                 (unsigned long long)s->dropped_flushes,
                 (unsigned long long)s->late_flushes);
    (void)printf(
        "soak: %llu events: %llu refused, %llu delivered, %llu "
        "dropped by close, %llu not reported for a late worker (%llu "
        "rounds), %llu seen; %llu requests, %llu faults\n",
        (unsigned long long)s->events, (unsigned long long)s->rejected,
        (unsigned long long)s->delivered, (unsigned long long)s->dropped,
        (unsigned long long)s->unreported, (unsigned long long)s->late_rounds,
        (unsigned long long)s->seen, (unsigned long long)s->sink->requests,
        (unsigned long long)s->sink->faults);
    (void)printf("soak: second half: private memory %+.1f KiB, in use %+.1f "
                 "KiB; %llu samples, %llu violations\n",
                 growth_kib(s, rounds, false), growth_kib(s, rounds, true),
                 (unsigned long long)audit.samples,
                 (unsigned long long)audit.violations);
}

static void check(const soak *s, uint64_t rounds)
{
    for (uint64_t i = 1; i < rounds; i++) {
        LOAD_CHECK(s->figures[i].threads == s->figures[0].threads);
        LOAD_CHECK(s->figures[i].descriptors == s->figures[0].descriptors);
    }
    for (uint64_t i = 0; i < rounds; i++)
        LOAD_CHECK(s->figures[i].live == s->figures[0].live);
    LOAD_CHECK(audit_counts_read().violations == 0);
    LOAD_CHECK(s->sink->changed == 0 && s->sink->strangers == 0);
    /* A few rounds say nothing of a slope. */
    if (rounds >= 10)
        LOAD_CHECK(growth_kib(s, rounds, true) < GROWTH_KIB &&
                   growth_kib(s, rounds, false) < GROWTH_KIB);
}

int main(int argc, char **argv)
{
    uint64_t rounds = load_argument(argc, argv, 1, ROUNDS);
    uint64_t seconds = load_argument(argc, argv, 2, SECONDS);
    soak *s = calloc(1, sizeof(*s));

    LOAD_CHECK(s != NULL && rounds >= 1 && rounds <= MOST_ROUNDS);
#ifdef __GLIBC__
    /* One heap: how many there are else depends on which threads meet. A
     * sanitizer's malloc takes no options. */
    LOAD_CHECK(mallopt(M_ARENA_MAX, 1) == 1 || process_memory_is_watched());
#endif
    s->sink = sink_start((rounds * seconds + 10) * 2 * PRODUCERS *
                         EVENTS_PER_FLUSH * 1000 / FLUSH_MS);
    failing_allocator_install(FAILING_ALLOCATOR_NEVER);
    s->threads_before = load_threads();
    for (uint64_t i = 0; i < rounds; i++)
        run_round(s, i, seconds);
    report(s, rounds);
    check(s, rounds);
    sink_stop(s->sink);
    free(s);
    return 0;
}
