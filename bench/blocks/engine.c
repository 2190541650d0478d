/* The ring, the join, and steps of the engine on a clock that is ours. */
#include "blocks/list.h"
#include "blocks/sample.h"

#include <stdlib.h>

#include "base/memory.h"
#include "engine/engine.h"

/* --- the ring --- */

/* As many as the driver takes for one locking. */
enum { TAKEN = 250, BATCH = 100 };

static void *ring_create(size_t capacity)
{
    optly_queue *queue = calloc(1, sizeof(*queue));

    sample_check(queue != NULL, "calloc");
    sample_check(optly_ring_queue_create(queue, capacity) == OPTLY_OK,
                 "optly_ring_queue_create");
    return queue;
}

/* The events are never looked at, so any address does. */
static void ring_run(void *self, size_t count)
{
    optly_queue *queue = self;
    optly_user_event *events[TAKEN];

    for (size_t done = 0; done < count; done += TAKEN) {
        for (size_t i = 0; i < TAKEN; i++)
            (void)queue->ops->add(queue->self, (optly_user_event *)self);
        sample_check(queue->ops->remove(queue->self, events, TAKEN) == TAKEN,
                     "the ring gives back what it got");
    }
}

static void ring_destroy(void *self)
{
    optly_queue_destroy(self);
    free(self);
}

const block block_ring = {
    .name = "ring",
    .what = "put an event into the ring; they are taken out 250 at a time",
    .size = 2000,
    .create = ring_create,
    .run = ring_run,
    .destroy = ring_destroy,
};

/* --- the join --- */

struct join {
    optly_project *project;
    optly__group_table groups;
    optly__batch *batch;
};

static void *join_create(size_t events)
{
    struct join *join = calloc(1, sizeof(*join));

    sample_check(join != NULL, "calloc");
    join->project = sample_project();
    for (size_t i = 0; i < events; i++) {
        optly_user_event *event = sample_event(join->project, i);

        if (join->batch == NULL)
            join->batch = optly__batch_create(
                optly__group_find(&join->groups, event->context));
        sample_check(join->batch != NULL, "optly__batch_create");
        optly__batch_append(join->batch, event);
    }
    return join;
}

static void join_run(void *self, size_t count)
{
    struct join *join = self;

    for (size_t done = 0; done < count; done += join->batch->count) {
        optly__block *body =
            optly__block_create(join->batch, OPTLY_EVENT_ENDPOINT_US);

        sample_check(body != NULL, "optly__block_create");
        optly__free(body);
    }
}

static void join_destroy(void *self)
{
    struct join *join = self;

    optly__batch_discard(&join->groups, join->batch);
    optly_project_destroy(join->project);
    free(join);
}

const block block_join = {
    .name = "join",
    .what = "an event's share of joining a body of 100",
    .size = BATCH,
    .create = join_create,
    .run = join_run,
    .destroy = join_destroy,
};

/* --- steps --- */

struct stepped {
    optly_project *project;
    optly_dispatcher dispatcher;
    optly__engine engine;
    optly_user_event *events[BLOCK_ROUND];
    int64_t now;
};

static void wake(void *host)
{
    (void)host;
}

static void *stepped_create(size_t batch)
{
    struct stepped *stepped = calloc(1, sizeof(*stepped));
    optly__engine_config config = {
        .batch_size = (uint32_t)batch,
        .queue_size = 2000,
        .flush_interval_ms = 30000,
        .max_in_flight = 8,
        .queue_bytes = 16 << 20,
        .max_payload_bytes = 3 << 20,
        .backoff = {.initial_ms = 200, .max_ms = 60000},
        .wake = wake,
        .seed = 1,
    };
    optly_queue queue;

    sample_check(stepped != NULL, "calloc");
    stepped->project = sample_project();
    stepped->dispatcher = sample_dispatcher();
    stepped->now = 1000000;
    sample_check(optly_ring_queue_create(&queue, config.queue_size) == OPTLY_OK,
                 "optly_ring_queue_create");
    config.queue = *queue.ops;
    config.queue_self = queue.self;
    config.dispatcher = *stepped->dispatcher.ops;
    config.dispatcher_self = stepped->dispatcher.self;
    sample_check(optly__engine_init(&stepped->engine, &config, stepped->now) ==
                     OPTLY_OK,
                 "optly__engine_init");
    return stepped;
}

static void step(struct stepped *stepped)
{
    int64_t next;

    do
        sample_check(optly__engine_step(&stepped->engine, stepped->now, &next),
                     "optly__engine_step");
    while (next <= stepped->now);
}

static void idle_run(void *self, size_t count)
{
    struct stepped *stepped = self;

    for (size_t i = 0; i < count; i++) {
        stepped->now++;
        step(stepped);
    }
}

static void event_prepare(void *self, size_t count)
{
    struct stepped *stepped = self;

    for (size_t i = 0; i < count; i++)
        stepped->events[i] = sample_event(stepped->project, i);
}

static void event_run(void *self, size_t count)
{
    struct stepped *stepped = self;
    optly__engine *engine = &stepped->engine;
    bool unused;

    for (size_t i = 0; i < count; i++) {
        optly__mutex_lock(&engine->lock);
        sample_check(optly__engine_add(engine, stepped->events[i], stepped->now,
                                       &unused) == OPTLY_OK,
                     "optly__engine_add");
        optly__mutex_unlock(&engine->lock);
        if ((i + 1) % BATCH == 0) {
            stepped->now++;
            step(stepped);
        }
    }
}

static void stepped_destroy(void *self)
{
    struct stepped *stepped = self;

    sample_check(stepped->engine.ledger.stats.pending == 0,
                 "every event was delivered");
    optly__engine_cleanup(&stepped->engine);
    optly_dispatcher_destroy(&stepped->dispatcher);
    optly_project_destroy(stepped->project);
    free(stepped);
}

const block block_engine_idle = {
    .name = "engine_idle",
    .what = "a step of the engine that finds nothing to do",
    .size = BATCH,
    .create = stepped_create,
    .run = idle_run,
    .destroy = stepped_destroy,
};
const block block_engine_event = {
    .name = "engine_event",
    .what = "an event through the engine, added to freed, in batches of 100",
    .size = BATCH,
    .create = stepped_create,
    .prepare = event_prepare,
    .run = event_run,
    .destroy = stepped_destroy,
};
