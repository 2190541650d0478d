#include "blocks/stepped.h"

#include "blocks/sample.h"

static void wake(void *host)
{
    (void)host;
}

optly__engine_config stepped_config(void)
{
    const optly__engine_config config = {
        .batch_size = OPTLY_DEFAULT_BATCH_SIZE,
        .queue_size = OPTLY_DEFAULT_EVENT_QUEUE_SIZE,
        .flush_interval_ms = OPTLY_DEFAULT_EVENT_FLUSH_INTERVAL_MS,
        .max_in_flight = 8,
        .queue_bytes = 16 << 20,
        .max_payload_bytes = 3 << 20,
        .backoff = {.initial_ms = 200, .max_ms = 60000},
        .wake = wake,
        .seed = 1,
    };

    return config;
}

void stepped_init(stepped *it, const optly__engine_config *config)
{
    optly__engine_config complete = *config;
    optly_queue queue;

    it->now = 1000000;
    it->next = it->now;
    sample_check(optly_ring_queue_create(&queue, config->queue_size) ==
                     OPTLY_OK,
                 "optly_ring_queue_create");
    complete.queue = *queue.ops;
    complete.queue_self = queue.self;
    sample_check(optly__engine_init(&it->engine, &complete, it->now) ==
                     OPTLY_OK,
                 "optly__engine_init");
}

void stepped_cleanup(stepped *it)
{
    optly__engine_cleanup(&it->engine);
}

bool stepped_offer(stepped *it, optly_user_event *event)
{
    optly__engine *engine = &it->engine;
    optly_status status;
    bool unused;

    optly__mutex_lock(&engine->lock);
    status = optly__engine_add(engine, event, it->now, &unused);
    if (status != OPTLY_OK)
        optly__ledger_reject(&engine->ledger, status);
    optly__mutex_unlock(&engine->lock);
    sample_check(status == OPTLY_OK || status == OPTLY_ERR_QUEUE_FULL,
                 "optly__engine_add");
    if (status != OPTLY_OK)
        optly_user_event_destroy(event);
    return status == OPTLY_OK;
}

void stepped_add(stepped *it, optly_user_event *event)
{
    sample_check(stepped_offer(it, event), "there is room in the queue");
}

void stepped_step(stepped *it)
{
    do
        sample_check(optly__engine_step(&it->engine, it->now, &it->next),
                     "optly__engine_step");
    while (it->next <= it->now);
}
