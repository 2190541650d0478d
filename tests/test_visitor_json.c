/* The order of the fields, byte for byte; uuid and time are given. */
#include "event/visitor_json.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "fakes/events.h"

#define UUID "01234567-89ab-4def-bedc-ba9876543210"
#define ATTRIBUTES                                                             \
    "{\"attributes\":[{\"value\":\"ios\",\"key\":\"device\","                  \
    "\"type\":\"custom\",\"entity_id\":\"1001\"},"                             \
    "{\"value\":false,\"key\":\"$opt_bot_filtering\",\"type\":\"custom\","     \
    "\"entity_id\":\"$opt_bot_filtering\"}],"

static optly_project *project;
static const optly_pair attributes[] = {
    {"device", {.type = OPTLY_STRING, .as.text = "ios"}}};
static const optly_user user = {"visitor", attributes, 1};
static const optly_experiment experiment = {"3001", "checkout", "3000"};
static const optly_variation variation = {"4001", "control"};

static int set_up(void **state)
{
    (void)state;
    project = fake_project();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    optly_project_destroy(project);
    return 0;
}

static optly_impression some_impression(void)
{
    optly_impression impression = optly_impression_default();

    impression.experiment = &experiment;
    impression.variation = &variation;
    impression.flag_key = "flag";
    impression.rule_key = "rule";
    impression.rule_type = "feature-test";
    impression.enabled = true;
    impression.timestamp_ms = 1700000000123;
    impression.uuid = UUID;
    return impression;
}

static void assert_impression(const optly_impression *impression,
                              const char *decision, const char *entity_id)
{
    char expected[2048];
    optly_user_event *event;

    assert_int_equal(
        optly_create_impression(&event, project, &user, impression, NULL),
        OPTLY_OK);
    (void)strcpy(expected, ATTRIBUTES "\"snapshots\":[{\"decisions\":[");
    (void)strcat(expected, decision);
    (void)strcat(expected, "],\"events\":[{\"entity_id\":\"");
    (void)strcat(expected, entity_id);
    (void)strcat(expected, "\",\"key\":\"campaign_activated\","
                           "\"timestamp\":1700000000123,\"uuid\":\"" UUID
                           "\"}]}],\"visitor_id\":\"visitor\"}");
    assert_string_equal(optly_user_event_json(event), expected);
    assert_string_equal(optly_user_event_entity_id(event), entity_id);
    optly_user_event_destroy(event);
}

static void test_impression_has_one_decision_and_one_event(void **state)
{
    const optly_impression impression = some_impression();

    (void)state;
    assert_impression(
        &impression,
        "{\"variation_id\":\"4001\",\"campaign_id\":\"3000\","
        "\"experiment_id\":\"3001\",\"metadata\":{\"flag_key\":\"flag\","
        "\"rule_key\":\"rule\",\"rule_type\":\"feature-test\","
        "\"variation_key\":\"control\",\"enabled\":true}}",
        "3000");
}

static void test_cmab_uuid_is_sent_when_given_even_if_empty(void **state)
{
    optly_impression impression = some_impression();

    (void)state;
    impression.cmab_uuid = "";
    impression.enabled = false;
    assert_impression(
        &impression,
        "{\"variation_id\":\"4001\",\"campaign_id\":\"3000\","
        "\"experiment_id\":\"3001\",\"metadata\":{\"flag_key\":\"flag\","
        "\"rule_key\":\"rule\",\"rule_type\":\"feature-test\","
        "\"variation_key\":\"control\",\"enabled\":false,\"cmab_uuid\":\"\"}}",
        "3000");
}

static void test_without_experiment_and_variation_ids_are_empty(void **state)
{
    optly_impression impression = some_impression();

    (void)state;
    impression.experiment = NULL;
    impression.variation = NULL;
    impression.flag_key = NULL;
    impression.rule_key = NULL;
    impression.rule_type = NULL;
    assert_impression(&impression,
                      "{\"variation_id\":null,\"campaign_id\":\"\","
                      "\"experiment_id\":\"\",\"metadata\":{\"flag_key\":\"\","
                      "\"rule_key\":\"\",\"rule_type\":\"\","
                      "\"variation_key\":\"\",\"enabled\":true}}",
                      "");
}

static void
test_campaign_is_the_experiment_where_there_is_no_layer(void **state)
{
    static const char *const layers[] = {"", NULL};
    optly_impression impression = some_impression();
    optly_experiment holdout = {"3001", "holdout", NULL};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        holdout.layer_id = layers[i];
        impression.experiment = &holdout;
        assert_impression(
            &impression,
            "{\"variation_id\":\"4001\",\"campaign_id\":\"3001\","
            "\"experiment_id\":\"3001\",\"metadata\":{\"flag_key\":\"flag\","
            "\"rule_key\":\"rule\",\"rule_type\":\"feature-test\","
            "\"variation_key\":\"control\",\"enabled\":true}}",
            "3001");
    }
}

static void test_variation_id_is_digits_or_null(void **state)
{
    static const char *const ids[] = {"",    "x",   "12a", "-1",
                                      "1.5", " 12", "12 ", "\xD9\xA1"};
    optly_impression impression = some_impression();
    optly_variation odd = {"", "control"};

    (void)state;
    impression.variation = &odd;
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        odd.id = ids[i];
        assert_impression(
            &impression,
            "{\"variation_id\":null,\"campaign_id\":\"3000\","
            "\"experiment_id\":\"3001\",\"metadata\":{\"flag_key\":\"flag\","
            "\"rule_key\":\"rule\",\"rule_type\":\"feature-test\","
            "\"variation_key\":\"control\",\"enabled\":true}}",
            "3000");
    }
}

static void assert_conversion(const optly_pair *tags, size_t count,
                              const char *fields)
{
    optly_conversion conversion = optly_conversion_default();
    char expected[2048];
    optly_user_event *event;

    conversion.event_key = "purchase";
    conversion.tags = tags;
    conversion.tag_count = count;
    conversion.timestamp_ms = 1700000000123;
    conversion.uuid = UUID;
    assert_int_equal(
        optly_create_conversion(&event, project, &user, &conversion, NULL),
        OPTLY_OK);
    (void)strcpy(expected, ATTRIBUTES
                 "\"snapshots\":[{\"events\":[{\"entity_id\":\"2001\","
                 "\"key\":\"purchase\",\"timestamp\":1700000000123,"
                 "\"uuid\":\"" UUID "\"");
    (void)strcat(expected, fields);
    (void)strcat(expected, "}]}],\"visitor_id\":\"visitor\"}");
    assert_string_equal(optly_user_event_json(event), expected);
    optly_user_event_destroy(event);
}

static void test_conversion_has_no_decisions_and_one_event(void **state)
{
    (void)state;
    assert_conversion(NULL, 0, "");
}

static void test_tags_revenue_and_value_follow_the_uuid(void **state)
{
    const optly_pair tags[] = {optly_double("value", 19.99),
                               optly_int("revenue", 0), optly_null("n")};

    (void)state;
    assert_conversion(tags, 3,
                      ",\"tags\":{\"n\":null,\"revenue\":0,\"value\":19.99},"
                      "\"revenue\":0,\"value\":19.99");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_impression_has_one_decision_and_one_event),
        cmocka_unit_test(test_cmab_uuid_is_sent_when_given_even_if_empty),
        cmocka_unit_test(test_without_experiment_and_variation_ids_are_empty),
        cmocka_unit_test(
            test_campaign_is_the_experiment_where_there_is_no_layer),
        cmocka_unit_test(test_variation_id_is_digits_or_null),
        cmocka_unit_test(test_conversion_has_no_decisions_and_one_event),
        cmocka_unit_test(test_tags_revenue_and_value_follow_the_uuid),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
