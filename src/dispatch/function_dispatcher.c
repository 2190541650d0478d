#include <optly/dispatcher.h>

#include <string.h>

#include "base/memory.h"

struct function_dispatcher {
    optly_dispatch_fn fn;
    void *user;
    void (*release)(void *user);
};

static void function_dispatch(void *self, const optly_log_event *event,
                              optly_delivery delivery)
{
    struct function_dispatcher *dispatcher = self;
    optly_dispatch_result result = optly_dispatch_result_default();
    optly_outcome outcome = dispatcher->fn(event, &result, dispatcher->user);

    if (outcome != OPTLY_OUTCOME_UNSET)
        result.outcome = outcome;
    optly_delivery_complete(delivery, &result);
}

static void function_destroy(void *self)
{
    struct function_dispatcher *dispatcher = self;

    if (dispatcher->release != NULL)
        dispatcher->release(dispatcher->user);
    optly__free(dispatcher);
}

static const optly_dispatcher_ops function_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = function_dispatch,
    .destroy = function_destroy,
};

optly_status optly_function_dispatcher_create(optly_dispatcher *out,
                                              optly_dispatch_fn fn, void *user,
                                              void (*release)(void *user))
{
    struct function_dispatcher *dispatcher = NULL;
    optly_status status = OPTLY_ERR_INVALID;

    if (out != NULL)
        memset(out, 0, sizeof(*out));
    if (out == NULL || fn == NULL)
        goto fail;
    status = OPTLY_ERR_NO_MEMORY;
    dispatcher = optly__alloc_zero(sizeof(*dispatcher));
    if (dispatcher == NULL)
        goto fail;
    dispatcher->fn = fn;
    dispatcher->user = user;
    dispatcher->release = release;
    out->ops = &function_ops;
    out->self = dispatcher;
    return OPTLY_OK;

fail:
    if (release != NULL)
        release(user);
    return status;
}
