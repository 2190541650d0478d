#include "dispatch/http_dispatcher.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "dispatch/delivery.h"
#include "dispatch/http_multi.h"
#include "platform/platform.h"

struct http_dispatcher {
    /* Set by create, then read-only. */
    optly__http_client client;
    uint64_t generation; /* of the process that may use the connections */

    /* For dispatch and poll: the driver's, but for wake and cancel. */
    optly__http_multi multi;

    _Atomic uint64_t cancel_count;

    /* For blocking calls, each on a multi of its own. */
    optly__mutex lock;
    optly__http_multi *busy, *idle; /* guarded by `lock` */
};

static void http_dispatch(void *self, const optly_log_event *event,
                          optly_delivery delivery)
{
    struct http_dispatcher *dispatcher = self;

    /* What cancel meant was under way before this. */
    (void)optly__http_multi_obey(&dispatcher->multi);
    optly__http_multi_dispatch(&dispatcher->multi, event, delivery);
}

static void http_poll(void *self, int timeout_ms)
{
    struct http_dispatcher *dispatcher = self;

    optly__http_multi_poll(&dispatcher->multi, timeout_ms);
}

static void http_wake(void *self)
{
    struct http_dispatcher *dispatcher = self;

    optly__http_multi_wake(&dispatcher->multi);
}

static void http_cancel(void *self)
{
    struct http_dispatcher *dispatcher = self;

    optly__http_multi_cancel(&dispatcher->multi);
    /* Counted before the multis are looked at, so that a blocking call that is
     * about to begin sees either the count or its own multi cancelled. */
    (void)atomic_fetch_add(&dispatcher->cancel_count, 1);
    optly__mutex_lock(&dispatcher->lock);
    for (optly__http_multi *multi = dispatcher->busy; multi != NULL;
         multi = multi->next)
        optly__http_multi_cancel(multi);
    optly__mutex_unlock(&dispatcher->lock);
}

static void free_multis(optly__http_multi *multi)
{
    while (multi != NULL) {
        optly__http_multi *next = multi->next;

        optly__http_multi_cleanup(multi);
        optly__free(multi);
        multi = next;
    }
}

static void http_destroy(void *self)
{
    struct http_dispatcher *dispatcher = self;

    /* In a forked child the connections are still the parent's: closing them
     * would say goodbye in its name. */
    if (dispatcher->generation != optly__fork_generation())
        return;
    free_multis(dispatcher->idle);
    optly__http_multi_cleanup(&dispatcher->multi);
    optly__http_client_cleanup(&dispatcher->client);
    optly__mutex_cleanup(&dispatcher->lock);
    optly__free(dispatcher);
}

static const optly_dispatcher_ops http_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = http_dispatch,
    .poll = http_poll,
    .wake = http_wake,
    .cancel = http_cancel,
    .destroy = http_destroy,
};

bool optly__is_http_dispatcher(const optly_dispatcher *dispatcher)
{
    return dispatcher->ops == &http_ops;
}

optly_status optly_http_dispatcher_create(optly_dispatcher *out,
                                          const optly_http_config *config,
                                          optly_error *err)
{
    struct http_dispatcher *dispatcher;
    optly_status status;

    if (out == NULL)
        return optly__fail(err, OPTLY_ERR_INVALID, "out: is NULL");
    memset(out, 0, sizeof(*out));
    dispatcher = optly__alloc_zero(sizeof(*dispatcher));
    if (dispatcher == NULL)
        return optly__fail_memory(err);
    dispatcher->generation = optly__fork_generation();
    status = optly__http_client_init(&dispatcher->client, config, err);
    if (status != OPTLY_OK)
        goto fail_dispatcher;
    status =
        optly__http_multi_init(&dispatcher->multi, &dispatcher->client, err);
    if (status != OPTLY_OK)
        goto fail_client;
    if (!optly__mutex_init(&dispatcher->lock)) {
        status = optly__fail_memory(err);
        goto fail_multi;
    }
    out->ops = &http_ops;
    out->self = dispatcher;
    return OPTLY_OK;

fail_multi:
    optly__http_multi_cleanup(&dispatcher->multi);
fail_client:
    optly__http_client_cleanup(&dispatcher->client);
fail_dispatcher:
    optly__free(dispatcher);
    return status;
}

/* A blocking call: a delivery that ends where it began. */
struct blocking_delivery {
    optly__delivery_core core; /* first: `optly_delivery.core` points here */
    optly_dispatch_result *result;
    bool complete;
};

static void complete_blocking(optly__delivery_core *core, uint64_t id,
                              const optly_dispatch_result *result)
{
    struct blocking_delivery *blocking = (struct blocking_delivery *)core;

    (void)id;
    *blocking->result = *result;
    blocking->complete = true;
}

/* Makes a multi; NULL when there is no memory or no descriptor for one. */
static optly__http_multi *make_multi(const optly__http_client *client)
{
    optly__http_multi *multi = optly__alloc_zero(sizeof(*multi));

    if (multi != NULL &&
        optly__http_multi_init(multi, client, NULL) != OPTLY_OK) {
        optly__free(multi);
        return NULL;
    }
    return multi;
}

static optly__http_multi *take_multi(struct http_dispatcher *dispatcher)
{
    optly__http_multi *multi;

    optly__mutex_lock(&dispatcher->lock);
    multi = dispatcher->idle;
    if (multi != NULL)
        dispatcher->idle = multi->next;
    optly__mutex_unlock(&dispatcher->lock);
    if (multi == NULL)
        multi = make_multi(&dispatcher->client);
    if (multi == NULL)
        return NULL;
    atomic_store(&multi->cancelled, false);
    optly__mutex_lock(&dispatcher->lock);
    multi->next = dispatcher->busy;
    dispatcher->busy = multi;
    optly__mutex_unlock(&dispatcher->lock);
    return multi;
}

static void return_multi(struct http_dispatcher *dispatcher,
                         optly__http_multi *multi)
{
    optly__http_multi **link;

    optly__mutex_lock(&dispatcher->lock);
    for (link = &dispatcher->busy; *link != multi; link = &(*link)->next)
        ;
    *link = multi->next;
    multi->next = dispatcher->idle;
    dispatcher->idle = multi;
    optly__mutex_unlock(&dispatcher->lock);
}

static void run_to_completion(optly__http_multi *multi,
                              const optly_log_event *event,
                              struct blocking_delivery *blocking)
{
    optly_delivery delivery = {&blocking->core, 1};

    optly__http_multi_dispatch(multi, event, delivery);
    while (!blocking->complete)
        optly__http_multi_poll(multi, -1);
}

uint64_t optly__http_cancel_count(void *self)
{
    struct http_dispatcher *dispatcher = self;

    return atomic_load(&dispatcher->cancel_count);
}

void optly__http_dispatch_blocking(void *self, const optly_log_event *event,
                                   uint64_t cancel_count,
                                   optly_dispatch_result *result)
{
    struct http_dispatcher *dispatcher = self;
    struct blocking_delivery blocking = {
        {.complete = complete_blocking}, result, false};
    optly__http_multi *multi = take_multi(dispatcher);

    *result = optly_dispatch_result_default();
    result->outcome = OPTLY_RETRY;
    if (multi == NULL) {
        (void)snprintf(result->detail, sizeof(result->detail),
                       "no memory or descriptors for another connection");
        return;
    }
    if (atomic_load(&dispatcher->cancel_count) != cancel_count)
        result->outcome = OPTLY_CANCELLED;
    else
        run_to_completion(multi, event, &blocking);
    return_multi(dispatcher, multi);
}
