/*
 * A program that hands over or receives every struct that may grow. It is built
 * with the headers as they are and with headers in which each of these structs
 * has one field more (ADDED_LATER), and runs with the library of either.
 *
 *   structs [NAME]   NAME: set the field of that struct, and expect to be told
 *                    that the library does not know it
 */
#include <stdio.h>
#include <string.h>

#include <optly/event.h>

static const char *asked = "";

#ifdef ADDED_LATER
#define GROWN(object) ((object).added_later = strcmp(asked, #object) == 0)
#else
#define GROWN(object) ((void)(object))
#endif

/* What the callbacks saw. */
typedef struct seen {
    unsigned batches, deliveries, counters, events;
    optly_queue ring;
} seen;

static void dispatch(void *self, const optly_log_event *event,
                     optly_delivery delivery)
{
    optly_dispatch_result result = optly_dispatch_result_default();

    (void)self;
    GROWN(result);
    result.outcome = strlen(event->body) == event->body_len ? OPTLY_DELIVERED
                                                            : OPTLY_REFUSED;
    result.http_status = 299;
    optly_delivery_complete(delivery, &result);
}

static void leave(void *self)
{
    (void)self;
}

static optly_status ring_add(void *self, optly_user_event *event)
{
    return optly_queue_add(&((seen *)self)->ring, event);
}

static size_t ring_get(void *self, size_t from, optly_user_event **events,
                       size_t max)
{
    return optly_queue_get(&((seen *)self)->ring, from, events, max);
}

static size_t ring_remove(void *self, optly_user_event **events, size_t max)
{
    return optly_queue_remove(&((seen *)self)->ring, events, max);
}

static size_t ring_size(void *self)
{
    return optly_queue_size(&((seen *)self)->ring);
}

static void ring_destroy(void *self)
{
    optly_queue_destroy(&((seen *)self)->ring);
}

static void on_batch(const optly_log_event *event, void *user)
{
    if (event->events != NULL && event->event_count > 0)
        ((seen *)user)->batches++;
}

static void on_delivery(const optly_delivery_report *report, void *user)
{
    if (report->http_status == 299 && report->attempts == 1)
        ((seen *)user)->deliveries += report->event_count;
}

static void count(const char *name, double delta, void *user)
{
    (void)name;
    (void)delta;
    ((seen *)user)->counters++;
}

static optly_status make_project(optly_project **out)
{
    static const optly_event_definition purchase = {"20", "purchase"};
    optly_project_config project = optly_project_config_default();

    GROWN(project);
    project.project_id = "1";
    project.account_id = "2";
    project.revision = "3";
    project.events = &purchase;
    project.event_count = 1;
    project.send_flag_decisions = true;
    return optly_project_create(out, &project, NULL);
}

static optly_status make_dispatcher(optly_dispatcher *out,
                                    optly_dispatcher_ops *dispatcher)
{
    optly_queue_dispatcher_config queued =
        optly_queue_dispatcher_config_default();
    optly_dispatcher inner = {dispatcher, NULL};

    GROWN(queued);
    memset(dispatcher, 0, sizeof(*dispatcher));
    dispatcher->struct_size = sizeof(*dispatcher);
    dispatcher->dispatch = dispatch;
    dispatcher->destroy = leave;
#ifdef ADDED_LATER
    dispatcher->added_later = strcmp(asked, "dispatcher") == 0;
#endif
    return optly_queue_dispatcher_create(out, inner, &queued, NULL);
}

static optly_status try_http(void)
{
    optly_http_config http = optly_http_config_default();
    optly_dispatcher dispatcher;
    optly_status status;

    GROWN(http);
    status = optly_http_dispatcher_create(&dispatcher, &http, NULL);
    if (status == OPTLY_OK)
        optly_dispatcher_destroy(&dispatcher);
    return status;
}

static optly_status make_processor(optly_processor **out, seen *what,
                                   optly_dispatcher_ops *dispatcher)
{
    optly_processor_config config = optly_processor_config_default();
    optly_queue_ops queue;
    optly_metrics metrics;
    optly_status status = optly_ring_queue_create(&what->ring, 100);

    memset(&queue, 0, sizeof(queue));
    queue.struct_size = sizeof(queue);
    queue.add = ring_add;
    queue.get = ring_get;
    queue.remove = ring_remove;
    queue.size = ring_size;
    queue.destroy = ring_destroy;
    GROWN(queue);
    config.queue.ops = &queue;
    config.queue.self = what;
    memset(&metrics, 0, sizeof(metrics));
    metrics.struct_size = sizeof(metrics);
    metrics.counter_add = count;
    metrics.user = what;
    GROWN(metrics);
    config.metrics = &metrics;
    GROWN(config);
    if (status == OPTLY_OK)
        status = make_dispatcher(&config.dispatcher, dispatcher);
    if (status == OPTLY_OK)
        status = optly_processor_create(out, &config, NULL);
    if (status == OPTLY_OK)
        status = optly_processor_on_event_dispatch(*out, on_batch, what, NULL);
    if (status == OPTLY_OK)
        status = optly_processor_on_delivery(*out, on_delivery, what, NULL);
    return status;
}

static optly_status send_events(optly_processor *processor,
                                const optly_project *from, seen *what)
{
    const optly_user user = {"visitor", NULL, 0};
    optly_impression impression = optly_impression_default();
    optly_conversion conversion = optly_conversion_default();
    optly_user_event *event;
    optly_status status;

    GROWN(impression);
    GROWN(conversion);
    conversion.event_key = "purchase";
    status = optly_create_conversion(&event, from, &user, &conversion, NULL);
    if (status != OPTLY_OK)
        return status;
    status = optly_process_event(processor, event);
    if (status != OPTLY_OK)
        return status;
    status = optly_create_impression(&event, from, &user, &impression, NULL);
    if (status != OPTLY_OK)
        return status;
    what->events = 2;
    return optly_process_event(processor, event);
}

/* The structs that the library fills in: what is beyond those that it knows
 * stays as it was. */
static bool is_delivered(optly_processor *processor, unsigned events)
{
    optly_close_report report = optly_close_report_default();
    optly_stats stats = optly_stats_default();
    struct {
        optly_stats stats;
        char behind[64];
    } guarded;
    char behind[64];

    memset(&guarded, 0xa5, sizeof(guarded));
    memset(behind, 0xa5, sizeof(behind));
    guarded.stats = stats;
    if (optly_processor_flush(processor, 5000) != OPTLY_OK ||
        optly_processor_stats(processor, &guarded.stats) != OPTLY_OK ||
        optly_processor_close(processor, 5000, &report) != OPTLY_OK)
        return false;
    return guarded.stats.struct_size == sizeof(stats) &&
           report.struct_size == sizeof(report) &&
           guarded.stats.delivered == events && report.delivered == events &&
           memcmp(guarded.behind, behind, sizeof(behind)) == 0;
}

static optly_status run(void)
{
    seen what;
    optly_dispatcher_ops dispatcher;
    optly_project *project = NULL;
    optly_processor *processor = NULL;
    optly_status status = make_project(&project);

    memset(&what, 0, sizeof(what));
    if (status == OPTLY_OK)
        status = try_http();
    if (status == OPTLY_OK)
        status = make_processor(&processor, &what, &dispatcher);
    if (status == OPTLY_OK)
        status = optly_processor_start(processor);
    if (status == OPTLY_OK)
        status = send_events(processor, project, &what);
    if (status == OPTLY_OK && (!is_delivered(processor, what.events) ||
                               what.deliveries != what.events ||
                               what.batches == 0 || what.counters == 0))
        status = OPTLY_ERR_DROPPED;
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    return status;
}

int main(int argc, char **argv)
{
    optly_status wanted = argc > 1 ? OPTLY_ERR_UNSUPPORTED : OPTLY_OK;
    optly_status status;

    if (argc > 1)
        asked = argv[1];
    status = run();
    if (status != wanted)
        (void)fprintf(stderr, "structs %s: %s, not %s\n", asked,
                      optly_status_text(status), optly_status_text(wanted));
    return status == wanted ? 0 : 1;
}
