#include "fakes/scripted_dispatcher.h"

#include <stdio.h>
#include <string.h>

void fake_dispatcher_init(fake_dispatcher *fake)
{
    memset(fake, 0, sizeof(*fake));
    (void)optly__mutex_init(&fake->lock);
    (void)optly__cond_init(&fake->changed);
}

void fake_dispatcher_cleanup(fake_dispatcher *fake)
{
    optly__cond_cleanup(&fake->changed);
    optly__mutex_cleanup(&fake->lock);
}

static uint64_t hash_bytes(const char *bytes, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3ULL;
    return hash;
}

static int remember(fake_dispatcher *fake, const optly_log_event *event,
                    optly_delivery delivery)
{
    int number;

    optly__mutex_lock(&fake->lock);
    number = fake->attempt_count < FAKE_ATTEMPTS ? fake->attempt_count++
                                                 : FAKE_ATTEMPTS - 1;
    fake_attempt *attempt = &fake->attempts[number];
    attempt->delivery = delivery;
    attempt->open = true;
    (void)snprintf(attempt->endpoint, sizeof(attempt->endpoint), "%s",
                   event->endpoint);
    (void)snprintf(attempt->revision, sizeof(attempt->revision), "%s",
                   event->revision);
    (void)snprintf(attempt->first_visitor, sizeof(attempt->first_visitor), "%s",
                   optly_user_event_visitor_id(event->events[0]));
    (void)snprintf(attempt->first_uuid, sizeof(attempt->first_uuid), "%s",
                   optly_user_event_uuid(event->events[0]));
    attempt->event_count = event->event_count;
    attempt->attempt = event->attempt;
    attempt->body_len = event->body_len;
    attempt->body_hash = hash_bytes(event->body, event->body_len);
    attempt->at_ms = fake->clock != NULL ? *fake->clock : 0;
    optly__cond_broadcast(&fake->changed);
    optly__mutex_unlock(&fake->lock);
    return number;
}

/* Whether the batch has an event of `visitor`, which may be NULL. */
static bool has_visitor(const optly_log_event *event, const char *visitor)
{
    for (uint32_t i = 0; visitor != NULL && i < event->event_count; i++) {
        if (strcmp(optly_user_event_visitor_id(event->events[i]), visitor) == 0)
            return true;
    }
    return false;
}

static optly_outcome outcome_of(const fake_dispatcher *fake,
                                const optly_log_event *event)
{
    if (has_visitor(event, fake->poison))
        return OPTLY_REFUSED;
    return has_visitor(event, fake->unlucky) ? OPTLY_RETRY : OPTLY_DELIVERED;
}

void fake_dispatcher_complete(fake_dispatcher *fake, int i,
                              optly_outcome outcome)
{
    optly_dispatch_result result = optly_dispatch_result_default();
    optly_delivery delivery;

    optly__mutex_lock(&fake->lock);
    result.outcome = outcome;
    result.http_status = fake->http_status;
    result.retry_after_ms = fake->retry_after_ms;
    delivery = fake->attempts[i].delivery;
    fake->attempts[i].open = false;
    optly__mutex_unlock(&fake->lock);
    optly_delivery_complete(delivery, &result);
}

static void dispatch(void *self, const optly_log_event *event,
                     optly_delivery delivery)
{
    fake_dispatcher *fake = self;
    int number = remember(fake, event, delivery);
    optly_outcome outcome =
        number < fake->script_len ? fake->script[number] : fake->otherwise;

    if (fake->on_dispatch != NULL)
        fake->on_dispatch(fake);
    if (fake->hold)
        return;
    if (outcome == OPTLY_OUTCOME_UNSET)
        outcome = outcome_of(fake, event);
    fake_dispatcher_complete(fake, number, outcome);
}

static bool is_open(fake_dispatcher *fake, int i)
{
    bool open;

    optly__mutex_lock(&fake->lock);
    open = fake->attempts[i].open;
    optly__mutex_unlock(&fake->lock);
    return open;
}

static void cancel(void *self)
{
    fake_dispatcher *fake = self;
    int count;

    optly__mutex_lock(&fake->lock);
    fake->cancels++;
    count = fake->attempt_count;
    optly__mutex_unlock(&fake->lock);
    for (int i = 0; fake->complete_on_cancel && i < count; i++) {
        if (is_open(fake, i))
            fake_dispatcher_complete(fake, i, OPTLY_CANCELLED);
    }
}

static void destroy(void *self)
{
    fake_dispatcher *fake = self;

    optly__mutex_lock(&fake->lock);
    fake->destroys++;
    optly__cond_broadcast(&fake->changed);
    optly__mutex_unlock(&fake->lock);
}

const optly_dispatcher_ops fake_dispatcher_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = dispatch,
    .cancel = cancel,
    .destroy = destroy,
};

optly_dispatcher fake_dispatcher_as_dispatcher(fake_dispatcher *fake)
{
    optly_dispatcher dispatcher = {&fake_dispatcher_ops, fake};

    return dispatcher;
}

int fake_dispatcher_count(fake_dispatcher *fake)
{
    int count;

    optly__mutex_lock(&fake->lock);
    count = fake->attempt_count;
    optly__mutex_unlock(&fake->lock);
    return count;
}

bool fake_dispatcher_wait(fake_dispatcher *fake, int count)
{
    int64_t until = optly__monotonic_ms() + 10000;
    bool reached;

    optly__mutex_lock(&fake->lock);
    while (fake->attempt_count < count && optly__monotonic_ms() < until)
        optly__cond_wait_until(&fake->changed, &fake->lock, until);
    reached = fake->attempt_count >= count;
    optly__mutex_unlock(&fake->lock);
    return reached;
}

void fake_reports_add(const optly_delivery_report *report, void *user)
{
    fake_reports *reports = user;

    reports->reports++;
    reports->http_status = report->http_status;
    for (uint32_t i = 0; i < report->event_count; i++) {
        int at = reports->events++;

        reports->by_reason[report->reason]++;
        if (at >= FAKE_REPORTED)
            continue;
        (void)snprintf(reports->visitors[at], sizeof(reports->visitors[at]),
                       "%s", optly_user_event_visitor_id(report->events[i]));
        reports->reasons[at] = report->reason;
        reports->attempts[at] = report->attempts;
    }
}
