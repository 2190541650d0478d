/* The settings of a processor: ranges, defaults, and what is taken. */
#include "processor/processor.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "dispatch/endpoint.h"

/* Sets `*field` to the default when it is 0; says what is out of range. */
static optly_status check_range(uint32_t *field, const char *name,
                                uint32_t fallback, uint32_t low, uint32_t high,
                                optly_error *err)
{
    if (*field == 0)
        *field = fallback;
    if (*field >= low && *field <= high)
        return OPTLY_OK;
    return optly__fail(err, OPTLY_ERR_INVALID,
                       "%s: %" PRIu32 ", should be %" PRIu32 " to %" PRIu32,
                       name, *field, low, high);
}

static optly_status check_bytes(uint64_t *field, const char *name,
                                uint64_t fallback, uint64_t low, uint64_t high,
                                optly_error *err)
{
    if (*field == 0)
        *field = fallback;
    if (*field >= low && *field <= high)
        return OPTLY_OK;
    return optly__fail(err, OPTLY_ERR_INVALID,
                       "%s: %" PRIu64 ", should be %" PRIu64 " to %" PRIu64,
                       name, *field, low, high);
}

static uint32_t default_queue_size(const optly_processor_config *config)
{
    uint64_t busy = ((uint64_t)config->max_in_flight + 1) * config->batch_size;

    return busy > OPTLY_DEFAULT_EVENT_QUEUE_SIZE
               ? (uint32_t)busy
               : OPTLY_DEFAULT_EVENT_QUEUE_SIZE;
}

static optly_status check_batching(optly_processor_config *config,
                                   optly_error *err)
{
    optly_status status = check_range(&config->batch_size, "batch_size",
                                      OPTLY_DEFAULT_BATCH_SIZE, 1, 10000, err);

    if (status == OPTLY_OK)
        status = check_range(&config->max_in_flight, "max_in_flight", 8, 1,
                             1024, err);
    if (status == OPTLY_OK)
        status = check_range(&config->queue_size, "queue_size",
                             default_queue_size(config), 1, 16777216, err);
    if (status == OPTLY_OK)
        status = check_range(&config->flush_interval_ms, "flush_interval_ms",
                             OPTLY_DEFAULT_EVENT_FLUSH_INTERVAL_MS, 1, 86400000,
                             err);
    if (status == OPTLY_OK)
        status = check_bytes(&config->queue_bytes, "queue_bytes",
                             (uint64_t)16 << 20, 1024, UINT64_MAX / 4, err);
    if (status == OPTLY_OK)
        status = check_bytes(&config->max_payload_bytes, "max_payload_bytes",
                             (uint64_t)3 << 20, 1024, 3500000, err);
    if (status != OPTLY_OK)
        return status;
    if (config->batch_size > config->queue_size)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "batch_size: %" PRIu32
                           ", should be 1 to queue_size (%" PRIu32 ")",
                           config->batch_size, config->queue_size);
    return OPTLY_OK;
}

static optly_status check_retry(optly_processor_config *config,
                                optly_error *err)
{
    optly_status status = check_range(&config->retry_initial_ms,
                                      "retry_initial_ms", 200, 1, 600000, err);

    if (status != OPTLY_OK)
        return status;
    return check_range(
        &config->retry_max_ms, "retry_max_ms",
        config->retry_initial_ms > 60000 ? config->retry_initial_ms : 60000,
        config->retry_initial_ms, 3600000, err);
}

static optly_status check_rest(const optly_processor_config *config,
                               optly_error *err)
{
    if ((unsigned)config->overflow > OPTLY_OVERFLOW_BLOCK)
        return optly__fail(
            err, OPTLY_ERR_INVALID, "overflow: %u, should be 0 to %u",
            (unsigned)config->overflow, (unsigned)OPTLY_OVERFLOW_BLOCK);
    if (config->worker_stack_bytes != 0 && config->worker_stack_bytes < 65536)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "worker_stack_bytes: %zu, should be 0 or at least "
                           "65536",
                           config->worker_stack_bytes);
    if (config->dispatcher.ops != NULL && config->http != NULL)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "http: is for the default dispatcher, and another "
                           "one is given");
    return OPTLY_OK;
}

static optly_status copy_metrics(optly_metrics *to, const optly_metrics *from,
                                 optly_error *err)
{
    optly_status status;

    memset(to, 0, sizeof(*to));
    if (from == NULL)
        return OPTLY_OK;
    status =
        optly__copy_struct(to, sizeof(*to), from,
                           OPTLY__SIZE_TO(optly_metrics, user), "metrics", err);
    if (status == OPTLY_OK && to->counter_add == NULL && to->gauge_set == NULL)
        status = optly__fail(err, OPTLY_ERR_INVALID,
                             "metrics: both functions are NULL");
    return status;
}

static optly_status copy_endpoint(optly_processor *processor,
                                  const optly_processor_config *config,
                                  optly_error *err)
{
    optly_status status;
    /* A host's own dispatcher decides for itself what it speaks. */
    bool allow_plaintext =
        config->dispatcher.ops != NULL ||
        (config->http != NULL && config->http->allow_plaintext);

    if (config->endpoint == NULL)
        return OPTLY_OK;
    status = optly__endpoint_check(config->endpoint, allow_plaintext, err);
    if (status != OPTLY_OK)
        return status;
    processor->endpoint = optly__copy_string(config->endpoint);
    return processor->endpoint != NULL ? OPTLY_OK : optly__fail_memory(err);
}

static optly_status copy_queue_ops(optly_queue_ops *to,
                                   const optly_queue_ops *from,
                                   optly_error *err)
{
    optly_status status = optly__copy_struct(
        to, sizeof(*to), from, OPTLY__SIZE_TO(optly_queue_ops, destroy),
        "queue.ops", err);

    if (status != OPTLY_OK)
        return status;
    if (to->add == NULL || to->get == NULL || to->remove == NULL ||
        to->size == NULL || to->destroy == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "queue.ops: add, get, remove, size and destroy are "
                           "required");
    return OPTLY_OK;
}

void optly__processor_refuse_parts(const optly_processor_config *config)
{
    optly_dispatcher dispatcher = config->dispatcher;
    const optly_queue *queue = &config->queue;

    optly_dispatcher_destroy(&dispatcher);
    /* A table too short to have the member has none. */
    if (queue->ops != NULL &&
        queue->ops->struct_size >= OPTLY__SIZE_TO(optly_queue_ops, destroy) &&
        queue->ops->destroy != NULL)
        queue->ops->destroy(queue->self);
}

static void fill_engine(optly__engine_config *to,
                        const optly_processor_config *from,
                        optly_processor *processor)
{
    to->batch_size = from->batch_size;
    to->queue_size = from->queue_size;
    to->flush_interval_ms = from->flush_interval_ms;
    to->max_in_flight = from->max_in_flight;
    to->queue_bytes = from->queue_bytes;
    to->max_payload_bytes = from->max_payload_bytes;
    to->overflow = from->overflow;
    to->backoff.initial_ms = from->retry_initial_ms;
    to->backoff.max_ms = from->retry_max_ms;
    to->max_attempts = from->max_attempts;
    to->max_age_ms = from->max_age_ms;
    to->endpoint = processor->endpoint;
    to->queue_self = from->queue.self;
    to->dispatcher = processor->dispatcher;
    to->dispatcher_self = from->dispatcher.self;
    to->log.log = from->log;
    to->log.user = from->log_user;
    to->wake = optly__processor_wake;
    to->host = processor;
}

static void fill_processor(optly_processor *to,
                           const optly_processor_config *from)
{
    to->dispatcher_self = from->dispatcher.self;
    to->overflow_block_ms = from->overflow_block_ms;
    to->on_worker_start = from->on_worker_start;
    to->on_worker_stop = from->on_worker_stop;
    to->worker_user = from->worker_user;
    to->on_wake = from->on_wake;
    to->wake_user = from->wake_user;
    to->worker_stack_bytes = from->worker_stack_bytes;
}

/* Makes what the host did not bring. */
static optly_status make_defaults(optly_processor_config *config,
                                  optly_error *err)
{
    optly_status status = OPTLY_OK;

    if (config->queue.ops == NULL)
        status = optly_ring_queue_create(&config->queue, config->queue_size);
    if (status != OPTLY_OK)
        return optly__fail_memory(err);
    if (config->dispatcher.ops == NULL)
        status = optly_http_dispatcher_create(&config->dispatcher, config->http,
                                              err);
    return status;
}

optly_status optly__processor_configure(optly_processor *processor,
                                        optly__engine_config *engine,
                                        const optly_processor_config *given,
                                        optly_error *err)
{
    optly_processor_config config = optly_processor_config_default();
    optly_status status = OPTLY_OK;

    if (given != NULL)
        status = optly__copy_struct(
            &config, sizeof(config), given,
            OPTLY__SIZE_TO(optly_processor_config, worker_stack_bytes),
            "config", err);
    if (status != OPTLY_OK)
        return status;
    status = check_batching(&config, err);
    if (status == OPTLY_OK)
        status = check_retry(&config, err);
    if (status == OPTLY_OK)
        status = check_rest(&config, err);
    if (status == OPTLY_OK)
        status = copy_metrics(&engine->metrics, config.metrics, err);
    if (status == OPTLY_OK)
        status = copy_endpoint(processor, &config, err);
    if (status == OPTLY_OK)
        status = make_defaults(&config, err);
    if (status == OPTLY_OK)
        status = copy_queue_ops(&engine->queue, config.queue.ops, err);
    if (status == OPTLY_OK)
        status = optly__dispatcher_ops_copy(&processor->dispatcher,
                                            &config.dispatcher, err);
    if (status != OPTLY_OK) {
        optly__processor_refuse_parts(&config);
        return status;
    }
    fill_processor(processor, &config);
    fill_engine(engine, &config, processor);
    return OPTLY_OK;
}
