#include "fakes/deliveries.h"

#include <stdlib.h>
#include <string.h>

static void record(optly__delivery_core *core, uint64_t id,
                   const optly_dispatch_result *result)
{
    fake_deliveries *deliveries = (fake_deliveries *)core;

    optly__mutex_lock(&deliveries->lock);
    if (deliveries->completions[id]++ == 0) {
        deliveries->results[id] = *result;
        deliveries->completed++;
    }
    optly__cond_broadcast(&deliveries->changed);
    optly__mutex_unlock(&deliveries->lock);
}

void fake_deliveries_init(fake_deliveries *deliveries)
{
    memset(deliveries, 0, sizeof(*deliveries));
    deliveries->core.complete = record;
    if (!optly__mutex_init(&deliveries->lock) ||
        !optly__cond_init(&deliveries->changed))
        abort();
}

void fake_deliveries_cleanup(fake_deliveries *deliveries)
{
    optly__cond_cleanup(&deliveries->changed);
    optly__mutex_cleanup(&deliveries->lock);
}

optly_delivery fake_deliveries_issue(fake_deliveries *deliveries)
{
    optly_delivery delivery = {&deliveries->core, 0};

    optly__mutex_lock(&deliveries->lock);
    delivery.id = deliveries->issued++;
    optly__mutex_unlock(&deliveries->lock);
    if (delivery.id >= FAKE_MAX_DELIVERIES)
        abort();
    return delivery;
}

size_t fake_deliveries_completed(fake_deliveries *deliveries)
{
    size_t completed;

    optly__mutex_lock(&deliveries->lock);
    completed = deliveries->completed;
    optly__mutex_unlock(&deliveries->lock);
    return completed;
}

bool fake_deliveries_wait(fake_deliveries *deliveries, size_t count,
                          int timeout_ms)
{
    int64_t deadline = optly__monotonic_ms() + timeout_ms;
    bool done;

    optly__mutex_lock(&deliveries->lock);
    while (deliveries->completed < count && optly__monotonic_ms() < deadline)
        optly__cond_wait_until(&deliveries->changed, &deliveries->lock,
                               deadline);
    done = deliveries->completed >= count;
    optly__mutex_unlock(&deliveries->lock);
    return done;
}

bool fake_deliveries_drive(fake_deliveries *deliveries,
                           optly_dispatcher dispatcher, size_t count,
                           int timeout_ms)
{
    int64_t deadline = optly__monotonic_ms() + timeout_ms;
    int64_t now;

    while (fake_deliveries_completed(deliveries) < count &&
           (now = optly__monotonic_ms()) < deadline)
        dispatcher.ops->poll(dispatcher.self, (int)(deadline - now));
    return fake_deliveries_completed(deliveries) >= count;
}

optly_log_event fake_log_event(const char *endpoint, const char *body)
{
    optly_log_event event;

    memset(&event, 0, sizeof(event));
    event.struct_size = sizeof(event);
    event.endpoint = endpoint;
    event.body = body;
    event.body_len = strlen(body);
    event.event_count = 1;
    event.attempt = 1;
    event.account_id = event.project_id = event.revision = "1";
    event.region = "US";
    return event;
}
