/*
 * Calls of the C library's allocator an event in steady state, by all threads
 * and all libraries of the process: malloc and its kin are replaced here.
 *
 *   allocations EVENTS [URL]
 *
 * One producer, shipped settings, waits for room. The first tenth of the
 * events warms up and does not count. Without URL the dispatcher does nothing.
 */
#include "bench.h"

#include <stdatomic.h>

enum { BLOCK_MS = 60000 };

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static atomic_long calls;

static void count_call(void)
{
    atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
}

void *malloc(size_t size)
{
    count_call();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    count_call();
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    count_call();
    return __libc_realloc(memory, size);
}

static void send_events(const optly_project *project,
                        optly_processor *processor, long count)
{
    for (long i = 0; i < count; i++) {
        if (optly_process_event(processor, bench_event(project, i)) != OPTLY_OK)
            bench_die("an event was refused");
    }
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? bench_number(argv[1]) : 500000;
    optly_project *project = bench_project();
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor;
    long before;

    config.overflow = OPTLY_OVERFLOW_BLOCK;
    config.overflow_block_ms = BLOCK_MS;
    if (argc > 2)
        config.endpoint = argv[2];
    else
        config.dispatcher = bench_null_dispatcher();
    processor = bench_processor(&config);
    send_events(project, processor, count / 10);
    before = atomic_load(&calls);
    send_events(project, processor, count);
    if (optly_processor_flush(processor, BLOCK_MS) != OPTLY_OK)
        bench_die("flush failed");
    bench_print("allocations",
                (double)(atomic_load(&calls) - before) / (double)count);
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    return 0;
}
