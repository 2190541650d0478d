#include "blocks/sample.h"

#include <stdio.h>
#include <stdlib.h>

enum { ATTRIBUTES = 1000, VISITORS = 64 };

/* The keys of the attributes beyond the first five. */
static char keys[ATTRIBUTES][16];
static char ids[ATTRIBUTES][16];
static char visitors[VISITORS][24];

void sample_check(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "failed: %s\n", what);
    exit(1);
}

static void name_things(void)
{
    static const char *const own[] = {"device", "plan", "age", "score", "beta"};

    for (size_t i = 0; i < ATTRIBUTES; i++) {
        if (i < 5)
            (void)snprintf(keys[i], sizeof(keys[i]), "%s", own[i]);
        else
            (void)snprintf(keys[i], sizeof(keys[i]), "attribute_%zu", i);
        (void)snprintf(ids[i], sizeof(ids[i]), "1040128%04zu", i);
    }
    for (size_t i = 0; i < VISITORS; i++)
        (void)snprintf(visitors[i], sizeof(visitors[i]), "visitor-%06zu",
                       i * 15625);
}

optly_project *sample_project_of(const char *revision, const char *region)
{
    static optly_attribute_definition attributes[ATTRIBUTES];
    static const optly_event_definition events[] = {{"18128690585", "purchase"},
                                                    {"18128690586", "sign_up"}};
    optly_project_config config = optly_project_config_default();
    optly_project *project = NULL;

    name_things();
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        attributes[i].id = ids[i];
        attributes[i].key = keys[i];
    }
    config.project_id = "10431130345";
    config.account_id = "10367498574";
    config.revision = revision;
    config.region = region;
    config.attributes = attributes;
    config.attribute_count = ATTRIBUTES;
    config.events = events;
    config.event_count = 2;
    config.bot_filtering = true;
    config.send_flag_decisions = true;
    sample_check(optly_project_create(&project, &config, NULL) == OPTLY_OK,
                 "optly_project_create");
    return project;
}

optly_project *sample_project(void)
{
    return sample_project_of("241", "US");
}

optly_user_event *sample_impression(const optly_project *project, size_t number)
{
    static const optly_experiment experiment = {"10390977673", "checkout_flow",
                                                "10420273888"};
    static const optly_variation variation = {"10418551353", "treatment"};
    const optly_pair attributes[] = {
        optly_string("device", "iphone"), optly_string("plan", "premium"),
        optly_int("age", 42), optly_double("score", 3.25),
        optly_bool("beta", true)};
    const optly_user user = {visitors[number % VISITORS], attributes, 5};
    optly_impression impression = optly_impression_default();
    optly_user_event *event = NULL;

    impression.experiment = &experiment;
    impression.variation = &variation;
    impression.flag_key = "checkout";
    impression.rule_key = "checkout_flow";
    impression.rule_type = "experiment";
    impression.enabled = true;
    sample_check(optly_create_impression(&event, project, &user, &impression,
                                         NULL) == OPTLY_OK,
                 "optly_create_impression");
    return event;
}

optly_user_event *sample_conversion(const optly_project *project, size_t number)
{
    const optly_pair attributes[] = {
        optly_string("device", "iphone"), optly_string("plan", "premium"),
        optly_int("age", 42), optly_double("score", 3.25),
        optly_bool("beta", true)};
    const optly_pair tags[] = {
        optly_int("revenue", 4200), optly_double("value", 13.37),
        optly_string("category", "shoes"), optly_string("sku", "A-1234"),
        optly_int("qty", 2)};
    const optly_user user = {visitors[number % VISITORS], attributes, 5};
    optly_conversion purchase = optly_conversion_default();
    optly_user_event *event = NULL;

    purchase.event_key = "purchase";
    purchase.tags = tags;
    purchase.tag_count = 5;
    sample_check(optly_create_conversion(&event, project, &user, &purchase,
                                         NULL) == OPTLY_OK,
                 "optly_create_conversion");
    return event;
}

optly_user_event *sample_event(const optly_project *project, size_t number)
{
    return number % 2 == 0 ? sample_impression(project, number)
                           : sample_conversion(project, number);
}

optly_user_event *sample_with_attributes(const optly_project *project,
                                         size_t count)
{
    optly_pair attributes[ATTRIBUTES];
    const optly_user user = {visitors[0], attributes, count};
    optly_conversion sign_up = optly_conversion_default();
    optly_user_event *event = NULL;

    for (size_t i = 0; i < count; i++)
        attributes[i] = optly_string(keys[i], "premium");
    sign_up.event_key = "sign_up";
    sample_check(optly_create_conversion(&event, project, &user, &sign_up,
                                         NULL) == OPTLY_OK,
                 "optly_create_conversion");
    return event;
}

static optly_outcome deliver(const optly_log_event *event,
                             optly_dispatch_result *result, void *user)
{
    (void)event;
    (void)result;
    (void)user;
    return OPTLY_DELIVERED;
}

optly_dispatcher sample_dispatcher(void)
{
    optly_dispatcher dispatcher;

    sample_check(optly_function_dispatcher_create(&dispatcher, deliver, NULL,
                                                  NULL) == OPTLY_OK,
                 "optly_function_dispatcher_create");
    return dispatcher;
}
