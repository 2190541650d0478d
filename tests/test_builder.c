#include <stdarg.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "event/limits.h"
#include "event/uuid.h"
#include "fakes/event_json.h"
#include "fakes/events.h"
#include "fakes/failing_allocator.h"
#include "platform/platform.h"

static const optly_user plain_user = {"visitor", NULL, 0};
static const optly_experiment experiment = {"3001", "checkout", "3000"};
static const optly_variation variation = {"4001", "control"};

static optly_conversion some_conversion(void)
{
    optly_conversion conversion = optly_conversion_default();

    conversion.event_key = "purchase";
    return conversion;
}

/* Makes and frees the event; returns the status. */
static optly_status try_conversion(const optly_project *project,
                                   const optly_user *user,
                                   const optly_conversion *conversion,
                                   optly_error *err)
{
    optly_user_event *event = (optly_user_event *)(uintptr_t)1;
    optly_status status =
        optly_create_conversion(&event, project, user, conversion, err);

    assert_int_equal(event == NULL, status != OPTLY_OK);
    optly_user_event_destroy(event);
    return status;
}

static optly_status try_impression(const optly_project *project,
                                   const optly_user *user,
                                   const optly_impression *impression,
                                   optly_error *err)
{
    optly_user_event *event = (optly_user_event *)(uintptr_t)1;
    optly_status status =
        optly_create_impression(&event, project, user, impression, err);

    assert_int_equal(event == NULL, status != OPTLY_OK);
    optly_user_event_destroy(event);
    return status;
}

/* Every combination of the three things that decide. */
static void test_impressions_are_due_by_the_rule(void **state)
{
    static const struct {
        bool sends_all;
        const char *rule_type;
        bool has_variation, is_due;
    } cases[] = {
        {true, "rollout", true, true},
        {true, "rollout", false, true},
        {true, "experiment", true, true},
        {true, "experiment", false, true},
        {true, NULL, false, true},
        {false, "rollout", true, false},
        {false, "rollout", false, false},
        {false, "experiment", true, true},
        {false, "experiment", false, false},
        {false, "feature-test", true, true},
        {false, "holdout", true, true},
        {false, "Rollout", true, true},
        {false, NULL, true, true},
        {false, NULL, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        optly_project_config config = optly_project_config_default();
        optly_impression impression = optly_impression_default();
        optly_project *project;

        config.account_id = "a";
        config.project_id = "p";
        config.revision = "1";
        config.send_flag_decisions = cases[i].sends_all;
        assert_int_equal(optly_project_create(&project, &config, NULL),
                         OPTLY_OK);
        impression.experiment = &experiment;
        impression.variation = cases[i].has_variation ? &variation : NULL;
        impression.rule_type = cases[i].rule_type;
        assert_int_equal(
            try_impression(project, &plain_user, &impression, NULL),
            cases[i].is_due ? OPTLY_OK : OPTLY_SKIPPED);
        optly_project_destroy(project);
    }
}

static void test_event_holds_what_was_asked_for(void **state)
{
    optly_project *project = fake_project();
    optly_user_event *event = fake_conversion(project, "some visitor");

    (void)state;
    assert_string_equal(optly_user_event_visitor_id(event), "some visitor");
    assert_string_equal(optly_user_event_key(event), "purchase");
    assert_string_equal(optly_user_event_entity_id(event), "2001");
    assert_false(optly_user_event_is_impression(event));
    assert_int_equal(optly_user_event_json_len(event),
                     strlen(optly_user_event_json(event)));
    assert_true(optly_user_event_size(event) >
                optly_user_event_json_len(event));
    optly_user_event_destroy(event);

    event = fake_impression(project, "some visitor");
    assert_string_equal(optly_user_event_key(event), "campaign_activated");
    assert_string_equal(optly_user_event_entity_id(event), "3000");
    assert_true(optly_user_event_is_impression(event));
    optly_user_event_destroy(event);
    optly_project_destroy(project);
}

static void test_time_and_uuid_are_new_unless_given(void **state)
{
    optly_project *project = fake_project();
    int64_t before = optly__wall_ms();
    optly_user_event *a = fake_conversion(project, "v");
    optly_user_event *b = fake_conversion(project, "v");

    (void)state;
    assert_true(optly_user_event_timestamp_ms(a) >= before);
    assert_true(optly_user_event_timestamp_ms(a) <= optly__wall_ms());
    assert_true(optly__uuid_is_valid(optly_user_event_uuid(a)));
    assert_int_equal(optly_user_event_uuid(a)[14], '4');
    assert_string_not_equal(optly_user_event_uuid(a), optly_user_event_uuid(b));
    optly_user_event_destroy(a);
    optly_user_event_destroy(b);
    optly_project_destroy(project);
}

static void test_uuid_in_the_json_is_the_events(void **state)
{
    optly_project *project = fake_project();
    optly_user_event *event = fake_impression(project, "v");
    cJSON *json = event_json_parse(event);

    (void)state;
    assert_string_equal(
        event_json_at(json, "snapshots/0/events/0/uuid")->valuestring,
        optly_user_event_uuid(event));
    cJSON_Delete(json);
    optly_user_event_destroy(event);
    optly_project_destroy(project);
}

static void test_given_uuid_is_checked_and_kept_as_it_is(void **state)
{
    static const char given[] = "01234567-89AB-1def-bedc-ba9876543210";
    optly_project *project = fake_project();
    optly_conversion conversion = some_conversion();
    optly_user_event *event;
    optly_error err;

    (void)state;
    conversion.uuid = given;
    assert_int_equal(optly_create_conversion(&event, project, &plain_user,
                                             &conversion, NULL),
                     OPTLY_OK);
    assert_string_equal(optly_user_event_uuid(event), given);
    optly_user_event_destroy(event);
    conversion.uuid = "";
    assert_int_equal(try_conversion(project, &plain_user, &conversion, &err),
                     OPTLY_ERR_INVALID);
    assert_non_null(strstr(err.message, "uuid"));
    optly_project_destroy(project);
}

static void test_timestamps_reach_to_the_end_of_the_year_9999(void **state)
{
    static const struct {
        int64_t timestamp_ms;
        optly_status status;
    } cases[] = {{-1, OPTLY_ERR_INVALID},
                 {INT64_MIN, OPTLY_ERR_INVALID},
                 {1, OPTLY_OK},
                 {253402300799999, OPTLY_OK},
                 {253402300800000, OPTLY_ERR_INVALID}};
    optly_project *project = fake_project();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        optly_conversion conversion = some_conversion();

        conversion.timestamp_ms = cases[i].timestamp_ms;
        assert_int_equal(
            try_conversion(project, &plain_user, &conversion, NULL),
            cases[i].status);
    }
    optly_project_destroy(project);
}

static void test_what_is_missing_is_named(void **state)
{
    optly_project *project = fake_project();
    optly_conversion conversion = some_conversion();
    optly_impression impression = optly_impression_default();
    optly_user user = plain_user;
    optly_error err;

    (void)state;
    assert_int_equal(
        optly_create_conversion(NULL, project, &user, &conversion, &err),
        OPTLY_ERR_INVALID);
    assert_string_equal(err.message, "out: is NULL");
    assert_int_equal(
        optly_create_impression(NULL, project, &user, &impression, NULL),
        OPTLY_ERR_INVALID);
    assert_int_equal(try_conversion(NULL, &user, &conversion, &err),
                     OPTLY_ERR_INVALID);
    assert_string_equal(err.message, "project: is NULL");
    assert_int_equal(try_impression(project, NULL, &impression, &err),
                     OPTLY_ERR_INVALID);
    assert_string_equal(err.message, "user: is NULL");
    assert_int_equal(try_conversion(project, &user, NULL, &err),
                     OPTLY_ERR_INVALID);
    assert_string_equal(err.message, "conversion: is NULL");
    assert_int_equal(try_impression(project, &user, NULL, &err),
                     OPTLY_ERR_INVALID);
    user.id = NULL;
    assert_int_equal(try_conversion(project, &user, &conversion, &err),
                     OPTLY_ERR_INVALID);
    assert_string_equal(err.message, "user.id: is NULL");
    user.id = "v";
    user.attribute_count = 1;
    assert_int_equal(try_conversion(project, &user, &conversion, &err),
                     OPTLY_ERR_INVALID);
    assert_non_null(strstr(err.message, "user.attributes"));
    user.attribute_count = 0;
    conversion.tag_count = 1;
    assert_int_equal(try_conversion(project, &user, &conversion, &err),
                     OPTLY_ERR_INVALID);
    assert_non_null(strstr(err.message, "tags"));
    conversion.tag_count = 0;
    conversion.event_key = NULL;
    assert_int_equal(try_conversion(project, &user, &conversion, &err),
                     OPTLY_ERR_INVALID);
    assert_string_equal(err.message, "event_key: is NULL");
    conversion.event_key = "";
    assert_int_equal(try_conversion(project, &user, &conversion, &err),
                     OPTLY_ERR_INVALID);
    assert_string_equal(err.message, "event_key: is empty");
    optly_project_destroy(project);
}

static void test_zeroed_structs_are_refused(void **state)
{
    optly_project *project = fake_project();
    optly_conversion conversion;
    optly_impression impression;

    (void)state;
    memset(&conversion, 0, sizeof(conversion));
    memset(&impression, 0, sizeof(impression));
    assert_int_equal(try_conversion(project, &plain_user, &conversion, NULL),
                     OPTLY_ERR_INVALID);
    assert_int_equal(try_impression(project, &plain_user, &impression, NULL),
                     OPTLY_ERR_INVALID);
    optly_project_destroy(project);
}

static void test_unknown_event_key_is_not_found(void **state)
{
    optly_project *project = fake_project();
    optly_conversion conversion = some_conversion();

    (void)state;
    conversion.event_key = "Purchase";
    assert_int_equal(try_conversion(project, &plain_user, &conversion, NULL),
                     OPTLY_ERR_NOT_FOUND);
    optly_project_destroy(project);
}

static void test_strings_are_limited_to_4_kib(void **state)
{
    optly_project *project = fake_project();
    char *text = malloc(4098);

    (void)state;
    assert_non_null(text);
    for (size_t len = 4095; len <= 4097; len++) {
        const optly_experiment long_experiment = {text, "k", text};
        const optly_variation long_variation = {text, text};
        optly_status expected = len <= 4096 ? OPTLY_OK : OPTLY_ERR_TOO_LARGE;
        optly_user user = plain_user;
        optly_conversion conversion = some_conversion();
        optly_impression impressions[6];
        const optly_pair tag[] = {optly_int(text, 1)};
        optly_error err = {OPTLY_OK, ""};

        memset(text, 'x', len);
        text[len] = '\0';
        user.id = text;
        assert_int_equal(try_conversion(project, &user, &conversion, &err),
                         expected);
        assert_string_equal(
            err.message, len <= 4096 ? "" : "user.id: longer than 4096 bytes");
        conversion.tags = tag;
        conversion.tag_count = 1;
        assert_int_equal(
            try_conversion(project, &plain_user, &conversion, NULL), expected);
        for (size_t i = 0; i < 6; i++)
            impressions[i] = optly_impression_default();
        impressions[0].experiment = &long_experiment;
        impressions[1].variation = &long_variation;
        impressions[2].flag_key = text;
        impressions[3].rule_key = text;
        impressions[4].rule_type = text;
        impressions[5].cmab_uuid = text;
        for (size_t i = 0; i < 6; i++)
            assert_int_equal(
                try_impression(project, &plain_user, &impressions[i], NULL),
                expected);
    }
    free(text);
    optly_project_destroy(project);
}

static void test_counts_are_limited_to_1000(void **state)
{
    static optly_pair pairs[1001];
    optly_project *project = fake_project();

    (void)state;
    for (size_t i = 0; i < 1001; i++)
        pairs[i] = optly_int("age", (int64_t)i);
    for (size_t count = 999; count <= 1001; count++) {
        const optly_user user = {"v", pairs, count};
        optly_conversion conversion = some_conversion();
        optly_status expected = count <= 1000 ? OPTLY_OK : OPTLY_ERR_TOO_LARGE;
        optly_error err;

        assert_int_equal(try_conversion(project, &user, &conversion, &err),
                         expected);
        if (count > 1000)
            assert_string_equal(
                err.message,
                "user.attributes: there are 1001, at most 1000 are allowed");
        conversion.tags = pairs;
        conversion.tag_count = count;
        assert_int_equal(
            try_conversion(project, &plain_user, &conversion, NULL), expected);
    }
    optly_project_destroy(project);
}

static void test_an_event_is_limited_to_1_mib(void **state)
{
    optly_project *project = fake_project();

    (void)state;
    for (size_t len = 1048575; len <= 1048577; len++) {
        optly_user_event *event = fake_conversion_of_size(project, "v", len);

        assert_int_equal(event != NULL, len <= 1048576);
        assert_int_equal(optly_user_event_json_len(event),
                         len <= 1048576 ? len : 0);
        optly_user_event_destroy(event);
    }
    optly_project_destroy(project);
}

static void test_strange_bytes_still_make_json(void **state)
{
    const optly_pair attributes[] = {optly_string("device", "\xFF\"\\\n\x01"),
                                     optly_string("$opt_\xC3", "x")};
    const optly_pair tags[] = {optly_string("\xED\xA0\x80\"", "\xF0\x9F")};
    const optly_user user = {"\x80\"visitor", attributes, 2};
    optly_project *project = fake_project();
    optly_conversion conversion = some_conversion();
    optly_user_event *event;
    cJSON *json;

    (void)state;
    conversion.tags = tags;
    conversion.tag_count = 1;
    assert_int_equal(
        optly_create_conversion(&event, project, &user, &conversion, NULL),
        OPTLY_OK);
    json = event_json_parse(event);
    assert_string_equal(event_json_at(json, "visitor_id")->valuestring,
                        "\xEF\xBF\xBD\"visitor");
    assert_string_equal(event_json_at(json, "attributes/0/value")->valuestring,
                        "\xEF\xBF\xBD\"\\\n\x01");
    assert_string_equal(event_json_text(json, "snapshots/0/events/0/tags"),
                        "{\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\\\"\":"
                        "\"\xEF\xBF\xBD\xEF\xBF\xBD\"}");
    assert_string_equal(optly_user_event_visitor_id(event), "\x80\"visitor");
    cJSON_Delete(json);
    optly_user_event_destroy(event);
    optly_project_destroy(project);
}

static void test_bools_of_any_bits_make_json(void **state)
{
    optly_pair pairs[] = {optly_bool("beta", true)};
    const optly_user user = {"v", pairs, 1};
    optly_impression impression = optly_impression_default();
    optly_project *project = fake_project();
    optly_user_event *event;
    cJSON *json;

    (void)state;
    memset(&pairs[0].value.as.boolean, 0x80, 1);
    memset(&impression.enabled, 2, 1);
    assert_int_equal(
        optly_create_impression(&event, project, &user, &impression, NULL),
        OPTLY_OK);
    json = event_json_parse(event);
    assert_string_equal(event_json_text(json, "attributes/0/value"), "true");
    assert_string_equal(
        event_json_text(json, "snapshots/0/decisions/0/metadata/enabled"),
        "true");
    cJSON_Delete(json);
    optly_user_event_destroy(event);
    optly_project_destroy(project);
}

static void test_nothing_of_the_caller_is_kept(void **state)
{
    char id[] = "visitor", key[] = "device", value[] = "ios";
    const optly_pair pairs[] = {optly_string(key, value)};
    const optly_user user = {id, pairs, 1};
    const optly_conversion conversion = some_conversion();
    optly_project *project = fake_project();
    optly_user_event *event;

    (void)state;
    assert_int_equal(
        optly_create_conversion(&event, project, &user, &conversion, NULL),
        OPTLY_OK);
    memset(id, '#', sizeof(id));
    memset(key, '#', sizeof(key));
    memset(value, '#', sizeof(value));
    optly_project_destroy(project);
    assert_null(strchr(optly_user_event_json(event), '#'));
    assert_string_equal(optly_user_event_visitor_id(event), "visitor");
    assert_string_equal(optly_user_event_context(event).account_id, "acc");
    optly_user_event_destroy(event);
}

/* Large and many, so that every buffer has to leave the stack; one small. */
static optly_status build_both(optly_project *project)
{
    static optly_pair pairs[100];
    static char text[20000];
    const optly_user user = {"v", pairs, 100};
    optly_conversion conversion = some_conversion();
    optly_impression impression = optly_impression_default();
    optly_status status;

    memset(text, 'x', sizeof(text) - 1);
    for (size_t i = 0; i < 100; i++)
        pairs[i] = optly_int("age", (int64_t)i);
    pairs[99] = optly_string("device", text);
    conversion.tags = pairs;
    conversion.tag_count = 100;
    status = try_conversion(project, &user, &conversion, NULL);
    if (status == OPTLY_OK)
        status = try_impression(project, &user, &impression, NULL);
    conversion.tag_count = 1;
    if (status == OPTLY_OK)
        status = try_conversion(project, &plain_user, &conversion, NULL);
    return status;
}

static void test_builders_survive_every_failed_allocation(void **state)
{
    optly_status status = OPTLY_ERR_NO_MEMORY;
    size_t failures = 0;

    (void)state;
    for (size_t n = 0; status != OPTLY_OK; n++) {
        optly_project *project;

        failing_allocator_install(FAILING_ALLOCATOR_NEVER);
        project = fake_project();
        failing_allocator_fail_after(n);
        status = build_both(project);
        assert_int_equal(status != OPTLY_OK, failing_allocator_has_failed());
        if (status != OPTLY_OK) {
            assert_int_equal(status, OPTLY_ERR_NO_MEMORY);
            assert_int_equal(build_both(project), OPTLY_OK);
            failures++;
        }
        optly_project_destroy(project);
        assert_int_equal(failing_allocator_remove(), 0);
    }
    assert_true(failures > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_impressions_are_due_by_the_rule),
        cmocka_unit_test(test_event_holds_what_was_asked_for),
        cmocka_unit_test(test_time_and_uuid_are_new_unless_given),
        cmocka_unit_test(test_uuid_in_the_json_is_the_events),
        cmocka_unit_test(test_given_uuid_is_checked_and_kept_as_it_is),
        cmocka_unit_test(test_timestamps_reach_to_the_end_of_the_year_9999),
        cmocka_unit_test(test_what_is_missing_is_named),
        cmocka_unit_test(test_zeroed_structs_are_refused),
        cmocka_unit_test(test_unknown_event_key_is_not_found),
        cmocka_unit_test(test_strings_are_limited_to_4_kib),
        cmocka_unit_test(test_counts_are_limited_to_1000),
        cmocka_unit_test(test_an_event_is_limited_to_1_mib),
        cmocka_unit_test(test_strange_bytes_still_make_json),
        cmocka_unit_test(test_bools_of_any_bits_make_json),
        cmocka_unit_test(test_nothing_of_the_caller_is_kept),
        cmocka_unit_test(test_builders_survive_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
