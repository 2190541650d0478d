/* The ring, the join, and steps of the engine on a clock that is ours. */
#include "blocks/list.h"
#include "blocks/sample.h"
#include "blocks/stepped.h"

#include <stdlib.h>

#include "base/memory.h"

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

struct engine {
    optly_project *project;
    optly_dispatcher dispatcher;
    stepped stepped;
    optly_user_event *events[BLOCK_ROUND];
};

static void *engine_create(size_t batch)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    optly__engine_config config = stepped_config();

    sample_check(engine != NULL, "calloc");
    engine->project = sample_project();
    engine->dispatcher = sample_dispatcher();
    config.batch_size = (uint32_t)batch;
    config.dispatcher = *engine->dispatcher.ops;
    config.dispatcher_self = engine->dispatcher.self;
    stepped_init(&engine->stepped, &config);
    return engine;
}

static void idle_run(void *self, size_t count)
{
    struct engine *engine = self;

    for (size_t i = 0; i < count; i++) {
        engine->stepped.now++;
        stepped_step(&engine->stepped);
    }
}

static void event_prepare(void *self, size_t count)
{
    struct engine *engine = self;

    for (size_t i = 0; i < count; i++)
        engine->events[i] = sample_event(engine->project, i);
}

static void event_run(void *self, size_t count)
{
    struct engine *engine = self;

    for (size_t i = 0; i < count; i++) {
        stepped_add(&engine->stepped, engine->events[i]);
        if ((i + 1) % BATCH == 0) {
            engine->stepped.now++;
            stepped_step(&engine->stepped);
        }
    }
}

static void engine_destroy(void *self)
{
    struct engine *engine = self;

    sample_check(engine->stepped.engine.ledger.stats.pending == 0,
                 "every event was delivered");
    stepped_cleanup(&engine->stepped);
    optly_dispatcher_destroy(&engine->dispatcher);
    optly_project_destroy(engine->project);
    free(engine);
}

const block block_engine_idle = {
    .name = "engine_idle",
    .what = "a step of the engine that finds nothing to do",
    .size = BATCH,
    .create = engine_create,
    .run = idle_run,
    .destroy = engine_destroy,
};
const block block_engine_event = {
    .name = "engine_event",
    .what = "an event through the engine, added to freed, in batches of 100",
    .size = BATCH,
    .create = engine_create,
    .prepare = event_prepare,
    .run = event_run,
    .destroy = engine_destroy,
};
