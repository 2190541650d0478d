/*
 * The whole way of an event: made, handed over, batched, joined to a body,
 * delivered to a dispatcher that does nothing, reported, freed. The caller
 * drives, so it is one thread and always the same.
 */
#include "blocks/list.h"
#include "blocks/sample.h"

#include <stdlib.h>

/* Events for each time the driver comes by, which is what the wake rule aims
 * at; or a batch, if that is more. */
enum { DRIVEN = 100 };

struct path {
    optly_project *project;
    optly_processor *processor;
    size_t driven;
};

static void *create(size_t batch)
{
    struct path *path = calloc(1, sizeof(*path));
    optly_processor_config config = optly_processor_config_default();

    sample_check(path != NULL, "calloc");
    path->project = sample_project();
    path->driven = batch > DRIVEN ? batch : DRIVEN;
    config.batch_size = (uint32_t)batch;
    config.dispatcher = sample_dispatcher();
    sample_check(optly_processor_create(&path->processor, &config, NULL) ==
                     OPTLY_OK,
                 "optly_processor_create");
    return path;
}

static void run(void *self, size_t count)
{
    struct path *path = self;

    for (size_t i = 1; i <= count; i++) {
        sample_check(optly_process_event(path->processor,
                                         sample_event(path->project, i)) ==
                         OPTLY_OK,
                     "optly_process_event");
        if (i % path->driven == 0)
            sample_check(optly_processor_run_once(path->processor, 0) ==
                             OPTLY_OK,
                         "optly_processor_run_once");
    }
}

static void destroy(void *self)
{
    struct path *path = self;
    optly_stats stats = optly_stats_default();

    (void)optly_processor_stats(path->processor, &stats);
    sample_check(stats.attempted > 0 && stats.delivered == stats.attempted,
                 "every event was delivered");
    optly_processor_destroy(path->processor);
    optly_project_destroy(path->project);
    free(path);
}

#define PATH .create = create, .run = run, .destroy = destroy

const block block_event_10 = {
    .name = "event_10",
    .what = "an event's whole way, made to delivered, in batches of 10",
    .size = 10,
    PATH,
};
const block block_event_100 = {
    .name = "event_100",
    .what = "the same in batches of 100",
    .size = 100,
    PATH,
};
const block block_event_1000 = {
    .name = "event_1000",
    .what = "the same in batches of 1000",
    .size = 1000,
    PATH,
};
