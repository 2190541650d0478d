#include "blocks/blocked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocks/list.h"
#include "blocks/sample.h"

enum { BATCH = 10, LONG_MS = 3600000 };

struct blocked {
    stepped stepped;
    size_t contexts;
};

static void dispatch(void *self, const optly_log_event *event,
                     optly_delivery delivery)
{
    optly_dispatch_result result = optly_dispatch_result_default();

    (void)self;
    result.outcome =
        strcmp(event->region, "EU") == 0 ? OPTLY_RETRY : OPTLY_DELIVERED;
    optly_delivery_complete(delivery, &result);
}

static void destroy_nothing(void *self)
{
    (void)self;
}

static const optly_dispatcher_ops ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = dispatch,
    .destroy = destroy_nothing,
};

blocked *blocked_create(size_t contexts, size_t room)
{
    blocked *it = calloc(1, sizeof(*it));
    optly__engine_config config = stepped_config();
    char revision[24];

    sample_check(it != NULL, "calloc");
    it->contexts = contexts;
    config.batch_size = BATCH;
    config.queue_size = (uint32_t)(contexts + room);
    config.queue_bytes = (uint64_t)1 << 32;
    /* The endpoint that is down is not tried again. */
    config.backoff.initial_ms = LONG_MS;
    config.backoff.max_ms = LONG_MS;
    config.dispatcher = ops;
    stepped_init(&it->stepped, &config);
    for (size_t c = 0; c < contexts; c++) {
        optly_project *project;

        (void)snprintf(revision, sizeof(revision), "%zu", c);
        project = sample_project_of(revision, "EU");
        stepped_add(&it->stepped, sample_with_attributes(project, 0));
        optly_project_destroy(project);
    }
    stepped_step(&it->stepped);
    it->stepped.now += 2 * (int64_t)config.flush_interval_ms;
    stepped_step(&it->stepped);
    return it;
}

stepped *blocked_stepped(blocked *it)
{
    return &it->stepped;
}

void blocked_destroy(blocked *it)
{
    const optly_stats *stats = &it->stepped.engine.ledger.stats;

    sample_check(stats->pending == it->contexts &&
                     stats->delivered == stats->accepted - stats->pending,
                 "one endpoint works and the other waits");
    stepped_cleanup(&it->stepped);
    free(it);
}

/* --- the block --- */

struct beside {
    blocked *blocked;
    optly_project *project;
};

static void *create(size_t contexts)
{
    struct beside *beside = calloc(1, sizeof(*beside));

    sample_check(beside != NULL, "calloc");
    beside->blocked = blocked_create(contexts, BLOCK_ROUND);
    beside->project = sample_project();
    return beside;
}

static void run(void *self, size_t count)
{
    struct beside *beside = self;
    stepped *it = blocked_stepped(beside->blocked);

    for (size_t i = 1; i <= count; i++) {
        stepped_add(it, sample_event(beside->project, i));
        if (i % 100 == 0) {
            it->now++;
            stepped_step(it);
        }
    }
}

static void destroy(void *self)
{
    struct beside *beside = self;

    blocked_destroy(beside->blocked);
    optly_project_destroy(beside->project);
    free(beside);
}

const block block_event_blocked = {
    .name = "event_blocked",
    .what = "the same in tens, beside 1000 contexts that cannot leave",
    .size = 1000,
    .create = create,
    .run = run,
    .destroy = destroy,
};
