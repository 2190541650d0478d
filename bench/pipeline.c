/*
 * The whole way of an event: producers make mixed events and hand them over,
 * the processor batches and sends them, close waits for the last answer.
 *
 *   pipeline [-n events] [-p producers] [-b batch] [-f in_flight] [-q queue]
 *            [-u URL] [-o]
 *
 * Without -u the dispatcher does nothing. What is not given is as shipped,
 * but for a full queue: a producer waits for room (policy BLOCK) and loses
 * nothing; with -o each event is offered once, as shipped.
 *
 * CPU is user and system time of the process from the first event to the end
 * of close; calls_per_s is over the time in which the producers ran.
 */
#include "bench.h"

#include <pthread.h>
#include <unistd.h>

enum { MOST_PRODUCERS = 64, CLOSE_MS = 600000 };

static struct {
    long events, producers;
    optly_processor_config processor;
    optly_http_config http;
    bool once;
} options;

struct producer {
    pthread_t thread;
    const optly_project *project;
    optly_processor *processor;
    long count;
    long refused;
    double cpu;
};

static void *produce(void *arg)
{
    struct producer *self = arg;

    for (long i = 0; i < self->count; i++) {
        optly_user_event *event = bench_event(self->project, i);

        if (optly_process_event(self->processor, event) != OPTLY_OK)
            self->refused++;
    }
    self->cpu = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

/* Returns the events that were refused; adds up the producers' CPU. */
static long run_producers(const optly_project *project,
                          optly_processor *processor, double *cpu)
{
    struct producer producers[MOST_PRODUCERS] = {0};
    long refused = 0;

    for (long i = 0; i < options.producers; i++) {
        producers[i].project = project;
        producers[i].processor = processor;
        producers[i].count = options.events / options.producers;
        if (pthread_create(&producers[i].thread, NULL, produce,
                           &producers[i]) != 0)
            bench_die("cannot start a producer");
    }
    for (long i = 0; i < options.producers; i++) {
        (void)pthread_join(producers[i].thread, NULL);
        refused += producers[i].refused;
        *cpu += producers[i].cpu;
    }
    return refused;
}

static void measure(const optly_project *project, optly_processor *processor)
{
    double wall = bench_seconds(CLOCK_MONOTONIC), cpu = bench_cpu();
    double caller = 0, calls;
    optly_close_report report = optly_close_report_default();
    long offered = options.events / options.producers * options.producers;
    long refused = run_producers(project, processor, &caller);
    double delivered;

    calls = bench_seconds(CLOCK_MONOTONIC) - wall;
    (void)optly_processor_close(processor, CLOSE_MS, &report);
    wall = bench_seconds(CLOCK_MONOTONIC) - wall;
    cpu = bench_cpu() - cpu;
    delivered = (double)report.delivered;
    bench_print("offered", (double)offered);
    bench_print("accepted", (double)(offered - refused));
    bench_print("delivered", delivered);
    bench_print("wall_s", wall);
    bench_print("cpu_ns", cpu * 1e9 / delivered);
    bench_print("caller_ns", caller * 1e9 / (double)offered);
    bench_print("calls_per_s", (double)offered / calls);
}

static void read_options(int argc, char **argv)
{
    int option;

    options.events = 1000000;
    options.producers = 1;
    options.processor = optly_processor_config_default();
    options.http = optly_http_config_default();
    while ((option = getopt(argc, argv, "n:p:b:f:q:u:o")) != -1) {
        switch (option) {
        case 'n':
            options.events = bench_number(optarg);
            break;
        case 'p':
            options.producers = bench_number(optarg);
            break;
        case 'b':
            options.processor.batch_size = (uint32_t)bench_number(optarg);
            break;
        case 'f':
            options.processor.max_in_flight = (uint32_t)bench_number(optarg);
            options.http.max_connections = options.processor.max_in_flight;
            break;
        case 'q':
            options.processor.queue_size = (uint32_t)bench_number(optarg);
            break;
        case 'u':
            options.processor.endpoint = optarg;
            break;
        case 'o':
            options.once = true;
            break;
        default:
            bench_die("see the top of pipeline.c");
        }
    }
    if (options.producers < 1 || options.producers > MOST_PRODUCERS)
        bench_die("-p: 1 to 64 producers");
}

int main(int argc, char **argv)
{
    optly_project *project = bench_project();
    optly_processor *processor;

    read_options(argc, argv);
    if (!options.once) {
        options.processor.overflow = OPTLY_OVERFLOW_BLOCK;
        options.processor.overflow_block_ms = CLOSE_MS;
    }
    if (options.processor.endpoint == NULL)
        options.processor.dispatcher = bench_null_dispatcher();
    else
        options.processor.http = &options.http;
    processor = bench_processor(&options.processor);
    measure(project, processor);
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    return 0;
}
