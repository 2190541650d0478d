/*
 * What a full queue takes: a processor that is not started, filled with real
 * events, in a process of its own.
 *
 *   memory EVENTS    prints EVENTS, KiB of the process that came with them,
 *                    bytes of their JSON, bytes that they count for
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "blocks/sample.h"

static long resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long total = 0, resident = 0;

    sample_check(file != NULL &&
                     fscanf(file, "%ld %ld", &total, &resident) == 2,
                 "/proc/self/statm is there");
    (void)fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
    optly_project *project = sample_project();
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor = NULL;
    size_t json = 0, size = 0;
    long before = resident_kib();

    config.queue_size = (uint32_t)(count > 10 ? count : 10);
    config.queue_bytes = (uint64_t)1 << 40;
    config.dispatcher = sample_dispatcher();
    sample_check(optly_processor_create(&processor, &config, NULL) == OPTLY_OK,
                 "optly_processor_create");
    for (size_t i = 0; i < count; i++) {
        optly_user_event *event = sample_event(project, i);

        json += optly_user_event_json_len(event);
        size += optly_user_event_size(event);
        sample_check(optly_process_event(processor, event) == OPTLY_OK,
                     "optly_process_event");
    }
    (void)printf("%zu %ld %zu %zu\n", count, resident_kib() - before, json,
                 size);
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    return 0;
}
