/* Brings its own transport: ten lines that take a batch and answer. */
#include <inttypes.h>
#include <stdio.h>

#include <optly/event.h>

/* Stands for your message bus; it fails at first, as such things do. */
static optly_outcome publish(const optly_log_event *batch,
                             optly_dispatch_result *result, void *user)
{
    int *failures_left = user;

    printf("attempt %" PRIu32 ": %" PRIu32 " events, %zu bytes for %s\n",
           batch->attempt, batch->event_count, batch->body_len,
           batch->endpoint);
    if ((*failures_left)-- <= 0)
        return OPTLY_DELIVERED;
    snprintf(result->detail, sizeof(result->detail), "the bus is restarting");
    return OPTLY_RETRY; /* the processor waits and sends the same bytes */
}

static optly_status make_project(optly_project **project, optly_error *error)
{
    static const optly_event_definition events[] = {{"9001", "signup"}};
    optly_project_config config = optly_project_config_default();

    config.project_id = "project-1";
    config.account_id = "account-1";
    config.revision = "7";
    config.events = events;
    config.event_count = 1;
    return optly_project_create(project, &config, error);
}

static void sign_up(optly_processor *processor, const optly_project *project,
                    const char *visitor)
{
    optly_conversion signup = optly_conversion_default();
    const optly_user user = {visitor, NULL, 0};
    optly_user_event *event;

    signup.event_key = "signup";
    if (optly_create_conversion(&event, project, &user, &signup, NULL) ==
        OPTLY_OK)
        optly_process_event(processor, event);
}

int main(void)
{
    optly_processor_config config = optly_processor_config_default();
    optly_close_report report = optly_close_report_default();
    optly_error error = {OPTLY_OK, ""};
    optly_processor *processor = NULL;
    optly_project *project = NULL;
    int failures = 2;

    config.batch_size = 2;
    config.retry_initial_ms = 10;
    if (optly_function_dispatcher_create(&config.dispatcher, publish, &failures,
                                         NULL) != OPTLY_OK ||
        optly_processor_create(&processor, &config, &error) != OPTLY_OK ||
        make_project(&project, &error) != OPTLY_OK) {
        fprintf(stderr, "custom_dispatcher: %s\n", error.message);
        return 1;
    }
    optly_processor_start(processor);
    sign_up(processor, project, "ann");
    sign_up(processor, project, "bob");
    sign_up(processor, project, "eve");
    optly_processor_close(processor, 10000, &report);
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    printf("%" PRIu64 " delivered, %" PRIu64 " dropped\n", report.delivered,
           report.dropped);
    return report.delivered == 3 && failures < 0 ? 0 : 1;
}
