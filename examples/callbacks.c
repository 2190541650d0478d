/* Watches a processor: both callbacks, the log, the metrics and the books. */
#include <inttypes.h>
#include <stdio.h>

#include <optly/event.h>

/* May run on any thread, several at once; must not call the library. */
static void on_log(optly_log_level level, const char *message, void *user)
{
    (void)user;
    printf("log %d: %s\n", (int)level, message);
}

/* All else runs on the processor's thread, one call at a time. */
static void on_counter(const char *name, double delta, void *user)
{
    (void)user;
    printf("counter %s: +%.0f\n", name, delta);
}

static void on_gauge(const char *name, double value, void *user)
{
    (void)user;
    printf("gauge %s: %.0f\n", name, value);
}

static void on_dispatch(const optly_log_event *batch, void *user)
{
    (void)user;
    printf("sending %" PRIu32 " events\n", batch->event_count);
}

static void on_delivery(const optly_delivery_report *report, void *dropped)
{
    printf("%" PRIu32 " events, reason %d, attempts %" PRIu32 "\n",
           report->event_count, (int)report->reason, report->attempts);
    if (report->reason != OPTLY_DROP_NONE)
        *(uint32_t *)dropped += report->event_count;
}

/* Fails at first, then takes all but visitor v3. */
static optly_outcome deliver(const optly_log_event *batch,
                             optly_dispatch_result *result, void *attempts)
{
    if (++*(int *)attempts == 1)
        return OPTLY_RETRY;
    result->http_status = strstr(batch->body, "\"v3\"") ? 400 : 204;
    return result->http_status == 204 ? OPTLY_DELIVERED : OPTLY_REFUSED;
}

int main(void)
{
    static const optly_event_definition play = {"9001", "play"};
    const optly_metrics metrics = {sizeof(metrics), on_counter, on_gauge, NULL};
    optly_processor_config config = optly_processor_config_default();
    optly_project_config settings = optly_project_config_default();
    optly_conversion conversion = optly_conversion_default();
    optly_stats stats = optly_stats_default();
    optly_processor *processor;
    optly_project *project;
    uint32_t dropped = 0;
    int attempts = 0;

    settings.project_id = "project-1";
    settings.account_id = "account-1";
    settings.revision = "7";
    settings.events = &play;
    settings.event_count = 1;
    conversion.event_key = play.key;
    config.log = on_log;
    config.metrics = &metrics;
    optly_function_dispatcher_create(&config.dispatcher, deliver, &attempts,
                                     NULL);
    if (optly_project_create(&project, &settings, NULL) != OPTLY_OK ||
        optly_processor_create(&processor, &config, NULL) != OPTLY_OK)
        return 1;
    optly_processor_on_event_dispatch(processor, on_dispatch, NULL, NULL);
    optly_processor_on_delivery(processor, on_delivery, &dropped, NULL);
    optly_processor_start(processor);
    for (int i = 0; i < 5; i++) {
        char id[8];
        const optly_user user = {id, NULL, 0};
        optly_user_event *event;

        snprintf(id, sizeof(id), "v%d", i);
        optly_create_conversion(&event, project, &user, &conversion, NULL);
        optly_process_event(processor, event);
    }
    optly_processor_flush(processor, 10000);
    optly_processor_stats(processor, &stats);
    printf("delivered %" PRIu64 " of %" PRIu64 ", refused %" PRIu64 "\n",
           stats.delivered, stats.accepted, stats.dropped[OPTLY_DROP_REFUSED]);
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    return stats.delivered != 4 || dropped != 1;
}
