/*
 * Many contexts, a blocked endpoint, batches that wait: the engine on a
 * virtual clock. What is measured is small events, added, sent and freed; they
 * are made beforehand.
 */
#include "growth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocks/blocked.h"
#include "blocks/sample.h"

enum { BATCH = 10, EVENTS = 20000, MOST_WAITING = 1000, LONG_MS = 3600000 };

/* Events of `count` contexts in turn. */
static void make_events(optly_user_event **events, size_t count)
{
    char revision[24];

    for (size_t c = 0; c < count; c++) {
        optly_project *project;

        (void)snprintf(revision, sizeof(revision), "%zu", c);
        project = sample_project_of(revision, "US");
        for (size_t i = c; i < EVENTS; i += count)
            events[i] = sample_with_attributes(project, 0);
        optly_project_destroy(project);
    }
}

/* CPU for an event, added and sent; the engine is stepped every 100. */
static double send_all(stepped *it, optly_user_event **events)
{
    double start = cpu_ns();

    for (size_t i = 0; i < EVENTS; i++) {
        stepped_add(it, events[i]);
        if ((i + 1) % 100 == 0) {
            it->now++;
            stepped_step(it);
        }
    }
    return (cpu_ns() - start) / EVENTS;
}

/* --- a dispatcher that holds some batches --- */

/* Answers at once; but batches of the revisions "bad" and "late" it holds. */
struct holder {
    optly_delivery held[MOST_WAITING + 1];
    size_t count;
};

static bool is_held(const optly_log_event *event)
{
    return strcmp(event->revision, "bad") == 0 ||
           strcmp(event->revision, "late") == 0;
}

static void dispatch(void *self, const optly_log_event *event,
                     optly_delivery delivery)
{
    struct holder *holder = self;
    optly_dispatch_result result = optly_dispatch_result_default();

    result.outcome = OPTLY_DELIVERED;
    if (is_held(event))
        holder->held[holder->count++] = delivery;
    else
        optly_delivery_complete(delivery, &result);
}

static void destroy(void *self)
{
    (void)self;
}

static const optly_dispatcher_ops holder_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = dispatch,
    .destroy = destroy,
};

static void init(stepped *it, struct holder *holder)
{
    optly__engine_config config = stepped_config();

    memset(holder, 0, sizeof(*holder));
    config.batch_size = BATCH;
    config.queue_size = EVENTS + (MOST_WAITING + 1) * BATCH;
    config.queue_bytes = (uint64_t)1 << 32;
    config.max_in_flight = MOST_WAITING + 1;
    config.backoff.initial_ms = LONG_MS;
    config.backoff.max_ms = LONG_MS;
    config.dispatcher = holder_ops;
    config.dispatcher_self = holder;
    stepped_init(it, &config);
}

static void add_batches(stepped *it, const char *revision, size_t count)
{
    optly_project *project = sample_project_of(revision, "US");

    for (size_t i = 0; i < count * BATCH; i++)
        stepped_add(it, sample_with_attributes(project, 0));
    optly_project_destroy(project);
}

/* Lets `count` batches fail side by side, each of which then waits by itself;
 * one more that is delivered ends the backoff of the endpoint. */
static void fail_batches(stepped *it, struct holder *holder, size_t count)
{
    optly_dispatch_result result = optly_dispatch_result_default();

    add_batches(it, "bad", count);
    add_batches(it, "late", 1);
    stepped_step(it);
    sample_check(holder->count == count + 1, "all are under way");
    result.outcome = OPTLY_RETRY;
    for (size_t i = 0; i < count; i++)
        optly_delivery_complete(holder->held[i], &result);
    result.outcome = OPTLY_DELIVERED;
    optly_delivery_complete(holder->held[count], &result);
    stepped_step(it);
    sample_check(it->engine.ledger.stats.retry_wait >= (count - 1) * BATCH,
                 "they wait");
}

/* --- the measurements --- */

static const size_t sizes[] = {1, 10, 100, 300, 1000, 3000, 10000};
enum { SIZES = sizeof(sizes) / sizeof(*sizes) };

/* Events of so many contexts in turn, each of which fills its batches. */
void grow_contexts(void)
{
    static optly_user_event *events[EVENTS];
    struct holder holder;

    for (size_t i = 0; i < SIZES && sizes[i] <= EVENTS / BATCH; i++) {
        stepped it;

        init(&it, &holder);
        make_events(events, sizes[i]);
        print_cost("contexts", sizes[i], send_all(&it, events), 0);
        sample_check(it.engine.ledger.stats.delivered >
                         EVENTS - sizes[i] * BATCH,
                     "events were sent");
        stepped_cleanup(&it);
    }
}

/* Events of one context to an endpoint that works, while so many contexts of
 * the other one wait: its open batches are due, and cannot leave. */
void grow_blocked(void)
{
    static optly_user_event *events[EVENTS];

    for (size_t i = 0; i < SIZES; i++) {
        blocked *it = blocked_create(sizes[i], EVENTS);

        make_events(events, 1);
        print_cost("blocked", sizes[i], send_all(blocked_stepped(it), events),
                   0);
        blocked_destroy(it);
    }
}

/* Events of one context, while so many batches have failed by themselves and
 * wait for their next attempt. */
void grow_waiting(void)
{
    static optly_user_event *events[EVENTS];
    static struct holder holder;

    for (size_t i = 0; i < SIZES && sizes[i] <= MOST_WAITING; i++) {
        stepped it;

        init(&it, &holder);
        fail_batches(&it, &holder, sizes[i]);
        make_events(events, 1);
        print_cost("waiting", sizes[i], send_all(&it, events), 0);
        sample_check(it.engine.ledger.stats.delivered >= EVENTS,
                     "the others were sent");
        stepped_cleanup(&it);
    }
}
