/*
 * What the calling thread pays. CPU of that thread, in ns an event:
 *
 *   caller EVENTS
 *
 * create_*: made and destroyed, nothing else. bursts: made and handed to a
 * started processor with its shipped settings and a dispatcher that does
 * nothing, in bursts of 1,000 that its queue of 2,000 has room for, with 10 ms
 * between them that do not count. Nor does a burst of which an event was
 * refused, as that call costs less.
 */
#include "bench.h"

#include <unistd.h>

enum { BURST = 1000, PAUSE_US = 10000, WARM_UP = 10, BURSTS = 100 };

typedef optly_user_event *make_fn(const optly_project *project, long i);

static void measure_create(const char *name, const optly_project *project,
                           make_fn *make, long count)
{
    double start;

    for (long i = 0; i < BURST; i++)
        optly_user_event_destroy(make(project, i));
    start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    for (long i = 0; i < count; i++)
        optly_user_event_destroy(make(project, i));
    start = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    bench_print(name, start * 1e9 / (double)count);
}

/* Returns the seconds that a burst took; less than 0 if it does not count. */
static double run_burst(optly_processor *processor,
                        const optly_project *project)
{
    double start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    bool refused = false;

    for (long i = 0; i < BURST; i++)
        refused |=
            optly_process_event(processor, bench_event(project, i)) != OPTLY_OK;
    return refused ? -1 : bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
}

static void measure_bursts(const optly_project *project)
{
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor;
    double sum = 0;
    int good = 0;

    config.dispatcher = bench_null_dispatcher();
    processor = bench_processor(&config);
    for (int tries = 0; good < BURSTS && tries < 100 * BURSTS; tries++) {
        double taken = run_burst(processor, project);

        if (taken >= 0 && tries >= WARM_UP) {
            sum += taken;
            good++;
        }
        (void)usleep(PAUSE_US);
    }
    optly_processor_destroy(processor);
    bench_print("bursts_ns", sum * 1e9 / (double)good / BURST);
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? bench_number(argv[1]) : 500000;
    optly_project *project = bench_project();

    bench_park_thread();
    measure_create("create_impression_ns", project, bench_impression, count);
    measure_create("create_conversion_ns", project, bench_conversion, count);
    measure_create("create_mixed_ns", project, bench_event, count);
    measure_bursts(project);
    optly_project_destroy(project);
    return 0;
}
