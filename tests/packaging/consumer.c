/*
 * What a host does, built against the installed library only, as C and as C++:
 * one event goes through a processor to a dispatcher of the host's own.
 */
#include <stdio.h>
#include <string.h>

#include <optly/event.h>

static optly_outcome deliver(const optly_log_event *event,
                             optly_dispatch_result *result, void *user)
{
    unsigned *delivered = (unsigned *)user;
    const char *uuid = optly_user_event_uuid(event->events[0]);

    if (strlen(event->body) != event->body_len ||
        strstr(event->body, uuid) == NULL)
        return OPTLY_REFUSED;
    *delivered += event->event_count;
    result->http_status = 204;
    return OPTLY_DELIVERED;
}

static int fail(const char *what, optly_status status, const char *message)
{
    (void)fprintf(stderr, "%s: %s (%s)\n", what, optly_status_text(status),
                  message);
    return 1;
}

int main(void)
{
    optly_event_definition purchase = {"20", "purchase"};
    optly_project_config project_config = optly_project_config_default();
    optly_processor_config config = optly_processor_config_default();
    optly_conversion conversion = optly_conversion_default();
    optly_stats stats = optly_stats_default();
    optly_pair tags[1];
    optly_user user = {"visitor", NULL, 0};
    optly_error err = {OPTLY_OK, ""};
    optly_project *project = NULL;
    optly_processor *processor = NULL;
    optly_user_event *event = NULL;
    unsigned delivered = 0;
    optly_status status;

    if (strcmp(optly_version(), OPTLY_VERSION_STRING) != 0)
        return fail("version", OPTLY_ERR_UNSUPPORTED, optly_version());

    project_config.project_id = "1";
    project_config.account_id = "2";
    project_config.revision = "3";
    project_config.events = &purchase;
    project_config.event_count = 1;
    status = optly_project_create(&project, &project_config, &err);
    if (status != OPTLY_OK)
        return fail("project", status, err.message);

    status = optly_function_dispatcher_create(&config.dispatcher, deliver,
                                              &delivered, NULL);
    if (status != OPTLY_OK)
        return fail("dispatcher", status, "");
    status = optly_processor_create(&processor, &config, &err);
    if (status != OPTLY_OK)
        return fail("processor", status, err.message);
    status = optly_processor_start(processor);
    if (status != OPTLY_OK)
        return fail("start", status, "");

    tags[0] = optly_int("revenue", 4200);
    conversion.event_key = "purchase";
    conversion.tags = tags;
    conversion.tag_count = 1;
    status = optly_create_conversion(&event, project, &user, &conversion, &err);
    if (status != OPTLY_OK)
        return fail("conversion", status, err.message);
    status = optly_process_event(processor, event);
    if (status != OPTLY_OK)
        return fail("process_event", status, "");

    status = optly_processor_flush(processor, 5000);
    if (status != OPTLY_OK)
        return fail("flush", status, "");
    status = optly_processor_stats(processor, &stats);
    if (status != OPTLY_OK || stats.delivered != 1)
        return fail("stats", status, "not delivered");
    status = optly_processor_close(processor, 5000, NULL);
    if (status != OPTLY_OK)
        return fail("close", status, "");
    optly_processor_destroy(processor);
    optly_project_destroy(project);

    if (delivered != 1)
        return fail("dispatcher", OPTLY_ERR_DROPPED, "saw no event");
    (void)printf("delivered %u event with optly-event %s\n", delivered,
                 optly_version());
    return 0;
}
