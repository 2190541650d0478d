#include <optly/dispatcher.h>

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "dispatch/delivery.h"

static optly_outcome known_outcome(optly_outcome outcome)
{
    switch (outcome) {
    case OPTLY_DELIVERED:
    case OPTLY_RETRY:
    case OPTLY_REFUSED:
    case OPTLY_MISCONFIGURED:
    case OPTLY_CANCELLED:
        return outcome;
    case OPTLY_OUTCOME_UNSET:
        break;
    }
    return OPTLY_RETRY;
}

/* The text goes to a log, one line each: nothing in it may break the line. */
static void clean_detail(char *detail, size_t size)
{
    detail[size - 1] = '\0';
    for (char *c = detail; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
}

void optly__dispatch_result_normalise(optly_dispatch_result *to,
                                      const optly_dispatch_result *from)
{
    optly_dispatch_result result = optly_dispatch_result_default();

    if (from != NULL &&
        from->struct_size >= OPTLY__SIZE_TO(optly_dispatch_result, detail))
        memcpy(&result, from,
               from->struct_size < sizeof(result) ? from->struct_size
                                                  : sizeof(result));
    result.struct_size = sizeof(result);
    result.outcome = known_outcome(result.outcome);
    if (result.http_status < 0)
        result.http_status = 0;
    if (result.retry_after_ms < 0)
        result.retry_after_ms = 0;
    if (result.retry_after_ms > OPTLY__RETRY_AFTER_MAX_MS)
        result.retry_after_ms = OPTLY__RETRY_AFTER_MAX_MS;
    clean_detail(result.detail, sizeof(result.detail));
    *to = result;
}

void optly_delivery_complete(optly_delivery delivery,
                             const optly_dispatch_result *result)
{
    optly__delivery_core *core = delivery.core;
    optly_dispatch_result whole;

    if (core == NULL)
        return;
    optly__dispatch_result_normalise(&whole, result);
    core->complete(core, delivery.id, &whole);
}

/* A delivery of its own, for dispatchers that wrap another. */
struct single_delivery {
    optly__delivery_core core; /* first: `optly_delivery.core` points here */
    optly_delivery_result_fn fn;
    void *user;
};

static void complete_single(optly__delivery_core *core, uint64_t id,
                            const optly_dispatch_result *result)
{
    struct single_delivery *single = (struct single_delivery *)core;
    optly_delivery_result_fn fn = single->fn;
    void *user = single->user;

    (void)id;
    optly__free(single);
    fn(result, user);
}

optly_status optly_delivery_create(optly_delivery *out,
                                   optly_delivery_result_fn fn, void *user)
{
    struct single_delivery *single;

    if (out == NULL)
        return OPTLY_ERR_INVALID;
    memset(out, 0, sizeof(*out));
    if (fn == NULL)
        return OPTLY_ERR_INVALID;
    single = optly__alloc_zero(sizeof(*single));
    if (single == NULL)
        return OPTLY_ERR_NO_MEMORY;
    single->core.complete = complete_single;
    single->fn = fn;
    single->user = user;
    out->core = single;
    out->id = 1;
    return OPTLY_OK;
}

void optly__delivery_complete_as(optly_delivery delivery, optly_outcome outcome,
                                 const char *detail)
{
    optly_dispatch_result result = optly_dispatch_result_default();

    result.outcome = outcome;
    (void)snprintf(result.detail, sizeof(result.detail), "%s", detail);
    optly_delivery_complete(delivery, &result);
}

optly_status optly__dispatcher_ops_copy(optly_dispatcher_ops *to,
                                        const optly_dispatcher *dispatcher,
                                        optly_error *err)
{
    optly_status status;

    memset(to, 0, sizeof(*to));
    status = optly__copy_struct(to, sizeof(*to), dispatcher->ops,
                                OPTLY__SIZE_TO(optly_dispatcher_ops, destroy),
                                "dispatcher.ops", err);
    if (status != OPTLY_OK)
        return status;
    if (to->dispatch == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "dispatcher.ops.dispatch: is NULL");
    if (to->destroy == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "dispatcher.ops.destroy: is NULL");
    if (to->poll != NULL && to->wake == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID,
                           "dispatcher.ops.wake: is NULL, but poll is not");
    return OPTLY_OK;
}

void optly_dispatcher_destroy(optly_dispatcher *dispatcher)
{
    optly_dispatcher doomed;

    if (dispatcher == NULL)
        return;
    doomed = *dispatcher;
    memset(dispatcher, 0, sizeof(*dispatcher));
    /* A table too short to have the member has none. */
    if (doomed.ops == NULL ||
        doomed.ops->struct_size <
            OPTLY__SIZE_TO(optly_dispatcher_ops, destroy) ||
        doomed.ops->destroy == NULL)
        return;
    doomed.ops->destroy(doomed.self);
}
