/* Runs another dispatcher on threads of its own. */
#include <optly/dispatcher.h>

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "dispatch/dispatch_pool.h"

enum { DEFAULT_THREADS = 1, DEFAULT_CAPACITY = 64, MAX_CAPACITY = 65536 };

struct queue_dispatcher {
    optly__dispatch_pool *pool;
    uint64_t generation; /* of the process that has the threads */
};

static void queue_dispatch(void *self, const optly_log_event *event,
                           optly_delivery delivery)
{
    struct queue_dispatcher *dispatcher = self;

    optly__dispatch_pool_add(dispatcher->pool, event, delivery);
}

static void queue_cancel(void *self)
{
    struct queue_dispatcher *dispatcher = self;

    optly__dispatch_pool_cancel(dispatcher->pool);
}

static void queue_destroy(void *self)
{
    struct queue_dispatcher *dispatcher = self;

    /* The threads did not follow into a forked child. */
    if (dispatcher->generation != optly__fork_generation())
        return;
    optly__dispatch_pool_destroy(dispatcher->pool);
    optly__free(dispatcher);
}

static const optly_dispatcher_ops queue_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = queue_dispatch,
    .cancel = queue_cancel,
    .destroy = queue_destroy,
};

static optly_status take_config(optly_queue_dispatcher_config *to,
                                const optly_queue_dispatcher_config *config,
                                optly_error *err)
{
    optly_status status = OPTLY_OK;

    *to = optly_queue_dispatcher_config_default();
    if (config != NULL)
        status = optly__copy_struct(
            to, sizeof(*to), config,
            OPTLY__SIZE_TO(optly_queue_dispatcher_config, capacity), "config",
            err);
    if (status != OPTLY_OK)
        return status;
    if (to->threads == 0)
        to->threads = DEFAULT_THREADS;
    if (to->capacity == 0)
        to->capacity = DEFAULT_CAPACITY;
    if (to->threads > OPTLY__DISPATCH_MAX_THREADS)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "config.threads: %u, should be from 1 to %d",
                           (unsigned)to->threads, OPTLY__DISPATCH_MAX_THREADS);
    if (to->capacity > MAX_CAPACITY)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "config.capacity: %u, should be from 1 to %d",
                           (unsigned)to->capacity, MAX_CAPACITY);
    return OPTLY_OK;
}

/* Zeroes `*inner` once a thread has it: the pool then destroys it. */
static optly_status start_pool(struct queue_dispatcher *dispatcher,
                               optly_dispatcher *inner,
                               const optly_queue_dispatcher_config *config,
                               optly_error *err)
{
    optly_status status = optly__dispatch_pool_create(&dispatcher->pool, inner,
                                                      config->capacity, err);

    if (status != OPTLY_OK)
        return status;
    for (uint32_t i = 0; i < config->threads; i++) {
        if (!optly__dispatch_pool_start_thread(dispatcher->pool)) {
            optly__dispatch_pool_destroy(dispatcher->pool);
            return optly__fail(err, OPTLY_ERR_IO,
                               "a thread could not be started");
        }
        memset(inner, 0, sizeof(*inner));
    }
    return OPTLY_OK;
}

static optly_status make_dispatcher(struct queue_dispatcher **out,
                                    optly_dispatcher *inner,
                                    const optly_queue_dispatcher_config *config,
                                    optly_error *err)
{
    struct queue_dispatcher *dispatcher =
        optly__alloc_zero(sizeof(*dispatcher));
    optly_status status;

    if (dispatcher == NULL)
        return optly__fail_memory(err);
    dispatcher->generation = optly__fork_generation();
    status = start_pool(dispatcher, inner, config, err);
    if (status != OPTLY_OK) {
        optly__free(dispatcher);
        return status;
    }
    *out = dispatcher;
    return OPTLY_OK;
}

optly_status
optly_queue_dispatcher_create(optly_dispatcher *out, optly_dispatcher inner,
                              const optly_queue_dispatcher_config *config,
                              optly_error *err)
{
    optly_queue_dispatcher_config own;
    struct queue_dispatcher *dispatcher = NULL;
    optly_status status;

    if (out != NULL)
        memset(out, 0, sizeof(*out));
    if (out == NULL)
        status = optly__fail(err, OPTLY_ERR_INVALID, "out: is NULL");
    else
        status = take_config(&own, config, err);
    if (status == OPTLY_OK)
        status = make_dispatcher(&dispatcher, &inner, &own, err);
    if (status != OPTLY_OK) {
        optly_dispatcher_destroy(&inner);
        return status;
    }
    out->ops = &queue_ops;
    out->self = dispatcher;
    return OPTLY_OK;
}
