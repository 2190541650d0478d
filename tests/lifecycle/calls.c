#include "lifecycle/calls.h"

#include <stdlib.h>
#include <string.h>

#include "fakes/events.h"

static int right(bool good)
{
    return good ? OPTLY_OK : CALL_WRONG;
}

/* Whether a text is `expected`, or "" without its object. */
static int reads(const void *object, const char *text, const char *expected)
{
    return right(strcmp(text, object != NULL ? expected : "") == 0);
}

/* --- status.h, version.h --- */

static int version(const subject *s)
{
    (void)s;
    return right(strcmp(optly_version(), OPTLY_VERSION_STRING) == 0);
}

static int status_text(const subject *s)
{
    (void)s;
    return right(optly_status_text(OPTLY_ERR_FORKED)[0] != '\0' &&
                 optly_status_text((optly_status)77)[0] != '\0');
}

/* A whole one may only be set while nothing is alive. */
static int set_allocator(const subject *s)
{
    const optly_allocator half = {NULL, NULL, NULL};

    (void)s;
    return optly_set_allocator(&half);
}

/* --- project.h --- */

static int project_from_datafile(const subject *s)
{
    const char *json = s->project != NULL ? fake_datafile : NULL;
    optly_project *project = NULL;
    optly_status status = optly_project_from_datafile(
        &project, json, json != NULL ? strlen(json) : 0, NULL);

    optly_project_destroy(project);
    return status;
}

static int project_create(const subject *s)
{
    optly_project_config config = optly_project_config_default();
    optly_project *project = NULL;
    optly_status status;

    config.project_id = "p";
    config.account_id = "a";
    config.revision = "r";
    status = optly_project_create(&project, s->project != NULL ? &config : NULL,
                                  NULL);
    optly_project_destroy(project);
    return status;
}

static int project_retain(const subject *s)
{
    optly_project *project = optly_project_retain(s->project);

    optly_project_destroy(project);
    return right(project == s->project);
}

static int project_destroy(const subject *s)
{
    optly_project_destroy(optly_project_retain(s->project));
    return OPTLY_OK;
}

/* On a project of its own: the subject's has made events. */
static int project_set_client(const subject *s)
{
    optly_project *project = s->project != NULL ? fake_project() : NULL;
    optly_status status = optly_project_set_client(project, "name", "1");

    optly_project_destroy(project);
    return status;
}

static void ignore_log(optly_log_level level, const char *message, void *user)
{
    (void)level;
    (void)message;
    (void)user;
}

static int project_set_log(const subject *s)
{
    optly_project *project = s->project != NULL ? fake_project() : NULL;
    optly_status status = optly_project_set_log(project, ignore_log, NULL);

    optly_project_destroy(project);
    return status;
}

static int project_id(const subject *s)
{
    return reads(s->project, optly_project_id(s->project), "20002");
}

static int project_account_id(const subject *s)
{
    return reads(s->project, optly_project_account_id(s->project), "10001");
}

static int project_revision(const subject *s)
{
    return reads(s->project, optly_project_revision(s->project), "42");
}

static int project_region(const subject *s)
{
    return reads(s->project, optly_project_region(s->project), "EU");
}

static int project_sdk_key(const subject *s)
{
    return reads(s->project, optly_project_sdk_key(s->project), "sdk-key");
}

static int project_environment_key(const subject *s)
{
    return reads(s->project, optly_project_environment_key(s->project),
                 "production");
}

static int project_anonymize_ip(const subject *s)
{
    bool set = optly_project_anonymize_ip(s->project);

    return right(s->project == NULL || set);
}

static int project_bot_filtering(const subject *s)
{
    return right(optly_project_bot_filtering(s->project) ==
                 (s->project != NULL));
}

static int project_send_flag_decisions(const subject *s)
{
    return right(optly_project_send_flag_decisions(s->project) ==
                 (s->project != NULL));
}

static int project_attribute_id(const subject *s)
{
    const char *id = optly_project_attribute_id(s->project, "attribute_3");

    return right(s->project != NULL ? id != NULL && strcmp(id, "1003") == 0
                                    : id == NULL);
}

static int project_event(const subject *s)
{
    const optly_event_definition *event =
        optly_project_event(s->project, "event_4");

    return right(s->project != NULL
                     ? event != NULL && strcmp(event->id, "2004") == 0
                     : event == NULL);
}

static int project_experiment(const subject *s)
{
    const optly_experiment *experiment =
        optly_project_experiment(s->project, "checkout");

    return right(s->project != NULL
                     ? experiment != NULL && strcmp(experiment->id, "3001") == 0
                     : experiment == NULL);
}

static int project_variation(const subject *s)
{
    const optly_variation *variation =
        optly_project_variation(s->project, "checkout", "control");

    return right(s->project != NULL
                     ? variation != NULL && strcmp(variation->id, "4001") == 0
                     : variation == NULL);
}

/* --- user_event.h --- */

static int create_event_context(const subject *s)
{
    return reads(s->project, optly_create_event_context(s->project).revision,
                 "42");
}

static int create_impression(const subject *s)
{
    const optly_user user = {"v", NULL, 0};
    optly_impression impression = optly_impression_default();
    optly_user_event *event = NULL;
    optly_status status =
        optly_create_impression(&event, s->project, &user, &impression, NULL);

    optly_user_event_destroy(event);
    return status;
}

static int create_conversion(const subject *s)
{
    const optly_user user = {"v", NULL, 0};
    optly_conversion conversion = optly_conversion_default();
    optly_user_event *event = NULL;
    optly_status status;

    conversion.event_key = "event_1";
    status =
        optly_create_conversion(&event, s->project, &user, &conversion, NULL);
    optly_user_event_destroy(event);
    return status;
}

static int user_event_destroy(const subject *s)
{
    const optly_user user = {"v", NULL, 0};
    optly_impression impression = optly_impression_default();
    optly_user_event *event = NULL;

    if (s->project != NULL &&
        optly_create_impression(&event, s->project, &user, &impression, NULL) !=
            OPTLY_OK)
        return CALL_WRONG;
    optly_user_event_destroy(event);
    return OPTLY_OK;
}

static int user_event_uuid(const subject *s)
{
    return right(strlen(optly_user_event_uuid(s->event)) ==
                 (s->event != NULL ? 36 : 0));
}

static int user_event_visitor_id(const subject *s)
{
    return reads(s->event, optly_user_event_visitor_id(s->event), "visitor");
}

static int user_event_key(const subject *s)
{
    return reads(s->event, optly_user_event_key(s->event), "event_1");
}

static int user_event_entity_id(const subject *s)
{
    return reads(s->event, optly_user_event_entity_id(s->event), "2001");
}

static int user_event_json(const subject *s)
{
    const char *json = optly_user_event_json(s->event);

    return right(json[0] == (s->event != NULL ? '{' : '\0'));
}

static int user_event_json_len(const subject *s)
{
    return right(optly_user_event_json_len(s->event) ==
                 strlen(optly_user_event_json(s->event)));
}

static int user_event_size(const subject *s)
{
    return right((optly_user_event_size(s->event) > 0) == (s->event != NULL));
}

static int user_event_timestamp_ms(const subject *s)
{
    return right((optly_user_event_timestamp_ms(s->event) > 0) ==
                 (s->event != NULL));
}

static int user_event_is_impression(const subject *s)
{
    return right(!optly_user_event_is_impression(s->event));
}

static int user_event_context(const subject *s)
{
    return reads(s->event, optly_user_event_context(s->event).revision, "42");
}

static int user_event_save(const subject *s)
{
    char bytes[4096];
    size_t size = optly_user_event_save(s->event, bytes, sizeof(bytes));

    return right((size > 0 && size < sizeof(bytes)) == (s->event != NULL));
}

static int user_event_restore(const subject *s)
{
    char bytes[4096];
    size_t size = optly_user_event_save(s->event, bytes, sizeof(bytes));
    optly_user_event *event = NULL;
    optly_status status = optly_user_event_restore(
        &event, s->event != NULL ? bytes : NULL, size, NULL);

    optly_user_event_destroy(event);
    return status;
}

/* --- queue.h --- */

static int ring_queue_create(const subject *s)
{
    optly_queue queue = {NULL, NULL};
    optly_status status =
        optly_ring_queue_create(s->project != NULL ? &queue : NULL, 4);

    optly_queue_destroy(&queue);
    return status;
}

static optly_user_event *make_event(const subject *s)
{
    const optly_user user = {"v", NULL, 0};
    optly_impression impression = optly_impression_default();
    optly_user_event *event = NULL;

    (void)optly_create_impression(&event, s->project, &user, &impression, NULL);
    return event;
}

/* A ring with one event; zeroed in the state "null". */
static optly_queue make_queue(const subject *s)
{
    optly_queue queue = {NULL, NULL};

    if (s->project == NULL)
        return queue;
    if (optly_ring_queue_create(&queue, 4) != OPTLY_OK ||
        optly_queue_add(&queue, make_event(s)) != OPTLY_OK)
        abort();
    return queue;
}

static int queue_add(const subject *s)
{
    optly_queue queue = make_queue(s);
    optly_user_event *event = s->project != NULL ? make_event(s) : NULL;
    optly_status status = optly_queue_add(&queue, event);

    if (status != OPTLY_OK)
        optly_user_event_destroy(event);
    optly_queue_destroy(&queue);
    return status;
}

static int queue_get(const subject *s)
{
    optly_queue queue = make_queue(s);
    optly_user_event *event = NULL;
    size_t count = optly_queue_get(&queue, 0, &event, 1);

    optly_queue_destroy(&queue);
    return right(count == (s->project != NULL ? 1 : 0));
}

static int queue_remove(const subject *s)
{
    optly_queue queue = make_queue(s);
    optly_user_event *event = NULL;
    size_t count = optly_queue_remove(&queue, &event, 1);

    optly_user_event_destroy(event);
    optly_queue_destroy(&queue);
    return right(count == (s->project != NULL ? 1 : 0));
}

static int queue_size(const subject *s)
{
    optly_queue queue = make_queue(s);
    size_t count = optly_queue_size(&queue);

    optly_queue_destroy(&queue);
    return right(count == (s->project != NULL ? 1 : 0));
}

static int queue_destroy(const subject *s)
{
    optly_queue queue = make_queue(s);

    optly_queue_destroy(&queue);
    return right(queue.ops == NULL && queue.self == NULL);
}

/* --- dispatcher.h, http_dispatcher.h --- */

static optly_outcome deliver(const optly_log_event *event,
                             optly_dispatch_result *result, void *user)
{
    (void)event;
    (void)result;
    (void)user;
    return OPTLY_DELIVERED;
}

static int function_dispatcher_create(const subject *s)
{
    optly_dispatcher dispatcher = {NULL, NULL};
    optly_status status = optly_function_dispatcher_create(
        &dispatcher, s->project != NULL ? deliver : NULL, NULL, NULL);

    optly_dispatcher_destroy(&dispatcher);
    return status;
}

static int dispatcher_destroy(const subject *s)
{
    optly_dispatcher dispatcher = {NULL, NULL};

    if (s->project != NULL && optly_function_dispatcher_create(
                                  &dispatcher, deliver, NULL, NULL) != OPTLY_OK)
        return CALL_WRONG;
    optly_dispatcher_destroy(&dispatcher);
    return right(dispatcher.ops == NULL);
}

static int queue_dispatcher_create(const subject *s)
{
    optly_dispatcher inner = {NULL, NULL}, outer = {NULL, NULL};
    optly_status status;

    if (s->project != NULL && optly_function_dispatcher_create(
                                  &inner, deliver, NULL, NULL) != OPTLY_OK)
        return CALL_WRONG;
    status = optly_queue_dispatcher_create(&outer, inner, NULL, NULL);
    optly_dispatcher_destroy(&outer);
    return status;
}

static int http_dispatcher_create(const subject *s)
{
    optly_dispatcher dispatcher = {NULL, NULL};
    optly_status status = optly_http_dispatcher_create(
        s->project != NULL ? &dispatcher : NULL, NULL, NULL);

    optly_dispatcher_destroy(&dispatcher);
    return status;
}

static void note_result(const optly_dispatch_result *result, void *user)
{
    *(optly_outcome *)user = result->outcome;
}

static int delivery_create(const subject *s)
{
    optly_outcome outcome = OPTLY_OUTCOME_UNSET;
    optly_delivery delivery = {NULL, 0};
    optly_status status = optly_delivery_create(
        &delivery, s->project != NULL ? note_result : NULL, &outcome);

    optly_delivery_complete(delivery, NULL);
    return status == OPTLY_OK && outcome != OPTLY_RETRY ? CALL_WRONG
                                                        : (int)status;
}

/* A second completion is ignored; a zeroed delivery, too. */
static int delivery_complete(const subject *s)
{
    optly_delivery_complete(s->delivery, NULL);
    return OPTLY_OK;
}

/* --- processor.h --- */

static int region_endpoint(const subject *s)
{
    const char *endpoint =
        optly_region_endpoint(s->project != NULL ? "eu" : NULL);

    return right(s->project != NULL
                     ? strcmp(endpoint, OPTLY_EVENT_ENDPOINT_EU) == 0
                     : endpoint == NULL);
}

static int processor_create(const subject *s)
{
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor = NULL;
    optly_status status;

    if (optly_function_dispatcher_create(&config.dispatcher, deliver, NULL,
                                         NULL) != OPTLY_OK)
        return CALL_WRONG;
    status = optly_processor_create(s->project != NULL ? &processor : NULL,
                                    &config, NULL);
    optly_processor_destroy(processor);
    return status;
}

static int processor_start(const subject *s)
{
    return optly_processor_start(s->processor);
}

static int process_event(const subject *s)
{
    return optly_process_event(s->processor,
                               s->project != NULL ? make_event(s) : NULL);
}

static int processor_flush(const subject *s)
{
    return optly_processor_flush(s->processor, s->wait_ms);
}

static int processor_close(const subject *s)
{
    return optly_processor_close(s->processor, s->wait_ms, NULL);
}

static int processor_destroy(const subject *s)
{
    optly_processor_destroy(s->processor);
    return OPTLY_OK;
}

static int processor_run_once(const subject *s)
{
    return optly_processor_run_once(s->processor, 0);
}

/* OPTLY_SKIPPED: nothing is due. */
static int processor_next_deadline_ms(const subject *s)
{
    int64_t ms = optly_processor_next_deadline_ms(s->processor);

    if (ms == -1)
        return OPTLY_SKIPPED;
    return right(ms >= 0 && ms <= OPTLY_DEFAULT_EVENT_FLUSH_INTERVAL_MS);
}

static void ignore_dispatch(const optly_log_event *event, void *user)
{
    (void)event;
    (void)user;
}

static void ignore_delivery(const optly_delivery_report *report, void *user)
{
    (void)report;
    (void)user;
}

static int processor_on_event_dispatch(const subject *s)
{
    int id;

    return optly_processor_on_event_dispatch(s->processor, ignore_dispatch,
                                             NULL, &id);
}

static int processor_remove_on_event_dispatch(const subject *s)
{
    return optly_processor_remove_on_event_dispatch(s->processor,
                                                    s->dispatch_id);
}

static int processor_on_delivery(const subject *s)
{
    int id;

    return optly_processor_on_delivery(s->processor, ignore_delivery, NULL,
                                       &id);
}

static int processor_remove_on_delivery(const subject *s)
{
    return optly_processor_remove_on_delivery(s->processor, s->delivery_id);
}

static int processor_stats(const subject *s)
{
    optly_stats stats = optly_stats_default();
    optly_status status = optly_processor_stats(s->processor, &stats);

    return status == OPTLY_OK && stats.pending != stats.queued +
                                                      stats.in_flight +
                                                      stats.retry_wait
               ? CALL_WRONG
               : (int)status;
}

/* --- prometheus.h --- */

static int stats_prometheus(const subject *s)
{
    optly_stats stats = optly_stats_default();
    char text[8192];
    int len = optly_stats_prometheus(text, sizeof(text),
                                     s->project != NULL ? &stats : NULL, NULL);

    if (len < 0)
        return len;
    return right(len > 0 && (size_t)len < sizeof(text));
}

#define CALL(name)                                                             \
    {                                                                          \
        "optly_" #name, name                                                   \
    }

const call calls[] = {
    CALL(version),
    CALL(status_text),
    CALL(set_allocator),
    CALL(project_from_datafile),
    CALL(project_create),
    CALL(project_retain),
    CALL(project_destroy),
    CALL(project_set_client),
    CALL(project_set_log),
    CALL(project_id),
    CALL(project_account_id),
    CALL(project_revision),
    CALL(project_region),
    CALL(project_sdk_key),
    CALL(project_environment_key),
    CALL(project_anonymize_ip),
    CALL(project_bot_filtering),
    CALL(project_send_flag_decisions),
    CALL(project_attribute_id),
    CALL(project_event),
    CALL(project_experiment),
    CALL(project_variation),
    CALL(create_event_context),
    CALL(create_impression),
    CALL(create_conversion),
    CALL(user_event_destroy),
    CALL(user_event_uuid),
    CALL(user_event_visitor_id),
    CALL(user_event_key),
    CALL(user_event_entity_id),
    CALL(user_event_json),
    CALL(user_event_json_len),
    CALL(user_event_size),
    CALL(user_event_timestamp_ms),
    CALL(user_event_is_impression),
    CALL(user_event_context),
    CALL(user_event_save),
    CALL(user_event_restore),
    CALL(ring_queue_create),
    CALL(queue_add),
    CALL(queue_get),
    CALL(queue_remove),
    CALL(queue_size),
    CALL(queue_destroy),
    CALL(function_dispatcher_create),
    CALL(dispatcher_destroy),
    CALL(queue_dispatcher_create),
    CALL(http_dispatcher_create),
    CALL(delivery_create),
    CALL(delivery_complete),
    CALL(region_endpoint),
    CALL(processor_create),
    CALL(processor_start),
    CALL(process_event),
    CALL(processor_flush),
    CALL(processor_close),
    CALL(processor_destroy),
    CALL(processor_run_once),
    CALL(processor_next_deadline_ms),
    CALL(processor_on_event_dispatch),
    CALL(processor_remove_on_event_dispatch),
    CALL(processor_on_delivery),
    CALL(processor_remove_on_delivery),
    CALL(processor_stats),
    CALL(stats_prometheus),
    {NULL, NULL},
};
