/*
 * What an event costs the process: one producer makes conversions with five
 * attributes and five tags and hands them over.
 *
 *   event_cost EVENTS BATCH              to a dispatcher that does nothing
 *   event_cost EVENTS BATCH URL          over HTTP
 *   event_cost EVENTS 0                  made and destroyed, nothing else
 */
#include <optly/event.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static optly_outcome deliver(const optly_log_event *event,
                             optly_dispatch_result *result, void *user)
{
    (void)event;
    (void)result;
    (void)user;
    return OPTLY_DELIVERED;
}

static optly_project *make_project(void)
{
    static const optly_attribute_definition attributes[] = {{"1", "device"},
                                                            {"2", "plan"},
                                                            {"3", "age"},
                                                            {"4", "score"},
                                                            {"5", "beta"}};
    static const optly_event_definition events[] = {{"2001", "purchase"}};
    optly_project_config config = optly_project_config_default();
    optly_project *project;

    config.project_id = "123";
    config.account_id = "456";
    config.revision = "7";
    config.attributes = attributes;
    config.attribute_count = 5;
    config.events = events;
    config.event_count = 1;
    return optly_project_create(&project, &config, NULL) == OPTLY_OK ? project
                                                                     : NULL;
}

static optly_processor *make_processor(uint32_t batch, const char *url)
{
    optly_processor_config config = optly_processor_config_default();
    optly_processor *processor;
    optly_error err;

    config.batch_size = batch;
    config.queue_size = 20000;
    config.queue_bytes = 64 << 20;
    config.overflow = OPTLY_OVERFLOW_BLOCK;
    config.overflow_block_ms = 60000;
    config.endpoint = url;
    if (url == NULL && optly_function_dispatcher_create(
                           &config.dispatcher, deliver, NULL, NULL) != OPTLY_OK)
        return NULL;
    if (optly_processor_create(&processor, &config, &err) != OPTLY_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        return NULL;
    }
    (void)optly_processor_start(processor);
    return processor;
}

static optly_user_event *make_event(const optly_project *project)
{
    const optly_pair attributes[] = {
        optly_string("device", "iphone"), optly_string("plan", "premium"),
        optly_int("age", 42), optly_double("score", 3.25),
        optly_bool("beta", true)};
    const optly_pair tags[] = {
        optly_int("revenue", 4200), optly_double("value", 13.37),
        optly_string("category", "shoes"), optly_string("sku", "A-1234"),
        optly_int("qty", 2)};
    const optly_user user = {"visitor-123456", attributes, 5};
    optly_conversion purchase = optly_conversion_default();
    optly_user_event *event;

    purchase.event_key = "purchase";
    purchase.tags = tags;
    purchase.tag_count = 5;
    (void)optly_create_conversion(&event, project, &user, &purchase, NULL);
    return event;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000;
    uint32_t batch = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100;
    optly_project *project = make_project();
    optly_processor *processor =
        batch > 0 ? make_processor(batch, argc > 3 ? argv[3] : NULL) : NULL;
    double wall = seconds(CLOCK_MONOTONIC);
    double all = seconds(CLOCK_PROCESS_CPUTIME_ID);
    double own = seconds(CLOCK_THREAD_CPUTIME_ID);
    double per_event = 1e9 / (double)count;
    long refused = 0;

    if (project == NULL || (batch > 0 && processor == NULL))
        return 1;
    for (long i = 0; i < count; i++) {
        optly_user_event *event = make_event(project);

        if (batch == 0)
            optly_user_event_destroy(event);
        else
            refused += optly_process_event(processor, event) != OPTLY_OK;
    }
    own = seconds(CLOCK_THREAD_CPUTIME_ID) - own;
    if (processor != NULL)
        (void)optly_processor_close(processor, 60000, NULL);
    all = seconds(CLOCK_PROCESS_CPUTIME_ID) - all;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    (void)printf("producer %.0f, all CPU %.0f, wall %.0f ns an event; "
                 "%ld refused\n",
                 own * per_event, all * per_event, wall * per_event, refused);
    optly_processor_destroy(processor);
    optly_project_destroy(project);
    return refused == 0 ? 0 : 1;
}
