#include "fakes/events.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

optly_project *fake_project_of(const char *revision, const char *region)
{
    static const optly_attribute_definition attributes[] = {{"1001", "device"},
                                                            {"1002", "plan"},
                                                            {"1003", "age"},
                                                            {"1004", "score"},
                                                            {"1005", "beta"}};
    static const optly_event_definition events[] = {{"2001", "purchase"},
                                                    {"2002", "sign_up"}};
    optly_project_config config = optly_project_config_default();
    optly_project *project = NULL;

    config.account_id = "acc";
    config.project_id = "proj";
    config.revision = revision;
    config.region = region;
    config.attributes = attributes;
    config.attribute_count = sizeof(attributes) / sizeof(*attributes);
    config.events = events;
    config.event_count = sizeof(events) / sizeof(*events);
    config.send_flag_decisions = true;
    (void)optly_project_create(&project, &config, NULL);
    assert(project != NULL);
    return project;
}

optly_project *fake_project(void)
{
    return fake_project_of("1", "US");
}

optly_user_event *fake_impression(const optly_project *project,
                                  const char *visitor_id)
{
    static const optly_experiment experiment = {"3001", "checkout", "3000"};
    static const optly_variation variation = {"4001", "control"};
    const optly_pair attributes[] = {optly_string("device", "ios")};
    const optly_user user = {visitor_id, attributes, 1};
    optly_impression impression = optly_impression_default();
    optly_user_event *event = NULL;

    impression.experiment = &experiment;
    impression.variation = &variation;
    impression.flag_key = "flag";
    impression.rule_key = "checkout";
    impression.rule_type = "experiment";
    impression.enabled = true;
    (void)optly_create_impression(&event, project, &user, &impression, NULL);
    assert(event != NULL);
    return event;
}

static optly_user_event *make_purchase(const optly_project *project,
                                       const char *visitor_id,
                                       const optly_pair *tags, size_t tag_count)
{
    const optly_pair attributes[] = {optly_string("device", "ios")};
    const optly_user user = {visitor_id, attributes, 1};
    optly_conversion conversion = optly_conversion_default();
    optly_user_event *event = NULL;

    conversion.event_key = "purchase";
    conversion.tags = tags;
    conversion.tag_count = tag_count;
    (void)optly_create_conversion(&event, project, &user, &conversion, NULL);
    return event;
}

optly_user_event *fake_conversion(const optly_project *project,
                                  const char *visitor_id)
{
    const optly_pair tags[] = {optly_int("revenue", 1299)};
    optly_user_event *event = make_purchase(project, visitor_id, tags, 1);

    assert(event != NULL);
    return event;
}

/* Tags of 32 KiB, "a", "b" and so on, until the rest fits into one. */
optly_user_event *fake_conversion_of_size(const optly_project *project,
                                          const char *visitor_id,
                                          size_t json_len)
{
    enum { TAGS = 36, MOST = 65536 };
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char keys[TAGS][2], *text = malloc(MOST + 1);
    optly_pair tags[TAGS];
    optly_user_event *event;
    size_t count = 0, left;

    assert(text != NULL);
    memset(text, 'x', MOST);
    text[MOST] = '\0';
    tags[0] = optly_string("0", "");
    event = make_purchase(project, visitor_id, tags, 1);
    assert(event != NULL && json_len >= optly_user_event_json_len(event));
    left = json_len - optly_user_event_json_len(event) + 7; /* "0":"", */
    optly_user_event_destroy(event);
    while (left > 0) {
        size_t take = left > MOST + 7 ? MOST / 2 + 7 : left;

        assert(count < TAGS);
        keys[count][0] = letters[count];
        keys[count][1] = '\0';
        tags[count] = optly_string(keys[count], text + MOST + 7 - take);
        left -= take;
        count++;
    }
    event = make_purchase(project, visitor_id, tags, count);
    free(text);
    return event;
}

const char fake_datafile[] =
    "{\"version\":\"4\",\"accountId\":\"10001\",\"projectId\":\"20002\","
    "\"revision\":\"42\","
    "\"region\":\"EU\",\"sdkKey\":\"sdk-key\","
    "\"environmentKey\":\"production\","
    "\"anonymizeIP\":true,\"botFiltering\":true,\"sendFlagDecisions\":true,"
    "\"attributes\":[{\"id\":\"1000\",\"key\":\"attribute_0\"},"
    "{\"id\":\"1001\",\"key\":\"attribute_1\"},{\"id\":\"1002\","
    "\"key\":\"attribute_2\"},{\"id\":\"1003\",\"key\":\"attribute_3\"},"
    "{\"id\":\"1004\",\"key\":\"attribute_4\"},{\"id\":\"1005\","
    "\"key\":\"attribute_5\"},{\"id\":\"1006\",\"key\":\"attribute_6\"},"
    "{\"id\":\"1007\",\"key\":\"attribute_7\"},{\"id\":\"1008\","
    "\"key\":\"attribute_8\"},{\"id\":\"1009\",\"key\":\"attribute_9\"},"
    "{\"id\":\"1010\",\"key\":\"attribute_10\"},{\"id\":\"1011\","
    "\"key\":\"attribute_11\"},{\"id\":\"1012\",\"key\":\"attribute_12\"},"
    "{\"id\":\"1013\",\"key\":\"attribute_13\"},{\"id\":\"1014\","
    "\"key\":\"attribute_14\"},{\"id\":\"1015\",\"key\":\"attribute_15\"},"
    "{\"id\":\"1016\",\"key\":\"attribute_16\"},{\"id\":\"1017\","
    "\"key\":\"attribute_17\"},{\"id\":\"1018\",\"key\":\"attribute_18\"},"
    "{\"id\":\"1019\",\"key\":\"attribute_19\"}],"
    "\"events\":[{\"id\":\"2000\",\"key\":\"event_0\","
    "\"experimentIds\":[\"3001\"]},{\"id\":\"2001\",\"key\":\"event_1\","
    "\"experimentIds\":[\"3001\"]},{\"id\":\"2002\",\"key\":\"event_2\","
    "\"experimentIds\":[\"3001\"]},{\"id\":\"2003\",\"key\":\"event_3\","
    "\"experimentIds\":[\"3001\"]},{\"id\":\"2004\",\"key\":\"event_4\","
    "\"experimentIds\":[\"3001\"]},{\"id\":\"2005\",\"key\":\"event_5\","
    "\"experimentIds\":[\"3001\"]},{\"id\":\"2006\",\"key\":\"event_6\","
    "\"experimentIds\":[\"3001\"]},{\"id\":\"2007\",\"key\":\"event_7\","
    "\"experimentIds\":[\"3001\"]},{\"id\":\"2008\",\"key\":\"event_8\","
    "\"experimentIds\":[\"3001\"]},{\"id\":\"2009\",\"key\":\"event_9\","
    "\"experimentIds\":[\"3001\"]}],"
    "\"experiments\":[{\"id\":\"3001\",\"key\":\"checkout\","
    "\"status\":\"Running\",\"layerId\":\"3000\",\"audienceIds\":[],"
    "\"trafficAllocation\":[{\"entityId\":\"4001\",\"endOfRange\":10000}],"
    "\"forcedVariations\":{},\"audienceConditions\":[\"and\",[\"or\","
    "\"6001\"]],\"variations\":[{\"id\":\"4001\",\"key\":\"control\","
    "\"featureEnabled\":true,\"variables\":[]},{\"id\":\"4002\","
    "\"key\":\"treatment\",\"featureEnabled\":true,\"variables\":[]}]},"
    "{\"id\":\"3002\",\"key\":\"pricing\",\"status\":\"Running\","
    "\"layerId\":\"3100\",\"audienceIds\":[],"
    "\"trafficAllocation\":[{\"entityId\":\"4003\",\"endOfRange\":10000}],"
    "\"forcedVariations\":{},\"variations\":[{\"id\":\"4003\","
    "\"key\":\"low\",\"featureEnabled\":true,\"variables\":[]},"
    "{\"id\":\"4004\",\"key\":\"high\",\"featureEnabled\":true,"
    "\"variables\":[]}]}],"
    "\"groups\":[{\"id\":\"5001\",\"policy\":\"random\","
    "\"trafficAllocation\":[],\"experiments\":[{\"id\":\"3003\","
    "\"key\":\"grouped\",\"status\":\"Running\",\"layerId\":\"3200\","
    "\"audienceIds\":[],\"trafficAllocation\":[{\"entityId\":\"4005\","
    "\"endOfRange\":10000}],\"forcedVariations\":{},"
    "\"variations\":[{\"id\":\"4005\",\"key\":\"a\","
    "\"featureEnabled\":true,\"variables\":[]},{\"id\":\"4006\","
    "\"key\":\"b\",\"featureEnabled\":true,\"variables\":[]}]}]}],"
    "\"rollouts\":[{\"id\":\"5101\",\"experiments\":[{\"id\":\"3004\","
    "\"key\":\"rollout_rule\",\"status\":\"Running\",\"layerId\":\"5101\","
    "\"audienceIds\":[],\"trafficAllocation\":[{\"entityId\":\"4007\","
    "\"endOfRange\":10000}],\"forcedVariations\":{},"
    "\"variations\":[{\"id\":\"4007\",\"key\":\"on\","
    "\"featureEnabled\":true,\"variables\":[]}]}]}],"
    "\"holdouts\":[{\"id\":\"3005\",\"key\":\"holdout\","
    "\"status\":\"Running\",\"variations\":[{\"id\":\"4008\","
    "\"key\":\"ho_off\",\"featureEnabled\":false,\"variables\":[]}]}],"
    "\"featureFlags\":[{\"id\":\"7001\",\"key\":\"flag\","
    "\"rolloutId\":\"5101\",\"experimentIds\":[\"3001\"],"
    "\"variables\":[]}],"
    "\"audiences\":[{\"id\":\"6001\",\"name\":\"all\","
    "\"conditions\":\"[\\\"and\\\"]\"}],"
    "\"typedAudiences\":[],\"variables\":[],\"integrations\":[]}";
