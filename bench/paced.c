/*
 * How long process_event keeps its caller, and what the driver costs, while
 * events come at a constant rate:
 *
 *   paced RATE SECONDS
 *
 * One producer, shipped settings, a dispatcher that does nothing. Up to 20,000
 * events a second the producer sleeps between them, so that caches are as cold
 * as in a host; above, it spins. Each call is timed by itself; the median of
 * what timing nothing shows is taken off. driver_cpu_percent: CPU of all
 * threads but the producer, in percent of one core.
 */
#include "bench.h"

#include <sys/prctl.h>

enum { MOST_SLEEPING_RATE = 20000, EMPTY_SAMPLES = 10001 };

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void wait_until(int64_t when_ns, bool sleeps)
{
    if (sleeps) {
        struct timespec when = {when_ns / 1000000000, when_ns % 1000000000};

        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
        return;
    }
    while (now_ns() < when_ns)
        ;
}

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

static int64_t cost_of_timing(void)
{
    static int64_t samples[EMPTY_SAMPLES];

    for (int i = 0; i < EMPTY_SAMPLES; i++) {
        int64_t start = now_ns();

        samples[i] = now_ns() - start;
    }
    qsort(samples, EMPTY_SAMPLES, sizeof(*samples), compare);
    return samples[EMPTY_SAMPLES / 2];
}

static long refused;

static int64_t time_one(const optly_project *project,
                        optly_processor *processor, long i)
{
    optly_user_event *event = bench_event(project, i);
    int64_t start = now_ns();
    optly_status status = optly_process_event(processor, event);
    int64_t taken = now_ns() - start;

    refused += status != OPTLY_OK;
    return taken;
}

static void run(const optly_project *project, optly_processor *processor,
                int64_t *samples, long count, long rate)
{
    int64_t start = now_ns();

    for (long i = 0; i < count; i++) {
        wait_until(start + i * 1000000000 / rate, rate <= MOST_SLEEPING_RATE);
        samples[i] = time_one(project, processor, i);
    }
}

static void print_percentile(const char *name, const int64_t *samples,
                             long count, double part)
{
    bench_print(name, (double)samples[(long)((double)(count - 1) * part)]);
}

int main(int argc, char **argv)
{
    long rate = argc > 1 ? bench_number(argv[1]) : 10000;
    long count = rate * (argc > 2 ? bench_number(argv[2]) : 5);
    int64_t *samples = calloc((size_t)count, sizeof(*samples)), empty;
    optly_project *project = bench_project();
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor;
    double wall, all, own;

    if (samples == NULL)
        bench_die("out of memory");
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    empty = cost_of_timing();
    config.dispatcher = bench_null_dispatcher();
    processor = bench_processor(&config);
    run(project, processor, samples, rate / 10, rate); /* to warm up */
    wall = bench_seconds(CLOCK_MONOTONIC);
    all = bench_cpu();
    own = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    run(project, processor, samples, count, rate);
    own = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - own;
    all = bench_cpu() - all;
    wall = bench_seconds(CLOCK_MONOTONIC) - wall;
    optly_processor_destroy(processor);
    optly_project_destroy(project);

    for (long i = 0; i < count; i++)
        samples[i] -= empty;
    qsort(samples, (size_t)count, sizeof(*samples), compare);
    print_percentile("p50_ns", samples, count, 0.5);
    print_percentile("p99_ns", samples, count, 0.99);
    print_percentile("p999_ns", samples, count, 0.999);
    bench_print("driver_cpu_percent", (all - own) / wall * 100);
    bench_print("rate", (double)count / wall);
    bench_print("refused", (double)refused);
    free(samples);
    return 0;
}
