/*
 * What the calling thread pays. CPU of that thread, in ns an event:
 *
 *   caller EVENTS
 *
 * create_*: made and destroyed, nothing else. bursts: made and handed to a
 * started processor with its shipped settings and a dispatcher that does
 * nothing, in bursts of 1,000 that its queue of 2,000 has room for, with 2 ms
 * between them that do not count. A call that is refused ends the program, as
 * it would cost less than one that is not.
 */
#include "bench.h"

#include <unistd.h>

enum { BURST = 1000, PAUSE_US = 2000 };

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

static double run_burst(optly_processor *processor,
                        const optly_project *project)
{
    double start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);

    for (long i = 0; i < BURST; i++) {
        if (optly_process_event(processor, bench_event(project, i)) != OPTLY_OK)
            bench_die("an event of a burst was refused");
    }
    return bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
}

static void measure_bursts(const optly_project *project, long count)
{
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor;
    double sum = 0;
    long bursts = count / BURST;

    config.dispatcher = bench_null_dispatcher();
    processor = bench_processor(&config);
    for (int i = 0; i < 10; i++) {
        (void)run_burst(processor, project);
        (void)usleep(PAUSE_US);
    }
    for (long i = 0; i < bursts; i++) {
        sum += run_burst(processor, project);
        (void)usleep(PAUSE_US);
    }
    optly_processor_destroy(processor);
    bench_print("bursts_ns", sum * 1e9 / (double)(bursts * BURST));
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? bench_number(argv[1]) : 500000;
    optly_project *project = bench_project();

    bench_park_thread();
    measure_create("create_impression_ns", project, bench_impression, count);
    measure_create("create_conversion_ns", project, bench_conversion, count);
    measure_create("create_mixed_ns", project, bench_event, count);
    measure_bursts(project, count);
    optly_project_destroy(project);
    return 0;
}
