#include "event/user_event.h"

#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "fakes/events.h"

static void test_null_is_answered_with_nothing(void **state)
{
    (void)state;
    assert_string_equal(optly_user_event_uuid(NULL), "");
    assert_string_equal(optly_user_event_visitor_id(NULL), "");
    assert_string_equal(optly_user_event_key(NULL), "");
    assert_string_equal(optly_user_event_entity_id(NULL), "");
    assert_string_equal(optly_user_event_json(NULL), "");
    assert_int_equal(optly_user_event_json_len(NULL), 0);
    assert_int_equal(optly_user_event_size(NULL), 0);
    assert_int_equal(optly_user_event_timestamp_ms(NULL), 0);
    assert_false(optly_user_event_is_impression(NULL));
    assert_string_equal(optly_user_event_context(NULL).region, "");
}

static void test_size_is_json_ids_and_a_small_header(void **state)
{
    optly_project *project = fake_project();
    optly_user_event *event = fake_conversion(project, "visitor");
    size_t ids = strlen(optly_user_event_uuid(event)) +
                 strlen(optly_user_event_key(event)) +
                 strlen(optly_user_event_entity_id(event)) +
                 strlen(optly_user_event_visitor_id(event));

    (void)state;
    assert_in_range(optly_user_event_size(event),
                    optly_user_event_json_len(event) + ids,
                    optly_user_event_json_len(event) + ids + 96);
    optly_user_event_destroy(event);
    optly_project_destroy(project);
}

static void test_context_is_the_projects(void **state)
{
    optly_project *project = fake_project_of("7", "eu");
    optly_user_event *event = fake_conversion(project, "visitor");
    optly_event_context context = optly_user_event_context(event);

    (void)state;
    assert_string_equal(context.account_id, "acc");
    assert_string_equal(context.project_id, "proj");
    assert_string_equal(context.revision, "7");
    assert_string_equal(context.region, "eu");
    assert_string_equal(context.client_name, "c-sdk");
    assert_string_equal(context.client_version, OPTLY_VERSION_STRING);
    assert_true(context.anonymize_ip);
    assert_false(context.bot_filtering);
    optly_user_event_destroy(event);
    optly_project_destroy(project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_is_answered_with_nothing),
        cmocka_unit_test(test_size_is_json_ids_and_a_small_header),
        cmocka_unit_test(test_context_is_the_projects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
