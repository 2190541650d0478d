/*
 * What a deep queue costs: a processor that is not started is filled.
 *
 *   depth EVENTS
 *
 * process_ns_N: CPU of process_event alone in the N-th tenth; the events are
 * made in blocks of 100 just before, so that they are warm. Reading the clock
 * adds a few ns an event.
 * memory_bytes: what the library allocated, as the allocator rounded it, an
 * event, the ring and the processor included; json_bytes and id_bytes are the
 * parts of it that are the event's JSON and its id strings. resident_bytes:
 * growth of resident memory an event.
 */
#include "bench.h"

#include <malloc.h>
#include <string.h>

enum { BLOCK = 100, TENTHS = 10 };

static size_t allocated; /* one thread runs here */

static void *allocate(size_t size, void *user)
{
    void *memory = malloc(size);

    (void)user;
    if (memory != NULL)
        allocated += malloc_usable_size(memory);
    return memory;
}

static void release(void *memory, void *user)
{
    (void)user;
    if (memory != NULL)
        allocated -= malloc_usable_size(memory);
    free(memory);
}

/* The JSON of an event, and its id strings: each with its NUL. */
static size_t json_size(const optly_user_event *event)
{
    return optly_user_event_json_len(event) + 1;
}

static size_t ids_size(const optly_user_event *event)
{
    return strlen(optly_user_event_uuid(event)) + 1 +
           strlen(optly_user_event_key(event)) + 1 +
           strlen(optly_user_event_entity_id(event)) + 1 +
           strlen(optly_user_event_visitor_id(event)) + 1;
}

struct sizes {
    size_t json, ids;
};

/* Adds a block of events; returns the seconds that process_event took. */
static double add_block(const optly_project *project,
                        optly_processor *processor, struct sizes *sizes)
{
    optly_user_event *block[BLOCK];
    double start;

    for (long i = 0; i < BLOCK; i++) {
        block[i] = bench_event(project, i);
        sizes->json += json_size(block[i]);
        sizes->ids += ids_size(block[i]);
    }
    start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    for (long i = 0; i < BLOCK; i++) {
        if (optly_process_event(processor, block[i]) != OPTLY_OK)
            bench_die("an event was refused");
    }
    return bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start;
}

static void fill(const optly_project *project, optly_processor *processor,
                 long count, struct sizes *sizes)
{
    long blocks = count / TENTHS / BLOCK;
    char name[32];

    for (int tenth = 0; tenth < TENTHS; tenth++) {
        double sum = 0;

        for (long i = 0; i < blocks; i++)
            sum += add_block(project, processor, sizes);
        (void)snprintf(name, sizeof(name), "process_ns_%d", tenth + 1);
        bench_print(name, sum * 1e9 / (double)(blocks * BLOCK));
    }
}

int main(int argc, char **argv)
{
    const optly_allocator allocator = {allocate, release, NULL};
    long count = argc > 1 ? bench_number(argv[1]) : 100000;
    optly_processor_config config = optly_processor_config_default();
    struct sizes sizes = {0, 0};
    optly_project *project;
    optly_processor *processor;
    double per_event = 1.0 / (double)count, resident;
    size_t before;

    if (count < TENTHS * BLOCK || count % (TENTHS * BLOCK) != 0)
        bench_die("events: a multiple of 1,000");
    if (optly_set_allocator(&allocator) != OPTLY_OK)
        bench_die("cannot set the allocator");
    bench_park_thread();
    project = bench_project();
    optly_user_event_destroy(bench_event(project, 0));
    config.queue_size = (uint32_t)count;
    config.queue_bytes = (uint64_t)count * 4096;
    config.dispatcher = bench_null_dispatcher();
    before = allocated;
    resident = bench_resident();
    if (optly_processor_create(&processor, &config, NULL) != OPTLY_OK)
        bench_die("cannot make a processor");
    fill(project, processor, count, &sizes);
    bench_print("json_bytes", (double)sizes.json * per_event);
    bench_print("id_bytes", (double)sizes.ids * per_event);
    bench_print("memory_bytes", (double)(allocated - before) * per_event);
    bench_print("resident_bytes", (bench_resident() - resident) * per_event);
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    return 0;
}
