#include "fleet.h"

#include <stdlib.h>

#include "agenda.h"
#include "blocks/sample.h"
#include "blocks/stepped.h"

enum { WINDOW_MS = 100 }; /* of the endpoint's capacity */

struct fleet;

struct host {
    stepped stepped;
    struct fleet *fleet;
    int64_t due_ms;           /* of the entry that counts */
    uint64_t delivered, lost; /* simulated events, as last looked at */
};

struct fleet {
    const fleet_plan *plan;
    fleet_second *seconds;
    optly_project *project;
    struct host *hosts;
    struct agenda agenda;
    int64_t now, period_ms;
    int64_t window; /* the endpoint's, and what it took in it */
    double taken;
    double scale; /* hosts that one stands for */
};

static uint32_t number_of(const struct fleet *fleet, const struct host *host)
{
    return (uint32_t)(host - fleet->hosts);
}

static fleet_second *this_second(struct fleet *fleet)
{
    return &fleet->seconds[fleet->now / 1000];
}

/* --- the endpoint --- */

static bool is_down(const struct fleet *fleet)
{
    return fleet->now >= (int64_t)fleet->plan->outage_from_s * 1000 &&
           fleet->now < (int64_t)fleet->plan->outage_to_s * 1000;
}

/* Whether the endpoint has room for one more in the window of now. */
static bool takes(struct fleet *fleet)
{
    double most = fleet->plan->capacity * (WINDOW_MS / 1000.0);

    if (fleet->plan->capacity == 0)
        return true;
    if (fleet->now / WINDOW_MS != fleet->window) {
        fleet->window = fleet->now / WINDOW_MS;
        fleet->taken = 0;
    }
    if (fleet->taken + fleet->scale > most)
        return false;
    fleet->taken += fleet->scale;
    return true;
}

static void dispatch(void *self, const optly_log_event *event,
                     optly_delivery delivery)
{
    struct host *host = self;
    struct fleet *fleet = host->fleet;
    bool down = is_down(fleet);
    bool passes = !down && takes(fleet);
    struct entry answer = {
        .at_ms = fleet->now + fleet->plan->latency_ms,
        .kind = ENTRY_ANSWER,
        .host = number_of(fleet, host),
        .delivery = delivery,
        .outcome = passes ? OPTLY_DELIVERED : OPTLY_RETRY,
        .retry_after_ms =
            passes || down ? 0 : (int64_t)fleet->plan->retry_after_s * 1000,
    };

    (void)event;
    this_second(fleet)->requests += fleet->scale;
    if (!passes)
        this_second(fleet)->failed += fleet->scale;
    agenda_add(&fleet->agenda, answer);
}

static void destroy(void *self)
{
    (void)self;
}

static const optly_dispatcher_ops endpoint_ops = {
    .struct_size = sizeof(optly_dispatcher_ops),
    .dispatch = dispatch,
    .destroy = destroy,
};

/* --- the hosts --- */

static void host_init(struct fleet *fleet, struct host *host)
{
    const fleet_plan *plan = fleet->plan;
    optly__engine_config config = stepped_config();

    host->fleet = fleet;
    config.batch_size = plan->batch / plan->unit;
    config.queue_size = plan->queue / plan->unit;
    config.queue_bytes = (uint64_t)1 << 40;
    config.max_in_flight = plan->in_flight;
    config.backoff.max_ms = plan->retry_max_ms;
    config.overflow = plan->drop_oldest ? OPTLY_OVERFLOW_DROP_OLDEST
                                        : OPTLY_OVERFLOW_REJECT_NEW;
    config.dispatcher = endpoint_ops;
    config.dispatcher_self = host;
    config.seed = 0x9E3779B97F4A7C15ULL * (number_of(fleet, host) + 1);
    stepped_init(&host->stepped, &config);
    host->due_ms = OPTLY__NEVER;
}

static void step(struct fleet *fleet, struct host *host)
{
    stepped *it = &host->stepped;

    it->now = fleet->now;
    stepped_step(it);
    it->engine.sleep = OPTLY__ASLEEP; /* so that an event says if it wakes */
    if (it->next != OPTLY__NEVER && it->next != host->due_ms)
        agenda_add(&fleet->agenda,
                   (struct entry){.at_ms = it->next,
                                  .kind = ENTRY_STEP,
                                  .host = number_of(fleet, host)});
    host->due_ms = it->next;
}

static void make_event(struct fleet *fleet, struct host *host)
{
    stepped *it = &host->stepped;

    it->now = fleet->now;
    (void)stepped_offer(it, sample_with_attributes(fleet->project, 0));
    if (it->engine.sleep == OPTLY__AWAKE) /* it was woken */
        step(fleet, host);
    agenda_add(&fleet->agenda,
               (struct entry){.at_ms = fleet->now + fleet->period_ms,
                              .kind = ENTRY_EVENT,
                              .host = number_of(fleet, host)});
}

static void handle(struct fleet *fleet, const struct entry *entry)
{
    struct host *host = &fleet->hosts[entry->host];
    optly_dispatch_result result = optly_dispatch_result_default();

    switch (entry->kind) {
    case ENTRY_EVENT:
        make_event(fleet, host);
        return;
    case ENTRY_ANSWER:
        result.outcome = entry->outcome;
        result.retry_after_ms = entry->retry_after_ms;
        optly_delivery_complete(entry->delivery, &result);
        step(fleet, host);
        return;
    case ENTRY_STEP:
        if (entry->at_ms == host->due_ms)
            step(fleet, host);
        return;
    }
}

/* --- the whole --- */

/* Books what the hosts' own books say of the second that has ended. */
static void end_second(struct fleet *fleet, fleet_second *second)
{
    double each = fleet->scale * fleet->plan->unit;

    for (uint32_t i = 0; i < fleet->plan->hosts; i++) {
        struct host *host = &fleet->hosts[i];
        const optly_stats *stats = &host->stepped.engine.ledger.stats;
        uint64_t lost = stats->rejected[OPTLY_REJECT_QUEUE_FULL] +
                        stats->dropped[OPTLY_DROP_OVERFLOW];
        double pending = (double)stats->pending * fleet->plan->unit;

        second->delivered +=
            (double)(stats->delivered - host->delivered) * each;
        second->lost += (double)(lost - host->lost) * each;
        second->pending += pending * fleet->scale;
        if (pending > second->most_pending)
            second->most_pending = pending;
        host->delivered = stats->delivered;
        host->lost = lost;
    }
}

static void init(struct fleet *fleet)
{
    const fleet_plan *plan = fleet->plan;

    fleet->period_ms = (int64_t)plan->unit * 1000 / plan->rate;
    fleet->scale = (double)FLEET_HOSTS / plan->hosts;
    fleet->project = sample_project();
    fleet->hosts = calloc(plan->hosts, sizeof(*fleet->hosts));
    sample_check(fleet->hosts != NULL, "calloc");
    for (uint32_t i = 0; i < plan->hosts; i++) {
        host_init(fleet, &fleet->hosts[i]);
        agenda_add(&fleet->agenda,
                   (struct entry){.at_ms = fleet->period_ms * i / plan->hosts,
                                  .kind = ENTRY_EVENT,
                                  .host = i});
    }
}

static void cleanup(struct fleet *fleet)
{
    for (uint32_t i = 0; i < fleet->plan->hosts; i++)
        stepped_cleanup(&fleet->hosts[i].stepped);
    free(fleet->hosts);
    agenda_cleanup(&fleet->agenda);
    optly_project_destroy(fleet->project);
}

void fleet_run(const fleet_plan *plan, fleet_second *seconds)
{
    struct fleet fleet = {.plan = plan, .seconds = seconds};
    uint32_t second = 0;
    struct entry next;

    init(&fleet);
    while (second < plan->end_s && agenda_take(&fleet.agenda, &next)) {
        for (; second < plan->end_s && next.at_ms / 1000 > second; second++)
            end_second(&fleet, &seconds[second]);
        fleet.now = next.at_ms;
        if (second < plan->end_s)
            handle(&fleet, &next);
    }
    cleanup(&fleet);
}
