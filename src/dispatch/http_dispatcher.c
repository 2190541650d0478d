#include "dispatch/http_dispatcher.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "dispatch/delivery.h"
#include "dispatch/http_lane.h"
#include "platform/platform.h"

struct http_dispatcher {
    /* Set by create, then read-only. */
    optly__http_client client;
    uint64_t generation; /* of the process that may use the connections */

    /* For dispatch and poll: the driver's, but for wake and cancel. */
    optly__http_lane lane;

    _Atomic uint64_t cancel_count;

    /* For blocking calls, each on a lane of its own. */
    optly__mutex lock;
    optly__http_lane *busy, *idle; /* guarded by `lock` */
};

static void http_dispatch(void *self, const optly_log_event *event,
                          optly_delivery delivery)
{
    struct http_dispatcher *dispatcher = self;

    /* What cancel meant was under way before this. */
    (void)optly__http_lane_obey(&dispatcher->lane);
    optly__http_lane_dispatch(&dispatcher->lane, event, delivery);
}

static void http_poll(void *self, int timeout_ms)
{
    struct http_dispatcher *dispatcher = self;

    optly__http_lane_poll(&dispatcher->lane, timeout_ms);
}

static void http_wake(void *self)
{
    struct http_dispatcher *dispatcher = self;

    optly__http_lane_wake(&dispatcher->lane);
}

static void http_cancel(void *self)
{
    struct http_dispatcher *dispatcher = self;

    optly__http_lane_cancel(&dispatcher->lane);
    /* Counted before the lanes are looked at, so that a blocking call that is
     * about to begin sees either the count or its own lane cancelled. */
    (void)atomic_fetch_add(&dispatcher->cancel_count, 1);
    optly__mutex_lock(&dispatcher->lock);
    for (optly__http_lane *lane = dispatcher->busy; lane != NULL;
         lane = lane->next)
        optly__http_lane_cancel(lane);
    optly__mutex_unlock(&dispatcher->lock);
}

static void free_lanes(optly__http_lane *lane)
{
    while (lane != NULL) {
        optly__http_lane *next = lane->next;

        optly__http_lane_cleanup(lane);
        optly__free(lane);
        lane = next;
    }
}

static void http_destroy(void *self)
{
    struct http_dispatcher *dispatcher = self;

    /* In a forked child the connections are still the parent's: closing them
     * would say goodbye in its name. */
    if (dispatcher->generation != optly__fork_generation())
        return;
    free_lanes(dispatcher->idle);
    optly__http_lane_cleanup(&dispatcher->lane);
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
    status = optly__http_lane_init(&dispatcher->lane, &dispatcher->client, err);
    if (status != OPTLY_OK)
        goto fail_client;
    if (!optly__mutex_init(&dispatcher->lock)) {
        status = optly__fail_memory(err);
        goto fail_lane;
    }
    out->ops = &http_ops;
    out->self = dispatcher;
    return OPTLY_OK;

fail_lane:
    optly__http_lane_cleanup(&dispatcher->lane);
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

/* Makes a lane; NULL when there is no memory or no descriptor for one. */
static optly__http_lane *make_lane(const optly__http_client *client)
{
    optly__http_lane *lane = optly__alloc_zero(sizeof(*lane));

    if (lane != NULL && optly__http_lane_init(lane, client, NULL) != OPTLY_OK) {
        optly__free(lane);
        return NULL;
    }
    return lane;
}

static optly__http_lane *take_lane(struct http_dispatcher *dispatcher)
{
    optly__http_lane *lane;

    optly__mutex_lock(&dispatcher->lock);
    lane = dispatcher->idle;
    if (lane != NULL)
        dispatcher->idle = lane->next;
    optly__mutex_unlock(&dispatcher->lock);
    if (lane == NULL)
        lane = make_lane(&dispatcher->client);
    if (lane == NULL)
        return NULL;
    atomic_store(&lane->cancelled, false);
    optly__mutex_lock(&dispatcher->lock);
    lane->next = dispatcher->busy;
    dispatcher->busy = lane;
    optly__mutex_unlock(&dispatcher->lock);
    return lane;
}

static void return_lane(struct http_dispatcher *dispatcher,
                        optly__http_lane *lane)
{
    optly__http_lane **link;

    optly__mutex_lock(&dispatcher->lock);
    for (link = &dispatcher->busy; *link != lane; link = &(*link)->next)
        ;
    *link = lane->next;
    lane->next = dispatcher->idle;
    dispatcher->idle = lane;
    optly__mutex_unlock(&dispatcher->lock);
}

static void run_to_completion(optly__http_lane *lane,
                              const optly_log_event *event,
                              struct blocking_delivery *blocking)
{
    optly_delivery delivery = {&blocking->core, 1};

    optly__http_lane_dispatch(lane, event, delivery);
    while (!blocking->complete)
        optly__http_lane_poll(lane, -1);
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
    struct blocking_delivery blocking = {{complete_blocking}, result, false};
    optly__http_lane *lane = take_lane(dispatcher);

    *result = optly_dispatch_result_default();
    result->outcome = OPTLY_RETRY;
    if (lane == NULL) {
        (void)snprintf(result->detail, sizeof(result->detail),
                       "no memory or descriptors for another connection");
        return;
    }
    if (atomic_load(&dispatcher->cancel_count) != cancel_count)
        result->outcome = OPTLY_CANCELLED;
    else
        run_to_completion(lane, event, &blocking);
    return_lane(dispatcher, lane);
}
