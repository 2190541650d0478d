/* The whole way of an event through the public interface, on one thread. */
#include "growth.h"

#include <stdlib.h>

#include "blocks/sample.h"

enum { DRIVEN = 100, WARM_UP = 2000, MOST_QUEUED = 1000000 };

static optly_processor *make_processor(uint32_t batch, uint32_t queue)
{
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor = NULL;

    config.batch_size = batch;
    config.queue_size = queue;
    config.queue_bytes = (uint64_t)4 << 30;
    config.dispatcher = sample_dispatcher();
    sample_check(optly_processor_create(&processor, &config, NULL) == OPTLY_OK,
                 "optly_processor_create");
    return processor;
}

static void hand_over(optly_processor *processor, optly_user_event *event)
{
    sample_check(optly_process_event(processor, event) == OPTLY_OK,
                 "optly_process_event");
}

/* Lets it deliver all that is pending in full batches. */
static void drive(optly_processor *processor)
{
    sample_check(optly_processor_run_once(processor, 0) == OPTLY_OK,
                 "optly_processor_run_once");
}

static void check_delivered(optly_processor *processor)
{
    optly_stats stats = optly_stats_default();

    (void)optly_processor_flush(processor, 10000);
    (void)optly_processor_stats(processor, &stats);
    sample_check(stats.delivered == stats.attempted,
                 "every event was delivered");
}

/* Makes, hands over and delivers `count` events. */
static void send_events(optly_processor *processor, optly_project *project,
                        size_t count, size_t driven)
{
    for (size_t i = 1; i <= count; i++) {
        hand_over(processor, sample_event(project, i));
        if (i % driven == 0)
            drive(processor);
    }
}

/* The cost of an event after so many before it: of the last tenth. */
void grow_events(void)
{
    optly_project *project = sample_project();
    optly_processor *processor = make_processor(100, 2000);
    size_t sent = 0;

    for (size_t goal = 10000; goal <= 10000000; goal *= 10) {
        size_t measured = goal / 10;
        double start;

        send_events(processor, project, goal - measured - sent, DRIVEN);
        start = cpu_ns();
        send_events(processor, project, measured, DRIVEN);
        print_cost("events", goal, (cpu_ns() - start) / (double)measured, 0);
        sent = goal;
    }
    check_delivered(processor);
    optly_processor_destroy(processor);
    optly_project_destroy(project);
}

/* What one filling of the queue to `depth` and delivering it took. */
struct filling {
    double added; /* of the last tenth */
    double delivered;
};

static struct filling fill(optly_processor *processor, optly_project *project,
                           optly_user_event **events, size_t depth)
{
    struct filling took;
    double start;

    for (size_t i = 0; i < depth; i++)
        events[i] = sample_with_attributes(project, 0);
    for (size_t i = 0; i < depth - depth / 10; i++)
        hand_over(processor, events[i]);
    start = cpu_ns();
    for (size_t i = depth - depth / 10; i < depth; i++)
        hand_over(processor, events[i]);
    took.added = cpu_ns() - start;
    start = cpu_ns();
    while (optly_processor_next_deadline_ms(processor) == 0)
        drive(processor);
    took.delivered = cpu_ns() - start;
    return took;
}

/*
 * The cost of process_event when so many are queued, and of delivering them
 * all. The events are made beforehand; small ones, so that a million fit.
 */
void grow_queue(void)
{
    optly_user_event **events = malloc(MOST_QUEUED * sizeof(*events));
    optly_project *project = sample_project();
    optly_processor *processor = make_processor(100, MOST_QUEUED);

    sample_check(events != NULL, "malloc");
    for (size_t depth = 1000; depth <= MOST_QUEUED; depth *= 10) {
        size_t fillings = depth < 100000 ? 100000 / depth : 1;
        double count = (double)(depth * fillings);
        struct filling sum = {0, 0};

        (void)fill(processor, project, events, depth);
        for (size_t i = 0; i < fillings; i++) {
            struct filling took = fill(processor, project, events, depth);

            sum.added += took.added;
            sum.delivered += took.delivered;
        }
        check_delivered(processor);
        print_cost("queue_add", depth, sum.added / (count / 10), 0);
        print_cost("queue_drive", depth, sum.delivered / count, 0);
    }
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    free(events);
}

static void send_attributes(optly_processor *processor, optly_project *project,
                            size_t attributes, size_t count)
{
    for (size_t i = 1; i <= count; i++) {
        hand_over(processor, sample_with_attributes(project, attributes));
        if (i % DRIVEN == 0)
            drive(processor);
    }
}

/* The cost of an event with so many attributes, all strings. */
void grow_attributes(void)
{
    static const size_t attributes[] = {0, 1, 3, 10, 30, 100, 300, 1000};
    optly_project *project = sample_project();
    optly_processor *processor = make_processor(10, 2000);

    for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
        size_t count = attributes[i] < 50 ? 20000 : 1000000 / attributes[i];
        optly_user_event *event =
            sample_with_attributes(project, attributes[i]);
        size_t bytes = optly_user_event_json_len(event);
        double start;

        optly_user_event_destroy(event);
        send_attributes(processor, project, attributes[i], 500);
        start = cpu_ns();
        send_attributes(processor, project, attributes[i], count);
        print_cost("attributes", attributes[i],
                   (cpu_ns() - start) / (double)count, bytes);
    }
    check_delivered(processor);
    optly_processor_destroy(processor);
    optly_project_destroy(project);
}

/* The cost of an event in batches of so many; the last are cut to the default
 * of 3 MiB for a body. */
void grow_batch(void)
{
    static const uint32_t batches[] = {1,   3,    10,   30,   100,
                                       300, 1000, 3000, 10000};
    optly_project *project = sample_project();

    for (size_t i = 0; i < sizeof(batches) / sizeof(*batches); i++) {
        size_t driven = batches[i] > DRIVEN ? batches[i] : DRIVEN;
        optly_processor *processor = make_processor(batches[i], 20000);
        size_t count = 100000;
        optly_stats stats = optly_stats_default();
        double start;

        send_events(processor, project, 2 * driven + WARM_UP, driven);
        start = cpu_ns();
        send_events(processor, project, count, driven);
        start = cpu_ns() - start;
        check_delivered(processor);
        (void)optly_processor_stats(processor, &stats);
        print_cost("batch", batches[i], start / (double)count,
                   stats.payload_bytes / stats.batches);
        optly_processor_destroy(processor);
    }
    optly_project_destroy(project);
}
