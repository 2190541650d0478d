#include "processor/processor.h"

#include <string.h>

#include "base/memory.h"

void optly__processor_free(optly_processor *processor)
{
    optly__engine_cleanup(&processor->engine);
    optly__cond_cleanup(&processor->work);
    optly__free(processor->endpoint);
    optly__free(processor);
}

static uint64_t make_seed(const optly_processor *processor)
{
    uint64_t seed;

    if (!optly__random_bytes(&seed, sizeof(seed)))
        seed = (uint64_t)optly__monotonic_ms() ^ (uint64_t)(uintptr_t)processor;
    return seed;
}

/* Makes the processor's parts; on failure it has undone its own work. */
static optly_status init(optly_processor *processor,
                         const optly_processor_config *given, optly_error *err)
{
    optly__engine_config config;
    optly_status status;

    memset(&config, 0, sizeof(config));
    status = optly__processor_configure(processor, &config, given, err);
    if (status != OPTLY_OK)
        goto fail_endpoint;
    config.seed = make_seed(processor);
    processor->tick_ms = 32;
    processor->next_ms = OPTLY__NEVER;
    if (!optly__cond_init(&processor->work)) {
        status = optly__fail(err, OPTLY_ERR_IO, "no condition variable");
        goto fail_parts;
    }
    status =
        optly__engine_init(&processor->engine, &config, optly__monotonic_ms());
    if (status == OPTLY_OK)
        return OPTLY_OK;
    (void)optly__fail(err, status, "%s", optly_status_text(status));
    optly__cond_cleanup(&processor->work);

fail_parts:
    processor->dispatcher.destroy(processor->dispatcher_self);
    config.queue.destroy(config.queue_self);
fail_endpoint:
    optly__free(processor->endpoint);
    return status;
}

/* What create takes, it takes on failure too. */
static void refuse_parts(const optly_processor_config *config)
{
    if (config != NULL &&
        config->struct_size >=
            OPTLY__SIZE_TO(optly_processor_config, worker_stack_bytes))
        optly__processor_refuse_parts(config);
}

optly_status optly_processor_create(optly_processor **out,
                                    const optly_processor_config *config,
                                    optly_error *err)
{
    optly_processor *processor;
    optly_status status;

    if (out == NULL) {
        refuse_parts(config);
        return optly__fail(err, OPTLY_ERR_INVALID, "out: is NULL");
    }
    *out = NULL;
    processor = optly__alloc_zero(sizeof(*processor));
    if (processor == NULL) {
        refuse_parts(config);
        return optly__fail_memory(err);
    }
    status = init(processor, config, err);
    if (status != OPTLY_OK) {
        optly__free(processor);
        return status;
    }
    *out = processor;
    return OPTLY_OK;
}

optly_status optly__processor_check(const optly_processor *processor)
{
    if (processor == NULL)
        return OPTLY_ERR_INVALID;
    if (processor->engine.generation != optly__fork_generation())
        return OPTLY_ERR_FORKED;
    return OPTLY_OK;
}

optly_status optly_processor_start(optly_processor *processor)
{
    optly_status status = optly__processor_check(processor);
    optly__engine *engine;
    bool wake;

    if (status != OPTLY_OK)
        return status;
    engine = &processor->engine;
    optly__mutex_lock(&engine->lock);
    if (optly__processor_is_driver(processor))
        status = OPTLY_ERR_WOULD_DEADLOCK;
    else if (engine->closing)
        status = OPTLY_ERR_CLOSED;
    else if (processor->started)
        status = OPTLY_ERR_INVALID;
    else if (!optly__thread_start(&processor->worker,
                                  optly__processor_run_worker, processor,
                                  processor->worker_stack_bytes, "optly-event"))
        status = OPTLY_ERR_IO;
    else
        processor->started = true;
    /* A flush that drives meanwhile makes way for the worker. */
    wake = status == OPTLY_OK && optly__engine_rouse(engine);
    optly__mutex_unlock(&engine->lock);
    if (wake)
        optly__processor_wake(processor);
    return status;
}

/*
 * The BLOCK policy: waits for room and tries again. Lock held, released while
 * it waits.
 */
static optly_status wait_for_room(optly_processor *processor,
                                  optly_user_event *event, bool *wake)
{
    optly__engine *engine = &processor->engine;
    int64_t until = optly__monotonic_ms() + processor->overflow_block_ms;
    optly_status status = OPTLY_ERR_QUEUE_FULL;

    if (!processor->started || optly__processor_is_driver(processor))
        return status;
    while (status == OPTLY_ERR_QUEUE_FULL && optly__monotonic_ms() < until) {
        if (optly__engine_rouse(engine)) {
            optly__mutex_unlock(&engine->lock);
            optly__processor_wake(processor);
            optly__mutex_lock(&engine->lock);
        } else {
            optly__cond_wait_until(&engine->changed, &engine->lock, until);
        }
        status = optly__engine_add(engine, event, optly__monotonic_coarse_ms(),
                                   wake);
    }
    return status;
}

static optly_status accept_event(optly_processor *processor,
                                 optly_user_event *event, bool *wake)
{
    optly__engine *engine = &processor->engine;
    int64_t now = optly__monotonic_coarse_ms();
    optly_status status;

    optly__mutex_lock(&engine->lock);
    status = event != NULL ? optly__engine_add(engine, event, now, wake)
                           : OPTLY_ERR_INVALID;
    if (status == OPTLY_ERR_QUEUE_FULL &&
        engine->config.overflow == OPTLY_OVERFLOW_BLOCK)
        status = wait_for_room(processor, event, wake);
    if (status != OPTLY_OK)
        optly__ledger_reject(&engine->ledger, status);
    optly__mutex_unlock(&engine->lock);
    return status;
}

optly_status optly_process_event(optly_processor *processor,
                                 optly_user_event *event)
{
    optly_status status = optly__processor_check(processor);
    bool wake = false;

    if (status == OPTLY_OK)
        status = accept_event(processor, event, &wake);
    if (status != OPTLY_OK)
        optly_user_event_destroy(event);
    if (wake)
        optly__processor_wake(processor);
    return status;
}

static optly_status add_handler(optly_processor *processor,
                                optly__handlers *handlers, optly__any_fn fn,
                                void *user, int *id)
{
    optly__handler *handler;
    optly_status status;

    if (fn == NULL)
        return OPTLY_ERR_INVALID;
    handler = optly__handler_create(fn, user);
    optly__mutex_lock(&processor->engine.lock);
    status = optly__handlers_add(handlers, handler, id);
    optly__mutex_unlock(&processor->engine.lock);
    return status;
}

/* Waits for a call under way, unless it is the caller's own. */
static optly_status remove_handler(optly_processor *processor,
                                   optly__handlers *handlers, int id)
{
    optly__engine *engine = &processor->engine;
    optly__handler *gone;

    optly__mutex_lock(&engine->lock);
    gone = optly__handlers_remove(handlers, id);
    while (gone != NULL && handlers->running == id &&
           !optly__processor_is_driver(processor))
        optly__cond_wait_until(&engine->changed, &engine->lock, OPTLY__NEVER);
    optly__mutex_unlock(&engine->lock);
    if (gone == NULL)
        return OPTLY_ERR_NOT_FOUND;
    optly__free(gone);
    return OPTLY_OK;
}

optly_status optly_processor_on_event_dispatch(optly_processor *processor,
                                               optly_event_dispatch_fn fn,
                                               void *user, int *id)
{
    optly_status status = optly__processor_check(processor);

    if (status != OPTLY_OK)
        return status;
    return add_handler(processor, &processor->engine.dispatch_handlers,
                       (optly__any_fn)fn, user, id);
}

optly_status
optly_processor_remove_on_event_dispatch(optly_processor *processor, int id)
{
    optly_status status = optly__processor_check(processor);

    if (status != OPTLY_OK)
        return status;
    return remove_handler(processor, &processor->engine.dispatch_handlers, id);
}

optly_status optly_processor_on_delivery(optly_processor *processor,
                                         optly_delivery_fn fn, void *user,
                                         int *id)
{
    optly_status status = optly__processor_check(processor);

    if (status != OPTLY_OK)
        return status;
    return add_handler(processor, &processor->engine.delivery_handlers,
                       (optly__any_fn)fn, user, id);
}

optly_status optly_processor_remove_on_delivery(optly_processor *processor,
                                                int id)
{
    optly_status status = optly__processor_check(processor);

    if (status != OPTLY_OK)
        return status;
    return remove_handler(processor, &processor->engine.delivery_handlers, id);
}

optly_status optly_processor_stats(optly_processor *processor, optly_stats *out)
{
    optly_status status = optly__processor_check(processor);

    if (status != OPTLY_OK)
        return status;
    if (out == NULL ||
        out->struct_size < OPTLY__SIZE_TO(optly_stats, payload_bytes))
        return OPTLY_ERR_INVALID;
    size_t size = out->struct_size;
    optly__mutex_lock(&processor->engine.lock);
    memcpy(out, &processor->engine.ledger.stats,
           size < sizeof(*out) ? size : sizeof(*out));
    optly__mutex_unlock(&processor->engine.lock);
    out->struct_size = size;
    return OPTLY_OK;
}
